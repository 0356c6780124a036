/// What is wrong with a JSON text, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and found.
    public var message: String
    /// The UTF-8 offset of the fault.
    public var offset: Int
    /// The message with its offset.
    public var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
    /// Reads one JSON value (RFC 8259) and nothing after it but white space.
    ///
    /// - Throws: ``JSONError`` with the byte offset of the fault; nesting beyond 512 levels is refused.
    public init(parsing text: String) throws(JSONError) {
        var parser = JSONParser(bytes: Array(text.utf8))
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var index = 0
    private static let deepest = 512

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        // Tools on Windows write a byte order mark.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        let value = try value(depth: 0)
        skipSpace()
        guard index == bytes.count else { throw fault("expected the end of the text") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < Self.deepest else { throw fault("nested deeper than \(Self.deepest) levels") }
        skipSpace()
        guard index < bytes.count else { throw fault("expected a value, found the end of the text") }
        switch bytes[index] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        index += 1
        var members: [(key: String, value: JSONValue)] = []
        var object: JSONObject?
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: [])) }
        while true {
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw fault("expected a key in double quotes")
            }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("expected ':' after the key \"\(key)\"") }
            let value = try value(depth: depth + 1)
            // Small objects are searched, large ones would make that quadratic; both let the later key win.
            if object != nil || members.contains(where: { $0.key == key }) {
                object = object ?? JSONObject(unique: members)
                object?[key] = value
            } else {
                members.append((key, value))
            }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fault("expected ',' or '}'") }
            return .object(object ?? JSONObject(unique: members))
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        index += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw fault("expected ',' or ']'") }
            return .array(values)
        }
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1
        var start = index
        var text: [UInt8]?
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                let tail = bytes[start..<index]
                index += 1
                guard var whole = text else { return String(decoding: tail, as: UTF8.self) }
                whole += tail
                return String(decoding: whole, as: UTF8.self)
            case UInt8(ascii: "\\"):
                var whole = text ?? []
                whole += bytes[start..<index]
                index += 1
                whole += try escape()
                text = whole
                start = index
            case 0..<0x20: throw fault("a control character must be escaped in a string")
            default: index += 1
            }
        }
        throw fault("the string has no closing quote")
    }

    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard index < bytes.count else { throw fault("the string has no closing quote") }
        let letter = bytes[index]
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
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
        default: throw fault("unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard index + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw fault("expected four hexadecimal digits") }
        index += 4
        return code
    }

    private mutating func number() throws(JSONError) -> JSONValue {
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
        // What Swift reads as a number is more than JSON allows: `+1`, `.5`, `01`.
        let digits = text.first == "-" ? text.dropFirst() : text[...]
        let isPlain =
            digits.first?.isNumber == true && !(digits.first == "0" && digits.dropFirst().first?.isNumber == true)
        if isPlain, isInteger, let value = Int64(text) { return .integer(value) }
        // DuckDB writes constants of 128 bits as two numbers of 64.
        if isPlain, isInteger, let value = UInt64(text) { return .unsigned(value) }
        guard isPlain, text.last != ".", let value = Double(text) else {
            index = start
            throw fault("expected a value")
        }
        return .double(value)
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[index...].starts(with: text.utf8) else { throw fault("expected a value") }
        index += text.utf8.count
        return value
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private func fault(_ message: String) -> JSONError { JSONError(message: message, offset: index) }
}
