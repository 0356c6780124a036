import CCurl

/// The head that an answer over SSH would have if it were HTTP, so that all else can treat both alike.
enum SSHAnswer {
    /// Made when the first bytes come, or at the end of a file without any.
    static func head(_ attempt: Attempt, _ easy: EasyHandle) -> ResponseHead {
        let left = easy.offset(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
        let changed = easy.offset(CURLINFO_FILETIME_T)
        var headers = ResponseHeaders()
        let total = attempt.offset + left
        if left >= 0, changed > 0 {
            // Seconds and size are what the protocol tells; a change within a second that keeps the size is not seen.
            headers.append(name: "ETag", value: "\"\(changed)-\(total)\"")
            headers.append(name: "Last-Modified", value: HTTPDate.text(changed))
        }
        if left >= 0 { headers.append(name: "Content-Length", value: String(left)) }
        if attempt.offset == 0, let tag = headers["ETag"], attempt.headerLines.contains("If-None-Match: \(tag)") {
            return ResponseHead(status: 304, headers: headers)
        }
        guard attempt.offset > 0 else { return ResponseHead(status: 200, headers: headers) }
        if left >= 0 {
            headers.append(name: "Content-Range", value: "bytes \(attempt.offset)-\(total - 1)/\(total)")
        }
        return ResponseHead(status: 206, headers: headers)
    }
}
