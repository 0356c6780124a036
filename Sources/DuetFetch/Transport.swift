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

/// The content held of a file that only ever grows at its end, such as a log.
public struct GrownFile: Sendable, Hashable {
    /// The path of the content held.
    public var path: String
    /// Its length in bytes.
    public var size: Int
    /// How many of its last bytes are asked for again, to see that they are still the same.
    public var overlap: Int

    /// Creates it.
    public init(path: String, size: Int, overlap: Int = 4096) {
        self.path = path
        self.size = size
        self.overlap = max(1, overlap)
    }
}
