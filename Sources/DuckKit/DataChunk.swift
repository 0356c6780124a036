internal import CDuckDB

/// Up to 2048 rows of a result, stored column by column.
///
/// It stays valid after its result has moved on.
public final class DataChunk {
    /// The number of rows, at least 1.
    public let count: Int
    /// The columns in order.
    public let columns: [ColumnDescription]
    private let pointer: duckdb_data_chunk
    /// Strings may lie in buffers of the result.
    private let result: ResultHandle

    init(adopting pointer: duckdb_data_chunk, columns: [ColumnDescription], result: ResultHandle) {
        self.pointer = pointer
        self.columns = columns
        self.result = result
        count = Int(duckdb_data_chunk_get_size(pointer))
    }

    deinit {
        var pointer: duckdb_data_chunk? = pointer
        duckdb_destroy_data_chunk(&pointer)
    }

    /// A column of this chunk.
    ///
    /// - Parameter index: The column's place, from 0.
    /// - Returns: The column, which keeps the chunk in memory.
    /// - Throws: ``DuckDBError`` of kind `outOfRange` if there is no such column.
    public func column(_ index: Int) throws(DuckDBError) -> ColumnVector {
        guard columns.indices.contains(index), let vector = duckdb_data_chunk_get_vector(pointer, idx_t(index)) else {
            throw DuckDBError(
                operation: .read,
                kind: .outOfRange,
                message: "there is no column \(index): the result has \(columns.count) columns"
            )
        }
        let column = columns[index]
        return ColumnVector(VectorReader(vector, column.type), column: column, count: count, chunk: self)
    }

    /// All rows, each with a value for every column.
    ///
    /// - Returns: ``count`` rows.
    /// - Throws: ``DuckDBError`` of kind `notImplemented` for a type that cannot be read.
    public func rows() throws(DuckDBError) -> [[Value]] {
        var values: [[Value]] = []
        for index in columns.indices {
            try values.append(column(index).values)
        }
        return (0..<count).map { row in values.map { $0[row] } }
    }
}

/// A chunk belongs to one thread at a time, as its connection does.
@available(*, unavailable)
extension DataChunk: Sendable {}
