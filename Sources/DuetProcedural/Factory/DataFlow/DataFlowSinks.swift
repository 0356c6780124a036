internal import DuckKit
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// A sink that is a table of the warehouse.
struct DataFlowTable {
    private let run: DataFlowRun
    private let step: DataFlowScript.Step
    private let schema: String
    private let name: String
    private let service: ResolvedLinkedService?

    init(
        _ run: DataFlowRun,
        _ step: DataFlowScript.Step,
        schema: String,
        name: String,
        service: ResolvedLinkedService?
    ) {
        self.run = run
        self.step = step
        self.schema = schema
        self.name = name
        self.service = service
    }

    private var connection: Connection { run.connection }
    private var table: String { SQL.qualified(schema, name) }

    /// Writes the rows by their marks: inserted, updated, upserted, deleted.
    ///
    /// - Returns: How many rows were written or taken away, and what became of the table's rows.
    func write(
        _ items: [DataFlowItem],
        from stream: DataFlowStream
    ) throws -> (rows: Int, effect: Movement.Effect) {
        try scripts("preSQLs")
        let mark = stream.hidden(DataFlowStream.rowMark).map { SQL.identifier($0.physical) }
        let list = items.map { "\($0.sql) AS \(SQL.identifier($0.name))" }.joined(separator: ", ")
        let staged = SQL.identifier("__duet_sink_\(step.name)")
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE \(staged) AS SELECT \(list), \(mark ?? "\(unmarked)") AS \(DataFlowStream.rowMark) FROM \(stream.relation)"
        )
        var known = try columns()
        if step.flag("recreate") == true, !known.isEmpty {
            try connection.execute("DROP TABLE \(table)")
            known = []
        }
        let isWhole = known.isEmpty || step.flag("truncate") == true
        if known.isEmpty {
            try connection.execute(
                "CREATE TABLE \(table) AS SELECT * EXCLUDE (\(DataFlowStream.rowMark)) FROM \(staged) WHERE false"
            )
            known = try columns()
        } else if step.flag("truncate") == true {
            try connection.execute("DELETE FROM \(table)")
        }
        let names = try matched(items.map(\.name), known)
        var rows = 0
        if step.flag("deletable") == true { rows += try delete(staged, "= 3") }
        if step.flag("updateable") == true { rows += try update(staged, names) }
        if step.flag("upsertable") == true {
            _ = try delete(staged, "= 2")
            rows += try insert(staged, names, "= 2")
        }
        if step.flag("insertable") != false { rows += try insert(staged, names, "= 0") }
        try connection.execute("DROP TABLE \(staged)")
        try scripts("postSQLs")
        if step.property("postSQLs") != nil { return (rows, .change) }
        let changes = ["deletable", "updateable", "upsertable"].contains { step.flag($0) == true }
        return (rows, isWhole ? .replace : changes || step.property("preSQLs") != nil ? .change : .append)
    }

    /// The rows that are in the table afterwards, for looks back: all but those that are not written, or deleted.
    func query(_ items: [DataFlowItem], from stream: DataFlowStream) -> String {
        let list = items.map { "\($0.sql) AS \(SQL.identifier($0.name))" }.joined(separator: ", ")
        let query = "SELECT \(list) FROM \(stream.relation)"
        guard let mark = stream.hidden(DataFlowStream.rowMark) else { return query }
        var marks = step.flag("insertable") != false ? ["0"] : []
        if step.flag("updateable") == true { marks.append("1") }
        if step.flag("upsertable") == true { marks.append("2") }
        let kept = marks.isEmpty ? "false" : "\(SQL.identifier(mark.physical)) IN (\(marks.joined(separator: ", ")))"
        return "\(query) WHERE \(kept)"
    }

    /// What becomes of rows that no alterRow has marked.
    private var unmarked: Int { step.flag("insertable") == false && step.flag("upsertable") == true ? 2 : 0 }

    private func scripts(_ property: String) throws {
        guard let list = step.property(property) else { return }
        for sql in try run.texts(try DataFlowWriter([], run).sql(list)) {
            try connection.execute(SQLText(schema: schema, service: service).translated(sql))
        }
    }

    private func columns() throws -> [String] {
        try connection.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = $1 AND lower(table_name) = lower($2) ORDER BY ordinal_position",
            [.varchar(schema), .varchar(name)]
        ).compactMap { $0.first?.string }
    }

    /// The columns that are written, and the table's own names for them.
    private func matched(_ given: [String], _ known: [String]) throws -> [(source: String, sink: String)] {
        let pairs = given.compactMap { name in
            known.first { $0.lowercased() == name.lowercased() }.map { (source: name, sink: $0) }
        }
        let isDeclared = step.clause("input") != nil
        guard pairs.count == given.count || (isDeclared && !pairs.isEmpty) else {
            let missing = given.filter { name in !known.contains { $0.lowercased() == name.lowercased() } }
            throw DataFlowError(
                "the table '\(schema).\(name)' has no column '\(missing.joined(separator: "', '"))'",
                at: step.offset,
                hint: "map the sink's columns with mapColumn; the table has: \(known.joined(separator: ", "))"
            )
        }
        return pairs
    }

    private func keys() throws -> [String] {
        let keys = try step.property("keys").map { try run.texts(try DataFlowWriter([], run).sql($0)) } ?? []
        guard !keys.isEmpty else {
            throw DataFlowError(
                "the sink '\(step.name)' updates or deletes and names no keys",
                at: step.offset,
                hint: "add keys:['id']"
            )
        }
        return keys
    }

    private func condition() throws -> String {
        try keys().map { "t.\(SQL.identifier($0)) = s.\(SQL.identifier($0))" }.joined(separator: " AND ")
    }

    private func insert(_ staged: String, _ names: [(source: String, sink: String)], _ mark: String) throws -> Int {
        let sinks = names.map { SQL.identifier($0.sink) }.joined(separator: ", ")
        let sources = names.map { SQL.identifier($0.source) }.joined(separator: ", ")
        return try connection.execute(
            "INSERT INTO \(table) (\(sinks)) SELECT \(sources) FROM \(staged) WHERE \(DataFlowStream.rowMark) \(mark)"
        )
    }

    private func delete(_ staged: String, _ mark: String) throws -> Int {
        guard try connection.scalar("SELECT count(*) FROM \(staged) WHERE \(DataFlowStream.rowMark) \(mark)").int != 0
        else { return 0 }
        return try connection.execute(
            "DELETE FROM \(table) AS t USING \(staged) AS s WHERE s.\(DataFlowStream.rowMark) \(mark) AND \(try condition())"
        )
    }

    private func update(_ staged: String, _ names: [(source: String, sink: String)]) throws -> Int {
        let keys = Set(try keys().map { $0.lowercased() })
        let sets = names.filter { !keys.contains($0.sink.lowercased()) }
            .map { "\(SQL.identifier($0.sink)) = s.\(SQL.identifier($0.source))" }.joined(separator: ", ")
        guard !sets.isEmpty else { return 0 }
        return try connection.execute(
            "UPDATE \(table) AS t SET \(sets) FROM \(staged) AS s WHERE s.\(DataFlowStream.rowMark) = 1 AND \(try condition())"
        )
    }
}

/// A sink that is a file; written beside its place, and put there when the whole flow has done its work.
struct DataFlowFile {
    private let set: FileSet
    private let temporary: String
    let path: String
    private let isCleared: Bool

    init(_ step: DataFlowScript.Step, _ set: FileSet, _ run: DataFlowRun, _ call: ActivityCall) throws {
        self.set = set
        var name = set.name
        if let names = step.property("partitionFileNames") {
            name = try run.texts(try DataFlowWriter([], run).sql(names)).first
        }
        let file = name ?? "part-00000\(set.format.suffix)"
        try set.check(file)
        path = "\(set.folderPath)/\(file)"
        temporary = "\(set.folderPath)/.\(file.replacingOccurrences(of: "/", with: "_")).\(call.activityRunID)"
        isCleared = step.flag("truncate") ?? false
    }

    func write(_ query: String, _ connection: Connection) throws -> Int {
        try FileManager.default.createDirectory(atPath: set.folderPath, withIntermediateDirectories: true)
        return try connection.execute(
            "COPY (\(query)) TO \(SQL.literal(temporary)) (\(try set.format.writing()))"
        )
    }

    func publish() throws {
        let manager = FileManager.default
        if isCleared {
            for name in try manager.contentsOfDirectory(atPath: set.folderPath) where !name.hasPrefix(".") {
                try manager.removeItem(atPath: "\(set.folderPath)/\(name)")
            }
        }
        if manager.fileExists(atPath: path) { try manager.removeItem(atPath: path) }
        try manager.createDirectory(
            atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
            withIntermediateDirectories: true
        )
        try manager.moveItem(atPath: temporary, toPath: path)
    }
}
