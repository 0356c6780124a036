/// An answer to a request for a file, decided before anything is sent.
struct Answer: Sendable {
    var status: Int
    var headers: [(String, String)] = []
    var body: Body = .bytes([])
    /// The `Content-Length` to announce.
    var length: Int = 0
    var shape = Shape()

    enum Body: Sendable {
        case bytes([UInt8])
        case file(ServedFile, Range<Int>)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .file(_, let range): range.count
            }
        }
    }

    /// How the body is sent when something goes wrong on purpose.
    struct Shape: Sendable {
        var cutAfter: Int?
        var stallAfter: Int?
        var pieces: (bytes: Int, wait: Duration)?
    }

    static func plain(_ status: Int, _ text: String, headers: [(String, String)] = []) -> Self {
        let bytes = Array("\(text)\n".utf8)
        let headers = headers + [("Content-Type", "text/plain; charset=utf-8")]
        return Self(status: status, headers: headers, body: .bytes(bytes), length: bytes.count)
    }

    /// The answer for a file as it should be, changed by the faults that apply.
    static func file(
        _ file: ServedFile?,
        path: String,
        headers: [String: String],
        versions: FileVersions,
        faults: [FaultRule.Effect]
    ) -> Self {
        var ranges = true
        var validators = true
        for fault in faults {
            switch fault {
            case .status(let status, let retryAfter):
                let headers = retryAfter.map { [("Retry-After", $0)] } ?? []
                return plain(status, "status \(status), on purpose", headers: headers)
            case .redirect(let location, let status):
                return plain(status, "see \(location)", headers: [("Location", location)])
            case .ignoresRanges: ranges = false
            case .noValidators: validators = false
            default: break
            }
        }
        guard let file else { return plain(404, "no such file: \(path)").applying(faults) }
        let version = versions.version(of: file)
        var answer = Self(status: 200, body: .file(file, 0..<file.size), length: file.size)
        if ranges { answer.headers.append(("Accept-Ranges", "bytes")) }
        if validators {
            answer.headers += [("ETag", version.etag), ("Last-Modified", version.lastModified)]
            if version.isUnchanged(for: headers) {
                answer.status = 304
                answer.body = .bytes([])
                return answer.applying(faults)
            }
        }
        answer.headers.append(("Content-Type", ContentType.of(path: path)))
        if ranges, version.allowsRange(for: headers) {
            switch ByteRange(headers["range"], size: file.size) {
            case .whole: break
            case .part(let range):
                answer.status = 206
                answer.headers.append(
                    ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)")
                )
                answer.body = .file(file, range)
                answer.length = range.count
            case .unsatisfiable:
                return plain(416, "the file ends before", headers: [("Content-Range", "bytes */\(file.size)")])
                    .applying(faults)
            }
        }
        return answer.applying(faults)
    }

    func applying(_ faults: [FaultRule.Effect]) -> Self {
        var answer = self
        for fault in faults {
            switch fault {
            case .cut(let bytes): answer.shape.cutAfter = bytes
            case .falseLength(let difference):
                answer.length = max(0, length + difference)
                answer.shape.cutAfter = min(length, answer.length)
            case .stall(let bytes): answer.shape.stallAfter = bytes
            case .trickle(let bytes, let wait): answer.shape.pieces = (max(1, bytes), wait)
            case .headers(let headers):
                for (name, value) in headers {
                    answer.headers.removeAll { $0.0.lowercased() == name.lowercased() }
                    answer.headers.append((name, value))
                }
            default: break
            }
        }
        return answer
    }
}
