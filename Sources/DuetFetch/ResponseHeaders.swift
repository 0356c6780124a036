/// The header fields of an answer, in order; names compare without case.
public struct ResponseHeaders: Sendable, Hashable {
    /// One field.
    public struct Field: Sendable, Hashable {
        /// The name as sent.
        public var name: String
        /// The value without the space around it.
        public var value: String
    }

    /// The fields in the order they came.
    public private(set) var fields: [Field] = []

    /// The first value of a field.
    public subscript(_ name: String) -> String? {
        fields.first { $0.name.isEqualIgnoringCase(to: name) }?.value
    }

    /// All values of a field, in order.
    public func values(of name: String) -> [String] {
        fields.filter { $0.name.isEqualIgnoringCase(to: name) }.map(\.value)
    }

    mutating func append(name: String, value: String) { fields.append(Field(name: name, value: value)) }
}

/// The start of an answer, taken line by line as libcurl hands it over.
struct ResponseHead: Sendable {
    private(set) var status = 0
    private(set) var version = ""
    private(set) var headers = ResponseHeaders()
    private(set) var byteCount = 0
    private(set) var isComplete = false

    /// Takes one line with its line end.
    ///
    /// A new status line (after `100 Continue`, say) starts the head anew.
    mutating func take(line: some Collection<UInt8>) {
        byteCount += line.count
        let text = String(decoding: line, as: UTF8.self).trimmingWhitespace()
        if text.hasPrefix("HTTP/") {
            let parts = text.split(separator: " ", maxSplits: 2)
            let size = byteCount
            self = ResponseHead()
            byteCount = size
            version = String(parts[0].dropFirst(5))
            status = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        } else if text.isEmpty {
            isComplete = true
        } else if let colon = text.firstIndex(of: ":") {
            let name = text[..<colon].trimmingWhitespace()
            let value = text[text.index(after: colon)...].trimmingWhitespace()
            headers.append(name: name, value: value)
        }
    }

    var isSuccess: Bool { (200..<300).contains(status) }

    var contentLength: Int? { headers["Content-Length"].flatMap { Int($0) } }

    /// The start and the whole length that a 206 or 416 answer speaks of.
    var contentRange: (start: Int?, total: Int?)? {
        guard let text = headers["Content-Range"], text.lowercased().hasPrefix("bytes ") else { return nil }
        let halves = text.dropFirst(6).split(separator: "/", maxSplits: 1)
        guard halves.count == 2 else { return nil }
        let start = halves[0].split(separator: "-").first.flatMap { Int($0.trimmingWhitespace()) }
        return (start, Int(halves[1].trimmingWhitespace()))
    }

    var validators: Validators { Validators(etag: headers["ETag"], lastModified: headers["Last-Modified"]) }
}

extension StringProtocol where UTF8View: BidirectionalCollection {
    func trimmingWhitespace() -> String {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        let bytes = utf8
        guard let start = bytes.firstIndex(where: { !isSpace($0) }) else { return "" }
        var end = bytes.endIndex
        while end > start, isSpace(bytes[bytes.index(end, offsetBy: -1)]) { end = bytes.index(end, offsetBy: -1) }
        return String(self[start..<end])
    }

    func isEqualIgnoringCase(to other: some StringProtocol) -> Bool {
        utf8.count == other.utf8.count
            && zip(utf8, other.utf8).allSatisfy { $0.loweredASCII == $1.loweredASCII }
    }
}

extension UInt8 {
    fileprivate var loweredASCII: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}

extension ResponseHead {
    /// The head of an answer whose fields are known already.
    init(status: Int, headers: ResponseHeaders) {
        self.status = status
        self.headers = headers
        isComplete = true
    }

    var strongValidator: String? { headers.strongValidator }
}

extension ResponseHeaders {
    /// What `If-Range` may carry: a strong ETag, or a date that is surely older than the answer (RFC 9110, 8.8.2.2).
    var strongValidator: String? {
        if let etag = self["ETag"] { return etag.hasPrefix("\"") ? etag : nil }
        guard let text = self["Last-Modified"], let modified = HTTPDate.seconds(text),
            let date = self["Date"].flatMap({ HTTPDate.seconds($0) }), date > modified
        else { return nil }
        return text
    }
}
