internal import DuckKit
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// Writes rows into a table of the warehouse.
struct TableSink {
    private let call: ActivityCall
    private let environment: FactoryEnvironment
    private let schema: String
    private let table: String
    private let sink: ExpressionObject

    init(_ call: ActivityCall, _ environment: FactoryEnvironment, schema: String, table: String) {
        self.call = call
        self.environment = environment
        self.schema = schema
        self.table = table
        sink = call["sink"]?.objectValue ?? ExpressionObject()
    }

    private var name: String { SQL.qualified(schema, table) }

    /// Writes all rows, or none: what goes wrong half-way leaves the table as it was.
    ///
    /// - Returns: What became of the table's rows.
    func write(
        _ query: String,
        connection: Connection,
        service: ResolvedLinkedService?,
        _ report: inout CopyReport
    ) throws -> Movement.Effect {
        var result = report
        var effect = Movement.Effect.append
        try environment.make(schema: schema, connection)
        try connection.transaction {
            if let script = sink.value(ignoringCase: "preCopyScript")?.stringValue, !script.isEmpty {
                try connection.execute(SQLText(schema: schema, service: service).translated(script))
            }
            try connection.execute("CREATE OR REPLACE TEMP TABLE __duet_copy AS \(query)")
            let known = try columns(connection)
            let before = known.isEmpty ? 0 : try count(name, connection)
            // A table without rows may be another activity's too, which fills it at the same time.
            effect = known.isEmpty ? .replace : isUpsert ? .change : .append
            result.rowsRead = try count("__duet_copy", connection)
            let log = SkippedRows(call, environment, connection)
            if log.isOn { try log.takeUnreadable(&result) }
            if known.isEmpty { try create(connection, &result) } else { try insert(known, log, connection, &result) }
            if log.isOn { try log.write(&result) }
            if LookupHandler.flag(call["validateDataConsistency"]) == true {
                try verify(before, connection, &result)
            }
        }
        report = result
        // Written in one piece; what a table takes on disk is known to the engine alone.
        report.dataWritten = report.dataRead
        return effect
    }

    private var isUpsert: Bool {
        sink.value(ignoringCase: "writeBehavior")?.stringValue?.lowercased() == "upsert"
    }

    private func count(_ table: String, _ connection: Connection) throws -> Int {
        try connection.scalar("SELECT count(*) FROM \(table)").int ?? 0
    }

    /// Makes sure that no row was lost.
    ///
    /// Source: copy-activity-data-consistency: rows read are rows copied and rows skipped. Here the table is counted too.
    private func verify(_ before: Int, _ connection: Connection, _ report: inout CopyReport) throws {
        let after = try count(name, connection)
        let copied = report.rowsCopied ?? 0
        guard report.rowsRead == copied + report.rowsSkipped, isUpsert || after - before == copied else {
            throw ActivityFailure(
                "DataInconsistency",
                "\(report.rowsRead ?? 0) rows were read, \(copied) copied and \(report.rowsSkipped) skipped, and the table "
                    + "grew by \(after - before)",
                kind: .system
            )
        }
        report.consistency = "Verified"
    }

    private func columns(_ connection: Connection) throws -> [(name: String, type: String)] {
        try connection.rows(
            "SELECT column_name, data_type FROM information_schema.columns "
                + "WHERE table_schema = $1 AND lower(table_name) = lower($2) ORDER BY ordinal_position",
            [.varchar(schema), .varchar(table)]
        ).compactMap { row in
            guard let name = row.first?.string, let type = row.last?.string else { return nil }
            return (name, type)
        }
    }

    private func create(_ connection: Connection, _ report: inout CopyReport) throws {
        guard sink.value(ignoringCase: "tableOption")?.stringValue?.lowercased() == "autocreate" else {
            throw ActivityFailure(
                "TableNotFound",
                "there is no table '\(schema).\(table)'",
                hint: "create it first, or set \"tableOption\": \"autoCreate\" on the sink",
                isFinal: true
            )
        }
        try connection.execute("CREATE TABLE \(name) AS SELECT * FROM __duet_copy")
        report.rowsCopied = try count(name, connection)
    }

    private func insert(
        _ known: [(name: String, type: String)],
        _ log: SkippedRows,
        _ connection: Connection,
        _ report: inout CopyReport
    ) throws {
        let given = try connection.describe("SELECT * FROM __duet_copy").map(\.name)
        let pairs = given.compactMap { name in
            known.first { $0.name.lowercased() == name.lowercased() }.map { (source: name, sink: $0) }
        }
        guard pairs.count == given.count else {
            let missing = given.filter { name in !known.contains { $0.name.lowercased() == name.lowercased() } }
            throw ActivityFailure(
                "ColumnNotFound",
                "the table '\(schema).\(table)' has no column '\(missing.joined(separator: "', '"))'",
                hint: "map the columns with a translator; it has: \(known.map(\.name).joined(separator: ", "))",
                isFinal: true
            )
        }
        if log.isOn {
            let misfit = pairs.map { pair in
                "(\(SQL.identifier(pair.source)) IS NOT NULL AND TRY_CAST(\(SQL.identifier(pair.source)) AS \(pair.sink.type)) IS NULL)"
            }.joined(separator: " OR ")
            try log.take(misfit, because: "a value does not fit the type of its column", &report)
            if !isUpsert {
                for key in try keys(connection) { try takeTwins(key, pairs, log, &report) }
            }
        }
        let sinks = pairs.map { SQL.identifier($0.sink.name) }
        let casts = pairs.map { "CAST(\(SQL.identifier($0.source)) AS \($0.sink.type))" }
        if isUpsert { try deleteMatches(pairs.map { ($0.source, $0.sink.name) }, connection) }
        report.rowsCopied = try connection.execute(
            "INSERT INTO \(name) (\(sinks.joined(separator: ", "))) SELECT \(casts.joined(separator: ", ")) FROM __duet_copy"
        )
    }

    /// The columns that must be unique together, for each constraint.
    private func keys(_ connection: Connection) throws -> [[String]] {
        try connection.rows(
            "SELECT array_to_string(constraint_column_names, chr(10)) FROM duckdb_constraints() "
                + "WHERE schema_name = $1 AND lower(table_name) = lower($2) AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
            [.varchar(schema), .varchar(table)]
        ).compactMap { $0.first?.string?.split(separator: "\n").map(String.init) }
    }

    /// Takes out rows whose key the table has already, or a row before them.
    private func takeTwins(
        _ key: [String],
        _ pairs: [(source: String, sink: (name: String, type: String))],
        _ log: SkippedRows,
        _ report: inout CopyReport
    ) throws {
        let columns = key.compactMap { name in pairs.first { $0.sink.name.lowercased() == name.lowercased() } }
        guard columns.count == key.count else { return }
        let same = columns.map { pair in
            "t.\(SQL.identifier(pair.sink.name)) = TRY_CAST(r.\(SQL.identifier(pair.source)) AS \(pair.sink.type))"
        }.joined(separator: " AND ")
        let list = columns.map { SQL.identifier($0.source) }.joined(separator: ", ")
        let twins = """
            rowid IN (SELECT r.rowid FROM __duet_copy AS r WHERE EXISTS (SELECT 1 FROM \(name) AS t WHERE \(same)))
              OR rowid NOT IN (SELECT min(rowid) FROM __duet_copy GROUP BY \(list))
            """
        try log.take(twins, because: "the key is there already", &report)
    }

    private func deleteMatches(_ pairs: [(source: String, sink: String)], _ connection: Connection) throws {
        let settings = sink.value(ignoringCase: "upsertSettings")?.objectValue
        let keys = (settings?.value(ignoringCase: "keys")?.arrayValue ?? []).compactMap(\.stringValue)
        guard !keys.isEmpty else {
            throw ActivityFailure(
                "NoUpsertKeys",
                "an upsert needs the columns that tell one row from another",
                hint: "add \"upsertSettings\": {\"keys\": [\"id\"]} to the sink",
                isFinal: true
            )
        }
        let conditions = try keys.map { key in
            guard let pair = pairs.first(where: { $0.sink.lowercased() == key.lowercased() }) else {
                throw ActivityFailure("ColumnNotFound", "the key '\(key)' is no column of the copy", isFinal: true)
            }
            return "t.\(SQL.identifier(pair.sink)) = s.\(SQL.identifier(pair.source))"
        }
        try connection.execute(
            "DELETE FROM \(name) AS t USING __duet_copy AS s WHERE \(conditions.joined(separator: " AND "))"
        )
    }
}
