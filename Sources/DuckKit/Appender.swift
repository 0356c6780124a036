internal import CDuckDB

/// Adds rows to a table, much faster than `INSERT` does.
///
/// Nothing is sure to be in the table before ``close()`` returns. An appender that is dropped without `close()` gives up
/// the rows it still holds. It hands rows over in batches (of 204 800 in DuckDB 1.5), so outside a transaction earlier
/// batches may stay: use ``Connection/transaction(_:)`` for all or nothing.
public struct Appender: ~Copyable {
    private let handle: AppenderHandle

    init(_ handle: AppenderHandle) {
        self.handle = handle
    }

    /// The columns of the table, in order.
    public var columnTypes: [LogicalType] { handle.columnTypes }

    /// Adds values to the row that was begun, or begins one.
    ///
    /// A value is cast to its column's type where DuckDB can do that.
    ///
    /// - Parameter values: Values for the next columns.
    /// - Throws: ``DuckDBError`` with operation `append`: too many values for a row, or one that cannot be cast. The
    ///   appender is of no use after that, and every later call throws.
    public func append(_ values: Value...) throws(DuckDBError) {
        for value in values {
            try handle.append(value)
        }
    }

    /// Ends the row that was begun.
    ///
    /// - Throws: ``DuckDBError`` with operation `append`: values are missing.
    public func endRow() throws(DuckDBError) {
        try handle.endRow()
    }

    /// Adds a whole row.
    ///
    /// - Parameter values: A value for every column.
    /// - Throws: ``DuckDBError`` with operation `append`, as ``append(_:)`` and ``endRow()``.
    public func appendRow(_ values: [Value]) throws(DuckDBError) {
        for value in values {
            try handle.append(value)
        }
        try handle.endRow()
    }

    /// Adds many rows, given column by column; the fastest way.
    ///
    /// - Parameter columns: All columns of the table in order, each with the same number of values.
    /// - Throws: ``DuckDBError`` with operation `append`: a column is missing, too many, of another length, or of
    ///   another type than the table's. None of the rows is added then.
    public func append(columns: [ColumnValues]) throws(DuckDBError) {
        try handle.append(columns)
    }

    /// Hands the rows over to the table, and keeps the appender open.
    ///
    /// - Throws: ``DuckDBError`` with operation `append`, of kind `constraint` for instance; the rows are lost then.
    public func flush() throws(DuckDBError) {
        try handle.flush()
    }

    /// Hands the rows over to the table, and ends the appender.
    ///
    /// - Throws: ``DuckDBError`` with operation `close`, of kind `constraint` for instance; the rows are lost then.
    public consuming func close() throws(DuckDBError) {
        try handle.close()
    }
}

/// The values of a column to append.
public enum ColumnValues: Sendable {
    /// For a BIGINT column.
    case int64s([Int64])
    /// For a BIGINT column, nil for NULL.
    case optionalInt64s([Int64?])
    /// For a DOUBLE column.
    case doubles([Double])
    /// For a DOUBLE column, nil for NULL.
    case optionalDoubles([Double?])
    /// For a VARCHAR or JSON column, nil for NULL.
    case strings([String?])
    /// For a TIMESTAMP or TIMESTAMPTZ column, in microseconds since 1970-01-01; nil for NULL.
    case timestampMicroseconds([Int64?])

    /// The number of rows.
    public var count: Int {
        switch self {
        case .int64s(let values): values.count
        case .optionalInt64s(let values), .timestampMicroseconds(let values): values.count
        case .doubles(let values): values.count
        case .optionalDoubles(let values): values.count
        case .strings(let values): values.count
        }
    }
}

extension Connection {
    /// Begins to append to a table.
    ///
    /// - Parameters:
    ///   - table: The table's name, not quoted.
    ///   - schema: Its schema's name; nil for the current one.
    ///   - catalog: The attached database it is in; nil for the current one.
    /// - Returns: The appender, which keeps the connection open.
    /// - Throws: ``DuckDBError`` with operation `append` and kind `catalog` if there is no such table.
    public func appender(
        table: String,
        schema: String? = nil,
        catalog: String? = nil
    ) throws(DuckDBError) -> Appender {
        let connection = try live()
        for name in [catalog, schema, table] {
            if let name { try rejectNUL(name, as: "the table's name", operation: .append) }
        }
        var raw: duckdb_appender?
        let state = connection.lend { duckdb_appender_create_ext($0, catalog, schema, table, &raw) }
        guard let raw else {
            throw DuckDBError(operation: .append, kind: .unknown, message: "DuckDB made no appender and gave no reason")
        }
        // Also after a failure there is an appender: it holds the message, and its handle destroys it.
        let handle = AppenderHandle(adopting: raw, connection: connection)
        guard state == DuckDBSuccess else { throw handle.failure(.append) }
        handle.readColumnTypes()
        return Appender(handle)
    }
}
