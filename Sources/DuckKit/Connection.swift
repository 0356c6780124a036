internal import CDuckDB

/// A connection to a database, with its own transaction and settings.
///
/// It is for one thread at a time, hence not `Sendable`: open one for each task. It keeps its database open, and its
/// statements and results keep it open.
public final class Connection {
    private var handle: ConnectionHandle?
    private let target: InterruptTarget

    init(_ handle: ConnectionHandle) {
        self.handle = handle
        target = handle.interruptTarget
    }

    /// Has DuckDB count how far each later statement is, for ``InterruptHandle/progress()``.
    ///
    /// It is not done unasked: it costs small statements about a tenth of their time.
    ///
    /// - Throws: ``DuckDBError`` if the connection was closed.
    public func trackProgress() throws(DuckDBError) {
        // DuckDB counts rows only when it could show a progress bar, which must not write to the terminal here.
        try execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    }

    /// The open connection below.
    func live() throws(DuckDBError) -> ConnectionHandle {
        guard let handle else {
            throw DuckDBError(operation: .connect, kind: .closed, message: "the connection was closed")
        }
        return handle
    }

    /// Closes the connection now and not when the last reference to it goes; a second call does nothing.
    ///
    /// An open transaction is rolled back. Results and statements that are still held keep working, and keep the
    /// database open; every later call on the connection throws kind ``DuckDBError/Kind/closed``.
    public func close() {
        handle = nil
    }

    /// What another thread needs to stop this connection's running statement, or to ask how far it is.
    public var interruptHandle: InterruptHandle { InterruptHandle(target) }

    /// Runs one or more statements whose results are not needed.
    ///
    /// All of the text is parsed first; then its statements run one after the other, each seeing what the ones before
    /// it did. A failure leaves what came before it as it is, unless a transaction is open.
    ///
    /// - Parameters:
    ///   - sql: The statements; a text without one does nothing.
    ///   - parameters: Values for `?` or `$1`, in order; only with exactly one statement.
    /// - Returns: The rows inserted, updated, deleted or merged by all statements; 0 for DDL, `CREATE TABLE AS`
    ///   included. With `RETURNING` it is the number of rows returned.
    /// - Throws: ``DuckDBError`` with the failing statement alone in `sql`, the place in it in `position`, and where
    ///   the statement starts in the text in `statementOffset`.
    @discardableResult
    public func execute(_ sql: String, _ parameters: [Value] = []) throws(DuckDBError) -> Int {
        var changed = 0
        try live().run(sql, parameters) { result, statement throws(DuckDBError) in
            changed += try result.changedRows(of: statement)
        }
        return changed
    }

    /// Runs a statement and gives its result.
    ///
    /// DuckDB computes the whole result before this returns and holds it; it is handed out, and given up, chunk by
    /// chunk. Of several statements all run, and the last one's result is given.
    ///
    /// - Parameters:
    ///   - sql: The statement.
    ///   - parameters: Values for `?` or `$1`, in order.
    /// - Returns: The result, to be read once from front to back.
    /// - Throws: ``DuckDBError``, as for ``execute(_:_:)``; kind `invalidInput` if the text has no statement.
    public func query(_ sql: String, _ parameters: [Value] = []) throws(DuckDBError) -> QueryResult {
        var last: ResultHandle?
        try live().run(sql, parameters) { result, _ in
            last = result
        }
        guard let last else {
            throw DuckDBError(operation: .prepare, kind: .invalidInput, message: "the text has no statement", sql: sql)
        }
        return try QueryResult(last)
    }

    /// Runs a statement and gives all its rows, for small results.
    ///
    /// - Parameters:
    ///   - sql: The statement.
    ///   - parameters: Values for `?` or `$1`, in order.
    /// - Returns: The rows, each with a value for every column.
    /// - Throws: ``DuckDBError``, as for ``query(_:_:)``.
    public func rows(_ sql: String, _ parameters: [Value] = []) throws(DuckDBError) -> [[Value]] {
        try query(sql, parameters).allRows()
    }

    /// Runs a statement and gives the first column of its first row.
    ///
    /// - Parameters:
    ///   - sql: The statement.
    ///   - parameters: Values for `?` or `$1`, in order.
    /// - Returns: The value; ``Value/null`` also if there is no row.
    /// - Throws: ``DuckDBError``, as for ``query(_:_:)``.
    public func scalar(_ sql: String, _ parameters: [Value] = []) throws(DuckDBError) -> Value {
        let result = try query(sql, parameters)
        guard let chunk = try result.nextChunk(), !result.columns.isEmpty else { return .null }
        return try chunk.column(0).value(at: 0)
    }

    /// Runs a body inside a transaction: committed if the body returns, rolled back if it throws.
    ///
    /// DuckDB has no transactions within transactions: a second one inside throws kind `transaction`. A statement that
    /// fails while it runs aborts the transaction, so that nothing is committed even if the body catches the error.
    ///
    /// - Parameter body: What to do in the transaction, on this connection.
    /// - Returns: What the body returns.
    /// - Throws: The body's error, also if the rollback fails; or ``DuckDBError`` if the transaction cannot be begun, or
    ///   not be committed, in which case it is rolled back too.
    public func transaction<T>(_ body: () throws -> T) throws -> T {
        try execute("BEGIN TRANSACTION")
        try live().hasFailed = false
        do {
            let value = try body()
            try commit()
            return value
        } catch {
            do {
                try execute("ROLLBACK")
            } catch _ {
                // The first error is the one to tell. That there is nothing left to roll back is usual here: a commit
                // that fails ends the transaction, and so may the body.
            }
            throw error
        }
    }

    private func commit() throws(DuckDBError) {
        // DuckDB rolls an aborted transaction back at COMMIT and reports success. Any other statement tells; it is only
        // asked where something failed, since not every failure aborts.
        if try live().hasFailed {
            do {
                try execute("SELECT 1")
            } catch {
                guard error.kind == .transaction else { throw error }
                throw DuckDBError(
                    operation: .execute,
                    kind: .transaction,
                    message: "a statement in the transaction failed, and so it cannot be committed",
                    sql: "COMMIT"
                )
            }
        }
        try execute("COMMIT")
    }

    /// Prepares a statement, to run it several times.
    ///
    /// - Parameter sql: Exactly one statement.
    /// - Returns: The statement, which keeps the connection open.
    /// - Throws: ``DuckDBError`` with operation `prepare`.
    public func prepare(_ sql: String) throws(DuckDBError) -> PreparedStatement {
        let handle = try live()
        let source = SQLStatement(sql: sql, offset: 0)
        let extracted = try handle.extract(source)
        guard let extracted, extracted.count == 1 else {
            throw DuckDBError(
                operation: .prepare,
                kind: .invalidInput,
                message: "one statement can be prepared at a time, and the text has \(extracted?.count ?? 0)",
                sql: sql
            )
        }
        return PreparedStatement(try handle.prepare(extracted, 0, source))
    }
}

/// A connection belongs to one thread at a time.
@available(*, unavailable)
extension Connection: Sendable {}
