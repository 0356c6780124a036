internal import CDuckDB

/// Stops what a connection is doing, from any thread.
///
/// It does not keep the connection open, and does nothing once the connection is gone.
public struct InterruptHandle: Sendable {
    /// How far the running statement is.
    public struct Progress: Hashable, Sendable {
        /// An estimate between 0 and 100.
        public var percentage: Double
        /// Rows read from tables and files so far.
        public var rowsProcessed: Int
        /// Rows there are to read, by DuckDB's estimate.
        public var totalRows: Int
    }

    private let target: InterruptTarget

    init(_ target: InterruptTarget) {
        self.target = target
    }

    /// Asks the running statement to stop, and returns at once.
    ///
    /// The statement then throws ``DuckDBError`` of kind ``DuckDBError/Kind/interrupt`` on its own thread. Without a
    /// running statement nothing happens, and the next statement is not affected.
    public func interrupt() {
        target.interrupt()
    }

    /// How far the running statement is.
    ///
    /// Nil if none is running, the connection is gone, DuckDB cannot tell, or ``Connection/trackProgress()`` was not called.
    public func progress() -> Progress? {
        guard let raw = target.progress(), raw.percentage >= 0 else { return nil }
        return Progress(
            percentage: raw.percentage,
            rowsProcessed: Int(clamping: raw.rows_processed),
            totalRows: Int(clamping: raw.total_rows_to_process)
        )
    }
}
