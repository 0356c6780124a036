internal import CDuckDB

/// Reads values out of a DuckDB vector; whoever makes one keeps the vector's chunk alive.
struct VectorReader {
    let type: LogicalType
    let data: UnsafeRawPointer?
    let validity: UnsafePointer<UInt64>?
    private let vector: duckdb_vector

    init(_ vector: duckdb_vector, _ type: LogicalType) {
        self.vector = vector
        self.type = type
        data = duckdb_vector_get_data(vector).map { UnsafeRawPointer($0) }
        validity = duckdb_vector_get_validity(vector).map { UnsafePointer($0) }
    }

    func isNull(_ row: Int) -> Bool {
        guard let validity else { return false }
        return validity[row >> 6] & (1 << UInt64(row & 63)) == 0
    }

    /// The text at a row that is not NULL.
    func string(_ row: Int) -> String {
        withBytes(row) { String(decoding: $0, as: UTF8.self) }
    }

    private func withBytes<T>(_ row: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T {
        guard let data else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        // The C function is given the string in place and not a copy of it: a short one lies in the string itself.
        let string = UnsafeMutablePointer(
            mutating: data.assumingMemoryBound(to: duckdb_string_t.self).advanced(by: row)
        )
        let length = Int(duckdb_string_t_length(string.pointee))
        return body(UnsafeRawBufferPointer(start: duckdb_string_t_data(string), count: length))
    }

    /// The values of some rows.
    func values(_ rows: Range<Int>) throws(DuckDBError) -> [Value] {
        switch type {
        case .boolean: load(rows, UInt8.self) { .boolean($0 != 0) }
        case .tinyint: load(rows, Int8.self) { .tinyint($0) }
        case .smallint: load(rows, Int16.self) { .smallint($0) }
        case .integer: load(rows, Int32.self) { .integer($0) }
        case .bigint: load(rows, Int64.self) { .bigint($0) }
        case .utinyint: load(rows, UInt8.self) { .utinyint($0) }
        case .usmallint: load(rows, UInt16.self) { .usmallint($0) }
        case .uinteger: load(rows, UInt32.self) { .uinteger($0) }
        case .ubigint: load(rows, UInt64.self) { .ubigint($0) }
        case .hugeint: load(rows, duckdb_hugeint.self) { .hugeint($0.number) }
        case .uhugeint: load(rows, duckdb_uhugeint.self) { .uhugeint($0.number) }
        case .float: load(rows, Float.self) { .float($0) }
        case .double: load(rows, Double.self) { .double($0) }
        case .varchar, .json: map(rows) { .varchar(string($0)) }
        case .blob: map(rows) { row in .blob(withBytes(row) { Array($0) }) }
        case .geometry: map(rows) { row in .geometry(withBytes(row) { Array($0) }) }
        case .bit: map(rows) { row in .bit(withBytes(row) { BitString(stored: $0) }) }
        case .bignum: map(rows) { row in .bignum(withBytes(row) { BigNumber(stored: $0) }) }
        // Stored with the highest bit turned over, so that UUIDs sort as signed numbers.
        case .uuid: load(rows, duckdb_uhugeint.self) { .uuid($0.number ^ (1 << 127)) }
        case .decimal(let width, let scale): decimals(rows, width, scale)
        case .enumeration(let labels): labelled(rows, labels)
        case .list(let element): try lists(rows, element) { .list($0) }
        case .map(let key, let value): try maps(rows, key, value)
        case .array(let element, let count): try arrays(rows, element, count)
        case .structure(let fields): try structures(rows, fields)
        case .union(let members): try unions(rows, members)
        case .null: rows.map { _ in .null }
        case .variant, .unknown: throw unreadable()
        default: temporal(rows)
        }
    }

    private func temporal(_ rows: Range<Int>) -> [Value] {
        switch type {
        case .date: load(rows, Int32.self) { .date(days: $0) }
        case .time: load(rows, Int64.self) { .time(microseconds: $0) }
        case .timeNS: load(rows, Int64.self) { .timeNS(nanoseconds: $0) }
        case .timeTZ:
            load(rows, duckdb_time_tz.self) { bits in
                let parts = duckdb_from_time_tz(bits)
                let seconds = (Int64(parts.time.hour) * 60 + Int64(parts.time.min)) * 60 + Int64(parts.time.sec)
                return .timeTZ(
                    microseconds: seconds * 1_000_000 + Int64(parts.time.micros),
                    offsetSeconds: parts.offset
                )
            }
        case .timestamp: load(rows, Int64.self) { .timestamp(microseconds: $0) }
        case .timestampS: load(rows, Int64.self) { .timestampS(seconds: $0) }
        case .timestampMS: load(rows, Int64.self) { .timestampMS(milliseconds: $0) }
        case .timestampNS: load(rows, Int64.self) { .timestampNS(nanoseconds: $0) }
        case .timestampTZ: load(rows, Int64.self) { .timestampTZ(microseconds: $0) }
        case .interval:
            load(rows, duckdb_interval.self) { .interval(months: $0.months, days: $0.days, microseconds: $0.micros) }
        default: []
        }
    }

    private func map(_ rows: Range<Int>, _ make: (Int) -> Value) -> [Value] {
        rows.map { isNull($0) ? .null : make($0) }
    }

    private func load<T: BitwiseCopyable>(_ rows: Range<Int>, _: T.Type, _ make: (T) -> Value) -> [Value] {
        guard let data else { return [] }
        let stride = MemoryLayout<T>.stride
        return rows.map {
            isNull($0) ? .null : make(data.loadUnaligned(fromByteOffset: $0 * stride, as: T.self))
        }
    }

    private func decimals(_ rows: Range<Int>, _ width: Int, _ scale: Int) -> [Value] {
        func make(_ unscaled: Int128) -> Value {
            .decimal(Decimal128(unscaled: unscaled, width: width, scale: scale))
        }
        // DuckDB takes the smallest integer that holds the width.
        return switch width {
        case ...4: load(rows, Int16.self) { make(Int128($0)) }
        case ...9: load(rows, Int32.self) { make(Int128($0)) }
        case ...18: load(rows, Int64.self) { make(Int128($0)) }
        default: load(rows, duckdb_hugeint.self) { make($0.number) }
        }
    }

    private func labelled(_ rows: Range<Int>, _ labels: [String]) -> [Value] {
        // DuckDB takes the smallest unsigned integer that holds the number of labels.
        switch labels.count {
        case ...Int(UInt8.max): load(rows, UInt8.self) { .enumeration(labels[Int($0)]) }
        case ...Int(UInt16.max): load(rows, UInt16.self) { .enumeration(labels[Int($0)]) }
        default: load(rows, UInt32.self) { .enumeration(labels[Int($0)]) }
        }
    }

    private func unreadable() -> DuckDBError {
        DuckDBError(
            operation: .read,
            kind: .notImplemented,
            message: "a value of type \(type) cannot be read; cast it to VARCHAR or JSON in the statement"
        )
    }
}

/// Nested types, whose parts lie in vectors of their own.
extension VectorReader {
    private func lists(
        _ rows: Range<Int>,
        _ element: LogicalType,
        _ make: ([Value]) -> Value
    ) throws(DuckDBError) -> [Value] {
        guard let data, let child = duckdb_list_vector_get_child(vector) else { return [] }
        let reader = VectorReader(child, element)
        let entries = data.assumingMemoryBound(to: duckdb_list_entry.self)
        var result: [Value] = []
        result.reserveCapacity(rows.count)
        for row in rows {
            guard !isNull(row) else {
                result.append(.null)
                continue
            }
            let start = Int(entries[row].offset)
            try result.append(make(reader.values(start..<start + Int(entries[row].length))))
        }
        return result
    }

    /// The texts of lists, nil for NULL; rows that share a list, as those of a constant do, share the array too.
    func stringLists(_ count: Int) -> [[String]?] {
        guard let data, let child = duckdb_list_vector_get_child(vector) else { return [] }
        let reader = VectorReader(child, .varchar)
        let entries = data.assumingMemoryBound(to: duckdb_list_entry.self)
        var last: (offset: UInt64, length: UInt64, texts: [String])?
        return (0..<count).map { row in
            guard !isNull(row) else { return nil }
            let entry = entries[row]
            if let last, last.offset == entry.offset, last.length == entry.length { return last.texts }
            let texts = (Int(entry.offset)..<Int(entry.offset + entry.length))
                .compactMap { reader.isNull($0) ? nil : reader.string($0) }
            last = (entry.offset, entry.length, texts)
            return texts
        }
    }

    /// A map is stored as a list of structures of a key and a value.
    private func maps(_ rows: Range<Int>, _ key: LogicalType, _ value: LogicalType) throws(DuckDBError) -> [Value] {
        let entry = LogicalType.structure([.init(name: "key", type: key), .init(name: "value", type: value)])
        return try lists(rows, entry) { entries in
            .map(
                entries.compactMap { entry in
                    guard case .structure(let fields) = entry, fields.count == 2 else { return nil }
                    return Value.Entry(fields[0].value, fields[1].value)
                }
            )
        }
    }

    private func arrays(_ rows: Range<Int>, _ element: LogicalType, _ count: Int) throws(DuckDBError) -> [Value] {
        guard let child = duckdb_array_vector_get_child(vector) else { return [] }
        let reader = VectorReader(child, element)
        var result: [Value] = []
        result.reserveCapacity(rows.count)
        for row in rows {
            try result.append(isNull(row) ? .null : .array(reader.values(row * count..<(row + 1) * count)))
        }
        return result
    }

    private func structures(_ rows: Range<Int>, _ fields: [LogicalType.Field]) throws(DuckDBError) -> [Value] {
        var columns: [[Value]] = []
        for (index, field) in fields.enumerated() {
            guard let child = duckdb_struct_vector_get_child(vector, idx_t(index)) else { return [] }
            try columns.append(VectorReader(child, field.type).values(rows))
        }
        return rows.map { row in
            guard !isNull(row) else { return .null }
            return .structure(zip(fields, columns).map { Value.Field($0.name, $1[row - rows.lowerBound]) })
        }
    }

    /// A union is stored as a structure of the tag and all members, of which only the tagged one counts.
    private func unions(_ rows: Range<Int>, _ members: [LogicalType.Field]) throws(DuckDBError) -> [Value] {
        guard let tagVector = duckdb_struct_vector_get_child(vector, 0) else { return [] }
        let tags = try VectorReader(tagVector, .utinyint).values(rows)
        var readers: [VectorReader] = []
        for (index, member) in members.enumerated() {
            guard let child = duckdb_struct_vector_get_child(vector, idx_t(index + 1)) else { return [] }
            readers.append(VectorReader(child, member.type))
        }
        var result: [Value] = []
        result.reserveCapacity(rows.count)
        for row in rows {
            guard !isNull(row), let tag = tags[row - rows.lowerBound].int, readers.indices.contains(tag) else {
                result.append(.null)
                continue
            }
            let value = try readers[tag].values(row..<row + 1).first ?? .null
            result.append(.union(tag: members[tag].name, value: value))
        }
        return result
    }
}
