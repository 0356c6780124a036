/// Reads the outer shell of a SQL file's statements; every query inside is left to DuckDB.
struct StatementParser {
    let file: SourceFile
    let parameters: Parameters
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
            if let flow = try flow(&reader) {
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
            datasets.append(try dataset(&reader, location: reader.location(tokens.first)))
        } catch {
            errors.append(error)
        }
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
        }
        try clauses(&reader, into: &dataset)
        // Without a query, flows of their own feed the table.
        if reader.isAtEnd, kind == .streamingTable { return dataset }
        try reader.expect("AS", "and a query")
        guard let first = reader.current else { throw reader.unexpected("a query") }
        let query = try QueryReader.query(
            tokens: reader.tokens[reader.index...],
            file: file,
            parameters: parameters
        )
        dataset.flows = [Flow(name: dataset.name.description, query: query, location: reader.location(first))]
        return dataset
    }

    private func kind(_ reader: inout TokenReader) throws(DuetError) -> Dataset.Kind {
        if reader.take("STREAMING", "TABLE") || reader.take("STREAMING", "LIVE", "TABLE") { return .streamingTable }
        if reader.take("MATERIALIZED", "VIEW") || reader.take("LIVE", "TABLE") { return .materializedView }
        if reader.take("VIEW") || reader.take("LIVE", "VIEW") || reader.take("STREAMING", "LIVE", "VIEW") {
            return .view
        }
        throw reader.unexpected("STREAMING TABLE, MATERIALIZED VIEW, VIEW or FLOW")
    }

    func datasetName(_ reader: inout TokenReader) throws(DuetError) -> DatasetName {
        var parts = [try namePart("dataset's name", &reader)]
        while reader.take(symbol: ".") { parts.append(try namePart("name after '.'", &reader)) }
        if parts.count > 1, parts[0].lowercased() == "live" { parts.removeFirst() }
        guard parts.count <= 3 else {
            throw reader.error(.sqlSyntax, "a dataset's name has at most three parts", at: reader.peek(-1))
        }
        return DatasetName(
            schema: parts.count > 1 ? parts[parts.count - 2] : defaultSchema,
            table: parts[parts.count - 1]
        )
    }

    /// A forgotten name must not turn the AS behind it into one.
    private func namePart(_ noun: String, _ reader: inout TokenReader) throws(DuetError) -> String {
        if reader.current?.isWord("AS") == true { throw reader.unexpected("a \(noun)") }
        return try reader.name(noun)
    }

    private mutating func clauses(_ reader: inout TokenReader, into dataset: inout Dataset) throws(DuetError) {
        while let token = reader.current, !token.isWord("AS") {
            if reader.take("COMMENT") {
                dataset.comment = try reader.string("comment")
            } else if reader.take("TBLPROPERTIES") {
                dataset.properties += try properties(try reader.bracketed("after TBLPROPERTIES"))
            } else if reader.take("REFRESH", "POLICY") {
                dataset.refreshPolicy = try refreshPolicy(&reader)
            } else if reader.take("PARTITIONED", "BY") || reader.take("CLUSTER", "BY") {
                if !reader.take("AUTO"), !reader.take("NONE") { _ = try reader.bracketed("with columns") }
                warn(reader, "the layout clause has no effect here: DuckDB orders its own storage", at: token)
            } else if reader.take("USING") {
                warn(reader, "USING \(try reader.name("format")) has no effect: tables are DuckDB's", at: token)
            } else {
                throw reader.unexpected("COMMENT, TBLPROPERTIES, CLUSTER BY, PARTITIONED BY, REFRESH POLICY or AS")
            }
        }
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
