/// What a transfer came to.
public struct FetchResponse: Sendable, Hashable {
    /// Whether there is new content.
    public enum Outcome: String, Codable, Sendable, Hashable {
        /// The body was transferred.
        case fetched
        /// The server says that the content is the one the request's validators stand for; nothing was transferred.
        case notModified
    }

    /// Whether there is new content.
    public var outcome: Outcome
    /// The status of the last answer.
    public var status: Int
    /// The URL that gave the answer, after redirects, redacted.
    public var url: String
    /// What to ask with next time.
    ///
    /// After "not modified" they are the request's own, renewed by the answer's.
    public var validators: Validators
    /// The body's bytes received by the last attempt, as they came over the wire.
    public var bytesReceived: Int
    /// The body's bytes received by all attempts, failed ones and answers that were no success included.
    public var bytesTotal: Int
    /// The length of the whole content in bytes, resumed part included; 0 after "not modified".
    public var size: Int
    /// The whole content's SHA-256 in lower-case hexadecimal; empty after "not modified" and for HEAD.
    public var sha256: String
    /// The `Content-Type`, as sent.
    public var contentType: String?
    /// The `Content-Encoding` the kept bytes still have; `nil` when there is none or it was undone.
    public var contentEncoding: String?
    /// The length the server announced for the content; what HEAD is asked for.
    public var announcedSize: Int?
    /// `1.0`, `1.1`, `2` or `3`.
    public var httpVersion: String
    /// How often the request was sent, redirects not counted.
    public var attempts: Int
    /// Why each attempt but the last failed, oldest first.
    public var retryReasons: [FetchError]
    /// The byte at which a partial file was continued; 0 when there was none.
    public var resumedAt: Int
    /// How many redirects were followed.
    public var redirects: Int
    /// Where the last attempt spent its time.
    public var timings: FetchTimings
    /// The address of the server, or of the proxy, with its port.
    public var serverAddress: String
    /// The head of the last answer, in order.
    public var headers: ResponseHeaders
    /// Where the content's hash stood at its end, for when it has grown; `nil` where there is no hash.
    public var digestState: DigestState?
    /// What was done on this machine.
    public var localWork = LocalWork()
}

extension FetchResponse {
    /// What the answer itself says; the rest is for the session to fill in.
    init(_ result: AttemptResult, url: String) {
        let head = result.head
        self.init(
            outcome: .fetched,
            status: head.status,
            url: url,
            validators: head.validators,
            bytesReceived: result.bytesOnWire,
            bytesTotal: result.bytesOnWire,
            size: 0,
            sha256: "",
            contentType: head.headers["Content-Type"],
            contentEncoding: head.headers["Content-Encoding"],
            announcedSize: head.contentRange?.total ?? head.contentLength,
            httpVersion: head.version,
            attempts: 1,
            retryReasons: [],
            resumedAt: 0,
            redirects: 0,
            timings: result.timings,
            serverAddress: result.serverAddress,
            headers: head.headers
        )
    }
}

/// Where one attempt spent its time; seconds from its start to the end of each phase, 0 for a phase that was skipped.
public struct FetchTimings: Codable, Sendable, Hashable {
    /// Until the host's address was known.
    public var dns: Double
    /// Until the connection stood.
    public var connect: Double
    /// Until it was encrypted.
    public var tls: Double
    /// Until the answer's first byte.
    public var firstByte: Double
    /// Until the end.
    public var total: Double

    /// Creates timings.
    public init(dns: Double = 0, connect: Double = 0, tls: Double = 0, firstByte: Double = 0, total: Double = 0) {
        self.dns = dns
        self.connect = connect
        self.tls = tls
        self.firstByte = firstByte
        self.total = total
    }
}

/// How far a transfer is.
public struct FetchProgress: Sendable, Hashable {
    /// The number of the attempt, from 1.
    public var attempt: Int
    /// The bytes of the content held so far, a resumed part included.
    public var bytes: Int
    /// The length of the whole content, when the server announced it.
    public var totalBytes: Int?
    /// The mean rate of this attempt.
    public var bytesPerSecond: Double
    /// Why the attempt before this one failed; set once, at the start of a repeated attempt.
    public var retryReason: FetchError?
}
