internal import CDuckDB

/// Up to 2048 rows as DuckDB lays them out for Arrow.
final class ArrowRows {
    private var array: ArrowArray

    fileprivate init(adopting array: ArrowArray) { self.array = array }

    deinit { array.release?(&array) }

    var count: Int { Int(array.length) }

    /// A column, which is only valid as long as the rows are.
    func column(_ index: Int) -> ArrowArray? {
        index < Int(array.n_children) ? array.children?[index]?.pointee : nil
    }
}

extension ResultHandle {
    /// The columns as Arrow describes them.
    func arrowSchema() throws(DuckDBError) -> [ArrowField] {
        var options = lend { duckdb_result_get_arrow_options($0) }
        defer { duckdb_destroy_arrow_options(&options) }
        var schema = ArrowSchema()
        defer { schema.release?(&schema) }
        let count = Int(lend { duckdb_column_count($0) })
        var types = (0..<count).map { index in lend { duckdb_column_logical_type($0, idx_t(index)) } }
        defer { for index in types.indices { duckdb_destroy_logical_type(&types[index]) } }
        var names = (0..<count).map { index in lend { duckdb_column_name($0, idx_t(index)) } }
        try check(duckdb_to_arrow_schema(options, &types, &names, idx_t(count), &schema))
        var fields: [ArrowField] = []
        for index in 0..<Int(schema.n_children) {
            guard let child = schema.children?[index]?.pointee else { continue }
            fields.append(try ArrowField(child))
        }
        return fields
    }

    /// The next rows; nil at the end.
    func nextArrow() throws(DuckDBError) -> ArrowRows? {
        guard let chunk = try nextChunk() else { return nil }
        var used: duckdb_data_chunk? = chunk
        defer { duckdb_destroy_data_chunk(&used) }
        var options = lend { duckdb_result_get_arrow_options($0) }
        defer { duckdb_destroy_arrow_options(&options) }
        var array = ArrowArray()
        try check(duckdb_data_chunk_to_arrow(options, chunk, &array))
        return ArrowRows(adopting: array)
    }

    private func check(_ error: duckdb_error_data?) throws(DuckDBError) {
        guard let error else { return }
        var data: duckdb_error_data? = error
        defer { duckdb_destroy_error_data(&data) }
        guard duckdb_error_data_has_error(error) else { return }
        throw DuckDBError(
            operation: .read,
            report: duckdb_error_data_message(error).map { String(cString: $0) } ?? "",
            kind: DuckDBError.Kind(duckdb_error_data_error_type(error)),
            sql: source.sql,
            statementOffset: source.offset
        )
    }
}
