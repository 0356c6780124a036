/// One request as it is sent: everything is decided, nothing has happened.
struct Attempt: Sendable {
    var location: Location
    var method: FetchRequest.Method
    /// Complete header lines, `Name: value`.
    var headerLines: [String]
    var credentials: Credentials
    var contentCoding: FetchRequest.ContentCoding
    /// The byte to continue at; 0 is the start.
    var offset: Int
    var deadline: Duration?
    var number: Int
    var retryReason: FetchError?
    var progress: (@Sendable (FetchProgress) -> Void)?
    var receiver: BodyReceiver
}

/// What one request came to.
struct AttemptResult: Sendable {
    var head = ResponseHead()
    /// Why it failed below or beside HTTP; a status is no failure here.
    var failure: FetchError?
    var bytesOnWire = 0
    /// The start of the body of an answer that is no success.
    var errorBody: [UInt8] = []
    var timings = FetchTimings()
    var serverAddress = ""
    /// The time it took, queueing not counted.
    var elapsed: Duration = .zero
}
