public import DuckKit
internal import Foundation

/// How long events are kept in the warehouse.
public struct EventRetention: Sendable, Hashable {
    /// Days after which a run's events go; nil for never.
    public var days: Int?
    /// The most runs whose events are kept; nil for all.
    public var runs: Int?

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - days: Days after which a run's events go; nil for never.
    ///   - runs: The most runs whose events are kept; nil for all.
    public init(days: Int? = 365, runs: Int? = 10_000) {
        self.days = days
        self.runs = runs
    }
}

/// The event log as a table of the warehouse, `duet.events`.
///
/// Events are written to the journal as they happen, so that a kill loses none; the table takes them over from there at
/// the end of a run that has written anything, in one transaction with the place up to which it has read. A run that
/// finds nothing to do leaves that to the next one that does, and so need not wait for the disk.
public enum EventArchive {
    private static let columns = """
        (id VARCHAR, sequence BIGINT,
            origin STRUCT(pipeline VARCHAR, style VARCHAR, run_id VARCHAR, step VARCHAR, step_kind VARCHAR),
            timestamp TIMESTAMP, level VARCHAR, event_type VARCHAR, message VARCHAR, details JSON, error VARCHAR,
            schema_version INTEGER)
        """

    /// The journal's lines as rows of the table.
    private static let rows = """
        SELECT e->>'id', (e->>'sequence')::BIGINT,
            {'pipeline': e->>'pipeline', 'style': e->>'style', 'run_id': e->>'run_id', 'step': e->>'step',
             'step_kind': e->>'step_kind'},
            (e->>'timestamp')::TIMESTAMP, e->>'level', e->>'event_type', e->>'message', e->'details', e->>'error',
            (e->>'schema')::INTEGER
        FROM (SELECT CASE WHEN json_valid(l) THEN l::JSON END AS e
            FROM (SELECT unnest(string_split(?::VARCHAR, chr(10))) AS l))
        WHERE e->>'id' IS NOT NULL
        """

    private static let mark = "events_read"

    /// Takes over what the journal has and the table has not.
    ///
    /// - Parameters:
    ///   - connection: A connection to the warehouse.
    ///   - path: The journal.
    ///   - retention: What is kept.
    /// - Throws: ``DuckDBError`` when it cannot be written; the next run takes it over then.
    package static func update(_ connection: Connection, journal path: String, retention: EventRetention) throws {
        let start = try position(connection)
        let (text, end) = try tail(of: path, from: start ?? 0)
        guard !text.isEmpty else { return }
        try connection.transaction {
            if start == nil { try connection.execute("CREATE TABLE IF NOT EXISTS duet.events \(columns)") }
            try connection.execute("INSERT INTO duet.events \(rows)", [.varchar(text)])
            try connection.execute("DELETE FROM duet.meta WHERE key = '\(mark)'")
            try connection.execute("INSERT INTO duet.meta VALUES ('\(mark)', ?)", [.varchar(String(end))])
            try prune(connection, retention)
        }
    }

    /// Removes the events of runs that the policy no longer keeps.
    private static func prune(_ connection: Connection, _ retention: EventRetention) throws {
        if let days = retention.days {
            try connection.execute(
                "DELETE FROM duet.events WHERE timestamp < now()::TIMESTAMP - to_days(?::INTEGER)",
                [Value(days)]
            )
        }
        guard let runs = retention.runs else { return }
        let count = try connection.scalar("SELECT count(*) FROM duet.events WHERE event_type = 'run_started'").int ?? 0
        guard count > runs else { return }
        try connection.execute(
            """
            DELETE FROM duet.events WHERE origin.run_id NOT IN (
                SELECT origin.run_id FROM duet.events WHERE event_type = 'run_started'
                ORDER BY timestamp DESC LIMIT \(runs))
            """
        )
    }

    private static func position(_ connection: Connection) throws -> Int? {
        try connection.scalar("SELECT value FROM duet.meta WHERE key = '\(mark)'").string.flatMap { Int($0) }
    }

    /// The whole lines behind a place, and the place behind them.
    private static func tail(of path: String, from start: Int) throws -> (text: String, end: Int) {
        guard let handle = FileHandle(forReadingAtPath: path) else { return ("", start) }
        let size = Int(try handle.seekToEnd())
        // A shorter file than before is another one: somebody has removed the old one.
        let start = size < start ? 0 : start
        try handle.seek(toOffset: UInt64(start))
        let data = try handle.readToEnd() ?? Data()
        guard let last = data.lastIndex(of: UInt8(ascii: "\n")) else { return ("", start) }
        let whole = data[data.startIndex...last]
        return (String(decoding: whole, as: UTF8.self), start + whole.count)
    }

    /// Makes the events of a warehouse readable as the table `events` of a connection: those of the table and those that
    /// are still in the journal only.
    ///
    /// - Parameters:
    ///   - connection: A connection to the warehouse, which may be read-only.
    ///   - path: The journal.
    /// - Throws: ``DuckDBError`` or an error of the file when they cannot be read.
    public static func attach(_ connection: Connection, journal path: String) throws {
        let start = try position(connection)
        let (text, _) = try tail(of: path, from: start ?? 0)
        try connection.execute("CREATE OR REPLACE TEMP TABLE events \(columns)")
        if start != nil { try connection.execute("INSERT INTO temp.events SELECT * FROM duet.events") }
        try connection.execute("INSERT INTO temp.events \(rows)", [.varchar(text)])
    }
}
