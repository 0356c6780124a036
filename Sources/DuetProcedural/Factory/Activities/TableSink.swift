internal import DuckKit
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
    func write(
        _ query: String,
        connection: Connection,
        service: ResolvedLinkedService?,
        _ report: inout CopyReport
    ) throws {
        var result = report
        try environment.make(schema: schema, connection)
        try connection.transaction {
            if let script = sink.value(ignoringCase: "preCopyScript")?.stringValue, !script.isEmpty {
                try connection.execute(SQLText(schema: schema, service: service).translated(script))
            }
            let known = try columns(connection)
            if known.isEmpty {
                try create(query, connection, &result)
            } else {
                try insert(query, known, connection, &result)
            }
        }
        report = result
        // Written in one piece; what a table takes on disk is known to the engine alone.
        report.dataWritten = report.dataRead
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

    private func create(_ query: String, _ connection: Connection, _ report: inout CopyReport) throws {
        guard sink.value(ignoringCase: "tableOption")?.stringValue?.lowercased() == "autocreate" else {
            throw ActivityFailure(
                "TableNotFound",
                "there is no table '\(schema).\(table)'",
                hint: "create it first, or set \"tableOption\": \"autoCreate\" on the sink",
                isFinal: true
            )
        }
        try connection.execute("CREATE TABLE \(name) AS \(query)")
        let rows = try connection.scalar("SELECT count(*) FROM \(name)").int ?? 0
        report.rowsRead = rows
        report.rowsCopied = rows
    }

    private func insert(
        _ query: String,
        _ known: [(name: String, type: String)],
        _ connection: Connection,
        _ report: inout CopyReport
    ) throws {
        try connection.execute("CREATE OR REPLACE TEMP TABLE __duet_copy AS \(query)")
        let given = try connection.describe("SELECT * FROM __duet_copy").map(\.name)
        let total = try connection.scalar("SELECT count(*) FROM __duet_copy").int ?? 0
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
        let misfit = pairs.map { pair in
            "(\(SQL.identifier(pair.source)) IS NOT NULL AND TRY_CAST(\(SQL.identifier(pair.source)) AS \(pair.sink.type)) IS NULL)"
        }.joined(separator: " OR ")
        report.rowsRead = total
        if LookupHandler.flag(call["enableSkipIncompatibleRow"]) == true {
            try skip(misfit, connection, &report)
        }
        let sinks = pairs.map { SQL.identifier($0.sink.name) }
        let casts = pairs.map { "CAST(\(SQL.identifier($0.source)) AS \($0.sink.type))" }
        if sink.value(ignoringCase: "writeBehavior")?.stringValue?.lowercased() == "upsert" {
            try deleteMatches(pairs.map { ($0.source, $0.sink.name) }, connection)
        }
        report.rowsCopied = try connection.execute(
            "INSERT INTO \(name) (\(sinks.joined(separator: ", "))) SELECT \(casts.joined(separator: ", ")) FROM __duet_copy"
        )
    }

    /// Takes rows that do not fit out of the copy and writes them to a session log.
    ///
    /// Source: copy-activity-fault-tolerance, the columns of the log.
    private func skip(_ misfit: String, _ connection: Connection, _ report: inout CopyReport) throws {
        let skipped = try connection.scalar("SELECT count(*) FROM __duet_copy WHERE \(misfit)").int ?? 0
        report.rowsSkipped = skipped
        guard skipped > 0 else { return }
        let path = "\(try environment.scratch(call))/session-log.csv"
        try connection.execute(
            """
            COPY (
              SELECT strftime(current_timestamp, '%Y-%m-%d %H:%M:%S') AS "Timestamp", 'Warning' AS "Level",
                'TabularRowSkip' AS "OperationName", CAST(to_json(r) AS VARCHAR) AS "OperationItem",
                'a value does not fit the type of its column' AS "Message"
              FROM __duet_copy AS r WHERE \(misfit)
            ) TO \(SQL.literal(path)) (FORMAT csv, HEADER)
            """
        )
        report.logFilePath = path
        try connection.execute("DELETE FROM __duet_copy WHERE \(misfit)")
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
