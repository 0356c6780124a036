import CCurl

/// A checked http or https URL, with its parts as libcurl itself reads them.
///
/// Reading the parts with another parser than the one that connects would let a crafted URL pass a check for one host
/// and go to another.
struct Location: Sendable, Hashable {
    /// The URL without user, password and fragment.
    let url: String
    let scheme: String
    let host: String
    let port: String
    let path: String
    let query: String?
    /// The user and password the URL carried.
    let user: String?
    let password: String?

    /// Scheme, host and port: what credentials are bound to.
    var origin: String { "\(scheme)://\(host.lowercased()):\(port)" }

    init(_ text: String) throws(FetchError) {
        try self.init(text, relativeTo: nil)
    }

    /// Reads a URL, relative to another where one is given.
    init(_ text: String, relativeTo base: Location?) throws(FetchError) {
        guard let handle = curl_url() else {
            throw FetchError(code: .invalidURL, message: "no memory to read the URL", url: Self.shortened(text))
        }
        defer { curl_url_cleanup(handle) }
        if let base { _ = curl_url_set(handle, CURLUPART_URL, base.url, 0) }
        let flags = UInt32(CURLU_NON_SUPPORT_SCHEME) | UInt32(CURLU_URLENCODE)
        let code = curl_url_set(handle, CURLUPART_URL, text, flags)
        guard code == CURLUE_OK, let scheme = Self.part(handle, CURLUPART_SCHEME) else {
            let reason = code == CURLUE_OK ? "no scheme" : String(cString: curl_url_strerror(code))
            throw FetchError(
                code: .invalidURL,
                message: "the URL cannot be read: \(reason)",
                hint: "write an absolute URL such as https://example.org/data.csv",
                url: Self.shortened(text)
            )
        }
        guard ["http", "https", "sftp"].contains(scheme) else {
            throw FetchError(
                code: .unsupportedScheme,
                message: "'\(scheme):' is not fetched, only http, https and sftp are",
                url: Self.shortened(text)
            )
        }
        guard let host = Self.part(handle, CURLUPART_HOST), !host.isEmpty else {
            throw FetchError(code: .invalidURL, message: "the URL names no host", url: Self.shortened(text))
        }
        self.scheme = scheme
        self.host = host
        port = Self.part(handle, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT)) ?? Self.standardPort(scheme)
        path = Self.part(handle, CURLUPART_PATH) ?? "/"
        query = Self.part(handle, CURLUPART_QUERY)
        user = Self.part(handle, CURLUPART_USER, UInt32(CURLU_URLDECODE))
        password = Self.part(handle, CURLUPART_PASSWORD, UInt32(CURLU_URLDECODE))
        for part in [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_FRAGMENT] {
            _ = curl_url_set(handle, part, nil, 0)
        }
        url = Self.part(handle, CURLUPART_URL) ?? text
    }

    private static func part(_ handle: OpaquePointer, _ what: CURLUPart, _ flags: UInt32 = 0) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, what, &text, flags) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }

    /// What is left of a text that is no URL: it may hold a password anywhere, so little of it is repeated.
    private static func shortened(_ text: String) -> String {
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return text.dropFirst(scheme.count).hasPrefix("://") ? "\(scheme)://…" : "(not a URL)"
    }
}

extension Location {
    /// Whether it is asked for over SSH, where there are no heads and no statuses.
    var isSSH: Bool { scheme == "sftp" }

    private static func standardPort(_ scheme: String) -> String {
        switch scheme {
        case "https": "443"
        case "sftp": "22"
        default: "80"
        }
    }

    /// The URL for people: no credentials, and no query value but numbers and dates.
    var redacted: String { text { Self.isHarmless($1) && !Self.isSecret($0) } }

    /// The URL without what changes from signature to signature; the same resource has the same identity.
    var identity: String { text { name, _ in !Self.isSecret(name) } }

    private func text(keeping isKept: (_ name: Substring, _ value: Substring) -> Bool) -> String {
        let standard = Self.standardPort(scheme)
        var text = "\(scheme)://\(host)\(port == standard ? "" : ":\(port)")\(path)"
        if let query {
            text += "?"
            text += query.split(separator: "&").map { pair -> String in
                guard let equals = pair.firstIndex(of: "=") else { return isKept("", pair) ? String(pair) : "…" }
                let name = pair[..<equals]
                let value = pair[pair.index(after: equals)...]
                return isKept(name, value) ? String(pair) : "\(name)=…"
            }.joined(separator: "&")
        }
        return text
    }

    private static func isSecret(_ name: Substring) -> Bool {
        let name = name.lowercased()
        return ["sig", "token", "key", "secret", "pass", "pwd", "auth", "cred", "code", "session", "pin"]
            .contains { name.contains($0) }
    }

    /// Numbers and dates are what templates fill in; they tell pages and days apart and are no secrets.
    private static func isHarmless(_ value: Substring) -> Bool {
        value.utf8.count <= 16
            && value.utf8.allSatisfy {
                (0x30...0x39).contains($0) || [0x2D, 0x2E, 0x3A, 0x54, 0x5A, 0x5F].contains($0)
            }
    }
}
