public import DuetPipeline

/// A place where a JSON text departs from RFC 8259.
public struct JSONFault: Error, Sendable, Hashable {
    /// What is wrong.
    public var message: String
    /// Where, in UTF-8 bytes.
    public var offset: Int
}

extension JSONNode {
    /// Reads a file's text.
    ///
    /// What the service's own reader (Newtonsoft.Json) takes beyond RFC 8259 is taken here too and told in `tolerated`:
    /// comments, a comma before a closing bracket, line breaks and tabs inside strings, single quotes.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - tolerated: Receives what was overlooked.
    /// - Returns: The value.
    /// - Throws: ``JSONFault`` for the first thing that cannot be overlooked; nesting beyond 512 levels is one.
    public static func read(_ file: SourceFile, tolerated: inout [JSONFault]) throws(JSONFault) -> JSONNode {
        var reader = JSONNodeReader(bytes: Array(file.text.utf8))
        let node = try reader.document()
        tolerated += reader.tolerated
        return node
    }
}

private struct JSONNodeReader {
    let bytes: [UInt8]
    var index = 0
    var tolerated: [JSONFault] = []
    private static let deepest = 512

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONFault) -> JSONNode {
        // Visual Studio and PowerShell write a byte order mark.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        let node = try value(depth: 0)
        try skipSpace()
        guard index == bytes.count else { throw fault("expected the end of the text") }
        return node
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONNode {
        guard depth < Self.deepest else { throw fault("nested deeper than \(Self.deepest) levels") }
        try skipSpace()
        guard index < bytes.count else { throw fault("expected a value, found the end of the text") }
        let start = index
        switch bytes[index] {
        case UInt8(ascii: "{"): return JSONNode(.object(try object(depth: depth)), at: start)
        case UInt8(ascii: "["): return JSONNode(.array(try array(depth: depth)), at: start)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return JSONNode(.string(try string()), at: start)
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONFault) -> [JSONNode.Member] {
        index += 1
        var members: [JSONNode.Member] = []
        while true {
            try skipSpace()
            if take(UInt8(ascii: "}")) {
                if !members.isEmpty { overlook("a comma before '}'", at: index - 1) }
                return members
            }
            let start = index
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") || bytes[index] == UInt8(ascii: "'") else {
                throw fault("expected a name in double quotes")
            }
            let name = try string()
            try skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("expected ':' after \"\(name)\"") }
            members.append(.init(name: name, offset: start, value: try value(depth: depth + 1)))
            try skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fault("expected ',' or '}'") }
            return members
        }
    }

    private mutating func array(depth: Int) throws(JSONFault) -> [JSONNode] {
        index += 1
        var elements: [JSONNode] = []
        while true {
            try skipSpace()
            if take(UInt8(ascii: "]")) {
                if !elements.isEmpty { overlook("a comma before ']'", at: index - 1) }
                return elements
            }
            elements.append(try value(depth: depth + 1))
            try skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw fault("expected ',' or ']'") }
            return elements
        }
    }

    private mutating func string() throws(JSONFault) -> String {
        let quote = bytes[index]
        if quote == UInt8(ascii: "'") { overlook("single quotes around a string", at: index) }
        index += 1
        var start = index
        var text: [UInt8] = []
        var toldOfControl = false
        while index < bytes.count {
            switch bytes[index] {
            case quote:
                text += bytes[start..<index]
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text += bytes[start..<index]
                index += 1
                text += try escape()
                start = index
            case 0..<0x20:
                if !toldOfControl { overlook("a line break or tab inside a string", at: index) }
                toldOfControl = true
                index += 1
            default: index += 1
            }
        }
        throw fault("the string has no closing quote")
    }

    private mutating func escape() throws(JSONFault) -> [UInt8] {
        guard index < bytes.count else { throw fault("the string has no closing quote") }
        let letter = bytes[index]
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"): return [letter]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
                bytes[index + 1] == UInt8(ascii: "u")
            {
                index += 2
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("half of a surrogate pair is missing") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            return Array(String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
        default:
            index -= 1
            throw fault("unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
        guard index + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw fault("expected four hexadecimal digits") }
        index += 4
        return code
    }

    private mutating func number() throws(JSONFault) -> JSONNode {
        let start = index
        var isInteger = true
        scan: while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"): isInteger = false
            default: break scan
            }
            index += 1
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger, let value = Int64(text) { return JSONNode(.integer(value), at: start) }
        guard !text.isEmpty, text.last != ".", let value = Double(text) else {
            index = start
            throw fault("expected a value")
        }
        return JSONNode(.float(value), at: start)
    }

    private mutating func word(_ text: String, _ kind: JSONNode.Kind) throws(JSONFault) -> JSONNode {
        guard bytes[index...].starts(with: text.utf8) else { throw fault("expected a value") }
        defer { index += text.utf8.count }
        return JSONNode(kind, at: index)
    }

    private mutating func skipSpace() throws(JSONFault) {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(JSONFault) {
        let start = index
        guard index + 1 < bytes.count else { throw fault("expected a value") }
        switch bytes[index + 1] {
        case UInt8(ascii: "/"):
            while index < bytes.count, bytes[index] != 0x0A { index += 1 }
        case UInt8(ascii: "*"):
            index += 2
            while index + 1 < bytes.count,
                !(bytes[index] == UInt8(ascii: "*") && bytes[index + 1] == UInt8(ascii: "/"))
            {
                index += 1
            }
            guard index + 1 < bytes.count else { throw JSONFault(message: "the comment has no end", offset: start) }
            index += 2
        default: throw fault("expected a value")
        }
        overlook("a comment", at: start)
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private func fault(_ message: String) -> JSONFault { JSONFault(message: message, offset: index) }

    private mutating func overlook(_ what: String, at offset: Int) {
        tolerated.append(JSONFault(message: "\(what) is no JSON, though the service's reader takes it", offset: offset))
    }
}
