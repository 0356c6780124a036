/// Walks over a statement's tokens; every complaint says what was expected, what was found and where.
struct TokenReader {
    let file: SourceFile
    let tokens: [SQLToken]
    private(set) var index = 0

    init(file: SourceFile, tokens: [SQLToken]) {
        self.file = file
        self.tokens = tokens
    }

    var current: SQLToken? { index < tokens.count ? tokens[index] : nil }
    var isAtEnd: Bool { index >= tokens.count }

    func peek(_ ahead: Int = 1) -> SQLToken? {
        index + ahead < tokens.count ? tokens[index + ahead] : nil
    }

    mutating func advance() { index += 1 }

    /// Takes the keywords if they all come next.
    mutating func take(_ keywords: String...) -> Bool {
        for (ahead, keyword) in keywords.enumerated() {
            guard peek(ahead)?.isWord(keyword) == true else { return false }
        }
        index += keywords.count
        return true
    }

    mutating func take(symbol: String) -> Bool {
        guard current?.isSymbol(symbol) == true else { return false }
        index += 1
        return true
    }

    mutating func expect(_ keyword: String, _ context: String) throws(DuetError) {
        guard take(keyword) else { throw unexpected("'\(keyword)' \(context)") }
    }

    mutating func expect(symbol: String, _ context: String) throws(DuetError) {
        guard take(symbol: symbol) else { throw unexpected("'\(symbol)' \(context)") }
    }

    mutating func name(_ noun: String) throws(DuetError) -> String {
        guard let token = current, token.kind == .word || token.kind == .quotedName else {
            throw unexpected("a \(noun)")
        }
        index += 1
        return token.unquoted
    }

    mutating func string(_ noun: String) throws(DuetError) -> String {
        // Spark's SQL takes double quotes for text too, and many pipelines write their comments so.
        guard let token = current, token.kind == .string || token.kind == .quotedName && token.text.hasPrefix("\"")
        else {
            throw unexpected("a \(noun) in single quotes")
        }
        index += 1
        return token.unquoted
    }

    /// Takes `( ... )` and gives the tokens inside; the reader stands behind the closing bracket.
    mutating func bracketed(_ context: String) throws(DuetError) -> ArraySlice<SQLToken> {
        let open = current
        try expect(symbol: "(", context)
        let start = index
        var depth = 1
        while let token = current {
            if token.isSymbol("(") { depth += 1 }
            if token.isSymbol(")") { depth -= 1 }
            index += 1
            if depth == 0 { return tokens[start..<index - 1] }
        }
        throw error(.sqlSyntax, "this '(' is never closed", hint: "add ')'", at: open)
    }

    func unexpected(_ expectation: String) -> DuetError {
        guard let token = current else {
            return error(.sqlSyntax, "expected \(expectation), found the end of the statement", at: tokens.last)
        }
        return error(.sqlSyntax, "expected \(expectation), found '\(token.text)'", at: token)
    }

    func error(_ code: DuetError.Code, _ message: String, hint: String? = nil, at token: SQLToken?) -> DuetError {
        let location = file.location(at: token?.range.lowerBound ?? 0)
        return DuetError(code, message, hint: hint, at: location, excerpt: file.line(location.line))
    }

    func location(_ token: SQLToken?) -> SourceLocation { file.location(at: token?.range.lowerBound ?? 0) }
}
