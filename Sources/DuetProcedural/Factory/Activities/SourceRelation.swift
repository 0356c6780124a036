internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// What a Copy or Lookup reads: a query on the warehouse, over files or tables.
struct SourceRelation {
    let connection: Connection
    /// A query that gives all rows.
    private(set) var sql: String
    /// The files read; empty for tables.
    let files: [(path: String, relative: String)]
    /// Their bytes.
    let byteCount: Int
    /// The schema of the tables that the query names without one; nil for files.
    let schema: String?
    /// Notes the files as a relation of a name; nil for tables.
    private let scan: ((String) throws -> Recipe.Scan)?

    init(
        _ source: ExpressionObject,
        _ dataset: ResolvedDataset,
        _ call: ActivityCall,
        _ environment: FactoryEnvironment
    ) throws {
        switch try DatasetPlace(dataset, environment) {
        case .table(let schema, let name):
            connection = try environment.connect(schema: schema)
            sql = try Self.query(source, schema: schema, table: name, dataset, environment, connection)
            files = []
            byteCount = 0
            self.schema = schema
            scan = nil
        case .files(let set):
            schema = nil
            connection = try environment.warehouse.connect()
            let found = try Self.files(of: set, source)
            guard !found.isEmpty else {
                // That nothing has changed since is no failure.
                if FileTimes.isGiven(source) { throw NothingChanged() }
                throw ActivityFailure(
                    "FileNotFound",
                    "no file fits '\(set.folder.isEmpty ? "" : set.folder + "/")\(set.name ?? "*")' of the dataset '\(dataset.name)'",
                    hint: "it was looked for in \(set.folderPath)"
                )
            }
            files = found
            byteCount = found.reduce(0) { $0 + Self.size($1.path) }
            try set.format.prepare(connection)
            let skips = SkippedRows(call, environment, connection).isOn
            let format = set.format.reading(with: source.value(ignoringCase: "formatSettings")?.objectValue)
            let reading = try format.reading(found.map(\.path), skipsUnreadable: skips)
            sql = try Self.named("SELECT * FROM \(reading)", set.format, connection)
            scan = { [connection] relation in
                try Recipe.Scan(
                    relation,
                    found.map(\.path),
                    format,
                    skipsUnreadable: skips,
                    dataset: dataset.name,
                    connection
                )
            }
        case .http(let url):
            schema = nil
            connection = try environment.warehouse.connect()
            let layout = FileLayout(dataset)
            let pages = try HTTPPages(source, url: url, call, environment).fetch()
            files = pages.map { ($0, URL(fileURLWithPath: $0).lastPathComponent) }
            byteCount = pages.reduce(0) { $0 + Self.size($1) }
            try layout.prepare(connection)
            // A REST resource has no format of its own: it is JSON.
            let rows = layout.kind == .binary ? FileLayout(json: dataset) : layout
            sql = try Self.named("SELECT * FROM \(try rows.reading(pages))", rows, connection)
            scan = { [connection] relation in
                try Recipe.Scan(relation, pages, rows, dataset: dataset.name, connection)
            }
        }
    }

    /// The source for a recipe: with files under the name of one relation.
    func recorded(as relation: String = "__duet_files") throws -> (source: SourceRelation, scans: [Recipe.Scan]) {
        guard let scan else { return (self, []) }
        var source = self
        source.sql = "SELECT * EXCLUDE (\(Recipe.Scan.fileColumn)) FROM \(SQL.identifier(relation))"
        return (source, [try scan(relation)])
    }

    /// Columns of text and sheets without a header are called Prop_0, Prop_1 …, as in the service.
    static func named(_ sql: String, _ layout: FileLayout, _ connection: Connection) throws -> String {
        guard layout.kind == .delimitedText || layout.kind == .excel, !layout.hasHeader else { return sql }
        let columns = try connection.describe(sql).enumerated().map { number, column in
            let isOwn = column.name == Recipe.Scan.fileColumn
            return SQL.identifier(column.name) + (isOwn ? "" : " AS Prop_\(number)")
        }
        return "SELECT \(columns.joined(separator: ", ")) FROM (\(sql))"
    }

    func limited(_ rows: Int) -> String { "SELECT * FROM (\(sql)) LIMIT \(rows)" }

    static func size(_ path: String) -> Int {
        do {
            return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        } catch {
            // A file that has gone meanwhile has no size; reading it will say so.
            return 0
        }
    }

    /// The files a source means: its wildcards, or else what the dataset names.
    static func files(of set: FileSet, _ source: ExpressionObject) throws -> [(path: String, relative: String)] {
        let settings = source.value(ignoringCase: "storeSettings")?.objectValue ?? source
        let folder = settings.value(ignoringCase: "wildcardFolderPath")?.stringValue
        let name =
            settings.value(ignoringCase: "wildcardFileName")?.stringValue
            ?? settings.value(ignoringCase: "fileFilter")?.stringValue
        let isRecursive = LookupHandler.flag(settings.value(ignoringCase: "recursive")) ?? true
        let times = try FileTimes(settings)
        if let list = settings.value(ignoringCase: "fileListPath")?.stringValue, !list.isEmpty {
            return try listed(list, set).filter { times.contains($0.path) }
        }
        return try set.files(folderPattern: folder, namePattern: name, isRecursive: isRecursive)
            .filter { times.contains($0.path) }
    }

    /// The files that a text file names, one a line, relative to the dataset's folder.
    private static func listed(_ list: String, _ set: FileSet) throws -> [(path: String, relative: String)] {
        try set.check(list)
        guard let data = FileManager.default.contents(atPath: "\(set.root)/\(list)") else {
            throw ActivityFailure("FileNotFound", "there is no list of files '\(list)'", isFinal: true)
        }
        let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        return try lines.map { line in
            try set.check(line)
            let path = "\(set.folderPath)/\(line)"
            guard FileManager.default.fileExists(atPath: path) else {
                throw ActivityFailure("FileNotFound", "there is no '\(line)', which '\(list)' names")
            }
            return (path, line)
        }
    }

    private static func query(
        _ source: ExpressionObject,
        schema: String,
        table: String?,
        _ dataset: ResolvedDataset,
        _ environment: FactoryEnvironment,
        _ connection: Connection
    ) throws -> String {
        let text = SQLText(schema: schema, service: dataset.linkedService)
        for name in ["sqlReaderQuery", "query", "oracleReaderQuery"] {
            if let query = source.value(ignoringCase: name)?.stringValue, !query.isEmpty {
                return trimmed(text.translated(query))
            }
        }
        if let name = source.value(ignoringCase: "sqlReaderStoredProcedureName")?.stringValue {
            let (sql, _) = try environment.procedure(name, of: dataset.linkedService)
            let parameters = SQLText.parameters(source.value(ignoringCase: "storedProcedureParameters"))
            let statements = try connection.statements(in: text.translated(sql, parameters: parameters))
            // All but the last statement prepare; the last one's rows are the procedure's result.
            for statement in statements.dropLast() { try connection.execute(statement.sql) }
            guard let last = statements.last else {
                throw ActivityFailure(
                    "ProcedureEmpty",
                    "the stored procedure '\(name)' has no statement",
                    isFinal: true
                )
            }
            return last.sql
        }
        guard let table else {
            throw ActivityFailure(
                "NoQuery",
                "the dataset '\(dataset.name)' names no table, and the source no query",
                isFinal: true
            )
        }
        return "SELECT * FROM \(SQL.qualified(schema, table))"
    }

    private static func trimmed(_ query: String) -> String {
        var query = query.trimmingCharacters(in: .whitespacesAndNewlines)
        while query.hasSuffix(";") { query = String(query.dropLast()).trimmingCharacters(in: .whitespacesAndNewlines) }
        return query
    }
}
