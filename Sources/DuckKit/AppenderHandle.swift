internal import CDuckDB

/// Owns a `duckdb_appender`.
final class AppenderHandle {
    private let pointer: duckdb_appender
    private let connection: ConnectionHandle
    private(set) var columnTypes: [LogicalType] = []
    /// Values of the row that was begun.
    private var pending = 0
    /// The first failure, after which nothing more is accepted: what DuckDB still holds may be half a row.
    private var broken: DuckDBError?
    private var isClosed = false

    init(adopting pointer: duckdb_appender, connection: ConnectionHandle) {
        self.pointer = pointer
        self.connection = connection
    }

    deinit {
        // Destroying flushes what is left, and an appender that was not closed is one whose rows are not wanted. There
        // is nobody to tell if that fails, and nothing is lost by it.
        if !isClosed { duckdb_appender_clear(pointer) }
        var pointer: duckdb_appender? = pointer
        duckdb_appender_destroy(&pointer)
    }

    func readColumnTypes() {
        columnTypes = (0..<duckdb_appender_column_count(pointer)).map { index in
            duckdb_appender_column_type(pointer, index).map { LogicalType(LogicalTypeHandle(adopting: $0)) } ?? .unknown
        }
    }

    /// The failure DuckDB has noted.
    func failure(_ operation: DuckDBError.Operation) -> DuckDBError {
        var data = duckdb_appender_error_data(pointer)
        defer { duckdb_destroy_error_data(&data) }
        return DuckDBError(
            operation: operation,
            report: duckdb_error_data_message(data).map { String(cString: $0) } ?? "",
            kind: DuckDBError.Kind(duckdb_error_data_error_type(data))
        )
    }

    private func refuse(_ message: String, _ kind: DuckDBError.Kind = .invalidInput) -> DuckDBError {
        let error = DuckDBError(operation: .append, kind: kind, message: message)
        broken = error
        return error
    }

    private func check(_ state: duckdb_state, _ operation: DuckDBError.Operation) throws(DuckDBError) {
        guard state != DuckDBSuccess else { return }
        connection.hasFailed = true
        let error = failure(operation)
        broken = error
        throw error
    }

    private func rejectBroken() throws(DuckDBError) {
        if let broken { throw broken }
    }

    func append(_ value: Value) throws(DuckDBError) {
        try rejectBroken()
        guard pending < columnTypes.count else {
            throw refuse("the table has \(columnTypes.count) columns, and the row has more values")
        }
        let state: duckdb_state
        switch value {
        case .null: state = duckdb_append_null(pointer)
        case .boolean(let value): state = duckdb_append_bool(pointer, value)
        case .integer(let number): state = duckdb_append_int32(pointer, number)
        case .bigint(let number): state = duckdb_append_int64(pointer, number)
        case .double(let number): state = duckdb_append_double(pointer, number)
        case .varchar(let text), .enumeration(let text):
            let length = idx_t(text.utf8.count)
            state = text.withCString { duckdb_append_varchar_length(pointer, $0, length) }
        default:
            let handle: ValueHandle
            do {
                handle = try value.handle()
            } catch {
                throw refuse(error.message, error.kind)
            }
            state = handle.lend { duckdb_append_value(pointer, $0) }
        }
        try check(state, .append)
        pending += 1
    }

    func endRow() throws(DuckDBError) {
        try rejectBroken()
        guard pending == columnTypes.count else {
            throw refuse("the table has \(columnTypes.count) columns, and the row has \(pending) values")
        }
        try check(duckdb_appender_end_row(pointer), .append)
        pending = 0
    }

    func flush() throws(DuckDBError) {
        try finishRow()
        try check(duckdb_appender_flush(pointer), .append)
    }

    func close() throws(DuckDBError) {
        try finishRow()
        try check(duckdb_appender_close(pointer), .close)
        isClosed = true
    }

    private func finishRow() throws(DuckDBError) {
        try rejectBroken()
        guard pending == 0 else {
            throw refuse("a row was begun with \(pending) of \(columnTypes.count) values and not ended")
        }
    }

    func append(_ columns: [ColumnValues]) throws(DuckDBError) {
        try finishRow()
        guard columns.count == columnTypes.count else {
            throw refuse("the table has \(columnTypes.count) columns, and \(columns.count) were given")
        }
        let count = columns.first?.count ?? 0
        for (index, column) in columns.enumerated() {
            guard column.count == count else {
                throw refuse("column 0 has \(count) rows, and column \(index) has \(column.count)")
            }
            guard column.fits(columnTypes[index]) else {
                throw refuse("column \(index) has type \(columnTypes[index]), which takes other values", .mismatchType)
            }
        }
        let batch = Int(duckdb_vector_size())
        for start in stride(from: 0, to: count, by: batch) {
            try append(columns, start..<min(start + batch, count))
        }
    }

    private func append(_ columns: [ColumnValues], _ rows: Range<Int>) throws(DuckDBError) {
        var types: [LogicalTypeHandle] = []
        for type in columnTypes {
            try types.append(type.handle())
        }
        let created = lendAll(types) { duckdb_create_data_chunk($0, idx_t(types.count)) }
        guard let created else { throw refuse("DuckDB made no chunk", .outOfMemory) }
        var chunk: duckdb_data_chunk? = created
        defer { duckdb_destroy_data_chunk(&chunk) }
        for (index, column) in columns.enumerated() {
            guard let vector = duckdb_data_chunk_get_vector(created, idx_t(index)) else { continue }
            column.write(rows, to: vector)
        }
        duckdb_data_chunk_set_size(created, idx_t(rows.count))
        try check(duckdb_append_data_chunk(pointer, created), .append)
    }
}

extension ColumnValues {
    fileprivate func fits(_ type: LogicalType) -> Bool {
        switch self {
        case .int64s, .optionalInt64s: type == .bigint
        case .doubles, .optionalDoubles: type == .double
        case .strings: type == .varchar || type == .json
        case .timestampMicroseconds: type == .timestamp || type == .timestampTZ
        }
    }

    /// Writes some rows to the front of a vector of the right type.
    fileprivate func write(_ rows: Range<Int>, to vector: duckdb_vector) {
        switch self {
        case .int64s(let values): copy(values, rows, to: vector)
        case .doubles(let values): copy(values, rows, to: vector)
        case .optionalInt64s(let values), .timestampMicroseconds(let values):
            copy(values, rows, to: vector)
        case .optionalDoubles(let values): copy(values, rows, to: vector)
        case .strings(let values):
            for (index, text) in values[rows].enumerated() {
                guard let text else {
                    setNull(index, in: vector)
                    continue
                }
                let length = idx_t(text.utf8.count)
                text.withCString {
                    duckdb_vector_assign_string_element_len(vector, idx_t(index), $0, length)
                }
            }
        }
    }

    private func copy<T: BitwiseCopyable>(_ values: [T], _ rows: Range<Int>, to vector: duckdb_vector) {
        guard let data = duckdb_vector_get_data(vector) else { return }
        values[rows].withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(start: data, count: source.count).copyMemory(from: source)
        }
    }

    private func copy<T: BitwiseCopyable>(_ values: [T?], _ rows: Range<Int>, to vector: duckdb_vector) {
        guard let data = duckdb_vector_get_data(vector)?.assumingMemoryBound(to: T.self) else { return }
        for (index, value) in values[rows].enumerated() {
            if let value { data[index] = value } else { setNull(index, in: vector) }
        }
    }

    private func setNull(_ row: Int, in vector: duckdb_vector) {
        duckdb_vector_ensure_validity_writable(vector)
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), idx_t(row))
    }
}
