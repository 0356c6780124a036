/// Answers that are no success, as errors.
enum StatusFailure {
    static func error(
        _ result: AttemptResult,
        at location: Location,
        now: Int,
        credentials: Credentials
    ) -> FetchError {
        let status = result.head.status
        var error = FetchError(
            code: .httpStatus,
            message: "the server answered \(status), a success was expected",
            url: location.redacted,
            httpStatus: status,
            retryAfter: result.head.headers["Retry-After"].flatMap { HTTPDate.wait(retryAfter: $0, now: now) },
            answer: said(result.errorBody, without: credentials)
        )
        func say(_ code: FetchError.Code, _ message: String, _ hint: String?) {
            error.code = code
            error.message = message
            error.hint = hint
        }
        switch status {
        case 401: say(.unauthorized, "the server answered 401: it wants to know who asks", "check the credentials")
        case 407: say(.unauthorized, "the proxy answered 407: it wants to know who asks", "check the proxy's password")
        case 403:
            say(.forbidden, "the server answered 403: this may not be read", "check the credentials and their rights")
        case 404, 410: say(.notFound, "the server answered \(status): there is no such file", "check the URL's path")
        case 429:
            say(.rateLimited, "the server answered 429: too many requests", "lower the number of connections per host")
        case 500...599: say(.serverError, "the server answered \(status): it failed", nil)
        case 304: error.message = "the server answered 304 to a request without conditions"
        case 300..<400: error.message = "the server answered \(status) without saying where to go"
        default: break
        }
        return error
    }

    /// The start of a body as one line of text, without what the request kept secret: servers repeat keys they refuse.
    private static func said(_ body: [UInt8], without credentials: Credentials) -> String? {
        var text = String(decoding: body, as: UTF8.self)
        // Longer ones first, since one may be a part of another.
        for secret in credentials.secrets.sorted(by: { $0.utf8.count > $1.utf8.count }) where !secret.isEmpty {
            text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "***")
        }
        let words = text.unicodeScalars.split {
            $0.properties.isWhitespace || $0.properties.generalCategory == .control
        }
        let line = words.map { String($0) }.joined(separator: " ")
        return line.isEmpty ? nil : line
    }
}
