internal import CDuckDB
internal import Synchronization

// Every class here owns one thing of DuckDB's and lends it to a closure. The pointer itself never leaves: Swift may
// release an object right after the last use of it, which is when its pointer is read and not when C is done with it.

/// Owns a `duckdb_database` and closes it last: everything made from a database holds its handle.
///
/// `@unchecked` since it is a pointer. The pointer never changes, and DuckDB lets any thread open connections on it.
final class DatabaseHandle: @unchecked Sendable {
    private let pointer: duckdb_database
    let planning: PlanningGate

    /// Takes over a database that was opened; after a failed open there is nothing to take over.
    init(adopting pointer: duckdb_database) {
        self.pointer = pointer
        planning = PlanningGate(pointer)
    }

    func lend<T>(_ body: (duckdb_database) -> T) -> T {
        withExtendedLifetime(self) { body(pointer) }
    }

    deinit {
        planning.close()
        var pointer: duckdb_database? = pointer
        duckdb_close(&pointer)
    }
}

/// Owns a `duckdb_connection`.
///
/// Statements and results hold it, so that it closes after the last of them.
final class ConnectionHandle {
    private let pointer: duckdb_connection
    let interruptTarget: InterruptTarget
    /// Whether anything failed since the transaction was begun, which may have aborted it.
    var hasFailed = false
    let database: DatabaseHandle

    init(adopting pointer: duckdb_connection, of database: DatabaseHandle) {
        self.pointer = pointer
        self.database = database
        interruptTarget = InterruptTarget(pointer)
    }

    func lend<T>(_ body: (duckdb_connection) -> T) -> T {
        withExtendedLifetime(self) { body(pointer) }
    }

    deinit {
        // First, so that no other thread can be inside the connection, or get there, when it goes.
        interruptTarget.detach()
        var pointer: duckdb_connection? = pointer
        duckdb_disconnect(&pointer)
    }
}

/// The part of a connection that other threads may touch.
final class InterruptTarget: Sendable {
    /// The connection, or rather its address.
    ///
    /// `@unchecked` since it is a pointer. It is only used under the lock, for the two calls that DuckDB allows while
    /// the connection runs a statement on another thread: interrupt and progress.
    private struct Pointer: @unchecked Sendable {
        let connection: duckdb_connection
    }

    private let state: Mutex<Pointer?>

    init(_ connection: duckdb_connection) {
        state = Mutex(Pointer(connection: connection))
    }

    func detach() {
        state.withLock { $0 = nil }
    }

    func interrupt() {
        state.withLock { pointer in
            if let pointer { duckdb_interrupt(pointer.connection) }
        }
    }

    func progress() -> duckdb_query_progress_type? {
        state.withLock { pointer in
            pointer.map { duckdb_query_progress($0.connection) }
        }
    }
}

/// Owns the statements DuckDB found in a text.
final class ExtractedHandle {
    private let pointer: duckdb_extracted_statements
    let count: Int

    init(adopting pointer: duckdb_extracted_statements, count: Int) {
        self.pointer = pointer
        self.count = count
    }

    func lend<T>(_ body: (duckdb_extracted_statements) -> T) -> T {
        withExtendedLifetime(self) { body(pointer) }
    }

    deinit {
        var pointer: duckdb_extracted_statements? = pointer
        duckdb_destroy_extracted(&pointer)
    }
}

/// Owns a prepared statement, and knows its text and where that starts in the text passed in.
final class StatementHandle {
    private let pointer: duckdb_prepared_statement
    let source: SQLStatement
    let picks: RowPicks
    let connection: ConnectionHandle

    init(
        adopting pointer: duckdb_prepared_statement,
        source: SQLStatement,
        picks: RowPicks,
        connection: ConnectionHandle
    ) {
        self.pointer = pointer
        self.source = source
        self.picks = picks
        self.connection = connection
    }

    func lend<T>(_ body: (duckdb_prepared_statement) -> T) -> T {
        withExtendedLifetime(self) { body(pointer) }
    }

    deinit {
        var pointer: duckdb_prepared_statement? = pointer
        duckdb_destroy_prepare(&pointer)
    }
}

/// Owns the result of a statement that succeeded.
final class ResultHandle {
    private var raw: duckdb_result
    let source: SQLStatement
    private let connection: ConnectionHandle

    init(adopting raw: duckdb_result, of statement: StatementHandle) {
        self.raw = raw
        source = statement.source
        connection = statement.connection
    }

    func lend<T>(_ body: (UnsafeMutablePointer<duckdb_result>) -> T) -> T {
        withExtendedLifetime(self) { body(&raw) }
    }

    deinit {
        duckdb_destroy_result(&raw)
    }
}

/// Owns a `duckdb_value`.
final class ValueHandle {
    private let pointer: duckdb_value

    init(adopting pointer: duckdb_value) {
        self.pointer = pointer
    }

    func lend<T>(_ body: (duckdb_value) -> T) -> T {
        withExtendedLifetime(self) { body(pointer) }
    }

    deinit {
        var pointer: duckdb_value? = pointer
        duckdb_destroy_value(&pointer)
    }
}

/// Owns a `duckdb_logical_type`.
final class LogicalTypeHandle {
    private let pointer: duckdb_logical_type

    init(adopting pointer: duckdb_logical_type) {
        self.pointer = pointer
    }

    func lend<T>(_ body: (duckdb_logical_type) -> T) -> T {
        withExtendedLifetime(self) { body(pointer) }
    }

    deinit {
        var pointer: duckdb_logical_type? = pointer
        duckdb_destroy_logical_type(&pointer)
    }
}

/// Copies a C string that DuckDB wants freed by `duckdb_free`, and frees it.
func takeString(_ text: UnsafePointer<CChar>?) -> String? {
    guard let text else { return nil }
    defer { duckdb_free(UnsafeMutableRawPointer(mutating: text)) }
    return String(cString: text)
}
