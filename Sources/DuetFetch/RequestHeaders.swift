import Glibc

/// Where a request continues.
struct Continuation: Equatable {
    /// The first byte asked for.
    var offset: Int
    /// The byte behind the last one asked for; `nil` is the content's end.
    var end: Int?
    /// The version it must belong to; `nil` when any may follow.
    var validator: String?
}

/// The header lines a request is sent with, checked and put together.
///
/// Pure, but for the look at a netrc file.
enum RequestHeaders {
    /// Refuses what cannot be sent or would smuggle a second line into the head.
    static func check(_ request: FetchRequest, url: String) throws(FetchError) {
        func refuse(_ what: String) -> FetchError {
            FetchError(
                code: .invalidRequest,
                message: "\(what) holds a line end, a NUL or a character that a header cannot hold",
                hint: "check the value for a line end at its end; files with a token often have one",
                url: url
            )
        }
        for (name, value) in request.headers {
            guard isName(name) else { throw refuse("a header's name") }
            guard isValue(value) else { throw refuse("the value of the header '\(name)'") }
        }
        switch request.credentials.kind {
        case .none: break
        case .bearer(let token): if !isValue(token) { throw refuse("the bearer token") }
        case .header(let name, let value):
            if !isName(name) { throw refuse("the name of the secret header") }
            if !isValue(value) { throw refuse("the value of the secret header '\(name)'") }
        case .basic(let user, let password):
            if !isValue(user) || user.contains(":") {
                throw FetchError(
                    code: .invalidRequest,
                    message: "the user name holds a colon or a control character",
                    url: url
                )
            }
            if !isValue(password) { throw refuse("the password") }
        case .awsSigV4(let accessKey, let secretKey, let token, let region, let service):
            if ![accessKey, secretKey, token ?? "", region, service].allSatisfy({ isValue($0) }) {
                throw refuse("the S3 credentials")
            }
        case .netrc(let file): try checkNetrc(file, url: url)
        case .azureSharedKey(let account, let key):
            if !isValue(account) || !isValue(key) { throw refuse("the Azure account's name or key") }
        case .query(let query): if !isValue(query) || query.contains(" ") { throw refuse("the secret query") }
        case .ssh(_, let keyFile, _, _): if let keyFile { try checkOwnFile(keyFile, "the private key", url: url) }
        }
        for value in [request.validators?.etag, request.validators?.lastModified] {
            if let value, !isValue(value) { throw refuse("a validator") }
        }
    }

    /// The lines, without those that credentials add.
    static func lines(
        for request: FetchRequest,
        continuation: Continuation?,
        keepsSecrets: Bool
    ) -> [String] {
        var lines: [String] = []
        for (name, value) in request.headers where keepsSecrets || isHarmless(name) {
            // libcurl takes "Name:" as a wish to send no such header, and "Name;" as one with an empty value.
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        if let continuation {
            let last = continuation.end.map { String($0 - 1) } ?? ""
            lines.append("Range: bytes=\(continuation.offset)-\(last)")
        }
        if let validator = continuation?.validator {
            lines.append("If-Range: \(validator)")
        } else if let validators = request.validators {
            if let etag = validators.etag { lines.append("If-None-Match: \(etag)") }
            if let date = validators.lastModified { lines.append("If-Modified-Since: \(date)") }
        }
        return lines
    }

    /// What may go to another host: fields that say how to answer, not who asks.
    private static func isHarmless(_ name: String) -> Bool {
        ["accept", "accept-language", "accept-encoding", "content-type", "cache-control"].contains(name.lowercased())
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                // A token of RFC 9110, 5.6.2.
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    private static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    private static func checkNetrc(_ file: String?, url: String) throws(FetchError) {
        let path: String
        if let file {
            path = file
        } else if let home = getenv("HOME") {
            path = String(cString: home) + "/.netrc"
        } else {
            return
        }
        // Only a file that was named must be there.
        if file == nil, access(path, F_OK) != 0 { return }
        try checkOwnFile(path, "the netrc file", url: url)
    }

    private static func checkOwnFile(_ path: String, _ what: String, url: String) throws(FetchError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw FetchError(
                code: .fileUnreadable,
                message: "\(what) '\(path)' cannot be read: \(describe(errno: errno))",
                url: url
            )
        }
        guard status.st_mode & 0o077 == 0 else {
            throw FetchError(
                code: .unsafeCredentials,
                message: "\(what) '\(path)' is open to others",
                hint: "chmod 600 '\(path)'",
                url: url
            )
        }
    }
}
