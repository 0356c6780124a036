/// One request as it is sent: everything is decided, nothing has happened.
struct Attempt: Sendable {
    var location: Location
    var method: FetchRequest.Method
    /// Complete header lines, `Name: value`.
    var headerLines: [String]
    var credentials: Credentials
    var contentCoding: FetchRequest.ContentCoding
    var transport: Transport?
    /// The byte to continue at; 0 is the start.
    var offset: Int
    var deadline: Duration?
    var number: Int
    var retryReason: FetchError?
    var progress: (@Sendable (FetchProgress) -> Void)?
    var receiver: any BodySink
}

/// What takes the body of one answer.
protocol BodySink: AnyObject, Sendable {
    /// The bytes of the content held so far.
    var count: Int { get }
    /// The length of the whole content, as far as the server told.
    var total: Int? { get }
    /// Where the attempt that runs continued.
    var resumedAt: Int { get }
    /// The buffer of a body that is read while it arrives.
    var stream: StreamBuffer? { get }
    /// Called at the head of a successful answer, before its body.
    func begin(_ head: ResponseHead, offset: Int) throws(FetchError)
    /// Takes the next bytes of the body.
    func take(_ bytes: UnsafeRawBufferPointer, head: ResponseHead) throws(FetchError)
    /// Called at the end of an attempt, whatever it came to: what waits to be written is.
    func flush() throws(FetchError)
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
