/// What went wrong with a transfer, in words for people and a code for programs.
///
/// No part of it holds a secret of the request: the URL is redacted and messages never repeat credentials or query values.
public struct FetchError: Error, Sendable, Hashable {
    /// The kind of failure.
    public var code: Code
    /// What was expected and what was found, one sentence without a full stop.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// The URL without credentials and without the values of its query.
    public var url: String
    /// The status of the last answer, when the server gave one.
    public var httpStatus: Int?
    /// How many times the request was sent, at least partly; 0 when it was refused before that.
    public var attempts: Int
    /// libcurl's own code (`CURLcode`), when the failure came from there.
    public var curlCode: Int?
    /// The wait the server asked for with `Retry-After`, when it did.
    public var retryAfter: Duration?
    /// The first KiB of the body of an answer that was no success, as one line; the request's own secrets are masked,
    /// but it is still the server's text, and no part of ``description``.
    public var answer: String?

    /// Creates an error.
    public init(
        code: Code,
        message: String,
        hint: String? = nil,
        url: String,
        httpStatus: Int? = nil,
        attempts: Int = 0,
        curlCode: Int? = nil,
        retryAfter: Duration? = nil,
        answer: String? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.url = url
        self.httpStatus = httpStatus
        self.attempts = attempts
        self.curlCode = curlCode
        self.retryAfter = retryAfter
        self.answer = answer
    }
}

extension FetchError: CustomStringConvertible {
    /// The error as it is printed: `url: error[CODE]: message`, then the hint on a line of its own.
    public var description: String {
        var text = "\(url): error[\(code)]: \(message)"
        if attempts > 1 { text += " (after \(attempts) attempts)" }
        if let hint { text += "\n  hint: \(hint)" }
        return text
    }
}
