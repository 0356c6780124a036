/// How a ``FileServer`` serves.
public struct FileServerOptions: Sendable {
    /// What goes wrong on purpose, first match first.
    public var faults: [FaultRule]
    /// Answers given by code instead of a file; `nil` from it serves the file.
    public var handler: (@Sendable (ServedRequest) async -> ServedReply?)?
    /// Bytes read from a file at once.
    public var chunkSize: Int

    /// Creates options.
    public init(
        faults: [FaultRule] = [],
        handler: (@Sendable (ServedRequest) async -> ServedReply?)? = nil,
        chunkSize: Int = 256 << 10
    ) {
        self.faults = faults
        self.handler = handler
        self.chunkSize = max(1, chunkSize)
    }
}

/// A request as a handler sees it.
public struct ServedRequest: Sendable {
    /// The method, such as `GET`.
    public var method: String
    /// The path, percent-decoded, starting with `/`.
    public var path: String
    /// The path as sent.
    public var target: String
    /// The query as sent, without its `?`; may be empty.
    public var query: String
    /// The header fields; names in lower case.
    public var headers: [String: String]
    /// The body.
    public var body: [UInt8]
}

/// An answer given by code.
public struct ServedReply: Sendable {
    /// The status.
    public var status: Int
    /// The header fields, besides those that every answer has.
    public var headers: [(String, String)]
    /// The body.
    public var body: [UInt8]

    /// Creates an answer.
    public init(status: Int = 200, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// What goes wrong on purpose, and where.
public struct FaultRule: Sendable {
    /// What goes wrong.
    public enum Effect: Sendable {
        /// This status instead of the file, with `Retry-After` where one is given.
        case status(Int, retryAfter: String?)
        /// The connection ends after so many bytes of the body; none when the body is shorter.
        case cut(afterBytes: Int)
        /// `Content-Length` says so many bytes more (or fewer, below 0) than are sent; then the connection ends.
        case falseLength(by: Int)
        /// Nothing comes after so many bytes of the body, until the client or the server goes.
        case stall(afterBytes: Int)
        /// The body comes in pieces of so many bytes with a wait between two.
        case trickle(bytes: Int, every: Duration)
        /// Ranges are not known: the whole file comes, and no `Accept-Ranges`.
        case ignoresRanges
        /// No `ETag` and no `Last-Modified`, and conditions are not looked at.
        case noValidators
        /// These fields are added, or set where the answer has them.
        case headers([(String, String)])
        /// A redirect with this status to this `Location`.
        case redirect(to: String, status: Int)
    }

    /// The path it applies to, percent-decoded; `nil` is every path.
    public var path: String?
    /// How many requests it applies to, counted per rule; `nil` is all.
    public var times: Int?
    /// What goes wrong.
    public var effect: Effect

    /// Creates a rule.
    public init(_ effect: Effect, path: String? = nil, times: Int? = nil) {
        self.effect = effect
        self.path = path
        self.times = times
    }
}
