/// Forms of Spark's SQL that mean nothing in DuckDB's: functions, operators, types, JSON paths, `LATERAL VIEW`.
extension QueryReader {
    /// Reads one such form; gives the index behind it, or nil if none is here.
    mutating func sparkForm(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        let token = tokens[index]
        switch token.kind {
        case .number: return number(at: index, in: tokens)
        case .symbol:
            noteFirstItem(at: index, in: tokens)
            return sign(at: index, in: tokens) ?? cast(at: index, in: tokens)
        case .word, .quotedName:
            if let end = jsonPath(at: index, in: tokens) { return end }
            if let end = nestedStar(at: index, in: tokens) { return end }
            guard token.kind == .word else { return nil }
            if let end = reservedName(at: index, in: tokens) { return end }
            if let end = cast(at: index, in: tokens) { return end }
            if let end = matching(at: index, in: tokens) { return end }
            if token.isWord("LATERAL") { return try lateral(at: index, in: tokens) }
            guard index + 1 < tokens.endIndex, tokens[index + 1].isSymbol("(") else { return nil }
            return try sparkCall(at: index, in: tokens)
        default: return nil
        }
    }

    // MARK: - Literals and operators

    /// `1L`, `2.5D`, and names that begin with a digit.
    private mutating func number(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        let text = tokens[index].text
        let digits = text.prefix { $0.isNumber || $0 == "." || $0 == "_" }
        let rest = text.dropFirst(digits.count).uppercased()
        guard !rest.isEmpty, text.first?.isNumber == true, !digits.hasSuffix("_") else { return nil }
        let types = ["L": "BIGINT", "S": "SMALLINT", "Y": "TINYINT", "D": "DOUBLE", "F": "FLOAT", "BD": "DECIMAL"]
        if rest == "BD" {
            replace(tokens[index].range, by: String(digits))
        } else if let type = types[rest] {
            replace(tokens[index].range, by: "CAST(\(digits) AS \(type))")
        } else if rest.first == "X" && digits == "0" || rest.first == "B" && digits == "0" {
            return nil
        } else if rest.first == "E", rest.dropFirst().allSatisfy(\.isNumber) {
            return nil
        } else if !digits.contains(".") {
            replace(tokens[index].range, by: "\"\(text)\"")
        } else {
            return nil
        }
        return index + 1
    }

    /// `a <=> b` and `!a`.
    private mutating func sign(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        let token = tokens[index]
        let next = index + 1 < tokens.endIndex ? tokens[index + 1] : nil
        if token.isSymbol("<="), let next, next.isSymbol(">"), next.range.lowerBound == token.range.upperBound {
            replace(token.range.lowerBound..<next.range.upperBound, by: " IS NOT DISTINCT FROM ")
            return index + 2
        }
        guard token.isSymbol("!"), let next, next.isSymbol("(") || next.kind == .word else { return nil }
        guard index == tokens.startIndex || beginsOperand(tokens[index - 1]) else { return nil }
        replace(token.range, by: "NOT ")
        return index + 1
    }

    /// `list[0]`, Spark's first item, is NULL in DuckDB without a word.
    private mutating func noteFirstItem(at index: Int, in tokens: ArraySlice<SQLToken>) {
        guard tokens[index].isSymbol("["), index + 2 < tokens.endIndex, tokens[index + 1].text == "0",
            tokens[index + 2].isSymbol("]"), index > tokens.startIndex, !beginsOperand(tokens[index - 1]),
            tokens[index - 1].range.upperBound == tokens[index].range.lowerBound
        else { return }
        note("lists begin at 1: [0] is NULL unless it is taken of JSON; the first item is [1]", at: tokens[index])
    }

    /// Whether a value may follow a token.
    private func beginsOperand(_ token: SQLToken) -> Bool {
        token.kind == .symbol ? ![")", "]", "}", ".", "::"].contains { token.isSymbol($0) } : Self.beginsValue(token)
    }

    /// A column called `offset` or `at`, where nothing but a column can stand.
    private mutating func reservedName(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        let token = tokens[index]
        guard token.isReserved, index > tokens.startIndex, beginsOperand(tokens[index - 1]) else { return nil }
        if index + 1 < tokens.endIndex {
            let next = tokens[index + 1]
            let ends = ["FROM", "AS", "AND", "OR", "IS", "IN", "NOT", "BETWEEN", "LIKE", "DESC", "ASC", "THEN", "WHEN"]
            guard next.kind == .symbol && !next.isSymbol("(") || ends.contains(where: next.isWord) else { return nil }
        }
        replace(token.range, by: "\"\(token.text)\"")
        return index + 1
    }

    /// `a.b.c.*`, the fields of a struct in a struct; with fewer names it may be a table's columns.
    private mutating func nestedStar(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        guard index > tokens.startIndex, tokens[index - 1].isWord("SELECT") || tokens[index - 1].isSymbol(",") else {
            return nil
        }
        var last = index
        while last + 2 < tokens.endIndex, tokens[last + 1].isSymbol("."), tokens[last + 2].kind != .symbol { last += 2 }
        guard last - index >= 4, last + 2 < tokens.endIndex, tokens[last + 1].isSymbol("."),
            tokens[last + 2].isSymbol("*")
        else { return nil }
        insert("unnest(", before: tokens[index...])
        for place in index...last { plainName(tokens[place]) }
        replace(tokens[last + 1].range.lowerBound..<tokens[last + 2].range.upperBound, by: ")")
        return last + 3
    }

    /// `a RLIKE 'pattern'`, which finds the pattern anywhere; DuckDB's operator is over the whole text.
    private mutating func matching(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        let token = tokens[index]
        guard token.isWord("RLIKE") || token.isWord("REGEXP"), index > tokens.startIndex, index + 1 < tokens.endIndex,
            tokens[index + 1].kind == .string, tokens[index + 1].text.hasPrefix("'")
        else { return nil }
        // Spark reads two backslashes in a text as one.
        let pattern = tokens[index + 1].text.dropFirst().dropLast().replacing("\\\\", with: "\\")
        replace(
            token.range.lowerBound..<tokens[index + 1].range.upperBound,
            by: "SIMILAR TO '(?s:.*)(?:\(pattern))(?s:.*)'"
        )
        return index + 2
    }

    // MARK: - Types

    /// `x::ARRAY<STRING>` and `CAST(x AS TIMESTAMP_NTZ)`.
    private mutating func cast(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        let token = tokens[index]
        guard index + 1 < tokens.endIndex, tokens[index + 1].kind == .word,
            token.isSymbol("::") || token.isWord("AS") && isInCast(index, tokens)
        else { return nil }
        var end = index + 2
        if end < tokens.endIndex, tokens[end].isSymbol("<") {
            var depth = 0
            repeat {
                guard end < tokens.endIndex else { return nil }
                if tokens[end].kind == .symbol {
                    depth += tokens[end].text.count { $0 == "<" } - tokens[end].text.count { $0 == ">" }
                }
                end += 1
            } while depth > 0
        }
        let range = tokens[index + 1].range.lowerBound..<tokens[end - 1].range.upperBound
        let written = String(decoding: file.bytes[range], as: UTF8.self)
        let type = TypeSpelling.duckDB(written)
        guard type != written else { return nil }
        replace(range, by: type)
        return end
    }

    private func isInCast(_ index: Int, _ tokens: ArraySlice<SQLToken>) -> Bool {
        guard let open = opening(before: index, in: tokens), open > tokens.startIndex else { return false }
        return tokens[open - 1].isWord("CAST") || tokens[open - 1].isWord("TRY_CAST")
    }

    /// The bracket of any kind in which a token stands.
    private func opening(before index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        var depth = 0
        var place = index - 1
        while place >= tokens.startIndex {
            if [")", "]", "}"].contains(where: tokens[place].isSymbol) { depth += 1 }
            if ["(", "[", "{"].contains(where: tokens[place].isSymbol) {
                if depth == 0 { return place }
                depth -= 1
            }
            place -= 1
        }
        return nil
    }

    // MARK: - JSON paths

    /// `payload:customer.id`, `payload:items[0]`: without a space, unlike DuckDB's `name: value`.
    private mutating func jsonPath(at index: Int, in tokens: ArraySlice<SQLToken>) -> Int? {
        if index > tokens.startIndex, tokens[index - 1].isSymbol(".") || tokens[index - 1].isWord("LAMBDA") {
            return nil
        }
        let touches = { (at: Int) in
            at + 1 < tokens.endIndex && tokens[at].range.upperBound == tokens[at + 1].range.lowerBound
        }
        let isName = { (at: Int) in
            at < tokens.endIndex && (tokens[at].kind == .word || tokens[at].kind == .quotedName)
        }
        var last = index
        while touches(last), tokens[last + 1].isSymbol("."), isName(last + 2) { last += 2 }
        guard touches(last), tokens[last + 1].isSymbol(":"), touches(last + 1),
            isName(last + 2) || tokens[last + 2].isSymbol("[")
        else { return nil }
        let open = opening(before: index, in: tokens)
        if let open, !tokens[open].isSymbol("(") { return nil }
        var path = "$"
        var end = last + 2
        if isName(end) {
            path += Self.step(tokens[end].unquoted)
            end += 1
        }
        while end < tokens.endIndex, touches(end - 1) {
            if tokens[end].isSymbol("."), isName(end + 1) {
                path += Self.step(tokens[end + 1].unquoted)
                end += 2
            } else if tokens[end].isSymbol("["), end + 2 < tokens.endIndex, tokens[end + 2].isSymbol("]") {
                let key = tokens[end + 1]
                path += key.kind == .string ? Self.step(key.unquoted) : "[\(key.text)]"
                end += 3
            } else {
                break
            }
        }
        let name = tokens[end - 1].isSymbol("]") ? nil : tokens[end - 1].unquoted
        insert("json_extract_string(", before: tokens[index...])
        for place in index...last { plainName(tokens[place]) }
        let literal = path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        replace(tokens[last + 1].range.lowerBound..<tokens[end - 1].range.upperBound, by: ", '\(literal)')")
        if let name, end == tokens.endIndex || tokens[end].isSymbol(",") || tokens[end].isWord("FROM"),
            isOutput(index, open, tokens)
        {
            insert(" AS \"\(name)\"", behind: tokens[end - 1])
        }
        return end
    }

    private static func step(_ name: String) -> String { ".\"\(name)\"" }

    /// Whether a token begins a column of a SELECT.
    private func isOutput(_ index: Int, _ open: Int?, _ tokens: ArraySlice<SQLToken>) -> Bool {
        guard index > tokens.startIndex else { return false }
        if tokens[index - 1].isWord("SELECT") || tokens[index - 1].isWord("DISTINCT") { return true }
        guard tokens[index - 1].isSymbol(",") else { return false }
        let start = open.map { $0 + 1 } ?? tokens.startIndex
        var depth = 0
        for token in tokens[start..<index].reversed() {
            if token.isSymbol(")") { depth += 1 }
            if token.isSymbol("(") { depth -= 1 }
            guard depth == 0 else { continue }
            if token.isWord("SELECT") { return true }
            if token.isWord("FROM") || token.isWord("BY") { return false }
        }
        return false
    }

    // MARK: - LATERAL

    /// `LATERAL VIEW [OUTER] explode(x) t AS a`, and `, LATERAL explode(x) AS t(a)`.
    private mutating func lateral(at start: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        var reader = TokenReader(file: file, tokens: Array(tokens[start...]))
        reader.advance()
        guard reader.take("VIEW") else {
            // DuckDB knows `unnest` without the word.
            guard reader.current?.isWord("EXPLODE") == true else { return nil }
            skip(tokens[start].range)
            return start + 1
        }
        let isOuter = reader.take("OUTER")
        let function = reader.current
        let name = try reader.name("function after LATERAL VIEW").lowercased()
        guard name == "explode" || name == "posexplode" || name == "explode_outer" else {
            throw reader.error(
                .unsupported,
                "LATERAL VIEW \(name) is not supported",
                hint: "explode and posexplode are; or write CROSS JOIN LATERAL (SELECT unnest(...) AS a) AS t",
                at: function
            )
        }
        let argument = try reader.bracketed("after \(name)")
        guard let value = try part(argument) else { return nil }
        var table = "__lateral\(start - tokens.startIndex)"
        if let word = reader.current, word.kind == .quotedName || word.kind == .word && !Self.endsTable(word) {
            table = word.unquoted
            reader.advance()
        }
        var columns: [String] = []
        if reader.take("AS") {
            repeat { columns.append(try reader.name("column's name")) } while reader.take(symbol: ",")
        }
        if columns.isEmpty { columns = name == "posexplode" ? ["pos", "col"] : ["col"] }
        let outputs =
            name == "posexplode"
            ? ["unnest(range(len(\(value.text))))", "unnest(\(value.text))"]
            : columns.count == 2
                ? ["unnest(map_keys(\(value.text)))", "unnest(map_values(\(value.text)))"] : ["unnest(\(value.text))"]
        guard outputs.count == columns.count else {
            throw reader.error(.sqlSyntax, "\(name) gives \(outputs.count) columns", at: function)
        }
        let list = zip(outputs, columns).map { "\($0) AS \"\($1)\"" }.joined(separator: ", ")
        let keepsAll = isOuter || name == "explode_outer"
        let end = start + reader.index
        replace(
            tokens[start].range.lowerBound..<tokens[end - 1].range.upperBound,
            by:
                "\(keepsAll ? "LEFT" : "CROSS") JOIN LATERAL (SELECT \(list)) AS \"\(table)\"\(keepsAll ? " ON true" : "")"
        )
        return end
    }

    private static func endsTable(_ token: SQLToken) -> Bool {
        [
            "AS", "LATERAL", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "JOIN", "INNER", "LEFT", "RIGHT", "FULL",
            "CROSS", "UNION", "QUALIFY", "WINDOW", "EXCEPT", "INTERSECT", "ON", "SEMI", "ANTI",
        ]
        .contains(where: token.isWord)
    }
}
