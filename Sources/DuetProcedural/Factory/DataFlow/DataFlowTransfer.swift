internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// Reads a data flow's sources and writes its sinks.
struct DataFlowTransfer {
    private let call: ActivityCall
    private let flow: ResolvedDataFlow
    private let environment: FactoryEnvironment
    private let run: DataFlowRun
    private var rowsRead: [(name: String, rows: Int)] = []
    private var written: [(name: String, rows: Int, seconds: Double)] = []
    private var outputs: [(name: String, rows: [ExpressionValue])] = []
    private var files: [DataFlowFile] = []

    init(_ call: ActivityCall, _ flow: ResolvedDataFlow, _ environment: FactoryEnvironment, _ run: DataFlowRun) {
        self.call = call
        self.flow = flow
        self.environment = environment
        self.run = run
    }

    private var connection: Connection { run.connection }

    mutating func perform() throws -> ExpressionValue {
        try prepare()
        // Views and tables of the flow are the connection's own; the sinks' tables change together or not at all.
        try connection.transaction {
            try run.walk(source: { try read($0) }, sink: { if Self.isCache($0) { try cache($0) } })
            for step in sinks() { try write(step) }
        }
        for file in files { try file.publish() }
        return output()
    }

    private static func isCache(_ step: DataFlowScript.Step) -> Bool { step.text("store")?.lowercased() == "cache" }

    /// The sinks that write, in their order of saving.
    private func sinks() -> [DataFlowScript.Step] {
        run.order.enumerated().filter { $0.element.kind == "sink" && !Self.isCache($0.element) }
            .sorted {
                ($0.element.number("saveOrder") ?? 0, $0.offset) < ($1.element.number("saveOrder") ?? 0, $1.offset)
            }
            .map(\.element)
    }

    /// Schemas are made before the transaction, which would otherwise clash with others that make them.
    private func prepare() throws {
        for step in run.order where (step.kind == "source" || step.kind == "sink") && !Self.isCache(step) {
            if case .table(let schema, _) = try place(of: step) { try environment.make(schema: schema, connection) }
        }
    }

    // MARK: - Where things are

    private func dataset(of step: DataFlowScript.Step) throws -> ResolvedDataset {
        if let dataset = flow.datasets[step.name.lowercased()] { return dataset }
        // An inline dataset: the script says what a dataset would.
        func text(_ name: String) throws -> ExpressionValue? {
            guard let value = step.property(name) else { return nil }
            let known = try run.constant(try DataFlowWriter([], run).sql(value), at: value.offset)
            return known.string.map { .string($0) } ?? known.int.map { .integer(Int64($0)) }
        }
        let format = step.text("format")?.lowercased() ?? ""
        var properties = ExpressionObject()
        var location = ExpressionObject()
        for (name, target) in [
            ("container", "container"), ("fileSystem", "fileSystem"), ("folderPath", "folderPath"),
            ("fileName", "fileName"),
        ] {
            if let value = try text(name) { location[target] = value }
        }
        properties["location"] = .object(location)
        for name in ["columnDelimiter", "escapeChar", "quoteChar", "nullValue"] {
            if let value = try text(name) { properties[name] = value }
        }
        if step.flag("columnNamesAsHeader") == true { properties["firstRowAsHeader"] = true }
        if let table = try text("tableName") ?? text("entity") { properties["table"] = table }
        let types = [
            "delimited": "DelimitedText", "json": "Json", "parquet": "Parquet", "excel": "Excel", "delta": "Delta",
        ]
        let service =
            flow.linkedServices[step.name.lowercased()]
            ?? step.text("database").map {
                ResolvedLinkedService(
                    name: $0,
                    type: "",
                    parameters: ExpressionObject(),
                    properties: ExpressionObject()
                )
            }
        return ResolvedDataset(
            name: step.name,
            type: types[format] ?? format,
            properties: properties,
            schema: .null,
            linkedService: service
        )
    }

    private func place(of step: DataFlowScript.Step) throws -> DatasetPlace {
        try DatasetPlace(try dataset(of: step), environment)
    }

    // MARK: - Sources

    private mutating func read(_ step: DataFlowScript.Step) throws {
        let dataset = try dataset(of: step)
        let sql: String
        var recorded: String?
        switch try DatasetPlace(dataset, environment) {
        case .table(let schema, let name):
            let query = try step.property("query").map { value in
                try run.constant(try DataFlowWriter([], run).sql(value), at: value.offset).string ?? ""
            }
            if let query, !query.isEmpty, step.text("format") != "table" {
                let text = SQLText(schema: schema, service: dataset.linkedService)
                sql = "SELECT * FROM (\(text.translated(query)))"
                try connection.execute("SET schema = \(SQL.literal(schema))")
                run.record.read(in: schema)
            } else if let name {
                sql = "SELECT * FROM \(SQL.qualified(schema, name))"
            } else {
                throw DataFlowError("the source '\(step.name)' names neither table nor query", at: step.offset)
            }
        case .files(let set): (sql, recorded) = try files(set, step, dataset)
        case .http:
            let source = try SourceRelation(ExpressionObject(), dataset, call, environment)
            sql = source.sql
            if environment.recipes != nil {
                let (noted, scans) = try source.recorded(as: run.record.nextScan)
                recorded = noted.sql
                run.record.scan(scans)
            }
        }
        defer { if case .success = Result(catching: { try connection.execute("SET schema = 'main'") }) {} }
        try define(step, sql, recorded: recorded)
    }

    /// The rows of a source's files: for now, and for looks back, where the files are a relation of their own.
    private func files(
        _ set: FileSet,
        _ step: DataFlowScript.Step,
        _ dataset: ResolvedDataset
    ) throws -> (sql: String, recorded: String?) {
        var found: [(path: String, relative: String)] = []
        if let patterns = step.property("wildcardPaths") {
            for pattern in try run.texts(try DataFlowWriter([], run).sql(patterns)) {
                let parts = pattern.split(separator: "/").map(String.init)
                found += try set.files(
                    folderPattern: parts.dropLast().joined(separator: "/"),
                    namePattern: parts.last ?? "*",
                    isRecursive: false
                )
            }
        } else {
            found = try set.files(folderPattern: nil, namePattern: nil, isRecursive: true)
        }
        guard !found.isEmpty else {
            guard step.flag("ignoreNoFilesFound") == true else {
                throw ActivityFailure(
                    "FileNotFound",
                    "no file fits the source '\(step.name)'",
                    hint: "it was looked for in \(set.folderPath)"
                )
            }
            let columns = step.declared.map {
                "CAST(NULL AS \(DataFlowTypes.sql($0.type))) AS \(SQL.identifier($0.name))"
            }
            return ("SELECT \(columns.isEmpty ? "NULL AS empty" : columns.joined(separator: ", ")) WHERE false", nil)
        }
        try set.format.prepare(connection)
        let reading = try set.format.reading(found.map(\.path))
        let sql = try SourceRelation.named("SELECT * FROM \(reading)", set.format, connection)
        guard environment.recipes != nil else { return (sql, nil) }
        let relation = try run.record.scan(found.map(\.path), set.format, dataset: dataset.name, connection)
        return (sql, "SELECT * EXCLUDE (\(Recipe.Scan.fileColumn)) FROM \(SQL.identifier(relation))")
    }

    /// The declared columns with their types, and what else there is.
    private mutating func define(_ step: DataFlowScript.Step, _ sql: String, recorded: String?) throws {
        let found = try connection.describe(sql)
        var items: [DataFlowItem] = []
        var used: Set<String> = []
        let hasNames = !(found.first?.name == "Prop_0")
        for (number, declared) in step.declared.enumerated() {
            let column =
                hasNames
                ? found.first { $0.name.lowercased() == declared.name.lowercased() }
                : found.indices.contains(number) ? found[number] : nil
            guard let column else {
                if step.flag("validateSchema") == true {
                    throw DataFlowError(
                        "the source '\(step.name)' has no column '\(declared.name)'",
                        at: step.offset,
                        hint: "it has: \(found.map(\.name).prefix(12).joined(separator: ", "))"
                    )
                }
                items.append(.init(name: declared.name, sql: "CAST(NULL AS \(DataFlowTypes.sql(declared.type)))"))
                continue
            }
            used.insert(column.name)
            items.append(
                .init(name: declared.name, sql: DataFlowTypes.cast(SQL.identifier(column.name), to: declared.type))
            )
        }
        if step.declared.isEmpty || step.flag("allowSchemaDrift") != false {
            for column in found where !used.contains(column.name) {
                items.append(.init(name: column.name, sql: SQL.identifier(column.name)))
            }
        }
        try run.define(
            step.name,
            items,
            "FROM (\(sql))",
            isFixed: true,
            recorded: recorded.map { "FROM (\($0))" },
            step: step
        )
        let stream = try run.stream(step.name, for: step)
        rowsRead.append((step.name, try connection.scalar("SELECT count(*) FROM \(stream.relation)").int ?? 0))
    }

    // MARK: - Sinks

    /// The columns a sink takes, as a query.
    private func taken(_ step: DataFlowScript.Step) throws -> (stream: DataFlowStream, items: [DataFlowItem]) {
        guard let input = step.inputs.first else {
            throw DataFlowError("the sink '\(step.name)' reads no stream", at: step.offset)
        }
        let stream = try run.stream(input, for: step)
        let mapping = step.clause("mapcolumn") ?? []
        var items =
            mapping.isEmpty
            ? run.items(stream).filter { !$0.isHidden } : try run.assigned(mapping, stream, run.writer(stream))
        var seen: Set<String> = []
        items = items.filter { seen.insert($0.name.lowercased()).inserted }
        return (stream, items)
    }

    private mutating func cache(_ step: DataFlowScript.Step) throws {
        let (stream, items) = try taken(step)
        try run.define(step.name, items, "FROM \(stream.relation)", isFixed: true, step: step)
        let made = try run.stream(step.name, for: step)
        let keys = try step.property("keys").map { try run.texts(try DataFlowWriter([], run).sql($0)) } ?? []
        let isOutput = step.flag("output") ?? false
        run.caches[step.name.lowercased()] = .init(relation: made.relation, keys: keys, isOutput: isOutput)
        guard isOutput else { return }
        let result = try connection.query("SELECT * FROM \(made.relation)")
        outputs.append((step.name, try RowOutput.rows(result, limit: FactoryLimits.lookupRows)))
    }

    private mutating func write(_ step: DataFlowScript.Step) throws {
        let start = Date()
        let (stream, items) = try taken(step)
        let dataset = try dataset(of: step)
        var rows = 0
        switch try DatasetPlace(dataset, environment) {
        case .table(let schema, let name):
            guard let name else { throw DataFlowError("the sink '\(step.name)' names no table", at: step.offset) }
            let table = DataFlowTable(run, step, schema: schema, name: name, service: dataset.linkedService)
            let effect: Movement.Effect
            (rows, effect) = try table.write(items, from: stream)
            environment.recipes?.note(call.activityRunID, "\(schema).\(name)", effect) {
                run.record.recipe(table.query(items, from: stream))
            }
        case .files(let set):
            let list = items.map { "\($0.sql) AS \(SQL.identifier($0.name))" }.joined(separator: ", ")
            let file = try DataFlowFile(step, set, run, call)
            let query = "SELECT \(list) FROM \(stream.relation)"
            rows = try file.write(query, connection)
            environment.recipes?.note(call.activityRunID, file.path, .replace) { run.record.recipe(query) }
            files.append(file)
        case .http: throw DataFlowError("rows cannot be sent to a server", at: step.offset)
        }
        written.append((step.name, rows, Date().timeIntervalSince(start)))
    }

    /// What the activity gives.
    ///
    /// Source: control-flow-execute-data-flow-activity, "Sample output".
    private func output() -> ExpressionValue {
        let sources = ExpressionObject(
            rowsRead.map { ($0.name, ["rowsRead": .integer(Int64($0.rows))] as ExpressionValue) }
        )
        let metrics = ExpressionObject(
            written.map { sink in
                let value: ExpressionValue = [
                    "rowsWritten": .integer(Int64(sink.rows)),
                    "sinkProcessingTime": .integer(Int64((sink.seconds * 1_000).rounded())),
                    "sources": .object(sources), "stages": [],
                ]
                return (sink.name, value)
            }
        )
        var status: ExpressionObject = ["metrics": .object(metrics)]
        if !outputs.isEmpty {
            status["output"] = .object(
                ExpressionObject(
                    outputs.map { sink in
                        (sink.name, ["value": .array(sink.rows), "count": .integer(Int64(sink.rows.count))])
                    }
                )
            )
        }
        return ["runStatus": .object(status), "effectiveIntegrationRuntime": "duet (local)"]
    }
}
