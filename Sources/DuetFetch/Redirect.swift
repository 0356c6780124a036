/// Where an answer sends the request to, decided without any I/O.
///
/// libcurl could follow by itself, but it passes custom header fields on to other hosts, so duet follows step by step.
enum Redirect {
    /// What is sent next.
    struct Step: Sendable {
        var location: Location
        var method: FetchRequest.Method
        /// Whether the credentials and the request's own header fields may go with it.
        var keepsSecrets: Bool
    }

    static let statuses: Set<Int> = [301, 302, 303, 307, 308]

    /// The next step, or `nil` when the answer is no redirect.
    static func next(
        after head: ResponseHead,
        from location: Location,
        method: FetchRequest.Method,
        followed: Int,
        maximum: Int
    ) throws(FetchError) -> Step? {
        guard statuses.contains(head.status), let text = head.headers["Location"], !text.isEmpty else { return nil }
        guard followed < maximum else {
            throw FetchError(
                code: .tooManyRedirects,
                message: "more than \(maximum) redirects",
                hint: "the server may be sending the request in a circle; check the URL in a browser",
                url: location.redacted,
                httpStatus: head.status
            )
        }
        let target: Location
        do throws(FetchError) {
            target = try Location(text, relativeTo: location)
            guard !target.isSSH else {
                throw FetchError(code: .unsupportedScheme, message: "'sftp:' is not followed", url: target.redacted)
            }
        } catch {
            throw FetchError(
                code: .redirectRefused,
                message: "the server redirects to something that is not fetched: \(error.message)",
                hint: "only http and https are followed; name the final address in the source if it is meant",
                url: location.redacted,
                httpStatus: head.status
            )
        }
        guard !(location.scheme == "https" && target.scheme == "http") else {
            throw FetchError(
                code: .redirectRefused,
                message: "the server redirects from https to http, at \(target.redacted)",
                hint: "name the http address in the source if it is meant; nothing proves then who answers",
                url: location.redacted,
                httpStatus: head.status
            )
        }
        var next = method
        if case .post = method, head.status < 307 { next = .get }
        if case .put = method, head.status == 303 { next = .get }
        return Step(location: target, method: next, keepsSecrets: target.origin == location.origin)
    }
}
