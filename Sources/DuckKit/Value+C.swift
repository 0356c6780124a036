internal import CDuckDB

extension Value {
    /// Makes the value for DuckDB, of its own type.
    func handle() throws(DuckDBError) -> ValueHandle {
        try handle(as: logicalType())
    }

    /// Makes the value for DuckDB, of a given type.
    ///
    /// The type is the value's own, or for a part of a nested value the one all parts have in common. DuckDB casts the
    /// parts to that type, which cannot fail, since the common type holds them all.
    private func handle(as type: LogicalType) throws(DuckDBError) -> ValueHandle {
        let raw: duckdb_value?
        switch self {
        case .null: raw = duckdb_create_null_value()
        case .boolean(let value): raw = duckdb_create_bool(value)
        case .tinyint(let number): raw = duckdb_create_int8(number)
        case .smallint(let number): raw = duckdb_create_int16(number)
        case .integer(let number): raw = duckdb_create_int32(number)
        case .bigint(let number): raw = duckdb_create_int64(number)
        case .hugeint(let number): raw = duckdb_create_hugeint(duckdb_hugeint(number))
        case .utinyint(let number): raw = duckdb_create_uint8(number)
        case .usmallint(let number): raw = duckdb_create_uint16(number)
        case .uinteger(let number): raw = duckdb_create_uint32(number)
        case .ubigint(let number): raw = duckdb_create_uint64(number)
        case .uhugeint(let number): raw = duckdb_create_uhugeint(duckdb_uhugeint(number))
        case .float(let number): raw = duckdb_create_float(number)
        case .double(let number): raw = duckdb_create_double(number)
        case .varchar(let text), .enumeration(let text):
            let length = idx_t(text.utf8.count)
            raw = text.withCString { duckdb_create_varchar_length($0, length) }
        case .blob(let bytes):
            raw = bytes.withUnsafeBufferPointer { duckdb_create_blob($0.baseAddress, idx_t($0.count)) }
        case .decimal, .bignum, .bit, .uuid:
            raw = try scalar()
        case .list, .array, .structure, .map, .union:
            raw = try nested(as: type)
        case .geometry:
            throw Self.refused(
                "a GEOMETRY cannot be sent; send its well-known binary as a BLOB or its text as a VARCHAR and convert it",
                kind: .notImplemented
            )
        default:
            raw = try temporal()
        }
        guard let raw else {
            throw Self.refused("DuckDB cannot make the value \(self) of type \(type)", kind: .invalidInput)
        }
        return ValueHandle(adopting: raw)
    }

    /// The scalars that have rules of their own.
    private func scalar() throws(DuckDBError) -> duckdb_value? {
        switch self {
        case .decimal(let number):
            guard number.isValid else {
                throw Self.refused(
                    "the unscaled value \(number.unscaled) does not fit DECIMAL(\(number.width),\(number.scale))",
                    kind: .outOfRange
                )
            }
            return duckdb_create_decimal(
                duckdb_decimal(
                    width: UInt8(number.width),
                    scale: UInt8(number.scale),
                    value: duckdb_hugeint(number.unscaled)
                )
            )
        case .bignum(let number):
            // A zero has one byte in DuckDB, and none here.
            var bytes = number.magnitude.isEmpty ? [0] : number.magnitude
            return bytes.withUnsafeMutableBufferPointer {
                duckdb_create_bignum(
                    duckdb_bignum(data: $0.baseAddress, size: idx_t($0.count), is_negative: number.isNegative)
                )
            }
        case .bit(let bits):
            guard !bits.bits.isEmpty else { throw Self.refused("a BIT has at least one bit", kind: .invalidInput) }
            var bytes = bits.stored
            return bytes.withUnsafeMutableBufferPointer {
                duckdb_create_bit(duckdb_bit(data: $0.baseAddress, size: idx_t($0.count)))
            }
        case .uuid(let number):
            return duckdb_create_uuid(duckdb_uhugeint(number))
        default:
            return nil
        }
    }

    private func temporal() throws(DuckDBError) -> duckdb_value? {
        // DuckDB takes any number here, and packs what is out of range into another time.
        let day: Int64 = 86_400_000_000
        let isPossible =
            switch self {
            case .time(let microseconds): (0...day).contains(microseconds)
            case .timeNS(let nanoseconds): (0...day * 1000).contains(nanoseconds)
            case .timeTZ(let microseconds, let offset):
                (0...day).contains(microseconds) && (-57_599...57_599).contains(offset)
            default: true
            }
        guard isPossible else {
            throw Self.refused("a time lies between 00:00:00 and 24:00:00, and 15:59:59 from UTC", kind: .outOfRange)
        }
        return switch self {
        case .date(let days): duckdb_create_date(duckdb_date(days: days))
        case .time(let microseconds): duckdb_create_time(duckdb_time(micros: microseconds))
        case .timeNS(let nanoseconds): duckdb_create_time_ns(duckdb_time_ns(nanos: nanoseconds))
        case .timeTZ(let microseconds, let offset):
            duckdb_create_time_tz_value(duckdb_create_time_tz(microseconds, offset))
        case .timestamp(let microseconds): duckdb_create_timestamp(duckdb_timestamp(micros: microseconds))
        case .timestampS(let seconds): duckdb_create_timestamp_s(duckdb_timestamp_s(seconds: seconds))
        case .timestampMS(let milliseconds): duckdb_create_timestamp_ms(duckdb_timestamp_ms(millis: milliseconds))
        case .timestampNS(let nanoseconds): duckdb_create_timestamp_ns(duckdb_timestamp_ns(nanos: nanoseconds))
        case .timestampTZ(let microseconds): duckdb_create_timestamp_tz(duckdb_timestamp(micros: microseconds))
        case .interval(let months, let days, let microseconds):
            duckdb_create_interval(duckdb_interval(months: months, days: days, micros: microseconds))
        default: nil
        }
    }

    private func nested(as type: LogicalType) throws(DuckDBError) -> duckdb_value? {
        switch (self, type) {
        case (.list(let elements), .list(let elementType)):
            let handles = try Self.handles(elements, as: elementType)
            let cType = try elementType.handle()
            return lendAll(handles) { values in
                cType.lend { duckdb_create_list_value($0, values, idx_t(elements.count)) }
            }
        case (.array(let elements), .array(let elementType, _)):
            let handles = try Self.handles(elements, as: elementType)
            let cType = try elementType.handle()
            return lendAll(handles) { values in
                cType.lend { duckdb_create_array_value($0, values, idx_t(elements.count)) }
            }
        case (.structure(let fields), .structure(let fieldTypes)):
            var handles: [ValueHandle] = []
            for (field, fieldType) in zip(fields, fieldTypes) {
                try handles.append(field.value.handle(as: fieldType.type))
            }
            let cType = try type.handle()
            return lendAll(handles) { values in
                cType.lend { duckdb_create_struct_value($0, values) }
            }
        case (.map(let entries), .map(let keyType, let valueType)):
            guard !entries.contains(where: { $0.key.isNull }) else {
                throw Self.refused("a key of a MAP is NULL", kind: .invalidInput)
            }
            guard Set(entries.map { $0.key }).count == entries.count else {
                throw Self.refused("a key of a MAP is there twice", kind: .invalidInput)
            }
            let keys = try Self.handles(entries.map { $0.key }, as: keyType)
            let values = try Self.handles(entries.map { $0.value }, as: valueType)
            let cType = try type.handle()
            return lendAll(keys) { keys in
                lendAll(values) { values in
                    cType.lend { duckdb_create_map_value($0, keys, values, idx_t(entries.count)) }
                }
            }
        case (.union(_, let value), .union(let members)):
            guard let member = members.first else { return nil }
            let handle = try value.handle(as: member.type)
            let cType = try type.handle()
            return handle.lend { value in
                cType.lend { duckdb_create_union_value($0, 0, value) }
            }
        default:
            return nil
        }
    }

    private static func handles(_ values: [Value], as type: LogicalType) throws(DuckDBError) -> [ValueHandle] {
        var result: [ValueHandle] = []
        result.reserveCapacity(values.count)
        for value in values {
            try result.append(value.handle(as: type))
        }
        return result
    }
}

/// Lends values that stay owned by their handles; DuckDB copies them.
private func lendAll<T>(
    _ handles: [ValueHandle],
    _ body: (UnsafeMutablePointer<duckdb_value?>?) -> T
) -> T {
    var pointers = handles.map { handle in handle.lend { Optional($0) } }
    return withExtendedLifetime(handles) {
        // An empty array may have no address, and DuckDB takes a null pointer for a mistake.
        if pointers.isEmpty { pointers.append(nil) }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }
}

extension duckdb_hugeint {
    init(_ number: Int128) {
        self.init(lower: UInt64(truncatingIfNeeded: number), upper: Int64(truncatingIfNeeded: number >> 64))
    }

    var number: Int128 { Int128(upper) << 64 | Int128(lower) }
}

extension duckdb_uhugeint {
    init(_ number: UInt128) {
        self.init(lower: UInt64(truncatingIfNeeded: number), upper: UInt64(truncatingIfNeeded: number >> 64))
    }

    var number: UInt128 { UInt128(upper) << 64 | UInt128(lower) }
}
