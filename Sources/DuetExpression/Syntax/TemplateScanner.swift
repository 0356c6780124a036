/// Tells an expression from plain text, and finds the expressions inside a text.
enum TemplateScanner {
    enum Part: Equatable {
        case text(String)
        /// The range between the braces, in UTF-16 offsets.
        case expression(Range<Int>)
    }

    enum Content: Equatable {
        case plain(String)
        case expression(Range<Int>)
        case parts([Part])
    }

    private static let at: UInt16 = 0x40
    private static let openBrace: UInt16 = 0x7B
    private static let closeBrace: UInt16 = 0x7D
    private static let quote: UInt16 = 0x27

    /// Whether a string in a pipeline needs evaluating at all.
    static func needsEvaluation(_ text: String) -> Bool {
        let bytes = text.utf8
        if bytes.first == 0x40, bytes.count > 1 { return true }
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == 0x7B, previous == 0x40 { return true }
            previous = byte
        }
        return false
    }

    static func scan(_ units: [UInt16]) throws(ExpressionError) -> Content {
        if units.count > 1, units[0] == at {
            if units[1] == at { return .plain(String(decoding: units.dropFirst(), as: UTF16.self)) }
            if units[1] != openBrace { return .expression(1..<units.count) }
        }
        var parts: [Part] = []
        var literal: [UInt16] = []
        var position = 0
        while position < units.count {
            guard units[position] == at, position + 1 < units.count else {
                literal.append(units[position])
                position += 1
                continue
            }
            if units[position + 1] == openBrace {
                let end = try closing(units, position)
                if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF16.self))) }
                literal = []
                parts.append(.expression(position + 2..<end))
                position = end + 1
            } else if units[position + 1] == at, position + 2 < units.count, units[position + 2] == openBrace {
                // "@@{" stands for "@{".
                literal += [at, openBrace]
                position += 3
            } else {
                literal.append(at)
                position += 1
            }
        }
        if parts.isEmpty { return .plain(String(decoding: literal, as: UTF16.self)) }
        if !literal.isEmpty { parts.append(.text(String(decoding: literal, as: UTF16.self))) }
        return .parts(parts)
    }

    private static func closing(_ units: [UInt16], _ start: Int) throws(ExpressionError) -> Int {
        var isQuoted = false
        var position = start + 2
        while position < units.count {
            if units[position] == quote {
                isQuoted.toggle()
            } else if units[position] == closeBrace, !isQuoted {
                return position
            }
            position += 1
        }
        throw ExpressionError(
            .syntax,
            "the '@{' at character \(start) is not closed",
            at: start..<units.count,
            of: String(decoding: units[start...], as: UTF16.self),
            hint: isQuoted
                ? "a quote inside it is not closed either" : "close it with '}', or write '@@{' for the text '@{'"
        )
    }
}
