/// Who asks.
///
/// The values never appear in a description, an error or an event.
public struct Credentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    enum Kind: Sendable {
        case none
        case basic(user: String, password: String)
        case bearer(String)
        case header(name: String, value: String)
        case netrc(file: String?)
        case awsSigV4(accessKey: String, secretKey: String, sessionToken: String?, region: String, service: String)
        case azureSharedKey(account: String, key: String)
        case query(String)
        case ssh(user: String, keyFile: String?, passphrase: String?, password: String?)
    }

    let kind: Kind

    /// No credentials.
    public static let none = Self(kind: .none)

    /// A user name and a password, sent as `Authorization: Basic`.
    public static func basic(user: String, password: String) -> Self {
        Self(kind: .basic(user: user, password: password))
    }

    /// A token, sent as `Authorization: Bearer`.
    public static func bearer(_ token: String) -> Self { Self(kind: .bearer(token)) }

    /// A secret header field, such as `X-API-Key`.
    public static func header(_ name: String, _ value: String) -> Self {
        Self(kind: .header(name: name, value: value))
    }

    /// The entry for the URL's host in a netrc file; `nil` reads `~/.netrc`.
    ///
    /// A file that others can read or write is refused.
    public static func netrc(file: String? = nil) -> Self { Self(kind: .netrc(file: file)) }

    /// An Amazon signature, version 4, computed by libcurl.
    public static func awsSigV4(
        accessKey: String,
        secretKey: String,
        sessionToken: String? = nil,
        region: String,
        service: String = "s3"
    ) -> Self {
        Self(
            kind: .awsSigV4(
                accessKey: accessKey,
                secretKey: secretKey,
                sessionToken: sessionToken,
                region: region,
                service: service
            )
        )
    }

    /// The key of an Azure storage account, in base64; signs requests for reading.
    public static func azureSharedKey(account: String, key: String) -> Self {
        Self(kind: .azureSharedKey(account: account, key: key))
    }

    /// A secret query, such as an Azure shared access signature; added to the URL as it is sent and shown nowhere.
    public static func query(_ query: String) -> Self {
        Self(kind: .query(query.hasPrefix("?") ? String(query.dropFirst()) : query))
    }

    /// A user of an sftp server, with a private key's file or a password.
    public static func ssh(
        user: String,
        keyFile: String? = nil,
        passphrase: String? = nil,
        password: String? = nil
    ) -> Self {
        Self(kind: .ssh(user: user, keyFile: keyFile, passphrase: passphrase, password: password))
    }

    /// The values that must be shown nowhere.
    var secrets: [String] {
        switch kind {
        case .none, .netrc: []
        case .basic(_, let password): [password]
        case .bearer(let token): [token]
        case .header(_, let value): [value]
        case .awsSigV4(_, let secretKey, let sessionToken, _, _): [secretKey] + [sessionToken].compactMap { $0 }
        case .azureSharedKey(_, let key): [key]
        case .query(let query): [query] + query.split(separator: "&").compactMap(Self.value)
        case .ssh(_, _, let passphrase, let password): [passphrase, password].compactMap { $0 }
        }
    }

    private static func value(_ pair: Substring) -> String? {
        guard let equals = pair.firstIndex(of: "=") else { return nil }
        let value = String(pair[pair.index(after: equals)...])
        // Short values, such as versions and permissions, are no secrets, and masking them garbles the text.
        return value.utf8.count < 8 ? nil : value
    }

    /// The kind of credentials, without any value.
    public var description: String {
        switch kind {
        case .none: "none"
        case .basic: "basic"
        case .bearer: "bearer"
        case .header(let name, _): "header \(name)"
        case .netrc: "netrc"
        case .awsSigV4: "aws-sigv4"
        case .azureSharedKey: "azure-shared-key"
        case .query: "query"
        case .ssh: "ssh"
        }
    }

    /// The same as ``description``: a debugger's print is no place for secrets either.
    public var debugDescription: String { description }

    /// An empty mirror, so that `dump` and reflection show no value.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
