extension StatementParser {
    /// Reads `(column ..., CONSTRAINT name EXPECT (...) ...)`.
    func columnList(_ tokens: ArraySlice<SQLToken>, into dataset: inout Dataset) throws(DuetError) {
        for item in Self.items(tokens) {
            var reader = TokenReader(file: file, tokens: Array(item))
            if reader.current?.isWord("CONSTRAINT") == true {
                try constraint(&reader, into: &dataset)
            } else if try key(&reader, into: &dataset) {
                try end(of: "the key", &reader)
            } else if reader.take("EXPECT") {
                throw reader.error(
                    .sqlSyntax,
                    "an expectation needs a name",
                    hint: "write CONSTRAINT name EXPECT (condition)",
                    at: item.first
                )
            } else {
                let declared = try column(&reader, into: &dataset)
                if dataset.columns.contains(where: { $0.name.lowercased() == declared.name.lowercased() }) {
                    throw reader.error(
                        .duplicateName,
                        "\(dataset.name) has two columns named '\(declared.name)'",
                        hint: "list each column once",
                        at: item.first
                    )
                }
                dataset.columns.append(declared)
                if let column = dataset.columns.last, column.isRequired {
                    require(column, at: item.first, into: &dataset)
                }
            }
        }
    }

    /// The pieces between commas outside all brackets.
    static func items(_ tokens: ArraySlice<SQLToken>) -> [ArraySlice<SQLToken>] {
        var items: [ArraySlice<SQLToken>] = []
        var start = tokens.startIndex
        var depth = 0
        // Outside round brackets `<` stands only in types: STRUCT<a: INT, b: INT>.
        var angles = 0
        for index in tokens.indices {
            if tokens[index].isSymbol("(") { depth += 1 }
            if tokens[index].isSymbol(")") { depth -= 1 }
            if depth == 0, tokens[index].kind == .symbol {
                angles += tokens[index].text.count { $0 == "<" } - tokens[index].text.count { $0 == ">" }
            }
            if depth == 0, angles == 0, tokens[index].isSymbol(",") {
                items.append(tokens[start..<index])
                start = index + 1
            }
        }
        items.append(tokens[start...])
        return items.filter { !$0.isEmpty }
    }

    private func constraint(_ reader: inout TokenReader, into dataset: inout Dataset) throws(DuetError) {
        let start = reader.current
        reader.advance()
        let nameToken = reader.current
        let name = try reader.name("constraint's name")
        if try key(&reader, into: &dataset) { return try end(of: "the key", &reader) }
        try reader.expect("EXPECT", "after the constraint's name")
        let isUnique = reader.take("UNIQUE")
        let isCount = !isUnique && reader.take("ROW", "COUNT")
        let condition = try reader.bracketed("after EXPECT")
        guard let first = condition.first else { throw reader.unexpected("a condition in EXPECT (...)") }
        let action = try action(&reader, dropsRows: !isUnique && !isCount)
        guard reader.isAtEnd else { throw reader.unexpected("',' or ')'") }
        if dataset.constraintNames.contains(name.lowercased()) {
            throw reader.error(
                .duplicateName,
                "\(dataset.name) has two constraints named '\(name)'",
                hint: "give each constraint a name of its own",
                at: nameToken
            )
        }
        let location = reader.location(start ?? first)
        if isUnique {
            let columns = try columnNames(condition).map(\.name)
            dataset.tableChecks.append(
                TableCheck(name: name, form: .unique(columns), action: action, location: location)
            )
            return
        }
        if let query = condition.first(where: { $0.isWord("SELECT") }) {
            throw reader.error(
                .unsupported,
                "an expectation looks at one row, and has no query of its own",
                hint: "join what it needs to know in the dataset's query, or make a view of the check",
                at: query
            )
        }
        let text = try QueryReader.query(tokens: condition, file: file, parameters: parameters).text
        if isCount {
            dataset.tableChecks.append(
                TableCheck(name: name, form: .rowCount(text), action: action, location: location)
            )
        } else {
            dataset.expectations.append(
                Expectation(name: name, condition: text, action: action, location: location)
            )
        }
    }

    private func action(_ reader: inout TokenReader, dropsRows: Bool) throws(DuetError) -> Expectation.Action {
        guard reader.take("ON", "VIOLATION") else { return .warn }
        if reader.take("FAIL", "UPDATE") { return .fail }
        let token = reader.current
        guard reader.take("DROP", "ROW") else { throw reader.unexpected("DROP ROW or FAIL UPDATE") }
        if dropsRows { return .drop }
        throw reader.error(
            .unsupported,
            "a rule about all rows together cannot say which row to drop",
            hint: "leave ON VIOLATION out to be told, or write ON VIOLATION FAIL UPDATE",
            at: token
        )
    }

    /// NOT NULL is an expectation that stops the update, as it does in the service.
    private func require(_ column: ColumnDeclaration, at token: SQLToken?, into dataset: inout Dataset) {
        let offset = token?.range.lowerBound ?? 0
        var condition = MappedText(file: file)
        let name = column.name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
        condition.insert("\"\(name)\" IS NOT NULL", for: offset)
        dataset.expectations.append(
            Expectation(
                name: Expectation.name(required: column.name),
                condition: condition,
                action: .fail,
                location: file.location(at: offset)
            )
        )
    }

    private func end(of what: String, _ reader: inout TokenReader) throws(DuetError) {
        guard reader.isAtEnd else { throw reader.unexpected("',' or ')' after \(what)") }
    }

    private func column(
        _ reader: inout TokenReader,
        into dataset: inout Dataset
    ) throws(DuetError) -> ColumnDeclaration {
        let location = reader.location(reader.current)
        var column = ColumnDeclaration(
            name: try reader.name("column's name"),
            type: nil,
            isRequired: false,
            location: location,
            excerpt: file.line(location.line)
        )
        var type: [String] = []
        while let token = reader.current {
            if reader.take("NOT", "NULL") {
                column.isRequired = true
            } else if reader.take("COMMENT") {
                column.comment = try reader.string("comment")
            } else if reader.take("CONSTRAINT") {
                _ = try reader.name("constraint's name")
            } else if try key(&reader, of: column.name, into: &dataset) {
                continue
            } else if dataset.kind != .view, reader.take("GENERATED") {
                column.generated = try generated(&reader, at: token)
            } else if reader.take("GENERATED") || reader.take("MASK") || reader.take("DEFAULT") {
                throw reader.error(
                    .unsupported,
                    "\(token.text.uppercased()) on a column is not supported",
                    hint: "compute the column in the query",
                    at: token
                )
            } else {
                type.append(token.text)
                reader.advance()
            }
        }
        column.type = type.isEmpty ? nil : TypeSpelling.duckDB(Self.type(type))
        return column
    }
}

extension StatementParser {
    /// A type's words with no spaces but between words.
    private static func type(_ words: [String]) -> String {
        var text = ""
        for word in words {
            let isWord = word.first.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "\"" || $0 == "`" } ?? false
            let isAfterWord = text.last.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "\"" } ?? false
            text += isWord && (isAfterWord || text.last == "," || text.last == ")") ? " " + word : word
        }
        return text
    }

    /// Reads `ALWAYS AS (expression)`.
    private func generated(_ reader: inout TokenReader, at start: SQLToken) throws(DuetError) -> MappedText {
        _ = reader.take("ALWAYS") || reader.take("BY", "DEFAULT")
        try reader.expect("AS", "after GENERATED ALWAYS")
        guard !reader.take("IDENTITY") else {
            throw reader.error(
                .unsupported,
                "an IDENTITY column is not supported: numbers given in the order in which rows come would be other ones "
                    + "when the table is made anew",
                hint: "number the rows by what is in them, as in row_number() OVER (ORDER BY ...)",
                at: start
            )
        }
        let expression = try reader.bracketed("after GENERATED ALWAYS AS")
        guard !expression.isEmpty else { throw reader.unexpected("an expression in GENERATED ALWAYS AS (...)") }
        return try QueryReader.query(tokens: expression, file: file, parameters: parameters).text
    }
}

extension Dataset {
    /// The names of its rules, in lower case.
    var constraintNames: Set<String> {
        Set(expectations.map { $0.name.lowercased() } + tableChecks.map { $0.name.lowercased() })
    }
}
