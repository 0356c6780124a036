internal import CDuckDB

/// The name and type of a column.
public struct ColumnDescription: Hashable, Sendable {
    /// The name, or for an unnamed expression the text DuckDB gives it, such as `count_star()`.
    public var name: String
    /// The type.
    public var type: LogicalType

    /// Makes a description.
    ///
    /// - Parameters:
    ///   - name: The column's name.
    ///   - type: The column's type.
    public init(name: String, type: LogicalType) {
        self.name = name
        self.type = type
    }
}

/// The result of a statement, read column-wise, chunk by chunk, once from front to back.
///
/// It keeps its connection open, and stays valid whatever the connection runs next.
public final class QueryResult {
    /// The columns in order; the one column `Count` for a statement that only changes rows.
    public let columns: [ColumnDescription]
    private let handle: ResultHandle

    init(_ handle: ResultHandle) throws(DuckDBError) {
        self.handle = handle
        columns = handle.lend { raw in
            (0..<duckdb_column_count(raw)).map { index in
                ColumnDescription(
                    name: duckdb_column_name(raw, index).map { String(cString: $0) } ?? "",
                    type: duckdb_column_logical_type(raw, index).map { LogicalType(LogicalTypeHandle(adopting: $0)) }
                        ?? .unknown
                )
            }
        }
    }

    /// The next rows, up to 2048 of them.
    ///
    /// - Returns: A chunk with at least one row, or nil when there are no more.
    /// - Throws: ``DuckDBError`` with operation `read`.
    public func nextChunk() throws(DuckDBError) -> DataChunk? {
        try handle.nextChunk().map { DataChunk(adopting: $0, columns: columns, result: handle) }
    }

    /// The columns as Arrow describes them.
    func arrowFields() throws(DuckDBError) -> [ArrowField] { try handle.arrowSchema() }

    /// The next rows as DuckDB lays them out for Arrow; nil at the end.
    func nextArrow() throws(DuckDBError) -> ArrowRows? { try handle.nextArrow() }

    /// All rows that were not read yet, each with a value for every column.
    ///
    /// This boxes every value; for many rows read ``nextChunk()`` by column.
    ///
    /// - Returns: The rows in order.
    /// - Throws: ``DuckDBError`` with operation `read`; kind `notImplemented` for a type that cannot be read.
    public func allRows() throws(DuckDBError) -> [[Value]] {
        var rows: [[Value]] = []
        while let chunk = try nextChunk() {
            try rows.append(contentsOf: chunk.rows())
        }
        return rows
    }
}

/// A result belongs to one thread at a time, as its connection does.
@available(*, unavailable)
extension QueryResult: Sendable {}

extension ResultHandle {
    /// The next chunk that has rows, owned by the caller.
    func nextChunk() throws(DuckDBError) -> duckdb_data_chunk? {
        // C documentation: "returns NULL if the result has an error" as well as at the end.
        while let chunk = lend({ duckdb_fetch_chunk($0.pointee) }) {
            if duckdb_data_chunk_get_size(chunk) > 0 { return chunk }
            var empty: duckdb_data_chunk? = chunk
            duckdb_destroy_data_chunk(&empty)
        }
        if let failure = lend({ raw in
            duckdb_result_error(raw).map { (String(cString: $0), duckdb_result_error_type(raw)) }
        }) {
            throw DuckDBError(
                operation: .read,
                report: failure.0,
                kind: DuckDBError.Kind(failure.1),
                sql: source.sql,
                statementOffset: source.offset
            )
        }
        return nil
    }

    /// The rows a statement changed.
    func changedRows(of statement: StatementHandle) throws(DuckDBError) -> Int {
        switch statement.lend({ duckdb_prepared_statement_type($0) }) {
        case DUCKDB_STATEMENT_TYPE_INSERT, DUCKDB_STATEMENT_TYPE_UPDATE, DUCKDB_STATEMENT_TYPE_DELETE,
            DUCKDB_STATEMENT_TYPE_MERGE_INTO:
            // DuckDB counts no changed rows for RETURNING, so the rows themselves are counted.
            guard lend({ duckdb_result_return_type($0.pointee) }) == DUCKDB_RESULT_TYPE_QUERY_RESULT else { break }
            var count = 0
            while let chunk = try nextChunk() {
                count += Int(duckdb_data_chunk_get_size(chunk))
                var used: duckdb_data_chunk? = chunk
                duckdb_destroy_data_chunk(&used)
            }
            return count
        default:
            break
        }
        return Int(clamping: lend { duckdb_rows_changed($0) })
    }
}
