internal import CDuckDB
internal import Glibc
internal import Synchronization

/// Lets the statements that need it be planned without DuckDB's rule `join_filter_pushdown` (see ``RowPicks``).
///
/// Rules can be turned off for a whole database only, and DuckDB reads the list of them without a lock. So planning, which
/// takes a millisecond, is shared by all statements but these; one of these has it for itself for as long as the rule is
/// off. What is planned then runs beside the others.
///
/// `@unchecked` since it has two pointers. Neither changes; POSIX allows any thread to use the lock, and the connection is
/// used by the one thread that holds it alone.
final class PlanningGate: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_rwlock_t>
    private let database: duckdb_database
    /// Made when first needed; only touched under the exclusive lock.
    private var connection: duckdb_connection?
    private let views = Mutex(Views())

    /// The views and macros that pick rows.
    private struct Views {
        var byName: [String: RowPicks.Definition] = [:]
        /// Whether the database may have some that were not looked at: those in a file just opened.
        var areStale = true
    }

    init(_ database: duckdb_database) {
        self.database = database
        lock = .allocate(capacity: 1)
        // With default attributes it cannot fail on Linux, and readers pass a writer that waits: a function that DuckDB
        // calls while it plans may plan in turn.
        pthread_rwlock_init(lock, nil)
    }

    /// Ends what it has open, before the database closes.
    func close() {
        if connection != nil { duckdb_disconnect(&connection) }
    }

    deinit {
        pthread_rwlock_destroy(lock)
        lock.deallocate()
    }

    /// What a statement is, as far as planning goes.
    func picks(of sql: String) throws(DuckDBError) -> RowPicks {
        if views.withLock({ $0.areStale }) {
            let stored = try storedViews()
            views.withLock { views in
                views.areStale = false
                // A view may be listed before one that it reads.
                for _ in 0...1 {
                    for text in stored {
                        let definition = RowPicks(text, definitions: views.byName).definition
                        if let definition { views.byName[definition.name] = definition }
                    }
                }
            }
        }
        return RowPicks(sql, definitions: views.withLock { $0.byName })
    }

    /// Remembers a view or macro that a statement makes, or that there may be more of them.
    func note(_ statement: StatementHandle) {
        if let definition = statement.picks.definition {
            views.withLock { $0.byName[definition.name] = definition }
        } else if statement.lend({ duckdb_prepared_statement_type($0) }) == DUCKDB_STATEMENT_TYPE_ATTACH {
            views.withLock { $0.areStale = true }
        }
    }

    /// Plans something.
    ///
    /// - Throws: ``DuckDBError`` if the rule cannot be turned off.
    func plan<T>(_ picks: RowPicks, _ body: () -> T) throws(DuckDBError) -> T {
        guard picks.isAtRisk else {
            pthread_rwlock_rdlock(lock)
            defer { pthread_rwlock_unlock(lock) }
            return body()
        }
        pthread_rwlock_wrlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        let rules = try texts("SELECT current_setting('disabled_optimizers')").first ?? ""
        guard !rules.contains("join_filter_pushdown") else { return body() }
        try set(rules.isEmpty ? "join_filter_pushdown" : rules + ",join_filter_pushdown")
        let planned = body()
        try set(rules)
        return planned
    }

    private func set(_ rules: String) throws(DuckDBError) {
        _ = try texts("SET disabled_optimizers = \(SQL.literal(rules))")
    }

    /// The definitions of the views that others made.
    private func storedViews() throws(DuckDBError) -> [String] {
        pthread_rwlock_wrlock(lock)
        defer { pthread_rwlock_unlock(lock) }
        return try texts("SELECT sql FROM duckdb_views() WHERE NOT internal")
    }

    /// The first column of a query's rows; it needs the exclusive lock.
    private func texts(_ sql: String) throws(DuckDBError) -> [String] {
        if connection == nil { duckdb_connect(database, &connection) }
        guard let connection else {
            throw DuckDBError(operation: .connect, kind: .unknown, message: "DuckDB refused a connection")
        }
        var result = duckdb_result()
        defer { duckdb_destroy_result(&result) }
        guard duckdb_query(connection, sql, &result) == DuckDBSuccess else {
            let report = duckdb_result_error(&result).map { String(cString: $0) } ?? ""
            throw DuckDBError(operation: .execute, report: report, sql: sql)
        }
        return (0..<duckdb_row_count(&result)).compactMap { takeString(duckdb_value_varchar(&result, 0, $0)) }
    }
}
