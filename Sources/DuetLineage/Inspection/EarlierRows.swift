import DuckKit
import DuetEngine
import DuetPipeline

/// A dataset's rows as earlier updates left them, from the changes that its `duet.keepChanges` property keeps.
struct EarlierRows {
    let dataset: Dataset
    let connection: Connection
    private let columns: [ColumnDescription]
    /// The version in which its rows were last made anew, and the present one.
    private let base: Int
    private let present: Int

    init(_ dataset: Dataset, style: Style, _ connection: Connection) throws {
        self.dataset = dataset
        self.connection = connection
        guard style == .declarative, dataset.keptChanges != nil else {
            throw DuetError(
                .unsupported,
                style == .declarative
                    ? "'\(dataset.name)' keeps no changes of earlier updates"
                    : "the procedural style makes its tables anew and keeps no earlier rows",
                hint: "TBLPROPERTIES ('duet.keepChanges' = '30') keeps those of 30 updates, in the declarative style",
                at: dataset.location
            )
        }
        let state = try WarehouseState.refreshState(connection).datasets[dataset.name]
        guard let state else {
            throw DuetError(
                .unknownTable,
                "'\(dataset.name)' has not been made in the declarative style",
                hint: "run the pipeline first: duet run"
            )
        }
        base = state.base
        present = state.version
        columns = try connection.describe(
            "SELECT * FROM \(SQL.qualified(dataset.name.schema, dataset.name.table))"
        )
    }

    private var list: String { columns.map { SQL.identifier($0.name) }.joined(separator: ", ") }
    private var changes: String { SQL.qualified(WarehouseState.changes, dataset.name.description) }

    /// The version that an update left, given by the beginning of its run's id or by the version's number.
    ///
    /// - Parameter update: The text; the table `events` of the connection is asked for it.
    /// - Returns: The version.
    /// - Throws: ``DuetError`` when there is no such update, or the changes since are not kept.
    func version(_ update: String) throws -> Int {
        var found = update.allSatisfy(\.isNumber) && update.count < 8 ? Int(update) : nil
        if found == nil {
            // An update that left the dataset alone left the version before it.
            found = try connection.scalar(
                """
                SELECT max((details->>'version')::BIGINT) FROM events
                WHERE origin.step = ? AND event_type = 'step_completed' AND timestamp <=
                    (SELECT max(timestamp) FROM events WHERE starts_with(origin.run_id, ?))
                """,
                [.varchar(dataset.name.description), .varchar(update)]
            ).int
        }
        guard let version = found else {
            throw DuetError(
                .wrongValue,
                "'\(dataset.name)' has no update '\(update)'",
                hint: "duet history shows the updates there are"
            )
        }
        let oldest = try oldestKept()
        guard version >= oldest, version <= present else {
            throw DuetError(
                .wrongValue,
                "the rows of '\(dataset.name)' at version \(version) can no longer be told: changes are kept from "
                    + "version \(oldest) to \(present)",
                hint: "its rows were made anew since, or more updates have passed than 'duet.keepChanges' says"
            )
        }
        return version
    }

    private func isLogged() throws -> Bool {
        try connection.scalar(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND lower(table_name) = lower(?)",
            [.varchar(WarehouseState.changes), .varchar(dataset.name.description)]
        ).int ?? 0 > 0
    }

    private func oldestKept() throws -> Int {
        guard try isLogged() else { return present }
        let cut = try connection.scalar(
            "SELECT value FROM duet.meta WHERE key = ?",
            [.varchar(KeptChanges.mark(dataset.name))]
        ).string.flatMap { Int($0) }
        return max(base, cut ?? base)
    }

    /// The rows at a version, as a query.
    func rows(at version: Int) throws -> String {
        let published = SQL.qualified(dataset.name.schema, dataset.name.table)
        guard try isLogged() else { return "SELECT * FROM \(published)" }
        return """
            SELECT \(list) FROM (
                SELECT \(list), sum(__w)::BIGINT AS __n FROM (
                    SELECT \(list), 1 AS __w FROM \(published)
                    UNION ALL SELECT \(list), -__w FROM \(changes) WHERE __version > \(version))
                GROUP BY \(list) HAVING sum(__w) > 0
            ), unnest(range(__n))
            """
    }

    /// What changed between two versions, as a query whose first column is how often a row came (+) or went (-).
    func difference(from: Int, to: Int) throws -> String {
        guard try isLogged() else {
            return "SELECT 0 AS change, \(list) FROM \(SQL.qualified(dataset.name.schema, dataset.name.table)) LIMIT 0"
        }
        return """
            SELECT sum(__w)::BIGINT AS change, \(list) FROM \(changes)
            WHERE __version > \(from) AND __version <= \(to) GROUP BY \(list) HAVING sum(__w) <> 0 ORDER BY ALL
            """
    }
}

extension LineageInspection {
    /// The rows of a dataset as an earlier update left them.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - update: The update: the beginning of a run's id, or a version's number.
    ///   - condition: Which rows; SQL.
    ///   - limit: The most rows.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: A table, or lines of JSON.
    /// - Throws: ``DuetError`` when the dataset keeps no changes, or not those.
    public func show(
        _ name: String,
        at update: String,
        where condition: String?,
        limit: Int,
        asJSON: Bool
    ) throws -> String {
        let dataset = try dataset(name)
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        let rows = try EarlierRows(dataset, style: style, connection)
        let select = try rows.rows(at: try rows.version(update))
        let filter = condition.map { " WHERE \($0)" } ?? ""
        return try QueryText.answer("SELECT * FROM (\(select))\(filter) LIMIT \(limit)", connection, asJSON: asJSON)
    }

    /// What changed in a dataset between two updates.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - from: The earlier update.
    ///   - to: The later one; nil for the present.
    ///   - limit: The most rows.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: The rows with how often each came (+) or went (-).
    /// - Throws: As ``show(_:at:where:limit:asJSON:)``.
    public func difference(_ name: String, from: String, to: String?, limit: Int, asJSON: Bool) throws -> String {
        let dataset = try dataset(name)
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        let rows = try EarlierRows(dataset, style: style, connection)
        let select = try rows.difference(from: try rows.version(from), to: try to.map(rows.version) ?? Int.max)
        return try QueryText.answer("SELECT * FROM (\(select)) LIMIT \(limit)", connection, asJSON: asJSON)
    }
}
