import CCurl

/// libcurl's verdicts in duet's words.
enum CurlFailure {
    static func error(
        _ code: CURLcode,
        attempt: Attempt,
        configuration: FetchConfiguration,
        head: ResponseHead,
        timings: FetchTimings,
        text: String
    ) -> FetchError {
        let location = attempt.location
        let place = "\(location.host):\(location.port)"
        var error = FetchError(
            code: .transferFailed,
            message: "the transfer failed: \(words(code, text))",
            url: location.redacted,
            httpStatus: head.status == 0 ? nil : head.status,
            curlCode: Int(code.rawValue)
        )
        func say(_ code: FetchError.Code, _ message: String, _ hint: String? = nil) {
            error.code = code
            error.message = message
            error.hint = hint
        }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST:
            say(.hostNotFound, "the host '\(location.host)' has no address", "check its spelling and the network")
        case CURLE_COULDNT_RESOLVE_PROXY:
            say(.hostNotFound, "the proxy's name has no address", "check the proxy setting, https_proxy and http_proxy")
        case CURLE_COULDNT_CONNECT:
            say(.connectionRefused, "no connection to \(place)", "check that the server runs and the port is right")
        case CURLE_OPERATION_TIMEDOUT:
            timedOut(attempt, configuration, timings, place, say)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
            say(
                .certificateRejected,
                "the \(location.isSSH ? "key" : "certificate") of '\(location.host)' is not accepted: \(words(code, text))",
                location.isSSH
                    ? "add the host's key to the file of known hosts, after comparing it with what the host's owner says"
                    : "check host name and date; for an authority of your own name its file as the CA bundle"
            )
        case CURLE_REMOTE_FILE_NOT_FOUND: say(.notFound, "there is no such file", "check the URL's path")
        case CURLE_LOGIN_DENIED:
            say(.unauthorized, "\(place) does not know who asks", "check user, key and password")
        case CURLE_REMOTE_ACCESS_DENIED: say(.forbidden, "this may not be read", "check the rights of the user")
        case CURLE_SSH: say(.transferFailed, "\(place) ended the session: \(words(code, text))", nil)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ENGINE_NOTFOUND:
            say(.tlsFailed, "no encrypted connection to \(place): \(words(code, text))", "is it http, not https?")
        case CURLE_PARTIAL_FILE:
            say(.truncated, "the body ended after \(attempt.receiver.count) bytes\(of(attempt.receiver.total))")
        case CURLE_GOT_NOTHING:
            say(.connectionLost, "\(place) closed the connection without an answer")
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_HTTP2, CURLE_HTTP2_STREAM:
            say(
                .connectionLost,
                "the connection to \(place) was lost after \(attempt.receiver.count) bytes\(of(attempt.receiver.total))"
            )
        case CURLE_BAD_CONTENT_ENCODING:
            say(
                .badContentEncoding,
                "the body is not '\(head.headers["Content-Encoding"] ?? "encoded")' as its head says",
                "fetch it as sent, and decompress it in the pipeline"
            )
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
            say(.badResponse, "\(place) does not answer in HTTP: \(words(code, text))")
        case CURLE_READ_ERROR, CURLE_ABORTED_BY_CALLBACK:
            say(.fileUnreadable, "the file to be sent cannot be read to its end")
        default: break
        }
        return error
    }

    private static func timedOut(
        _ attempt: Attempt,
        _ configuration: FetchConfiguration,
        _ timings: FetchTimings,
        _ place: String,
        _ say: (FetchError.Code, String, String?) -> Void
    ) {
        let bytes = attempt.receiver.count
        // libcurl counts whole milliseconds, and may give up one or two before the deadline.
        if let deadline = attempt.deadline, timings.total >= deadline / .seconds(1) - 0.005 {
            say(.deadlineExceeded, "not done within the time allowed, \(bytes) bytes received", "raise the deadline")
        } else if timings.connect == 0 || (attempt.location.scheme == "https" && timings.tls == 0) {
            say(.connectTimeout, "no connection to \(place) within \(configuration.connectTimeout)", nil)
        } else {
            let limit = "\(configuration.stallBytesPerSecond) bytes/s for \(configuration.stallDuration)"
            say(.stalled, "less than \(limit), \(bytes) bytes received", nil)
        }
    }

    private static func of(_ total: Int?) -> String { total.map { " of \($0)" } ?? "" }

    /// libcurl's text names hosts, ports and certificates but no credentials; it may hold the URL, though, and then
    /// only the fixed text of the code is used.
    private static func words(_ code: CURLcode, _ text: String) -> String {
        guard !text.isEmpty, !text.contains("://") else { return String(cString: curl_easy_strerror(code)) }
        return text
    }
}
