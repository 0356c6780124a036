internal import CDuckDB

/// A statement that was parsed and bound once, to be run several times with different values.
///
/// It keeps its connection open, and like it is for one thread at a time.
public final class PreparedStatement {
    private let handle: StatementHandle

    init(_ handle: StatementHandle) {
        self.handle = handle
    }

    /// The text it was prepared from.
    public var sql: String { handle.source.sql }

    /// The number of values to give.
    public var parameterCount: Int { handle.lend { Int(duckdb_nparams($0)) } }

    /// The columns of the result, in order; none while they depend on a parameter whose type is not settled.
    ///
    /// `SELECT ?` has such a parameter, and `SELECT ?::INTEGER` has not.
    public var columns: [ColumnDescription] {
        handle.lend { statement in
            let columns = (0..<duckdb_prepared_statement_column_count(statement)).map { index in
                let type = duckdb_prepared_statement_column_logical_type(statement, index)
                return ColumnDescription(
                    name: takeString(duckdb_prepared_statement_column_name(statement, index)) ?? "",
                    type: type.map { LogicalType(LogicalTypeHandle(adopting: $0)) } ?? .unknown
                )
            }
            // DuckDB then gives one column in place of all.
            return columns.count == 1 && columns[0].type == .unknown ? [] : columns
        }
    }

    /// Runs it for its effect.
    ///
    /// - Parameter parameters: Values for all parameters, in order.
    /// - Returns: The rows changed, as for ``Connection/execute(_:_:)``.
    /// - Throws: ``DuckDBError`` with operation `bind` or `execute`.
    @discardableResult
    public func execute(_ parameters: [Value] = []) throws(DuckDBError) -> Int {
        try handle.bind(parameters)
        return try handle.run().changedRows(of: handle)
    }

    /// Runs it and gives its result.
    ///
    /// - Parameter parameters: Values for all parameters, in order.
    /// - Returns: The result, to be read once from front to back; it stays valid when the statement runs again.
    /// - Throws: ``DuckDBError`` with operation `bind` or `execute`.
    public func query(_ parameters: [Value] = []) throws(DuckDBError) -> QueryResult {
        try handle.bind(parameters)
        return try QueryResult(handle.run())
    }
}

/// A statement belongs to one thread at a time, as its connection does.
@available(*, unavailable)
extension PreparedStatement: Sendable {}
