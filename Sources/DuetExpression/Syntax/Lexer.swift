/// One token of an expression.
struct Token {
    enum Kind: Equatable {
        case identifier(String)
        case string(String)
        case integer(Int64)
        case float(Double)
        case leftParenthesis
        case rightParenthesis
        case leftBracket
        case rightBracket
        case comma
        case dot
        case question
        case end
    }

    let kind: Kind
    /// UTF-16 offsets in the whole text.
    let range: Range<Int>
}

/// Cuts an expression into tokens, one at a time.
struct Lexer {
    let units: [UInt16]
    private(set) var position: Int
    let end: Int

    init(_ units: [UInt16], _ range: Range<Int>) {
        self.units = units
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next() throws(ExpressionError) -> Token {
        while position < end, Self.isSpace(units[position]) { position += 1 }
        guard position < end else { return Token(kind: .end, range: end..<end) }
        let unit = units[position]
        if let kind = Self.punctuation(unit) {
            position += 1
            return Token(kind: kind, range: position - 1..<position)
        }
        switch unit {
        case 0x27: return try readString()
        case 0x30...0x39, 0x2B, 0x2D: return try readNumber()
        default:
            guard let length = identifierLength(at: position, isFirst: true) else { throw unexpected(position) }
            let start = position
            position += length
            while position < end, let length = identifierLength(at: position, isFirst: false) { position += length }
            return Token(kind: .identifier(text(start..<position)), range: start..<position)
        }
    }

    func text(_ range: Range<Int>) -> String { String(decoding: units[range], as: UTF16.self) }

    /// The white space the language allows between tokens: Unicode's, byte order marks and zero-width ones excepted.
    static func isSpace(_ unit: UInt16) -> Bool {
        switch unit {
        case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    private static func punctuation(_ unit: UInt16) -> Token.Kind? {
        switch unit {
        case 0x28: .leftParenthesis
        case 0x29: .rightParenthesis
        case 0x5B: .leftBracket
        case 0x5D: .rightBracket
        case 0x2C: .comma
        case 0x2E: .dot
        case 0x3F: .question
        default: nil
        }
    }

    private func unexpected(_ position: Int) -> ExpressionError {
        let character = text(position..<position + 1)
        var hint: String?
        if character == "\"" { hint = "strings take single quotes: 'text'" }
        if character == "@" { hint = "'@' stands only at the start of an expression, not inside it" }
        return ExpressionError(
            .syntax,
            "the character '\(character)' is not expected here",
            at: position..<position + 1,
            of: character,
            hint: hint
        )
    }

    private mutating func readString() throws(ExpressionError) -> Token {
        let start = position
        var content: [UInt16] = []
        position += 1
        while position < end {
            let unit = units[position]
            position += 1
            if unit == 0x27 {
                guard position < end, units[position] == 0x27 else {
                    let text = String(decoding: content, as: UTF16.self)
                    return Token(kind: .string(text), range: start..<position)
                }
                position += 1
            }
            content.append(unit)
        }
        throw ExpressionError(
            .syntax,
            "the string is not closed",
            at: start..<end,
            of: text(start..<end),
            hint: "close it with ' and write a quote inside it as ''"
        )
    }

    private mutating func readNumber() throws(ExpressionError) -> Token {
        let start = position
        if units[position] == 0x2B || units[position] == 0x2D { position += 1 }
        let firstDigit = position
        skipDigits()
        var digitCount = position - firstDigit
        var isFloat = false
        if position < end, units[position] == 0x2E {
            isFloat = true
            position += 1
            let fraction = position
            skipDigits()
            digitCount += position - fraction
        }
        var exponentIsWhole = true
        // Without digits or a sign after it, an "e" is not part of the number.
        if digitCount > 0, position + 1 < end, units[position] | 0x20 == 0x65,
            isDigit(units[position + 1]) || units[position + 1] == 0x2B || units[position + 1] == 0x2D
        {
            isFloat = true
            position += isDigit(units[position + 1]) ? 1 : 2
            let exponent = position
            skipDigits()
            exponentIsWhole = position > exponent
        }
        let range = start..<position
        if digitCount > 0, exponentIsWhole {
            if position < end, identifierLength(at: position, isFirst: true) != nil { throw unexpected(position) }
            if let kind = number(text(range), isFloat: isFloat) { return Token(kind: kind, range: range) }
        }
        throw ExpressionError(
            .syntax,
            "'\(text(range))' is not a number",
            at: range,
            of: text(range),
            hint: digitCount > 0 && exponentIsWhole ? "integers have at most 64 bits" : nil
        )
    }

    private func number(_ text: String, isFloat: Bool) -> Token.Kind? {
        if !isFloat { return Int64(text).map { .integer($0) } }
        // The double reader wants digits on both sides of the point.
        var cleaned = text.hasSuffix(".") ? text + "0" : text
        for (short, long) in [(".e", ".0e"), (".E", ".0E"), ("-.", "-0."), ("+.", "0.")] {
            if let range = cleaned.firstRange(of: short) { cleaned.replaceSubrange(range, with: long) }
        }
        return Double(cleaned).map { .float($0) }
    }

    private func isDigit(_ unit: UInt16) -> Bool { unit >= 0x30 && unit <= 0x39 }

    private mutating func skipDigits() {
        while position < end, isDigit(units[position]) { position += 1 }
    }

    /// How many code units the identifier character at this place has; nil if it is none.
    private func identifierLength(at position: Int, isFirst: Bool) -> Int? {
        let unit = units[position]
        switch unit {
        case 0x41...0x5A, 0x61...0x7A, 0x5F, 0x24: return 1
        case 0x30...0x39: return isFirst ? nil : 1
        case 0..<0x80: return nil
        default:
            guard let scalar = Unicode.Scalar(unit) else { return nil }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return 1
            case .decimalNumber: return isFirst ? nil : 1
            default: return nil
            }
        }
    }
}
