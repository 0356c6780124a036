/// Spark's spellings that DuckDB's parser does not take, though it knows the thing; nothing else of a query is touched.
extension QueryReader {
    /// Reads one such spelling; gives the index behind it, or nil if none is here.
    mutating func spelling(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        let token = tokens[index]
        guard index + 1 < tokens.endIndex else { return nil }
        guard index > tokens.startIndex else {
            // Nothing before it: an expectation's condition, or a part of a call, begins with a value.
            guard token.kind == .word, tokens[index + 1].isSymbol("(") else { return nil }
            if let name = Self.functions[token.text.lowercased()] {
                replace(token.range, by: name)
                return index + 1
            }
            return try call(at: index, in: tokens)
        }
        if token.kind == .symbol { return try relationInBrackets(at: index, in: tokens) }
        guard token.kind == .word || token.kind == .parameter || token.kind == .quotedName else { return nil }
        if let word = Self.word(at: index, in: tokens) {
            replace(token.range, by: word)
            return index + 1
        }
        if tokens[index + 1].isSymbol("("), token.kind == .word { return try call(at: index, in: tokens) }
        return try catalog(at: index, in: tokens)
    }

    /// Functions that DuckDB has under another name.
    private static let functions = [
        "startswith": "starts_with", "endswith": "ends_with", "raise_error": "error", "regexp_like": "regexp_matches",
    ]

    /// A word that stands for a function, an operator or a join that DuckDB says otherwise; nil for all others.
    private static func word(at index: Int, in tokens: ArraySlice<SQLToken>) -> String? {
        let token = tokens[index]
        guard token.kind == .word else { return nil }
        let next = tokens[index + 1]
        if next.isSymbol("("), !tokens[index - 1].isSymbol("."), let name = functions[token.text.lowercased()] {
            return name
        }
        if token.isWord("LEFT"), next.isWord("SEMI") || next.isWord("ANTI") { return "" }
        // `a div b`: between two values; a column may well be called div.
        let before = tokens[index - 1]
        let endsValue =
            before.isSymbol(")") || before.kind == .number || before.kind == .quotedName
            || before.kind == .word && !beginsValue(before) && !before.isWord("AS") && !before.isWord("FROM")
        let beginsNext =
            next.isSymbol("(") || next.kind == .number || next.kind == .quotedName
            || next.kind == .word
                && !["AS", "FROM", "THEN", "ELSE", "END", "AND", "OR", "IS", "IN"].contains(where: next.isWord)
        return token.isWord("DIV") && endsValue && beginsNext ? "//" : nil
    }

    /// `FROM (name)`.
    private mutating func relationInBrackets(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        guard tokens[index].isSymbol("("), tokens[index - 1].isWord("FROM") || tokens[index - 1].isWord("JOIN") else {
            return nil
        }
        var end = index + 1
        while end < tokens.endIndex, tokens[end].kind != .symbol || tokens[end].isSymbol(".") { end += 1 }
        let inner = tokens[(index + 1)..<end]
        let dots = inner.filter { $0.isSymbol(".") }.count
        guard end < tokens.endIndex, tokens[end].isSymbol(")"), inner.count == 2 * dots + 1 else { return nil }
        skip(tokens[index].range)
        try read(inner)
        replace(tokens[end].range, by: " ")
        return end + 1
    }

    /// `array(a, b)` and `struct(a, b AS c)`, where they make a value; both words also stand in the names of types.
    private mutating func call(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        let token = tokens[index]
        let before = index > tokens.startIndex ? tokens[index - 1] : nil
        let isType =
            before.map { $0.isSymbol("::") || $0.isWord("AS") || $0.kind == .quotedName } ?? false
        guard token.isWord("ARRAY") || token.isWord("STRUCT") else { return nil }
        var reader = TokenReader(file: file, tokens: Array(tokens[(index + 1)...]))
        let inner = try reader.bracketed("after '\(token.text)'")
        let end = index + 1 + reader.index
        if isType || before.map({ $0.kind == .word && !Self.beginsValue($0) }) ?? false {
            copy(upTo: tokens[end - 1].range.upperBound)
            return end
        }
        if token.isWord("ARRAY") {
            if inner.first?.isWord("SELECT") == true || inner.first?.isWord("FROM") == true { return nil }
            replace(token.range, by: "list_value")
            return index + 1
        }
        replace(token.range.lowerBound..<tokens[index + 1].range.upperBound, by: "struct_pack(")
        for (number, item) in StatementParser.items(inner).enumerated() {
            var value = item
            if item.count > 2, item[item.endIndex - 2].isWord("AS") { value = item.dropLast(2) }
            insert("\"\(Self.fieldName(item, number))\" := ", before: value)
            try read(value)
            copy(upTo: value.last?.range.upperBound ?? 0)
            if value.count < item.count, let last = item.last, let end = value.last {
                skip(end.range.upperBound..<last.range.upperBound)
            }
        }
        replace(tokens[end - 1].range, by: ")")
        return end
    }

    static func beginsValue(_ token: SQLToken) -> Bool {
        [
            "SELECT", "DISTINCT", "WHEN", "THEN", "ELSE", "AND", "OR", "NOT", "IN", "BY", "ON", "WHERE", "HAVING",
            "CASE",
            "BETWEEN", "LIKE", "IS", "DIV", "RETURN", "LIMIT", "ILIKE", "VALUES", "ALL",
        ].contains(where: token.isWord)
    }

    private static func fieldName(_ item: ArraySlice<SQLToken>, _ number: Int) -> String {
        guard let last = item.last, last.kind == .word || last.kind == .quotedName,
            item.count == 1 || item[item.endIndex - 2].isWord("AS") || item[item.endIndex - 2].isSymbol(".")
        else { return "col\(number + 1)" }
        return last.unquoted
    }

    /// `catalog.schema.table` after FROM or JOIN: a warehouse is one catalog.
    private mutating func catalog(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        guard tokens[index - 1].isWord("FROM") || tokens[index - 1].isWord("JOIN"), index + 4 < tokens.endIndex,
            tokens[index + 1].isSymbol("."), tokens[index + 3].isSymbol("."),
            tokens[index + 2].kind != .symbol, tokens[index + 4].kind != .symbol,
            index + 5 >= tokens.endIndex || !tokens[index + 5].isSymbol("(")
        else { return nil }
        skip(tokens[index].range.lowerBound..<tokens[index + 1].range.upperBound)
        return index + 2
    }
}
