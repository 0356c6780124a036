/// What to transfer and under which conditions.
public struct FetchRequest: Sendable {
    /// What is asked of the server.
    public enum Method: Sendable {
        /// Read.
        case get
        /// Read the head only.
        case head
        /// Send these bytes and read the answer.
        case post([UInt8])
        /// Store the content of the file at this path.
        case put(file: String)
        /// Send these bytes, which may be none, with another method such as `PATCH` or `DELETE`, and read the answer.
        case send(String, [UInt8])
    }

    /// What happens to a body that arrives compressed by `Content-Encoding`.
    public enum ContentCoding: Sendable {
        /// Nothing is asked for and nothing is undone: the bytes are kept as sent.
        case asSent
        /// Compression is asked for and undone while receiving; resuming is then not possible.
        case decoded
    }

    /// An absolute http or https URL.
    public var url: String
    /// What is asked of the server.
    public var method: Method
    /// Further header fields, in order.
    ///
    /// They are not sent on to another host by a redirect.
    public var headers: [(String, String)]
    /// The path of the file to write; `nil` reads the body, hashes it and throws it away.
    ///
    /// Nothing but a whole and verified file ever appears there.
    public var destination: String?
    /// What is known of the content already held; the server then answers "not modified" when it is still the same.
    public var validators: Validators?
    /// The SHA-256 the body must have, as 64 hexadecimal digits.
    public var expectedSHA256: String?
    /// The length in bytes the body must have.
    public var expectedSize: Int?
    /// The largest body accepted, in bytes, after decoding.
    public var maximumBytes: Int?
    /// Who asks.
    public var credentials: Credentials
    /// When and how often the request is sent again.
    public var retry: RetryPolicy
    /// Whether a partial file is continued, after a failure in this process and in a later one.
    public var resume: Bool
    /// Whether the file is on disk, not only in the system's cache, before it is renamed into place.
    ///
    /// Turn it off for many small files and call ``Fetcher/synchronize(folder:)`` once behind them.
    public var synchronize: Bool
    /// What happens to compressed bodies.
    public var contentCoding: ContentCoding
    /// The time allowed for all attempts together, from the first byte sent; `nil` takes the configuration's.
    public var deadline: Duration?
    /// The most requests sent to the host in a second; `nil` takes the configuration's.
    ///
    /// Requests that give a rate share the host's turn with all others.
    public var requestsPerSecond: Double?
    /// How the connection is made; what is not set in it is taken from the configuration.
    public var transport: Transport?
    /// How many connections fetch parts of a big file side by side; 1 fetches it in one piece.
    ///
    /// The server is asked for the head first. Without ranges, a strong ETag or enough bytes it stays at one piece.
    public var parallelRanges: Int
    /// The content held of a file that only ever grows at its end; only what is behind it is then transferred.
    public var grownFrom: GrownFile?

    /// Creates a request; what is not given is left to the server and the fetcher's configuration.
    public init(
        url: String,
        method: Method = .get,
        headers: [(String, String)] = [],
        destination: String? = nil,
        validators: Validators? = nil,
        expectedSHA256: String? = nil,
        expectedSize: Int? = nil,
        maximumBytes: Int? = nil,
        credentials: Credentials = .none,
        retry: RetryPolicy = .init(),
        resume: Bool = true,
        synchronize: Bool = true,
        contentCoding: ContentCoding = .asSent,
        deadline: Duration? = nil,
        requestsPerSecond: Double? = nil,
        transport: Transport? = nil,
        parallelRanges: Int = 1,
        grownFrom: GrownFile? = nil
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.destination = destination
        self.validators = validators
        self.expectedSHA256 = expectedSHA256
        self.expectedSize = expectedSize
        self.maximumBytes = maximumBytes
        self.credentials = credentials
        self.retry = retry
        self.resume = resume
        self.synchronize = synchronize
        self.contentCoding = contentCoding
        self.deadline = deadline
        self.requestsPerSecond = requestsPerSecond
        self.transport = transport
        self.parallelRanges = parallelRanges
        self.grownFrom = grownFrom
    }
}

extension FetchRequest.Method {
    /// The method as HTTP names it.
    var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .send(let name, _): name
        }
    }

    /// Whether sending it twice has the effect of sending it once.
    var isIdempotent: Bool {
        switch self {
        case .post: false
        case .send(let name, _): name == "DELETE"
        default: true
        }
    }
}

/// What a server says about a version of a resource, to ask later whether it is still that version.
public struct Validators: Codable, Hashable, Sendable {
    /// The `ETag` with its quotes, as the server sent it.
    public var etag: String?
    /// The `Last-Modified` date, as the server sent it.
    public var lastModified: String?

    /// Creates validators from the header fields' values.
    public init(etag: String? = nil, lastModified: String? = nil) {
        self.etag = etag
        self.lastModified = lastModified
    }

    /// Whether there is nothing to ask with.
    public var isEmpty: Bool { etag == nil && lastModified == nil }
}
