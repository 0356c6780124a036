/// A fault in JSON text.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, in words.
    public let message: String
    /// Where, in UTF-8 bytes from the start.
    public let offset: Int

    /// The message and the offset.
    public var description: String { "\(message) at byte \(offset)" }
}

/// Reads strict JSON (RFC 8259), keeping `1` and `1.0` apart and members in order.
struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private static let depthLimit = 1_000

    private init(_ text: String) { bytes = Array(text.utf8) }

    static func read(_ text: String) throws(JSONError) -> ExpressionValue {
        var reader = JSONReader(text)
        let value = try reader.readValue(depth: 0)
        reader.skipSpace()
        guard reader.position == reader.bytes.count else { throw reader.fault("text after the value") }
        return value
    }

    private func fault(_ message: String) -> JSONError { JSONError(message: message, offset: position) }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func readValue(depth: Int) throws(JSONError) -> ExpressionValue {
        guard depth < Self.depthLimit else { throw fault("nested more than \(Self.depthLimit) levels deep") }
        skipSpace()
        guard position < bytes.count else { throw fault("a value is missing") }
        switch bytes[position] {
        case 0x7B: return try readObject(depth: depth)
        case 0x5B: return try readArray(depth: depth)
        case 0x22: return .string(try readString())
        case 0x2D, 0x30...0x39: return try readNumber()
        default:
            if take("true") { return .boolean(true) }
            if take("false") { return .boolean(false) }
            if take("null") { return .null }
            throw fault("unexpected character")
        }
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let expected = Array("\(word)".utf8)
        guard position + expected.count <= bytes.count,
            bytes[position..<position + expected.count].elementsEqual(expected)
        else { return false }
        position += expected.count
        return true
    }

    private mutating func readObject(depth: Int) throws(JSONError) -> ExpressionValue {
        position += 1
        var object = ExpressionObject()
        skipSpace()
        if position < bytes.count, bytes[position] == 0x7D {
            position += 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == 0x22 else { throw fault("a member name is missing") }
            let name = try readString()
            skipSpace()
            guard position < bytes.count, bytes[position] == 0x3A else { throw fault("':' is missing") }
            position += 1
            object[name] = try readValue(depth: depth + 1)
            skipSpace()
            guard position < bytes.count else { throw fault("the object is not closed") }
            position += 1
            if bytes[position - 1] == 0x7D { return .object(object) }
            guard bytes[position - 1] == 0x2C else { throw fault("',' or '}' is missing") }
        }
    }

    private mutating func readArray(depth: Int) throws(JSONError) -> ExpressionValue {
        position += 1
        var values: [ExpressionValue] = []
        skipSpace()
        if position < bytes.count, bytes[position] == 0x5D {
            position += 1
            return .array(values)
        }
        while true {
            values.append(try readValue(depth: depth + 1))
            skipSpace()
            guard position < bytes.count else { throw fault("the array is not closed") }
            position += 1
            if bytes[position - 1] == 0x5D { return .array(values) }
            guard bytes[position - 1] == 0x2C else { throw fault("',' or ']' is missing") }
        }
    }

    private mutating func readString() throws(JSONError) -> String {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != 0x22, bytes[position] != 0x5C, bytes[position] >= 0x20 {
            position += 1
        }
        if position < bytes.count, bytes[position] == 0x22 {
            position += 1
            return String(decoding: bytes[start..<position - 1], as: UTF8.self)
        }
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case 0x22: return String(decoding: text, as: UTF8.self)
            case 0x5C: try readEscape(into: &text)
            case 0..<0x20: throw fault("a control character stands in a string")
            default: text.append(byte)
            }
        }
        throw fault("the string is not closed")
    }

    private mutating func readEscape(into text: inout [UInt8]) throws(JSONError) {
        guard position < bytes.count else { throw fault("the string is not closed") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case 0x22, 0x5C, 0x2F: text.append(byte)
        case 0x62: text.append(0x08)
        case 0x66: text.append(0x0C)
        case 0x6E: text.append(0x0A)
        case 0x72: text.append(0x0D)
        case 0x74: text.append(0x09)
        case 0x75:
            var unit = try readHex()
            if unit & 0xFC00 == 0xD800, position + 1 < bytes.count, bytes[position] == 0x5C, bytes[position + 1] == 0x75
            {
                let mark = position
                position += 2
                let low = try readHex()
                if low & 0xFC00 == 0xDC00 {
                    unit = 0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF)
                } else {
                    position = mark
                }
            }
            let scalar = Unicode.Scalar(unit) ?? "\u{FFFD}"
            text += String(Character(scalar)).utf8
        default: throw fault("an unknown escape stands in a string")
        }
    }

    private mutating func readHex() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw fault("an escape is cut off") }
        var unit: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Hex.value(byte) else { throw fault("a bad escape") }
            unit = unit << 4 | digit
        }
        position += 4
        return unit
    }

    private mutating func readNumber() throws(JSONError) -> ExpressionValue {
        let start = position
        var isFloat = false
        if bytes[position] == 0x2D { position += 1 }
        let firstDigit = position
        skipDigits()
        guard position > firstDigit, position == firstDigit + 1 || bytes[firstDigit] != 0x30 else {
            throw fault("a malformed number")
        }
        if position < bytes.count, bytes[position] == 0x2E {
            isFloat = true
            position += 1
            let first = position
            skipDigits()
            guard position > first else { throw fault("a malformed number") }
        }
        if position < bytes.count, bytes[position] | 0x20 == 0x65 {
            isFloat = true
            position += 1
            if position < bytes.count, bytes[position] == 0x2B || bytes[position] == 0x2D { position += 1 }
            let first = position
            skipDigits()
            guard position > first else { throw fault("a malformed number") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if !isFloat, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text) else { throw fault("a malformed number") }
        return .float(value)
    }

    private mutating func skipDigits() {
        while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 { position += 1 }
    }
}

enum Hex {
    /// The value of an ASCII hexadecimal digit, given as any code unit.
    static func value(_ unit: some BinaryInteger) -> UInt32? {
        switch unit {
        case 0x30...0x39: UInt32(unit) - 0x30
        case 0x41...0x46: UInt32(unit) - 0x41 + 10
        case 0x61...0x66: UInt32(unit) - 0x61 + 10
        default: nil
        }
    }
}

extension ExpressionValue {
    /// Reads strict JSON; integers beyond 64 bits become floats.
    ///
    /// - Throws: ``JSONError`` with the place of the fault.
    public init(json text: String) throws(JSONError) { self = try JSONReader.read(text) }
}
