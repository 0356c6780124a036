/// How a source is reached: who asks, with which certificates, and within which limits.
public struct SourceAccess: Sendable, Hashable {
    /// Who asks.
    public var credentials = CredentialReference.none
    /// Further header fields, in order.
    public var headers: [SourceHeader] = []
    /// A PEM file of certificate authorities.
    public var certificateAuthorities: String?
    /// A PEM file with the client's certificate.
    public var clientCertificate: String?
    /// A PEM file with the client's key.
    public var clientKey: String?
    /// Why the server's certificate is not checked, in the words of pipeline.yml; nil when it is, as it should be.
    public var unverified: String?
    /// A proxy's URL as curl reads it; empty for none at all.
    public var proxy: String?
    /// A file of known hosts for sftp.
    public var knownHosts: String?
    /// Limits of size, time and rate.
    public var limits = SourceLimits()

    /// Nothing but the defaults.
    public init() {}
}

/// One header field of a source's requests.
public struct SourceHeader: Sendable, Hashable {
    /// What the field holds.
    public enum Value: Sendable, Hashable {
        /// This text.
        case text(String)
        /// A secret, looked up when it is needed.
        case secret(SecretReference)
    }

    /// The field's name.
    public var name: String
    /// What it holds.
    public var value: Value
}

/// Limits of one source; nil leaves the default.
public struct SourceLimits: Sendable, Hashable {
    /// The largest file, in bytes as transferred.
    public var bytes: Int?
    /// The largest content of a compressed file or an archive's member, in bytes.
    public var unpackedBytes: Int?
    /// The time for one file with all its attempts, in seconds.
    public var seconds: Double?
    /// The most requests to the host in a second.
    public var requestsPerSecond: Double?
    /// The most transfers at once.
    public var connections: Int?
    /// How many connections share one big file.
    public var parallel: Int?
    /// How often a request is sent at most.
    public var attempts: Int?

    /// No limits but the defaults.
    public init() {}
}

/// Where a secret is; pipeline.yml never holds one.
public enum SecretReference: Sendable, Hashable, CustomStringConvertible {
    /// A variable of the environment.
    case environment(String)
    /// A file that nobody else may read; its first line without the line end.
    case file(String)

    /// Where it is, for messages.
    public var description: String {
        switch self {
        case .environment(let name): "the environment's \(name)"
        case .file(let path): "the file '\(path)'"
        }
    }
}

/// Who asks, by reference only.
public enum CredentialReference: Sendable, Hashable {
    /// Nobody in particular.
    case none
    /// A name and a password.
    case basic(user: String, password: SecretReference)
    /// A token.
    case bearer(SecretReference)
    /// A secret header field.
    case header(name: String, value: SecretReference)
    /// A token that an authorisation server gives for a client's identity.
    case clientCredentials(OAuthClient)
    /// An Amazon signature, version 4.
    case s3(accessKey: SecretReference, secretKey: SecretReference, sessionToken: SecretReference?)
    /// An Azure storage account's key.
    case azureKey(account: String, key: SecretReference)
    /// An Azure shared access signature: the query of a signed URL.
    case azureSignature(SecretReference)
    /// The host's entry in a netrc file; nil is `~/.netrc`.
    case netrc(file: String?)
    /// A private key, or a password, for sftp.
    case ssh(user: String, keyFile: String?, passphrase: SecretReference?, password: SecretReference?)

    /// The kind, for listings.
    public var kind: String {
        switch self {
        case .none: "none"
        case .basic: "basic"
        case .bearer: "bearer"
        case .header: "header"
        case .clientCredentials: "oauth2"
        case .s3: "s3"
        case .azureKey: "azure_key"
        case .azureSignature: "azure_sas"
        case .netrc: "netrc"
        case .ssh: "ssh"
        }
    }
}

/// A client of an OAuth 2 authorisation server (RFC 6749, 4.4).
public struct OAuthClient: Sendable, Hashable {
    /// Where tokens are given.
    public var tokenURL: String
    /// The client's name.
    public var clientID: String
    /// The client's secret.
    public var clientSecret: SecretReference
    /// What is asked for, as the server names it.
    public var scope: String?
    /// For whom, as some servers want it.
    public var audience: String?
}
