/// Reads JSON as the language's `json()` does: it forgives much that strict JSON refuses.
///
/// Taken are trailing commas, single quotes, unquoted names, comments between values, raw line breaks in strings,
/// octal and hexadecimal integers, missing closing brackets, and any text after the value.
struct LenientJSONReader {
    private let units: [UInt16]
    private var position = 0
    private static let depthLimit = 1_000

    static func read(_ text: String) throws(JSONError) -> ExpressionValue {
        var reader = LenientJSONReader(units: Array(text.utf16))
        try reader.skipSpaceAndComments()
        guard reader.position < reader.units.count else { return .null }
        return try reader.readValue(depth: 0)
    }

    private init(units: [UInt16]) { self.units = units }

    private func fault(_ message: String) -> JSONError { JSONError(message: message, offset: position) }

    private var current: UInt16? { position < units.count ? units[position] : nil }

    private mutating func skipSpace() {
        while let unit = current, Lexer.isSpace(unit) { position += 1 }
    }

    private mutating func skipSpaceAndComments() throws(JSONError) {
        skipSpace()
        while current == 0x2F {
            try skipComment()
            skipSpace()
        }
    }

    private mutating func skipComment() throws(JSONError) {
        position += 1
        guard let unit = current, unit == 0x2A || unit == 0x2F else { throw fault("a comment is malformed") }
        position += 1
        if unit == 0x2F {
            while let unit = current, unit != 0x0A, unit != 0x0D { position += 1 }
            return
        }
        while position + 1 < units.count {
            if units[position] == 0x2A, units[position + 1] == 0x2F {
                position += 2
                return
            }
            position += 1
        }
        throw fault("a comment is not closed")
    }

    private mutating func readValue(depth: Int) throws(JSONError) -> ExpressionValue {
        guard depth < Self.depthLimit else { throw fault("nested more than \(Self.depthLimit) levels deep") }
        guard let unit = current else { throw fault("a value is missing") }
        switch unit {
        case 0x7B: return try readObject(depth: depth)
        case 0x5B: return try readArray(depth: depth)
        case 0x22, 0x27: return .string(try readString(unit))
        case 0x2D where matches("-Infinity"): return try word("-Infinity", .float(-.infinity))
        case 0x2D, 0x2E, 0x30...0x39: return try readNumber()
        case 0x74: return try word("true", .boolean(true))
        case 0x66: return try word("false", .boolean(false))
        case 0x6E: return try word("null", .null)
        case 0x75: return try word("undefined", .null)
        case 0x4E: return try word("NaN", .float(.nan))
        case 0x49: return try word("Infinity", .float(.infinity))
        default: throw fault("unexpected character")
        }
    }

    private func matches(_ word: String) -> Bool { units[position...].starts(with: word.utf16) }

    private mutating func word(_ word: String, _ value: ExpressionValue) throws(JSONError) -> ExpressionValue {
        guard matches(word) else { throw fault("unexpected word") }
        position += word.utf16.count
        if let unit = current, !Lexer.isSpace(unit), ![0x2C, 0x5D, 0x7D, 0x29, 0x2F, 0].contains(unit) {
            throw fault("unexpected character after '\(word)'")
        }
        return value
    }

    private mutating func readObject(depth: Int) throws(JSONError) -> ExpressionValue {
        position += 1
        var object = ExpressionObject()
        while true {
            try skipSpaceAndComments()
            guard let unit = current else { throw fault("the text ends inside an object") }
            if unit == 0x7D {
                position += 1
                return .object(object)
            }
            let name = try readName(unit)
            skipSpace()
            guard current == 0x3A else { throw fault("':' is missing after the name '\(name)'") }
            position += 1
            try skipSpaceAndComments()
            object.setLast(name, try readValue(depth: depth + 1))
            try skipSpaceAndComments()
            // The text may end after a value: what is open is then closed.
            guard let unit = current else { return .object(object) }
            position += 1
            if unit == 0x7D { return .object(object) }
            guard unit == 0x2C else { throw fault("',' or '}' is missing after a value") }
        }
    }

    private mutating func readName(_ unit: UInt16) throws(JSONError) -> String {
        if unit == 0x22 || unit == 0x27 { return try readString(unit) }
        let start = position
        while let unit = current, Self.isNameCharacter(unit) { position += 1 }
        guard position > start else { throw fault("a member name is missing") }
        if let unit = current, unit != 0x3A, !Lexer.isSpace(unit) { throw fault("an unquoted name holds a sign") }
        return String(decoding: units[start..<position], as: UTF16.self)
    }

    private static func isNameCharacter(_ unit: UInt16) -> Bool {
        switch unit {
        case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x5F, 0x24: return true
        case 0..<0x80: return false
        default: return Unicode.Scalar(unit)?.properties.isAlphabetic ?? false
        }
    }

    private mutating func readArray(depth: Int) throws(JSONError) -> ExpressionValue {
        position += 1
        var values: [ExpressionValue] = []
        while true {
            try skipSpaceAndComments()
            guard let unit = current else { throw fault("the text ends inside an array") }
            if unit == 0x5D {
                position += 1
                return .array(values)
            }
            // Nothing before a comma counts as a value that is not there.
            if unit == 0x2C {
                values.append(.null)
            } else {
                values.append(try readValue(depth: depth + 1))
            }
            try skipSpaceAndComments()
            guard let unit = current else { return .array(values) }
            position += 1
            if unit == 0x5D { return .array(values) }
            guard unit == 0x2C else { throw fault("',' or ']' is missing after a value") }
        }
    }

    private mutating func readString(_ quote: UInt16) throws(JSONError) -> String {
        position += 1
        var content: [UInt16] = []
        while let unit = current {
            position += 1
            if unit == quote { return String(decoding: content, as: UTF16.self) }
            guard unit == 0x5C else {
                content.append(unit)
                continue
            }
            guard let escape = current else { break }
            position += 1
            switch escape {
            case 0x22, 0x27, 0x2F, 0x5C: content.append(escape)
            case 0x62: content.append(0x08)
            case 0x66: content.append(0x0C)
            case 0x6E: content.append(0x0A)
            case 0x72: content.append(0x0D)
            case 0x74: content.append(0x09)
            case 0x75: content.append(try readHexUnit())
            default: throw fault("an unknown escape stands in a string")
            }
        }
        throw fault("a string is not closed")
    }

    private mutating func readHexUnit() throws(JSONError) -> UInt16 {
        guard position + 4 <= units.count else { throw fault("an escape is cut off") }
        var value: UInt32 = 0
        for unit in units[position..<position + 4] {
            guard let digit = Hex.value(unit) else { throw fault("a bad escape") }
            value = value << 4 | digit
        }
        position += 4
        return UInt16(truncatingIfNeeded: value)
    }

    private mutating func readNumber() throws(JSONError) -> ExpressionValue {
        let start = position
        while let unit = current, Hex.value(unit) != nil || [0x2B, 0x2D, 0x2E, 0x78, 0x58].contains(unit) {
            position += 1
        }
        if let unit = current, !Lexer.isSpace(unit), ![0x2C, 0x5D, 0x7D, 0x29, 0x2F, 0].contains(unit) {
            throw fault("unexpected character in a number")
        }
        let text = String(decoding: units[start..<position], as: UTF16.self)
        guard let value = Self.number(text) else { throw fault("'\(text)' is not a number") }
        return value
    }

    private static func number(_ text: String) -> ExpressionValue? {
        var digits = Array(text.utf8)[...]
        let isNegative = digits.first == 0x2D
        if isNegative { digits.removeFirst() }
        guard !digits.isEmpty else { return nil }
        if digits.first == 0x30, digits.count > 1, let second = digits.dropFirst().first {
            if second | 0x20 == 0x78 {
                let hex = String(decoding: digits.dropFirst(2), as: UTF8.self)
                return isNegative ? nil : Int64(hex, radix: 16).map { .integer($0) }
            }
            if !isNegative, second != 0x2E, second | 0x20 != 0x65 {
                let octal = String(decoding: digits.dropFirst(), as: UTF8.self)
                return Int64(octal, radix: 8).map { .integer($0) }
            }
        }
        if digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            if let value = Int64(text) { return .integer(value) }
            return Double(text).map { .float($0) }
        }
        // Only the plain form of a fraction is a number; words and hexadecimal floats are not.
        guard digits.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || [0x2E, 0x2B, 0x2D, 0x65, 0x45].contains($0) }) else {
            return nil
        }
        guard let last = digits.last, last != 0x2B, last != 0x2D else { return nil }
        return NumberText.parse(text).map { .float($0) }
    }
}
