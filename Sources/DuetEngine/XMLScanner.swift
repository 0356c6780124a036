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

    private mutating func tag() -> Event? {
        guard let end = bytes[index...].firstIndex(of: UInt8(ascii: ">")) else {
            index = bytes.count
            return nil
        }
        var content = bytes[(index + 1)..<end]
        index = end + 1
        if content.first == UInt8(ascii: "/") {
            let event = Event.end(name(content.dropFirst()), text: decoded())
            text.removeAll(keepingCapacity: true)
            return event
        }
        text.removeAll(keepingCapacity: true)
        if content.last == UInt8(ascii: "/") {
            content = content.dropLast()
            pending = .end(name(content), text: "")
        }
        return .start(name(content))
    }

    /// The name without attributes and namespace.
    private func name(_ content: ArraySlice<UInt8>) -> String {
        let word = content.prefix { $0 > 0x20 }
        let local = word.lastIndex(of: UInt8(ascii: ":")).map { word[($0 + 1)...] } ?? word
        return String(decoding: local, as: UTF8.self)
    }

    private mutating func takeText() {
        let end = bytes[index...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        text += bytes[index..<end]
        index = end
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
