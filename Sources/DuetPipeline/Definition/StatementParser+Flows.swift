/// `CREATE FLOW`, `AUTO CDC INTO` and `APPLY CHANGES INTO`.
extension StatementParser {
    /// Reads a statement that feeds a table declared elsewhere; nil when it is another kind of statement.
    func flow(_ reader: inout TokenReader) throws(DuetError) -> FlowStatement? {
        let first = reader.current
        if reader.current?.isWord("APPLY") == true || reader.current?.isWord("AUTO") == true {
            return try capture(&reader, name: nil, first: first)
        }
        guard reader.take("CREATE", "FLOW") else { return nil }
        let name = try reader.name("flow's name")
        if reader.take("COMMENT") { _ = try reader.string("comment") }
        try reader.expect("AS", "and INSERT INTO or AUTO CDC INTO")
        guard reader.take("INSERT", "INTO") else { return try capture(&reader, name: name, first: first) }
        let isOnce = reader.take("ONCE")
        let targetToken = reader.current
        let target = try datasetName(&reader)
        guard reader.take("BY", "NAME") else {
            throw reader.unexpected("BY NAME (columns go by their names, not by their places)")
        }
        guard reader.current != nil else { throw reader.unexpected("a query") }
        let query = try QueryReader.query(
            tokens: reader.tokens[reader.index...],
            file: file,
            parameters: parameters
        )
        return FlowStatement(
            name: name,
            target: target,
            query: query,
            isOnce: isOnce,
            location: reader.location(first),
            targetLocation: reader.location(targetToken),
            excerpt: file.line(reader.location(targetToken).line)
        )
    }

    /// Reads change events that feed a table.
    ///
    /// - Parameters:
    ///   - reader: At `AUTO CDC` or `APPLY CHANGES`.
    ///   - name: The flow's name, if it has one.
    ///   - first: The statement's first word.
    ///   - owner: The table whose own statement this stands in; nil where the table is named behind INTO.
    /// - Returns: The flow.
    /// - Throws: ``DuetError`` for a statement that is not complete.
    func capture(
        _ reader: inout TokenReader,
        name: String?,
        first: SQLToken?,
        owner: DatasetName? = nil
    ) throws(DuetError) -> FlowStatement {
        guard reader.take("AUTO", "CDC") || reader.take("APPLY", "CHANGES") else {
            throw reader.unexpected("INSERT INTO, AUTO CDC INTO or APPLY CHANGES INTO")
        }
        var isSnapshot = owner == nil && reader.take("FROM", "SNAPSHOT")
        let isOnce = reader.take("ONCE")
        if owner == nil { try reader.expect("INTO", "and the table's name") }
        let targetToken = owner == nil ? reader.current : first
        let target = if let owner { owner } else { try datasetName(&reader) }
        guard let from = reader.current, from.isWord("FROM") else { throw reader.unexpected("'FROM' and the events") }
        reader.advance()
        if reader.take("SNAPSHOT") { isSnapshot = true }
        // The word FROM tells the reader that a relation follows; it is behind the words that only duet reads.
        var source = clause(&reader)
        guard !source.isEmpty else { throw reader.unexpected("what the events are read from") }
        if reader.tokens[source.startIndex - 1].isWord("FROM") {
            source = reader.tokens[(source.startIndex - 1)..<source.endIndex]
        }
        let hasFrom = source.first?.isWord("FROM") == true
        let query = try QueryReader.query(
            tokens: source,
            file: file,
            parameters: parameters,
            prefix: hasFrom ? "SELECT * " : "SELECT * FROM ",
            streamsFiles: isSnapshot
        )
        let capture = try captureClauses(&reader, isSnapshot: isSnapshot, first: first)
        let isPlain = source.dropFirst(hasFrom ? 1 : 0).allSatisfy { token in
            token.kind == .quotedName || token.kind == .word && !token.isWord("SELECT")
                || [".", "(", ")"].contains { token.isSymbol($0) }
        }
        return FlowStatement(
            name: name,
            target: target,
            query: query,
            isOnce: isOnce,
            capture: capture,
            readsDataset: isPlain && query.fileReads.isEmpty && !isOnce,
            location: reader.location(first),
            targetLocation: reader.location(targetToken),
            excerpt: file.line(reader.location(targetToken).line)
        )
    }

    private func captureClauses(
        _ reader: inout TokenReader,
        isSnapshot: Bool,
        first: SQLToken?
    ) throws(DuetError) -> ChangeCapture {
        var capture = ChangeCapture(sequence: MappedText(file: file), location: reader.location(first))
        capture.readsSnapshots = isSnapshot
        var tracks: SQLToken?
        while let token = reader.current {
            if reader.take("KEYS") {
                capture.keys = try columnNames(try reader.bracketed("with the key columns"))
            } else if reader.take("SEQUENCE", "BY") {
                capture.sequence = try sequence(&reader)
            } else if reader.take("APPLY", "AS", "DELETE", "WHEN") {
                capture.deleteCondition = try expression(&reader, "a condition")
            } else if reader.take("APPLY", "AS", "TRUNCATE", "WHEN") {
                capture.truncateCondition = try expression(&reader, "a condition")
            } else if reader.take("IGNORE", "NULL", "UPDATES") {
                capture.ignoresNulls = true
            } else if reader.take("COLUMNS") {
                capture.columns = try columns(&reader)
            } else if reader.take("STORED", "AS", "SCD", "TYPE") {
                guard let type = reader.current.flatMap({ Int($0.text) }).flatMap(ChangeCapture.History.init) else {
                    throw reader.unexpected("1 or 2")
                }
                capture.history = type
                reader.advance()
            } else if reader.take("TRACK", "HISTORY", "ON") {
                tracks = token
                capture.tracked = try columns(&reader)
            } else {
                throw reader.unexpected(
                    "KEYS, SEQUENCE BY, APPLY AS DELETE WHEN, APPLY AS TRUNCATE WHEN, IGNORE NULL UPDATES, COLUMNS, "
                        + "STORED AS or TRACK HISTORY ON"
                )
            }
        }
        try checkCapture(capture, tracks: tracks, reader: reader, first: first)
        return capture
    }

    private func checkCapture(
        _ capture: ChangeCapture,
        tracks: SQLToken?,
        reader: TokenReader,
        first: SQLToken?
    ) throws(DuetError) {
        if capture.keys.isEmpty {
            throw reader.error(.sqlSyntax, "the statement has no KEYS", hint: "add: KEYS (id)", at: first)
        }
        if capture.sequence.text.isEmpty {
            throw reader.error(
                .sqlSyntax,
                "the statement has no SEQUENCE BY",
                hint: capture.readsSnapshots
                    ? "say which snapshot a row is of, for example SEQUENCE BY _metadata.file_name, or a column with its day"
                    : "name the column that orders the events, for example SEQUENCE BY changed_at",
                at: first
            )
        }
        if capture.readsSnapshots,
            capture.deleteCondition != nil || capture.truncateCondition != nil || capture.ignoresNulls
        {
            throw reader.error(
                .sqlSyntax,
                "snapshots have no APPLY AS and no IGNORE NULL UPDATES: a row that the next snapshot lacks is deleted",
                hint: "leave these clauses out",
                at: first
            )
        }
        if capture.history == .versions, let condition = capture.truncateCondition {
            throw condition.error(
                .unsupported,
                "APPLY AS TRUNCATE WHEN goes with SCD TYPE 1 only",
                hint: "a history keeps what was; delete the rows by their keys",
                at: 0
            )
        }
        if capture.history == .none, let tracks {
            throw reader.error(
                .sqlSyntax,
                "TRACK HISTORY ON goes with SCD TYPE 2 only",
                hint: "add STORED AS SCD TYPE 2",
                at: tracks
            )
        }
    }

    /// `column`, any expression, or the service's `STRUCT(a, b)`, which DuckDB has under another name.
    private func sequence(_ reader: inout TokenReader) throws(DuetError) -> MappedText {
        guard reader.current?.isWord("STRUCT") == true, reader.peek()?.isSymbol("(") == true else {
            let tokens = clause(&reader)
            guard !tokens.isEmpty else { throw reader.unexpected("a column") }
            return try sequencePart(tokens)
        }
        reader.advance()
        let items = Self.items(try reader.bracketed("after STRUCT"))
        var text = MappedText(file: file)
        for (index, item) in items.enumerated() {
            let separator = index == 0 ? "{" : ", "
            text.insert("\(separator)'\(Self.fieldName(item, index))': ", for: item.first?.range.lowerBound ?? 0)
            text.append(try sequencePart(item))
        }
        guard !items.isEmpty else { throw reader.unexpected("columns in STRUCT(...)") }
        text.insert("}", for: items.last?.last?.range.lowerBound ?? 0)
        return text
    }

    /// A column by its name, which may be a word of DuckDB's such as `at` or `offset`, or any expression.
    private func sequencePart(_ tokens: ArraySlice<SQLToken>) throws(DuetError) -> MappedText {
        guard tokens.count == 1, let name = tokens.first, name.isReserved else {
            return try QueryReader.query(tokens: tokens, file: file, parameters: parameters).text
        }
        var text = MappedText(file: file)
        text.insert("\"\(name.text)\"", for: name.range.lowerBound)
        return text
    }

    private static func fieldName(_ item: ArraySlice<SQLToken>, _ index: Int) -> String {
        guard let token = item.last, token.kind == .word else { return "col\(index + 1)" }
        return token.text
    }

    private func expression(_ reader: inout TokenReader, _ noun: String) throws(DuetError) -> MappedText {
        let tokens = clause(&reader)
        guard !tokens.isEmpty else { throw reader.unexpected(noun) }
        return try QueryReader.query(tokens: tokens, file: file, parameters: parameters).text
    }

    /// The tokens up to where the next clause of the statement begins.
    private func clause(_ reader: inout TokenReader) -> ArraySlice<SQLToken> {
        let start = reader.index
        var depth = 0
        while let token = reader.current {
            if token.isSymbol("(") { depth += 1 }
            if token.isSymbol(")") { depth -= 1 }
            if depth == 0, reader.index > start || !token.isWord("FROM"), beginsClause(reader) { break }
            reader.advance()
        }
        return reader.tokens[start..<reader.index]
    }

    /// Whether a name stands in a list without brackets, and not in an expression over a column that is called `columns`.
    private func isListed(_ name: SQLToken?, _ next: SQLToken?) -> Bool {
        guard let name, name.kind == .word || name.kind == .quotedName else { return false }
        guard let next else { return true }
        return next.isSymbol(",") || ["STORED", "TRACK", "APPLY", "SEQUENCE", "IGNORE"].contains(where: next.isWord)
    }

    private func beginsClause(_ reader: TokenReader) -> Bool {
        guard let token = reader.current else { return true }
        let next = reader.peek()
        return token.isWord("KEYS") && next?.isSymbol("(") == true
            || token.isWord("SEQUENCE") && next?.isWord("BY") == true
            || token.isWord("APPLY") && next?.isWord("AS") == true
            || token.isWord("IGNORE") && next?.isWord("NULL") == true
            || token.isWord("COLUMNS") && (next?.isSymbol("(") == true || next?.isSymbol("*") == true)
            || token.isWord("COLUMNS") && isListed(next, reader.peek(2))
            || token.isWord("STORED") && next?.isWord("AS") == true
            || token.isWord("TRACK") && next?.isWord("HISTORY") == true
    }

    /// `(a, b)`, `* EXCEPT (a, b)` or `*`; the brackets around a plain list may be left out.
    private func columns(_ reader: inout TokenReader) throws(DuetError) -> ChangeCapture.Columns {
        if reader.take(symbol: "*") {
            guard reader.take("EXCEPT") else { return .all }
            return .except(try columnNames(try reader.bracketed("with columns")))
        }
        if reader.current?.isSymbol("(") == true {
            return .only(try columnNames(try reader.bracketed("with columns")))
        }
        let names = clause(&reader)
        guard !names.isEmpty else { throw reader.unexpected("columns, or * EXCEPT (columns)") }
        return .only(try columnNames(names))
    }

    func columnNames(_ tokens: ArraySlice<SQLToken>) throws(DuetError) -> [ChangeCapture.ColumnName] {
        var reader = TokenReader(file: file, tokens: Array(tokens))
        var names: [ChangeCapture.ColumnName] = []
        repeat {
            let location = reader.location(reader.current ?? tokens.first)
            names.append(.init(name: try reader.name("column's name"), location: location))
        } while reader.take(symbol: ",")
        guard reader.isAtEnd else { throw reader.unexpected("',' or ')'") }
        return names
    }
}
