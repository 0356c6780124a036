import DuckKit
public import DuetEngine
import DuetPipeline
import DuetReport

extension LineageInspection {
    /// Which events are asked for.
    public struct EventFilter: Sendable {
        /// The run; nil for all.
        public var run: String?
        /// Whether only the newest run's.
        public var newestRun = false
        /// The least level: INFO, WARN or ERROR.
        public var level = "INFO"
        /// The most events, the newest ones.
        public var limit = 50

        /// All events, the newest 50.
        public init() {}
    }

    /// The event log of the style, those events included that are only in the journal yet.
    ///
    /// - Parameters:
    ///   - filter: Which events.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: A table, or lines of JSON.
    /// - Throws: ``DuetError`` when there is no warehouse.
    public func events(_ filter: EventFilter, asJSON: Bool) throws -> String {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        var conditions = [
            "list_position(['INFO', 'WARN', 'ERROR'], level) >= list_position(['INFO', 'WARN', 'ERROR'], ?)"
        ]
        var values = [Value.varchar(filter.level)]
        if let run = filter.run {
            conditions.append("starts_with(origin.run_id, ?)")
            values.append(.varchar(run))
        }
        if filter.newestRun {
            conditions.append("origin.run_id = (SELECT arg_max(origin.run_id, timestamp) FROM events)")
        }
        let newest =
            "SELECT * FROM events WHERE \(conditions.joined(separator: " AND ")) "
            + "ORDER BY timestamp DESC, origin.run_id, sequence DESC LIMIT \(filter.limit)"
        let ordered = "FROM (\(newest)) AS e ORDER BY timestamp, origin.run_id, sequence"
        if asJSON {
            return try connection.rows("SELECT to_json(e) \(ordered)", values).compactMap { $0.first?.string }
                .joined(separator: "\n")
        }
        let rows = try connection.rows(
            "SELECT strftime(timestamp, '%Y-%m-%d %H:%M:%S.%g'), left(origin.run_id, 8), sequence, level, event_type, "
                + "coalesce(message, '') || coalesce(': ' || split_part(error, chr(10), 1), '') \(ordered)",
            values
        )
        return TextTable.text(
            header: ["time (UTC)", "run", "no", "level", "event", "message"],
            rows: rows.map { $0.map(\.description) },
            rightAligned: [2]
        )
    }

    /// The answer to a query over the table `events`.
    ///
    /// - Parameters:
    ///   - sql: A SELECT.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: A table, or lines of JSON.
    /// - Throws: ``DuetError`` when the query fails.
    public func events(sql: String, asJSON: Bool) throws -> String {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        return try QueryText.answer(sql, connection, asJSON: asJSON)
    }
}

/// Looks into a warehouse that is open for writing, as a debugger does.
public enum WarehouseQuestion {
    /// The rows of one SELECT, as a table.
    ///
    /// - Parameters:
    ///   - sql: The SELECT.
    ///   - warehouse: The warehouse.
    /// - Returns: A table.
    /// - Throws: ``DuetError`` when it is no SELECT, or fails.
    public static func answer(_ sql: String, _ warehouse: Warehouse) throws -> String {
        let connection = try warehouse.connect()
        do {
            // Only a query has a syntax tree: what would change something is refused.
            _ = try connection.syntaxTree(of: sql)
        } catch {
            throw DuetError(.unsupported, "only SELECT statements are answered here", cause: error.message)
        }
        return try QueryText.answer(sql, connection, asJSON: false)
    }
}

/// Answers of queries as text.
enum QueryText {
    /// A query's rows as a table, or as lines of JSON.
    static func answer(_ sql: String, _ connection: Connection, asJSON: Bool) throws -> String {
        do {
            if asJSON {
                return try connection.rows("SELECT to_json(q) FROM (\(sql)) AS q").compactMap { $0.first?.string }
                    .joined(separator: "\n")
            }
            let result = try connection.query(sql)
            let rows = try result.allRows()
            return TextTable.text(
                header: result.columns.map(\.name),
                rows: rows.map { $0.map { $0.isNull ? "" : $0.description } }
            )
        } catch {
            throw DuetError(.sqlBinding, error.message, hint: "the query was: \(sql)")
        }
    }
}
