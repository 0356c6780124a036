extension FetchError {
    /// A stable name for a kind of failure.
    ///
    /// A struct over a private enum, so that a new code breaks no `switch` of a caller.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Name: String {
            case invalidURL = "INVALID_URL"
            case unsupportedScheme = "UNSUPPORTED_SCHEME"
            case invalidRequest = "INVALID_REQUEST"
            case unsafeCredentials = "UNSAFE_CREDENTIALS"
            case hostNotFound = "HOST_NOT_FOUND"
            case connectionRefused = "CONNECTION_REFUSED"
            case connectTimeout = "CONNECT_TIMEOUT"
            case connectionLost = "CONNECTION_LOST"
            case certificateRejected = "CERTIFICATE_REJECTED"
            case tlsFailed = "TLS_FAILED"
            case badResponse = "BAD_RESPONSE"
            case headersTooLarge = "HEADERS_TOO_LARGE"
            case unauthorized = "UNAUTHORIZED"
            case forbidden = "FORBIDDEN"
            case notFound = "NOT_FOUND"
            case rateLimited = "RATE_LIMITED"
            case serverError = "SERVER_ERROR"
            case httpStatus = "HTTP_STATUS"
            case tooManyRedirects = "TOO_MANY_REDIRECTS"
            case redirectRefused = "REDIRECT_REFUSED"
            case truncated = "TRUNCATED"
            case stalled = "STALLED"
            case deadlineExceeded = "DEADLINE_EXCEEDED"
            case tooLarge = "TOO_LARGE"
            case sizeMismatch = "SIZE_MISMATCH"
            case checksumMismatch = "CHECKSUM_MISMATCH"
            case badContentEncoding = "BAD_CONTENT_ENCODING"
            case diskFull = "DISK_FULL"
            case destinationUnwritable = "DESTINATION_UNWRITABLE"
            case destinationBusy = "DESTINATION_BUSY"
            case fileUnreadable = "FILE_UNREADABLE"
            case hostUnavailable = "HOST_UNAVAILABLE"
            case cancelled = "CANCELLED"
            case shutDown = "SHUT_DOWN"
            case transferFailed = "TRANSFER_FAILED"
        }

        private let name: Name

        private init(_ name: Name) { self.name = name }

        /// The name, such as `CHECKSUM_MISMATCH`.
        public var description: String { name.rawValue }

        /// The URL cannot be read.
        public static let invalidURL = Self(.invalidURL)
        /// The URL is neither http nor https.
        public static let unsupportedScheme = Self(.unsupportedScheme)
        /// The request contradicts itself or holds a value that cannot be sent.
        public static let invalidRequest = Self(.invalidRequest)
        /// Credentials in a file that others can read or write.
        public static let unsafeCredentials = Self(.unsafeCredentials)
        /// The host's or the proxy's name has no address.
        public static let hostNotFound = Self(.hostNotFound)
        /// Nothing listens there, or the way there is closed.
        public static let connectionRefused = Self(.connectionRefused)
        /// No connection within the time allowed.
        public static let connectTimeout = Self(.connectTimeout)
        /// The connection ended before an answer did.
        public static let connectionLost = Self(.connectionLost)
        /// The server's certificate does not prove that it is the server asked for.
        public static let certificateRejected = Self(.certificateRejected)
        /// No encrypted connection could be agreed on.
        public static let tlsFailed = Self(.tlsFailed)
        /// The answer is not HTTP, or contradicts the request.
        public static let badResponse = Self(.badResponse)
        /// The answer's head is larger than allowed.
        public static let headersTooLarge = Self(.headersTooLarge)
        /// Status 401 or 407.
        public static let unauthorized = Self(.unauthorized)
        /// Status 403.
        public static let forbidden = Self(.forbidden)
        /// Status 404 or 410.
        public static let notFound = Self(.notFound)
        /// Status 429.
        public static let rateLimited = Self(.rateLimited)
        /// Status 500 to 599.
        public static let serverError = Self(.serverError)
        /// Any other status that is not success.
        public static let httpStatus = Self(.httpStatus)
        /// More redirects than allowed, or a circle of them.
        public static let tooManyRedirects = Self(.tooManyRedirects)
        /// A redirect to another scheme, or from https to http.
        public static let redirectRefused = Self(.redirectRefused)
        /// The body is shorter than the server said it would be.
        public static let truncated = Self(.truncated)
        /// Fewer bytes per second than the stall limit, for as long as it allows.
        public static let stalled = Self(.stalled)
        /// The total time allowed is over.
        public static let deadlineExceeded = Self(.deadlineExceeded)
        /// The body is larger than the request allows.
        public static let tooLarge = Self(.tooLarge)
        /// The body is not as long as the request expects.
        public static let sizeMismatch = Self(.sizeMismatch)
        /// The body's digest is not the one expected or the one the server gave.
        public static let checksumMismatch = Self(.checksumMismatch)
        /// The body cannot be decoded as its `Content-Encoding` says.
        public static let badContentEncoding = Self(.badContentEncoding)
        /// No space, or no quota, left where the file goes.
        public static let diskFull = Self(.diskFull)
        /// The destination's folder is missing, is not a folder or may not be written.
        public static let destinationUnwritable = Self(.destinationUnwritable)
        /// Another transfer writes to the same destination.
        public static let destinationBusy = Self(.destinationBusy)
        /// A file to be sent or read cannot be read.
        public static let fileUnreadable = Self(.fileUnreadable)
        /// The host failed so often that it is left alone for a while.
        public static let hostUnavailable = Self(.hostUnavailable)
        /// The task that asked for the transfer was cancelled.
        public static let cancelled = Self(.cancelled)
        /// The fetcher was shut down.
        public static let shutDown = Self(.shutDown)
        /// Any other failure reported by libcurl.
        public static let transferFailed = Self(.transferFailed)
    }
}
