/// A piece of SQL text.
public struct SQLToken: Hashable, Sendable {
    /// What a token is.
    public enum Kind: Hashable, Sendable {
        /// A keyword or an unquoted name.
        case word
        /// A name in double quotes or back-quotes.
        case quotedName
        /// A string in single quotes, or between dollar signs.
        case string
        /// A number.
        case number
        /// `${name}`.
        case parameter
        /// One or more characters of punctuation (`=>`, `::`, `(` ...).
        case symbol
    }

    /// What this is.
    public let kind: Kind
    /// The text as written.
    public let text: String
    /// The place in the file's UTF-8.
    public let range: Range<Int>

    /// Whether this is the given keyword, in any case.
    public func isWord(_ keyword: String) -> Bool {
        kind == .word && text.utf8.count == keyword.utf8.count && text.uppercased() == keyword
    }

    /// Whether this is a word that DuckDB keeps for itself and Spark does not, though people call columns so.
    public var isReserved: Bool {
        [
            "AT", "OFFSET", "END", "DESC", "ASC", "WINDOW", "LIMIT", "TO", "DO", "ONLY", "PLACING", "INITIALLY",
            "ANALYSE",
        ]
        .contains(where: isWord)
    }

    /// Whether this is the given punctuation.
    public func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }

    /// The name or string without its quotes and escapes.
    public var unquoted: String {
        guard kind == .quotedName || kind == .string, let quote = text.first, text.count >= 2 else { return text }
        if quote == "$" {
            let tag = text.dropFirst().prefix { $0 != "$" }.count + 2
            return String(text.dropFirst(tag).dropLast(tag))
        }
        return text.dropFirst().dropLast().split(separator: "\(quote)\(quote)", omittingEmptySubsequences: false)
            .joined(separator: "\(quote)")
    }
}

extension SQLToken {
    /// Cuts SQL into tokens, leaving out white space and comments.
    ///
    /// It knows just enough to find the ends of statements and clauses: quotes, dollar quotes, nested comments,
    /// `${parameter}`. What the tokens mean is DuckDB's business.
    ///
    /// - Throws: ``DuetError`` with `SQL_SYNTAX` for a quote or comment that is never closed.
    public static func tokens(of file: SourceFile, in range: Range<Int>? = nil) throws(DuetError) -> [SQLToken] {
        var scanner = SQLScanner(file: file, range: range ?? 0..<file.bytes.count)
        return try scanner.tokens()
    }
}

private struct SQLScanner {
    let file: SourceFile
    let bytes: [UInt8]
    let end: Int
    var index: Int

    init(file: SourceFile, range: Range<Int>) {
        self.file = file
        bytes = file.bytes
        index = range.lowerBound
        end = range.upperBound
    }

    mutating func tokens() throws(DuetError) -> [SQLToken] {
        var tokens: [SQLToken] = []
        while true {
            try skipSpaceAndComments()
            guard index < end else { return tokens }
            let start = index
            let kind = try scan()
            let text = String(decoding: bytes[start..<index], as: UTF8.self)
            tokens.append(SQLToken(kind: kind, text: text, range: start..<index))
        }
    }

    private func peek(_ ahead: Int = 0) -> UInt8 { index + ahead < end ? bytes[index + ahead] : 0 }

    private mutating func skipSpaceAndComments() throws(DuetError) {
        while index < end {
            switch bytes[index] {
            case 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20: index += 1
            case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
                while index < end, bytes[index] != 0x0A { index += 1 }
            case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): try skipBlockComment()
            default: return
            }
        }
    }

    private mutating func skipBlockComment() throws(DuetError) {
        let start = index
        var depth = 0
        repeat {
            if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                depth += 1
                index += 2
            } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                depth -= 1
                index += 2
            } else {
                index += 1
            }
            guard index < end || depth == 0 else { throw unclosed("comment", "*/", from: start) }
        } while depth > 0
    }

    private mutating func scan() throws(DuetError) -> SQLToken.Kind {
        let byte = bytes[index]
        switch byte {
        case UInt8(ascii: "'"): return try quoted(byte, .string, "string", "'")
        case UInt8(ascii: "\""): return try quoted(byte, .quotedName, "quoted name", "\"")
        case UInt8(ascii: "`"): return try quoted(byte, .quotedName, "quoted name", "`")
        case UInt8(ascii: "$"): return try dollar()
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            // Spark's names may begin with a digit, and a dot behind a letter is one between names: `12m_payer.id`.
            var hasLetter = false
            while Self.isWordByte(peek()) || peek() == UInt8(ascii: ".") && !hasLetter {
                hasLetter =
                    hasLetter || !Self.isDigit(peek()) && peek() != UInt8(ascii: ".") && peek() != UInt8(ascii: "_")
                index += 1
            }
            return .number
        case let start where Self.isWordByte(start):
            while Self.isWordByte(peek()) { index += 1 }
            return .word
        default:
            let pair = [byte, peek(1)]
            let pairs: [StaticString] = ["=>", "::", "->", "<=", ">=", "<>", "!=", "||", ":="]
            index += pairs.contains { pair == Array($0.description.utf8) } ? 2 : 1
            return .symbol
        }
    }

    private mutating func quoted(
        _ quote: UInt8,
        _ kind: SQLToken.Kind,
        _ noun: String,
        _ closing: String
    ) throws(DuetError) -> SQLToken.Kind {
        let start = index
        index += 1
        while index < end {
            if bytes[index] == quote {
                // A doubled quote stands for one inside the text.
                guard peek(1) == quote else {
                    index += 1
                    return kind
                }
                index += 1
            }
            index += 1
        }
        throw unclosed(noun, closing, from: start)
    }

    private mutating func dollar() throws(DuetError) -> SQLToken.Kind {
        let start = index
        if peek(1) == UInt8(ascii: "{") {
            while index < end, bytes[index] != UInt8(ascii: "}") { index += 1 }
            guard index < end else { throw unclosed("parameter", "}", from: start) }
            index += 1
            return .parameter
        }
        var tagEnd = index + 1
        while tagEnd < end, Self.isWordByte(bytes[tagEnd]) { tagEnd += 1 }
        guard tagEnd < end, bytes[tagEnd] == UInt8(ascii: "$") else {
            // `$1` and `$name`, DuckDB's own parameters.
            index = tagEnd
            return .symbol
        }
        let tag = Array(bytes[start...tagEnd])
        index = tagEnd + 1
        while index + tag.count <= end {
            if bytes[index] == tag[0], Array(bytes[index..<index + tag.count]) == tag {
                index += tag.count
                return .string
            }
            index += 1
        }
        throw unclosed("dollar-quoted string", String(decoding: tag, as: UTF8.self), from: start)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    private func unclosed(_ noun: String, _ closing: String, from start: Int) -> DuetError {
        let location = file.location(at: start)
        return DuetError(
            .sqlSyntax,
            "this \(noun) is never closed",
            hint: "add \(closing) where it should end",
            at: location,
            excerpt: file.line(location.line)
        )
    }
}
