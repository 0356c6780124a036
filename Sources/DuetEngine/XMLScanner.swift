/// Reads the elements of a listing.
///
/// Foundation's parser is a library of its own that would be loaded at every start of the command; listings are flat, and
/// without document types there is nothing in them that could grow when it is read.
struct XMLScanner {
    enum Event: Equatable {
        case start(String)
        /// An element's end, with the text in it when it holds nothing else.
        case end(String, text: String)
    }

    private let bytes: [UInt8]
    private var index = 0
    private var text: [UInt8] = []
    private var pending: Event?

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next element's start or end; nil at the end, or where it is no XML any more.
    mutating func next() -> Event? {
        if let event = pending {
            pending = nil
            return event
        }
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "<") else {
                takeText()
                continue
            }
            let mark = index + 1 < bytes.count ? bytes[index + 1] : 0
            if mark != UInt8(ascii: "!"), mark != UInt8(ascii: "?") { return tag() }
            if starts("<!--") {
                skip(past: "-->")
            } else if starts("<![CDATA[") {
                let start = index + 9
                skip(past: "]]>")
                text += bytes[start..<max(start, index - 3)]
            } else {
                skip(past: ">")
            }
        }
        return nil
    }

    // Listings are long, so what runs for each byte is plain indexing.

    private mutating func tag() -> Event? {
        var end = index + 1
        while end < bytes.count, bytes[end] != UInt8(ascii: ">") { end += 1 }
        guard end < bytes.count else {
            index = bytes.count
            return nil
        }
        let start = index + 1
        index = end + 1
        if bytes[start] == UInt8(ascii: "/") {
            let event = Event.end(name(from: start + 1, to: end), text: decoded())
            text.removeAll(keepingCapacity: true)
            return event
        }
        text.removeAll(keepingCapacity: true)
        guard bytes[end - 1] == UInt8(ascii: "/") else { return .start(name(from: start, to: end)) }
        let name = name(from: start, to: end - 1)
        pending = .end(name, text: "")
        return .start(name)
    }

    /// The name without attributes and namespace.
    private func name(from start: Int, to end: Int) -> String {
        var first = start
        var last = start
        while last < end, bytes[last] > 0x20 {
            if bytes[last] == UInt8(ascii: ":") { first = last + 1 }
            last += 1
        }
        return String(decoding: bytes[first..<last], as: UTF8.self)
    }

    private mutating func takeText() {
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: "<") { index += 1 }
        text += bytes[start..<index]
    }

    private func decoded() -> String {
        let plain = String(decoding: text, as: UTF8.self)
        guard plain.contains("&") else { return plain }
        var result = ""
        var rest = plain[...]
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            rest = rest[rest.index(after: start)...]
            guard let end = rest.firstIndex(of: ";") else {
                result += "&"
                continue
            }
            result += Self.entity(rest[..<end])
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func entity(_ name: Substring) -> String {
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard name.hasPrefix("#") else { return "" }
        let digits = name.dropFirst()
        let code = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return code.flatMap { Unicode.Scalar($0) }.map { String(Character($0)) } ?? ""
    }

    private func starts(_ prefix: String) -> Bool { bytes[index...].starts(with: prefix.utf8) }

    private mutating func skip(past end: String) {
        let end = Array(end.utf8)
        while index < bytes.count, !bytes[index...].starts(with: end) { index += 1 }
        index = min(bytes.count, index + end.count)
    }
}
