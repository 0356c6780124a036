internal import CDuckDB

/// An open database, in a file or in memory.
///
/// It closes when it and everything made from it (connections, statements, results) is gone. Any thread may open
/// connections. A file opened for writing is locked against other processes while it is open.
public final class Database: Sendable {
    private let handle: DatabaseHandle

    /// Opens a database.
    ///
    /// Extensions are neither installed nor loaded on their own, so that no statement reaches the network unasked;
    /// `configuration` can turn that on again.
    ///
    /// - Parameters:
    ///   - path: The file, which is created if it does not exist (its folder is not); nil for one in memory.
    ///   - configuration: DuckDB settings by name, such as `["access_mode": "READ_ONLY", "threads": "2"]`.
    /// - Throws: ``DuckDBError`` with operation `open`; kind `io` when the file cannot be opened, is locked or is not a
    ///   database, and `invalidConfiguration` or `invalidInput` for a setting.
    public init(path: String? = nil, configuration: [String: String] = [:]) throws(DuckDBError) {
        var settings = [
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        ]
        settings.merge(configuration) { _, callers in callers }
        // Not the caller's to change: errors are read from it.
        settings["errors_as_json"] = "true"

        try path.map { path throws(DuckDBError) in try rejectNUL(path, as: "the path", operation: .open) }
        var config: duckdb_config?
        guard duckdb_create_config(&config) == DuckDBSuccess, let config else {
            throw DuckDBError(operation: .open, kind: .outOfMemory, message: "no configuration could be made")
        }
        defer {
            var config: duckdb_config? = config
            duckdb_destroy_config(&config)
        }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            try rejectNUL(name, as: "the name of a setting", operation: .open)
            try rejectNUL(value, as: "the setting '\(name)'", operation: .open)
            guard duckdb_set_config(config, name, value) == DuckDBSuccess else {
                throw DuckDBError(
                    operation: .open,
                    kind: .invalidConfiguration,
                    message: "DuckDB refuses the setting '\(name)' with the value '\(value)'"
                )
            }
        }
        var database: duckdb_database?
        var report: UnsafeMutablePointer<CChar>?
        let state = duckdb_open_ext(path, &database, config, &report)
        let message = takeString(report)
        guard state == DuckDBSuccess, let database else {
            // After a failure `database` was never written to, so there is nothing to close.
            throw DuckDBError(operation: .open, report: message ?? "")
        }
        handle = DatabaseHandle(adopting: database)
        if let path, !path.isEmpty, !path.hasPrefix(":memory:") { try rejectDataFile(path) }
    }

    /// Refuses a file that DuckDB reads and does not write.
    ///
    /// It opens a CSV, JSON or Parquet file as a database in memory with a view of the file, in which all that is written
    /// would be lost without a word.
    private func rejectDataFile(_ path: String) throws(DuckDBError) {
        let stored = """
            SELECT count(*) FROM duckdb_databases()
            WHERE database_name = current_database() AND type = 'duckdb' AND path IS NULL
            """
        guard try connect().scalar(stored) == 0 else {
            throw DuckDBError(
                operation: .open,
                kind: .io,
                message: "the file \"\(path)\" exists, but it is data to read and not a DuckDB database file"
            )
        }
    }

    /// Opens a connection, which has its own transaction and settings.
    ///
    /// - Returns: A connection for use by one thread at a time; it keeps the database open.
    /// - Throws: ``DuckDBError`` with operation `connect`.
    public func connect() throws(DuckDBError) -> Connection {
        var connection: duckdb_connection?
        guard handle.lend({ duckdb_connect($0, &connection) }) == DuckDBSuccess, let connection else {
            throw DuckDBError(operation: .connect, kind: .unknown, message: "DuckDB refused a connection")
        }
        return Connection(ConnectionHandle(adopting: connection, of: handle))
    }

    /// The version of the DuckDB library in use, such as `v1.5.5`.
    public static var libraryVersion: String {
        String(cString: duckdb_library_version())
    }
}

/// Refuses a text that C would read only up to its first zero byte.
func rejectNUL(
    _ text: String,
    as what: String,
    operation: DuckDBError.Operation,
    sql: String? = nil
) throws(DuckDBError) {
    guard text.utf8.contains(0) else { return }
    throw DuckDBError(
        operation: operation,
        kind: .invalidInput,
        message: "\(what) has a zero byte in it, which DuckDB would take for its end",
        sql: sql,
        position: sql.flatMap { sql in
            sql.utf8.firstIndex(of: 0).map { sql.utf8.distance(from: sql.utf8.startIndex, to: $0) }
        }
    )
}
