/// How connections are made for one request: certificates and proxy, where they differ from the fetcher's.
public struct Transport: Sendable, Hashable {
    /// A PEM file of certificate authorities; `nil` takes the configuration's.
    public var certificateAuthorities: String?
    /// A PEM file with the client's certificate; not used for another host after a redirect.
    public var clientCertificate: String?
    /// A PEM file with the client's key.
    public var clientKey: String?
    /// Whether the server must prove who it is; `nil` takes the configuration's.
    public var verifiesServer: Bool?
    /// A proxy's URL as libcurl reads it; `nil` takes the configuration's, `""` uses none.
    public var proxy: String?
    /// A file of known hosts for sftp; `nil` takes `~/.ssh/known_hosts`.
    public var knownHosts: String?

    /// Creates a transport.
    public init(
        certificateAuthorities: String? = nil,
        clientCertificate: String? = nil,
        clientKey: String? = nil,
        verifiesServer: Bool? = nil,
        proxy: String? = nil,
        knownHosts: String? = nil
    ) {
        self.certificateAuthorities = certificateAuthorities
        self.clientCertificate = clientCertificate
        self.clientKey = clientKey
        self.verifiesServer = verifiesServer
        self.proxy = proxy
        self.knownHosts = knownHosts
    }
}
