internal import DuetFetch
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Asks for a source's files as its entry in pipeline.yml says: who asks, how, and within which limits.
struct SourceConnection: Sendable {
    let source: Source
    private let fetcher: LazyFetcher
    private let credentials: Credentials
    private let plainHeaders: [(String, String)]
    private let secretHeaders: [(String, String)]
    private let transport: Transport
    private let tokens: TokenSource?
    /// The addresses in pipeline.yml; secrets go to their hosts only, whatever a manifest or an answer leads to.
    private let trusted: [String]

    init(_ source: Source, fetcher: LazyFetcher, secrets: SourceSecrets) throws {
        self.source = source
        self.fetcher = fetcher
        let access = source.access
        var plain: [(String, String)] = []
        var secret: [(String, String)] = []
        for header in access.headers {
            switch header.value {
            case .text(let text): plain.append((header.name, text))
            case .secret(let reference): secret.append((header.name, try secrets.value(reference, of: source)))
            }
        }
        plainHeaders = plain
        secretHeaders = secret
        transport = Transport(
            certificateAuthorities: access.certificateAuthorities.map(secrets.absolute),
            clientCertificate: access.clientCertificate.map(secrets.absolute),
            clientKey: access.clientKey.map(secrets.absolute),
            verifiesServer: access.unverified == nil ? nil : false,
            proxy: access.proxy,
            knownHosts: access.knownHosts.map(secrets.absolute)
        )
        trusted = Self.addresses(of: source)
        if case .clientCredentials(let client) = access.credentials {
            tokens = TokenSource(client, secret: try secrets.value(client.clientSecret, of: source))
            credentials = .none
        } else {
            tokens = nil
            credentials = try Self.credentials(of: source, secrets)
        }
    }

    private static func addresses(of source: Source) -> [String] {
        switch source.origin {
        case .list(let addresses): addresses
        case .objects(let prefix): [ObjectAddress.base(prefix)]
        default: [source.address]
        }
    }

    private static func credentials(of source: Source, _ secrets: SourceSecrets) throws -> Credentials {
        func value(_ reference: SecretReference) throws -> String { try secrets.value(reference, of: source) }
        switch source.access.credentials {
        case .none, .clientCredentials: return .none
        case .basic(let user, let password): return .basic(user: user, password: try value(password))
        case .bearer(let token): return .bearer(try value(token))
        case .header(let name, let secret): return .header(name, try value(secret))
        case .s3(let accessKey, let secretKey, let sessionToken):
            var region = "us-east-1"
            if case .objects(let prefix) = source.origin { region = prefix.region }
            return .awsSigV4(
                accessKey: try value(accessKey),
                secretKey: try value(secretKey),
                sessionToken: try sessionToken.map(value),
                region: region
            )
        case .azureKey(let account, let key): return .azureSharedKey(account: account, key: try value(key))
        case .azureSignature(let query): return .query(try value(query))
        case .netrc(let file): return .netrc(file: file.map(secrets.absolute))
        case .ssh(let user, let keyFile, let passphrase, let password):
            return .ssh(
                user: user,
                keyFile: keyFile.map(secrets.absolute),
                passphrase: try passphrase.map(value),
                password: try password.map(value)
            )
        }
    }

    // MARK: - Requests

    /// A request within the source's limits.
    func request(_ url: String, method: FetchRequest.Method = .get, destination: String? = nil) -> FetchRequest {
        let limits = source.access.limits
        let isTrusted = trusted.contains { FetchAddress.isSameHost(url, $0) }
        var request = FetchRequest(url: url, method: method, destination: destination)
        request.headers = plainHeaders + (isTrusted ? secretHeaders : [])
        if case .objects(let prefix) = source.origin, prefix.store == .azure, isTrusted {
            request.headers.append(("x-ms-version", "2021-12-02"))
        }
        request.credentials = isTrusted ? credentials : .none
        request.transport = transport
        if !isTrusted {
            request.transport?.clientCertificate = nil
            request.transport?.clientKey = nil
        }
        request.maximumBytes = limits.bytes
        request.deadline = limits.seconds.map { .seconds($0) }
        request.requestsPerSecond = limits.requestsPerSecond
        request.parallelRanges = limits.parallel ?? 1
        if let attempts = limits.attempts { request.retry.maximumAttempts = attempts }
        return request
    }

    /// Transfers to a file.
    func fetch(
        _ request: FetchRequest,
        progress: (@Sendable (FetchProgress) -> Void)? = nil
    ) async throws -> FetchResponse {
        try await authorized(request) { request throws(FetchError) in
            try await fetcher.fetcher.fetch(request, progress: progress)
        }
    }

    /// Transfers something small into memory.
    func data(_ request: FetchRequest) async throws -> (FetchResponse, [UInt8]) {
        try await authorized(request) { request throws(FetchError) in try await fetcher.fetcher.data(request) }
    }

    private func authorized<Value: Sendable>(
        _ request: FetchRequest,
        _ send: (FetchRequest) async throws(FetchError) -> Value
    ) async throws -> Value {
        do {
            guard let tokens, trusted.contains(where: { FetchAddress.isSameHost(request.url, $0) }) else {
                return try await send(request)
            }
            var request = request
            let token = try await tokens.token(fetcher: fetcher.fetcher, transport: transport, source: source)
            request.credentials = .bearer(token)
            do throws(FetchError) {
                return try await send(request)
            } catch {
                guard error.code == .unauthorized else { throw error }
                // The token may have been taken back before its time; a fresh one is tried once.
                await tokens.forget(token)
                let fresh = try await tokens.token(fetcher: fetcher.fetcher, transport: transport, source: source)
                request.credentials = .bearer(fresh)
                return try await send(request)
            }
        } catch let error as FetchError {
            throw SourceReader.error(error, source: source)
        } catch is CancellationError {
            throw ErrorTranslation.cancelled
        }
    }
}

/// The token of an OAuth 2 client, asked for when it is needed and kept until it is about to end.
actor TokenSource {
    private let client: OAuthClient
    private let secret: String
    private var token: String?
    private var ends = ContinuousClock.now
    private var asking: Task<(token: String, seconds: Double), any Error>?

    init(_ client: OAuthClient, secret: String) {
        self.client = client
        self.secret = secret
    }

    func forget(_ old: String) { if token == old { token = nil } }

    func token(fetcher: Fetcher, transport: Transport, source: Source) async throws -> String {
        if let token, ContinuousClock.now < ends { return token }
        // Many transfers that start together ask once.
        let task =
            asking
            ?? Task { [client, secret] in
                try await Self.ask(client, secret, fetcher: fetcher, transport: transport, source: source)
            }
        asking = task
        defer { asking = nil }
        let (fresh, seconds) = try await task.value
        token = fresh
        ends = .now + .seconds(max(0, seconds - 30))
        return fresh
    }

    private static func ask(
        _ client: OAuthClient,
        _ secret: String,
        fetcher: Fetcher,
        transport: Transport,
        source: Source
    ) async throws -> (token: String, seconds: Double) {
        var fields = [("grant_type", "client_credentials")]
        if let scope = client.scope { fields.append(("scope", scope)) }
        if let audience = client.audience { fields.append(("audience", audience)) }
        let body = fields.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        var request = FetchRequest(url: client.tokenURL, method: .post(Array(body.utf8)))
        request.headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        // RFC 6749, 2.3.1: both are form-encoded before they are put together.
        request.credentials = .basic(
            user: PercentEncoding.encode(client.clientID),
            password: PercentEncoding.encode(secret)
        )
        request.transport = transport
        // Asking twice for a token does no harm.
        request.retry.repeatsPost = true
        let (_, answer) = try await fetcher.data(request)
        let place = FetchAddress.redacted(client.tokenURL)
        let hint = "check token_url; it should be the authorisation server's token endpoint"
        let parsed: JSONValue
        do {
            parsed = try JSONValue(parsing: String(decoding: answer, as: UTF8.self))
        } catch {
            // The parser's words are not passed on: they may quote the answer, which may hold a token.
            throw DuetError(
                .fetchFailed,
                "source '\(source.name)': the answer of \(place) is no JSON",
                hint: hint,
                at: source.location
            )
        }
        guard let object = parsed.object, let token = object["access_token"]?.string else {
            throw DuetError(
                .fetchFailed,
                "source '\(source.name)': the answer of \(place) holds no access_token",
                hint: hint,
                at: source.location
            )
        }
        let seconds: Double =
            switch object["expires_in"] {
            case .integer(let seconds): Double(seconds)
            case .double(let seconds): seconds
            default: 300
            }
        return (token, seconds)
    }
}

/// Percent-encoding by RFC 3986: all but unreserved characters, as Amazon's and OAuth's rules want it.
enum PercentEncoding {
    static func encode(_ text: String, keeping kept: UInt8? = nil) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, kept: encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
