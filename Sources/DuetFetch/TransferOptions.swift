import CCurl
import Glibc

/// Writes an attempt into libcurl's options.
enum TransferOptions {
    static func apply(_ attempt: Attempt, _ configuration: FetchConfiguration, to easy: EasyHandle) {
        easy.set(CURLOPT_URL, url(of: attempt))
        easy.set(CURLOPT_PROTOCOLS_STR, attempt.location.isSSH ? "sftp" : "http,https")
        // Redirects are followed by duet itself, see `Redirect`.
        easy.set(CURLOPT_FOLLOWLOCATION, false)
        // Without this libcurl uses signals for time limits, which no library may do to its program.
        easy.set(CURLOPT_NOSIGNAL, true)
        easy.set(CURLOPT_NOPROGRESS, true)
        easy.set(CURLOPT_TCP_KEEPALIVE, true)
        easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
        // Fewer calls of the system than with the curl command's 100 KiB; more does not stay in the processor's cache.
        easy.set(CURLOPT_BUFFERSIZE, 256 << 10)
        easy.set(CURLOPT_USERAGENT, configuration.userAgent)
        let version = configuration.allowsHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        easy.set(CURLOPT_HTTP_VERSION, Int(version))
        // Better to wait for a connection that may turn out to carry many requests than to open one more.
        easy.set(CURLOPT_PIPEWAIT, configuration.allowsHTTP2 && attempt.location.scheme == "https")
        easy.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(configuration.connectTimeout))
        easy.set(CURLOPT_LOW_SPEED_LIMIT, configuration.stallBytesPerSecond)
        easy.set(CURLOPT_LOW_SPEED_TIME, max(1, Int(configuration.stallDuration / .seconds(1))))
        if let deadline = attempt.deadline { easy.set(CURLOPT_TIMEOUT_MS, milliseconds(deadline)) }
        applyTLS(attempt.transport, configuration, to: easy)
        if let proxy = attempt.transport?.proxy ?? configuration.proxy { easy.set(CURLOPT_PROXY, proxy) }
        applyMethod(attempt.method, to: easy)
        if attempt.contentCoding == .decoded { easy.set(CURLOPT_ACCEPT_ENCODING, "") }
        var lines = attempt.headerLines
        applyCredentials(attempt, to: easy, lines: &lines)
        if attempt.location.isSSH { applySSH(attempt, configuration, to: easy) }
        easy.set(headers: lines)
    }

    private static func applyTLS(_ own: Transport?, _ configuration: FetchConfiguration, to easy: EasyHandle) {
        let verifies = own?.verifiesServer ?? configuration.verifiesServer
        easy.set(CURLOPT_SSL_VERIFYPEER, verifies)
        easy.set(CURLOPT_SSL_VERIFYHOST, verifies ? 2 : 0)
        if let file = own?.certificateAuthorities ?? configuration.certificateAuthorities {
            easy.set(CURLOPT_CAINFO, file)
        }
        if let file = own?.clientCertificate ?? configuration.clientCertificate { easy.set(CURLOPT_SSLCERT, file) }
        if let file = own?.clientKey ?? configuration.clientKey { easy.set(CURLOPT_SSLKEY, file) }
    }

    private static func applyMethod(_ method: FetchRequest.Method, to easy: EasyHandle) {
        switch method {
        case .get: easy.set(CURLOPT_HTTPGET, true)
        case .head: easy.set(CURLOPT_NOBODY, true)
        case .put: easy.set(CURLOPT_UPLOAD, true)
        case .post(let body):
            applyBody(body, to: easy)
            if body.isEmpty { easy.set(CURLOPT_POST, true) }
        case .send(let name, let body):
            if !body.isEmpty { applyBody(body, to: easy) }
            easy.set(CURLOPT_CUSTOMREQUEST, name)
        }
    }

    private static func applyBody(_ body: [UInt8], to easy: EasyHandle) {
        easy.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: body.count)
        // COPYPOSTFIELDS copies as many bytes as the size set before says.
        body.withUnsafeBytes { bytes in
            easy.set(CURLOPT_COPYPOSTFIELDS, pointer: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        }
    }

    /// A secret query joins the URL only here, so that nothing that is shown ever has it.
    private static func url(of attempt: Attempt) -> String {
        let url = attempt.location.url
        guard case .query(let query) = attempt.credentials.kind else { return url }
        return url + (attempt.location.query == nil ? "?" : "&") + query
    }

    private static func applySSH(_ attempt: Attempt, _ configuration: FetchConfiguration, to easy: EasyHandle) {
        // The time of the last change tells one version from another, as ETag does over HTTP.
        easy.set(CURLOPT_FILETIME, true)
        easy.set(CURLOPT_RESUME_FROM_LARGE, offset: attempt.offset)
        guard attempt.transport?.verifiesServer ?? configuration.verifiesServer else { return }
        // libcurl checks the host's key only when it is told where known ones are.
        let home = getenv("HOME").map { String(cString: $0) } ?? ""
        easy.set(CURLOPT_SSH_KNOWNHOSTS, attempt.transport?.knownHosts ?? "\(home)/.ssh/known_hosts")
    }

    private static func applyCredentials(_ attempt: Attempt, to easy: EasyHandle, lines: inout [String]) {
        switch attempt.credentials.kind {
        case .none, .query: break
        case .azureSharedKey(let account, let key):
            lines += AzureSignature.lines(
                method: attempt.method.name,
                location: attempt.location,
                lines: lines,
                account: account,
                key: key,
                date: HTTPDate.text(HTTPDate.now)
            )
        case .ssh(let user, let keyFile, let passphrase, let password):
            easy.set(CURLOPT_USERNAME, user)
            if let keyFile { easy.set(CURLOPT_SSH_PRIVATE_KEYFILE, keyFile) }
            if let passphrase { easy.set(CURLOPT_KEYPASSWD, passphrase) }
            if let password { easy.set(CURLOPT_PASSWORD, password) }
            // 1 is a key and 2 a password, as libcurl counts them.
            easy.set(CURLOPT_SSH_AUTH_TYPES, (keyFile == nil ? 0 : 1) | (password == nil ? 0 : 2))
        case .basic(let user, let password):
            easy.set(CURLOPT_HTTPAUTH, 1)
            easy.set(CURLOPT_USERNAME, user)
            easy.set(CURLOPT_PASSWORD, password)
        case .bearer(let token): lines.append("Authorization: Bearer \(token)")
        case .header(let name, let value): lines.append("\(name): \(value)")
        case .netrc(let file):
            easy.set(CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue))
            if let file { easy.set(CURLOPT_NETRC_FILE, file) }
        case .awsSigV4(let accessKey, let secretKey, let sessionToken, let region, let service):
            easy.set(CURLOPT_AWS_SIGV4, "aws:amz:\(region):\(service)")
            easy.set(CURLOPT_USERNAME, accessKey)
            easy.set(CURLOPT_PASSWORD, secretKey)
            if let sessionToken { lines.append("x-amz-security-token: \(sessionToken)") }
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int { max(1, Int(duration / .milliseconds(1))) }
}
