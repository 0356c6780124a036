internal import CDuckDB

/// What DuckDB keeps of a registered function; retained by DuckDB and released when the database closes.
private final class FunctionBox: Sendable {
    let function: ScalarFunction

    init(_ function: ScalarFunction) { self.function = function }
}

/// What a thread that calls a function knows of who calls.
private final class CallerBox: Sendable {
    let connection: Int

    init(connection: Int) { self.connection = connection }
}

extension ConnectionHandle {
    /// Registers all functions of one name.
    func register(_ name: String, _ overloads: [ScalarFunction]) throws(DuckDBError) {
        try rejectNUL(name, as: "the function's name", operation: .execute)
        guard let set = duckdb_create_scalar_function_set(name) else {
            throw DuckDBError(operation: .execute, kind: .outOfMemory, message: "no function set could be made")
        }
        defer {
            var set: duckdb_scalar_function_set? = set
            duckdb_destroy_scalar_function_set(&set)
        }
        for overload in overloads {
            var function = try Self.make(overload)
            defer { duckdb_destroy_scalar_function(&function) }
            guard let made = function, duckdb_add_scalar_function_to_set(set, made) == DuckDBSuccess else {
                throw Self.refused(name)
            }
        }
        guard lend({ duckdb_register_scalar_function_set($0, set) }) == DuckDBSuccess else {
            throw Self.refused(name)
        }
    }

    private static func refused(_ name: String) -> DuckDBError {
        DuckDBError(operation: .execute, kind: .invalidInput, message: "DuckDB refuses the function '\(name)'")
    }

    private static func make(_ function: ScalarFunction) throws(DuckDBError) -> duckdb_scalar_function? {
        let parameters = try function.parameters.map { type throws(DuckDBError) in try type.handle() }
        let result = try function.result.handle()
        guard let made = duckdb_create_scalar_function() else { return nil }
        duckdb_scalar_function_set_name(made, function.name)
        for parameter in parameters { parameter.lend { duckdb_scalar_function_add_parameter(made, $0) } }
        result.lend { duckdb_scalar_function_set_return_type(made, $0) }
        // Without this DuckDB answers NULL for a NULL among the arguments, without a call; the body knows better.
        duckdb_scalar_function_set_special_handling(made)
        // What DuckDB takes to change from call to call it neither folds nor moves.
        if function.isCostly { duckdb_scalar_function_set_volatile(made) }
        duckdb_scalar_function_set_extra_info(
            made,
            Unmanaged.passRetained(FunctionBox(function)).toOpaque(),
            { pointer in
                if let pointer { Unmanaged<FunctionBox>.fromOpaque(pointer).release() }
            }
        )
        duckdb_scalar_function_set_init(made, noteCaller)
        duckdb_scalar_function_set_function(made, callFunction)
        return made
    }
}

/// Called once for each thread of a statement, before it calls the function.
private func noteCaller(_ info: duckdb_init_info?) {
    guard let info else { return }
    var context: duckdb_client_context?
    duckdb_scalar_function_init_get_client_context(info, &context)
    guard let open = context else { return }
    defer { duckdb_destroy_client_context(&context) }
    let caller = CallerBox(connection: Int(duckdb_client_context_get_connection_id(open)))
    duckdb_scalar_function_init_set_state(
        info,
        Unmanaged.passRetained(caller).toOpaque(),
        { pointer in
            if let pointer { Unmanaged<CallerBox>.fromOpaque(pointer).release() }
        }
    )
}

private func callFunction(_ info: duckdb_function_info?, _ input: duckdb_data_chunk?, _ output: duckdb_vector?) {
    guard let info, let input, let output, let extra = duckdb_scalar_function_get_extra_info(info) else { return }
    let function = Unmanaged<FunctionBox>.fromOpaque(extra).takeUnretainedValue().function
    let caller = duckdb_scalar_function_get_state(info).map {
        Unmanaged<CallerBox>.fromOpaque($0).takeUnretainedValue().connection
    }
    let call = FunctionCall(connection: caller ?? -1, chunk: input, parameters: function.parameters)
    do {
        let result = try function.body(call)
        guard result.count == call.count else {
            throw DuckDBError(
                operation: .execute,
                kind: .internal,
                message: "'\(function.name)' gave \(result.count) results for \(call.count) rows"
            )
        }
        try VectorWriter(output).write(result)
    } catch let error as DuckDBError {
        duckdb_scalar_function_set_error(info, error.message)
    } catch {
        duckdb_scalar_function_set_error(info, "\(error)")
    }
}

/// Writes results into a vector of DuckDB's.
private struct VectorWriter {
    let vector: duckdb_vector

    init(_ vector: duckdb_vector) { self.vector = vector }

    func write(_ result: FunctionResult) throws(DuckDBError) {
        switch result {
        case .strings(let rows): each(rows) { set($0, at: $1) }
        case .doubles(let rows): store(rows)
        case .booleans(let rows): store(rows.map { $0.map { UInt8($0 ? 1 : 0) } })
        case .floatLists(let rows):
            let child = try lists(rows.map { $0?.count })
            VectorWriter(child).store(rows.flatMap { $0 ?? [] }.map { Optional($0) })
        case .maps(let rows):
            let child = try lists(rows.map { $0?.count })
            let entries = rows.flatMap { $0 ?? [] }
            guard let keys = duckdb_struct_vector_get_child(child, 0),
                let values = duckdb_struct_vector_get_child(child, 1)
            else { throw Self.mismatch }
            VectorWriter(keys).each(entries.map(\.key)) { VectorWriter(keys).set($0, at: $1) }
            VectorWriter(values).each(entries.map(\.value)) { VectorWriter(values).set($0, at: $1) }
        }
    }

    private static var mismatch: DuckDBError {
        DuckDBError(operation: .execute, kind: .internal, message: "the result is not of the function's type")
    }

    private func set(_ text: String, at row: Int) {
        var text = text
        text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                duckdb_vector_assign_string_element_len(vector, idx_t(row), $0.baseAddress, idx_t($0.count))
            }
        }
    }

    /// Gives every row that has a value to a closure and notes the others as NULL.
    private func each<T>(_ rows: [T?], _ body: (T, Int) -> Void) {
        for (row, value) in rows.enumerated() {
            if let value { body(value, row) } else { setNull(row) }
        }
    }

    private func store<T: BitwiseCopyable>(_ rows: [T?]) {
        guard let data = duckdb_vector_get_data(vector)?.assumingMemoryBound(to: T.self) else { return }
        each(rows) { data[$1] = $0 }
    }

    private func setNull(_ row: Int) {
        duckdb_vector_ensure_validity_writable(vector)
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), idx_t(row))
    }

    /// Writes the entries of lists of these lengths, and gives the vector for their elements.
    private func lists(_ lengths: [Int?]) throws(DuckDBError) -> duckdb_vector {
        let total = lengths.reduce(0) { $0 + ($1 ?? 0) }
        guard duckdb_list_vector_reserve(vector, idx_t(total)) == DuckDBSuccess,
            duckdb_list_vector_set_size(vector, idx_t(total)) == DuckDBSuccess,
            let child = duckdb_list_vector_get_child(vector)
        else { throw Self.mismatch }
        var start = 0
        store(
            lengths.map { length in
                defer { start += length ?? 0 }
                return length.map { duckdb_list_entry(offset: UInt64(start), length: UInt64($0)) }
            }
        )
        return child
    }
}
