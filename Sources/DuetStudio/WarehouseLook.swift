internal import DuckKit
internal import DuetEngine
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Reads from one style's warehouse, and can do nothing but read.
struct WarehouseLook {
    /// Rows for a page.
    struct Table: Sendable {
        var columns: [(name: String, type: String)]
        var rows: [[JSONValue]]
        /// Whether there were more than asked for.
        var isCut: Bool

        var json: JSONValue {
            [
                "columns": .array(columns.map { ["name": .string($0.name), "type": .string($0.type)] }),
                "rows": .array(rows.map { .array($0) }),
                "cut": .bool(isCut),
            ]
        }
    }

    /// The most rows sent at once.
    static let maximumRows = 500
    /// The longest a question may take, in seconds.
    static let maximumSeconds = 10.0

    private let connection: Connection

    /// Opens a warehouse for reading.
    ///
    /// - Throws: ``DuetError`` when it has not been made yet.
    init(path: String) throws {
        let warehouse = try Warehouse(path: path, isReadOnly: true)
        connection = try warehouse.connect()
        // What a page asks is not to reach any other file of this machine, and not to change that again.
        try connection.execute("SET enable_external_access = false")
        try connection.execute("SET lock_configuration = true")
    }

    /// Whether a table or view exists.
    func has(_ name: DatasetName) throws -> Bool {
        let found = try connection.scalar(
            """
            SELECT count(*) FROM (
                SELECT schema_name AS s, table_name AS t FROM duckdb_tables()
                UNION ALL SELECT schema_name, view_name FROM duckdb_views()
            ) WHERE lower(s || '.' || t) = ?
            """,
            [.varchar(name.key)]
        )
        return (found.int ?? 0) > 0
    }

    /// Rows of a dataset.
    ///
    /// - Throws: ``DuetError`` when it does not exist or the condition is wrong.
    func rows(of name: DatasetName, where condition: String?, offset: Int, limit: Int) throws -> Table {
        guard try has(name) else {
            throw DuetError(.unknownTable, "'\(name)' has not been made yet", hint: "run the style first")
        }
        let filter = condition.map { " WHERE (\($0)\n)" } ?? ""
        let select = "SELECT * FROM \(SQL.qualified(name.schema, name.table))\(filter)"
        return try answer("\(select) LIMIT \(min(limit, Self.maximumRows) + 1) OFFSET \(max(0, offset))", limit: limit)
    }

    /// How many rows a dataset has.
    func count(of name: DatasetName, where condition: String?) throws -> Int {
        let filter = condition.map { " WHERE (\($0)\n)" } ?? ""
        let table = try answer("SELECT count(*) FROM \(SQL.qualified(name.schema, name.table))\(filter)", limit: 1)
        return table.rows.first?.first?.integer ?? 0
    }

    /// What DuckDB's own summary says of each column.
    func profile(of name: DatasetName) throws -> Table {
        try answer(
            """
            SELECT column_name, column_type, min, max, approx_unique, avg, null_percentage
            FROM (SUMMARIZE SELECT * FROM \(SQL.qualified(name.schema, name.table)))
            """,
            limit: Self.maximumRows
        )
    }

    /// Rows that a rule kept out of a dataset; nil when none ever were.
    func quarantine(of name: DatasetName) throws -> Table? {
        let found = try connection.rows(
            """
            SELECT t FROM (
                SELECT schema_name AS s, table_name AS t FROM duckdb_tables()
                UNION ALL SELECT schema_name, view_name FROM duckdb_views()
            ) WHERE s = 'duet_quarantine' AND lower(t) = ?
            """,
            [.varchar(name.key)]
        )
        guard let table = found.first?.first?.string else { return nil }
        return try answer("SELECT * FROM \(SQL.qualified("duet_quarantine", table)) LIMIT 101", limit: 100)
    }

    /// Answers one SELECT that a page wrote.
    ///
    /// - Throws: ``DuetError`` when it is no SELECT, is wrong, or takes too long.
    func ask(_ sql: String) throws -> Table {
        let select = sql.trimmingCharacters(in: .whitespacesAndNewlines.union(CharacterSet(charactersIn: ";")))
        do {
            // Only a query has a syntax tree: no change, no setting, no second statement passes.
            _ = try connection.syntaxTree(of: select)
        } catch {
            throw DuetError(
                error.kind == .parser ? .sqlSyntax : .unsupported,
                error.kind == .parser ? error.message : "only SELECT statements are answered here",
                hint: "write one SELECT statement"
            )
        }
        return try answer(select, limit: Self.maximumRows)
    }

    private func answer(_ sql: String, limit: Int) throws -> Table {
        let watch = Watch(connection.interruptHandle, seconds: Self.maximumSeconds)
        defer { watch.end() }
        do {
            let result = try connection.query(sql)
            var rows: [[JSONValue]] = []
            var isCut = false
            while !isCut, let chunk = try result.nextChunk() {
                for row in try chunk.rows() {
                    guard rows.count < min(limit, Self.maximumRows) else {
                        isCut = true
                        break
                    }
                    rows.append(row.map(Self.json))
                }
            }
            return Table(
                columns: result.columns.map { ($0.name, $0.type.description) },
                rows: rows,
                isCut: isCut
            )
        } catch {
            if error.kind == .interrupt {
                throw DuetError(
                    .sqlExecution,
                    "the question took longer than \(Int(Self.maximumSeconds)) seconds and was stopped",
                    hint: "ask for less"
                )
            }
            throw DuetError(.sqlBinding, error.message, hint: "check names and types")
        }
    }

    /// Numbers that a page can hold exactly stay numbers; all else is text.
    private static func json(_ value: Value) -> JSONValue {
        if value.isNull { return .null }
        if let flag = value.bool { return .bool(flag) }
        if let number = value.int, abs(number) < 1 << 53 { return .integer(Int64(number)) }
        return .string(value.description)
    }

    /// Interrupts a question that takes too long.
    private final class Watch: Sendable {
        private let isOver = Mutex(false)

        init(_ handle: InterruptHandle, seconds: Double) {
            DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { [weak self] in
                if let self, !isOver.withLock({ $0 }) { handle.interrupt() }
            }
        }

        func end() { isOver.withLock { $0 = true } }
    }
}
