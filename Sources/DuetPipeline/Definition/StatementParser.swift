/// Reads the outer shell of a SQL file's statements; every query inside is left to DuckDB.
struct StatementParser {
    let file: SourceFile
    private(set) var parameters: Parameters
    let defaultSchema: String
    private(set) var datasets: [Dataset] = []
    private(set) var flows: [FlowStatement] = []
    private(set) var errors: [DuetError] = []
    private(set) var warnings: [DuetError] = []

    init(file: SourceFile, parameters: Parameters, defaultSchema: String) {
        self.file = file
        self.parameters = parameters
        self.defaultSchema = defaultSchema
    }

    /// Reads all statements; one with an error is noted and left out, the others are read all the same.
    mutating func parse() {
        do throws(DuetError) {
            for cell in cells() {
                let tokens = try SQLToken.tokens(of: file, in: cell)
                for statement in tokens.split(whereSeparator: { $0.isSymbol(";") }) { read(Array(statement)) }
            }
        } catch {
            errors.append(error)
        }
    }

    /// The cells of a notebook saved as SQL, or the whole file.
    private func cells() -> [Range<Int>] {
        let separator = Array("-- COMMAND ----------".utf8)
        var cells: [Range<Int>] = []
        var start = 0
        var lineStart = 0
        for index in 0...file.bytes.count where index == file.bytes.count || file.bytes[index] == 0x0A {
            if file.bytes[lineStart..<index].starts(with: separator) {
                cells.append(start..<lineStart)
                start = index
            }
            lineStart = index + 1
        }
        cells.append(min(start, file.bytes.count)..<file.bytes.count)
        return cells
    }

    private mutating func read(_ tokens: [SQLToken]) {
        do throws(DuetError) {
            var reader = TokenReader(file: file, tokens: tokens)
            if try setting(&reader) { return }
            if let flow = try flow(&reader) {
                warnings += flow.query.notes
                flows.append(flow)
                return
            }
            guard reader.take("CREATE") else {
                throw reader.error(
                    .unsupported,
                    "expected a CREATE statement, found '\(tokens.first?.text ?? "")'",
                    hint: "SQL files hold CREATE STREAMING TABLE, MATERIALIZED VIEW, VIEW and FLOW, and AUTO CDC INTO",
                    at: tokens.first
                )
            }
            let dataset = try dataset(&reader, location: reader.location(tokens.first))
            warnings += dataset.flows.flatMap(\.query.notes)
            datasets.append(dataset)
        } catch {
            errors.append(error)
        }
    }

    /// Reads `SET key = value`, which later statements of the file may use as a parameter, and `USE`.
    private mutating func setting(_ reader: inout TokenReader) throws(DuetError) -> Bool {
        let first = reader.current
        if reader.take("USE") {
            warn(
                reader,
                "USE has no effect: names without a schema are in the 'schema' of pipeline.yml ('\(defaultSchema)')",
                at: first ?? reader.tokens[0]
            )
            return true
        }
        guard let first, reader.take("SET") else { return false }
        var key = ""
        while let token = reader.current, !token.isSymbol("=") {
            key += token.unquoted
            reader.advance()
        }
        if reader.isAtEnd {
            warn(reader, "SET without a value shows one in the service; here it has no effect", at: first)
            return true
        }
        try reader.expect(symbol: "=", "after SET \(key)")
        var value = ""
        while let token = reader.current {
            value += token.unquoted
            reader.advance()
        }
        if parameters.values[key] == nil { parameters.values[key] = value }
        if key.contains(".") {
            warn(
                reader,
                "SET \(key) has no effect on the engine; '${\(key)}' stands for its value from here on",
                at: first
            )
        }
        return true
    }

    private mutating func dataset(
        _ reader: inout TokenReader,
        location: SourceLocation
    ) throws(DuetError) -> Dataset {
        _ = reader.take("OR", "REFRESH") || reader.take("OR", "REPLACE")
        var visibility = Dataset.Visibility.published
        if reader.take("PRIVATE") { visibility = .private }
        if reader.take("TEMPORARY") || reader.take("TEMP") { visibility = .temporary }
        let kind = try kind(&reader)
        if kind == .view { visibility = .temporary }
        _ = reader.take("IF", "NOT", "EXISTS")
        var dataset = Dataset(
            name: try datasetName(&reader),
            kind: kind,
            visibility: visibility,
            columns: [],
            expectations: [],
            comment: nil,
            properties: [],
            refreshPolicy: .auto,
            flows: [],
            location: location
        )
        if reader.current?.isSymbol("(") == true {
            let inner = try reader.bracketed("after the dataset's name")
            try columnList(inner, into: &dataset)
            dataset.takesColumnsByPlace = kind == .view && !dataset.columns.isEmpty
        }
        try clauses(&reader, into: &dataset)
        let flow = reader.current
        if kind == .streamingTable, reader.take("FLOW") {
            flows.append(try capture(&reader, name: nil, first: flow, owner: dataset.name))
            return dataset
        }
        // Without a query, flows of their own feed the table.
        if reader.isAtEnd, kind == .streamingTable { return dataset }
        try reader.expect("AS", "and a query")
        guard let first = reader.current else { throw reader.unexpected("a query") }
        let query = try QueryReader.query(
            tokens: reader.tokens[reader.index...],
            file: file,
            parameters: parameters,
            namesRescued: reader.tokens.contains(where: QueryReader.isRescued)
        )
        dataset.flows = [Flow(name: dataset.name.description, query: query, location: reader.location(first))]
        return dataset
    }

    private func kind(_ reader: inout TokenReader) throws(DuetError) -> Dataset.Kind {
        if reader.take("STREAMING", "TABLE") || reader.take("STREAMING", "LIVE", "TABLE")
            || reader.take("INCREMENTAL", "LIVE", "TABLE")
        {
            return .streamingTable
        }
        if reader.take("MATERIALIZED", "VIEW") || reader.take("LIVE", "TABLE") { return .materializedView }
        if reader.take("VIEW") || reader.take("LIVE", "VIEW") || reader.take("STREAMING", "LIVE", "VIEW")
            || reader.take("STREAMING", "VIEW") || reader.take("INCREMENTAL", "LIVE", "VIEW")
        {
            return .view
        }
        if let word = reader.current, ["TABLE", "FUNCTION", "SCHEMA", "CATALOG", "INDEX"].contains(where: word.isWord) {
            throw reader.error(
                .unsupported,
                "CREATE \(word.text.uppercased()) is not a statement of a pipeline",
                hint: word.isWord("TABLE")
                    ? "declare it as STREAMING TABLE (fed by a stream) or MATERIALIZED VIEW (equal to its query)"
                    : "a pipeline's files hold datasets and flows only",
                at: word
            )
        }
        throw reader.unexpected("STREAMING TABLE, MATERIALIZED VIEW, VIEW or FLOW")
    }

    func datasetName(_ reader: inout TokenReader) throws(DuetError) -> DatasetName {
        let isFilled = reader.current?.kind == .parameter
        var parts = [try namePart("dataset's name", &reader)]
        while reader.take(symbol: ".") { parts.append(try namePart("name after '.'", &reader)) }
        // A parameter may hold a name of several parts.
        if isFilled { parts = parts.flatMap { $0.split(separator: ".").map(String.init) } }
        if parts.count > 1, parts[0].lowercased() == "live" { parts.removeFirst() }
        guard parts.count <= 3 else {
            throw reader.error(.sqlSyntax, "a dataset's name has at most three parts", at: reader.peek(-1))
        }
        return DatasetName(
            schema: parts.count > 1 ? parts[parts.count - 2] : defaultSchema,
            table: parts[parts.count - 1]
        )
    }

    /// A forgotten name must not turn the AS behind it into one; pieces without a space between them are one name.
    private func namePart(_ noun: String, _ reader: inout TokenReader) throws(DuetError) -> String {
        if reader.current?.isWord("AS") == true { throw reader.unexpected("a \(noun)") }
        var text = ""
        var end: Int?
        while let token = reader.current, end == nil || end == token.range.lowerBound {
            if token.kind == .parameter {
                text += try parameters.fill(token.text) { file.location(at: token.range.lowerBound + $0) }
                reader.advance()
            } else if token.kind == .word || token.kind == .quotedName {
                text += try reader.name(noun)
            } else {
                break
            }
            end = token.range.upperBound
        }
        if text.isEmpty { throw reader.unexpected("a \(noun)") }
        return text
    }

    private mutating func clauses(_ reader: inout TokenReader, into dataset: inout Dataset) throws(DuetError) {
        while let token = reader.current, !token.isWord("AS"), !token.isWord("FLOW") {
            if reader.take("COMMENT") {
                dataset.comment = try reader.string("comment")
            } else if reader.take("TBLPROPERTIES") {
                dataset.properties += try properties(try reader.bracketed("after TBLPROPERTIES"))
            } else if reader.take("REFRESH", "POLICY") {
                dataset.refreshPolicy = try refreshPolicy(&reader)
            } else if reader.take("PARTITIONED", "BY") || reader.take("CLUSTER", "BY") {
                if !reader.take("AUTO"), !reader.take("NONE") { _ = try reader.bracketed("with columns") }
                let end = reader.peek(-1)?.range.upperBound ?? token.range.upperBound
                dataset.layout.append(String(decoding: file.bytes[token.range.lowerBound..<end], as: UTF8.self))
                warn(reader, "the layout clause is kept and has no effect: DuckDB orders its own storage", at: token)
            } else if reader.take("SCHEDULE") || reader.take("TRIGGER") {
                _ = reader.take("REFRESH")
                while let next = reader.current, !Self.beginsClause(next) { reader.advance() }
                warn(reader, "the schedule has no effect: run it with cron, or with duet run --watch", at: token)
            } else if reader.take("DEFAULT", "COLLATION") {
                warn(reader, "COLLATION \(try reader.name("collation")) has no effect", at: token)
            } else if reader.take("WITH", "ROW", "FILTER") || reader.take("ROW", "FILTER") {
                throw reader.error(
                    .unsupported,
                    "a row filter is not supported: whoever can read the warehouse's file can read all of it",
                    hint: "make a dataset with only the rows that others may see",
                    at: token
                )
            } else if reader.take("USING") {
                warn(reader, "USING \(try reader.name("format")) has no effect: tables are DuckDB's", at: token)
            } else {
                throw reader.unexpected("COMMENT, TBLPROPERTIES, CLUSTER BY, PARTITIONED BY, REFRESH POLICY or AS")
            }
        }
    }

    private static func beginsClause(_ token: SQLToken) -> Bool {
        ["AS", "FLOW", "COMMENT", "TBLPROPERTIES", "REFRESH", "PARTITIONED", "CLUSTER", "USING", "SCHEDULE", "TRIGGER"]
            .contains(where: token.isWord)
    }

    private mutating func warn(_ reader: TokenReader, _ message: String, at token: SQLToken) {
        warnings.append(reader.error(.unsupported, message, at: token))
    }

    private func refreshPolicy(_ reader: inout TokenReader) throws(DuetError) -> RefreshPolicy {
        if reader.take("AUTO") { return .auto }
        if reader.take("INCREMENTAL", "STRICT") { return .incrementalStrict }
        if reader.take("INCREMENTAL") { return .incremental }
        if reader.take("FULL") { return .full }
        throw reader.unexpected("AUTO, INCREMENTAL, INCREMENTAL STRICT or FULL")
    }

    private func properties(_ tokens: ArraySlice<SQLToken>) throws(DuetError) -> [Property] {
        var reader = TokenReader(file: file, tokens: Array(tokens))
        var properties: [Property] = []
        while !reader.isAtEnd {
            var key = ""
            while let token = reader.current, !token.isSymbol("="), !token.isSymbol(",") {
                key += token.unquoted
                reader.advance()
            }
            try reader.expect(symbol: "=", "after the property '\(key)'")
            guard let value = reader.current else { throw reader.unexpected("a value for the property '\(key)'") }
            properties.append(Property(key: key, value: value.unquoted))
            reader.advance()
            if !reader.isAtEnd { try reader.expect(symbol: ",", "between properties") }
        }
        return properties
    }
}
