internal import CDuckDB

extension LogicalType {
    /// Reads a type of DuckDB's.
    init(_ handle: LogicalTypeHandle) {
        self = handle.lend { Self.read($0) }
    }

    private static func read(_ type: duckdb_logical_type) -> Self {
        switch duckdb_get_type_id(type) {
        case DUCKDB_TYPE_VARCHAR: takeString(duckdb_logical_type_get_alias(type)) == "JSON" ? .json : .varchar
        case DUCKDB_TYPE_DECIMAL:
            .decimal(width: Int(duckdb_decimal_width(type)), scale: Int(duckdb_decimal_scale(type)))
        case DUCKDB_TYPE_ENUM:
            .enumeration(
                (0..<idx_t(duckdb_enum_dictionary_size(type))).map {
                    takeString(duckdb_enum_dictionary_value(type, $0)) ?? ""
                }
            )
        case DUCKDB_TYPE_LIST: .list(Self(adopting: duckdb_list_type_child_type(type)))
        case DUCKDB_TYPE_ARRAY:
            .array(
                Self(adopting: duckdb_array_type_child_type(type)),
                count: Int(duckdb_array_type_array_size(type))
            )
        case DUCKDB_TYPE_MAP:
            .map(
                key: Self(adopting: duckdb_map_type_key_type(type)),
                value: Self(adopting: duckdb_map_type_value_type(type))
            )
        case DUCKDB_TYPE_STRUCT:
            .structure(
                (0..<duckdb_struct_type_child_count(type)).map {
                    Field(
                        name: takeString(duckdb_struct_type_child_name(type, $0)) ?? "",
                        type: Self(adopting: duckdb_struct_type_child_type(type, $0))
                    )
                }
            )
        case DUCKDB_TYPE_UNION:
            .union(
                (0..<duckdb_union_type_member_count(type)).map {
                    Field(
                        name: takeString(duckdb_union_type_member_name(type, $0)) ?? "",
                        type: Self(adopting: duckdb_union_type_member_type(type, $0))
                    )
                }
            )
        case let id: Self.plain.first { $0.id == id }?.type ?? .unknown
        }
    }

    private init(adopting pointer: duckdb_logical_type?) {
        self = pointer.map { LogicalType(LogicalTypeHandle(adopting: $0)) } ?? .unknown
    }

    /// The types that have no parts.
    private static let plain: [(type: LogicalType, id: duckdb_type)] = [
        (.boolean, DUCKDB_TYPE_BOOLEAN), (.tinyint, DUCKDB_TYPE_TINYINT), (.smallint, DUCKDB_TYPE_SMALLINT),
        (.integer, DUCKDB_TYPE_INTEGER), (.bigint, DUCKDB_TYPE_BIGINT), (.hugeint, DUCKDB_TYPE_HUGEINT),
        (.utinyint, DUCKDB_TYPE_UTINYINT), (.usmallint, DUCKDB_TYPE_USMALLINT), (.uinteger, DUCKDB_TYPE_UINTEGER),
        (.ubigint, DUCKDB_TYPE_UBIGINT), (.uhugeint, DUCKDB_TYPE_UHUGEINT), (.bignum, DUCKDB_TYPE_BIGNUM),
        (.float, DUCKDB_TYPE_FLOAT), (.double, DUCKDB_TYPE_DOUBLE), (.varchar, DUCKDB_TYPE_VARCHAR),
        (.blob, DUCKDB_TYPE_BLOB), (.bit, DUCKDB_TYPE_BIT), (.uuid, DUCKDB_TYPE_UUID), (.date, DUCKDB_TYPE_DATE),
        (.time, DUCKDB_TYPE_TIME), (.timeNS, DUCKDB_TYPE_TIME_NS), (.timeTZ, DUCKDB_TYPE_TIME_TZ),
        (.timestamp, DUCKDB_TYPE_TIMESTAMP), (.timestampS, DUCKDB_TYPE_TIMESTAMP_S),
        (.timestampMS, DUCKDB_TYPE_TIMESTAMP_MS), (.timestampNS, DUCKDB_TYPE_TIMESTAMP_NS),
        (.timestampTZ, DUCKDB_TYPE_TIMESTAMP_TZ), (.interval, DUCKDB_TYPE_INTERVAL),
        (.geometry, DUCKDB_TYPE_GEOMETRY), (.variant, DUCKDB_TYPE_VARIANT), (.null, DUCKDB_TYPE_SQLNULL),
    ]

    /// Makes the type for DuckDB; JSON becomes the VARCHAR that it is.
    func handle() throws(DuckDBError) -> LogicalTypeHandle {
        let raw: duckdb_logical_type?
        switch self {
        case .decimal(let width, let scale):
            guard (1...38).contains(width), (0...width).contains(scale) else { throw Self.impossible(self) }
            raw = duckdb_create_decimal_type(UInt8(width), UInt8(scale))
        case .list(let element):
            raw = try element.handle().lend { duckdb_create_list_type($0) }
        case .array(let element, let count):
            guard count > 0 else { throw Self.impossible(self) }
            raw = try element.handle().lend { duckdb_create_array_type($0, idx_t(count)) }
        case .map(let key, let value):
            let key = try key.handle()
            let value = try value.handle()
            raw = key.lend { key in value.lend { duckdb_create_map_type(key, $0) } }
        case .structure(let fields):
            raw = try Self.make(fields, duckdb_create_struct_type)
        case .union(let fields):
            raw = try Self.make(fields, duckdb_create_union_type)
        case .enumeration(let labels):
            raw = withCStrings(labels) { duckdb_create_enum_type($0, idx_t(labels.count)) }
        case .json:
            raw = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR)
        case .variant, .geometry, .unknown:
            throw Self.impossible(self)
        default:
            raw = Self.plain.first { $0.type == self }.flatMap { duckdb_create_logical_type($0.id) }
        }
        guard let raw else { throw Self.impossible(self) }
        return LogicalTypeHandle(adopting: raw)
    }

    private typealias FieldTypeMaker = (
        UnsafeMutablePointer<duckdb_logical_type?>?, UnsafeMutablePointer<UnsafePointer<CChar>?>?, idx_t
    ) -> duckdb_logical_type?

    private static func make(_ fields: [Field], _ maker: FieldTypeMaker) throws(DuckDBError) -> duckdb_logical_type? {
        var handles: [LogicalTypeHandle] = []
        for field in fields {
            try handles.append(field.type.handle())
        }
        return lendAll(handles) { types in
            withCStrings(fields.map { $0.name }) { maker(types, $0, idx_t(fields.count)) }
        }
    }

    private static func impossible(_ type: LogicalType) -> DuckDBError {
        DuckDBError(operation: .bind, kind: .notImplemented, message: "no value of type \(type) can be made here")
    }
}

/// Lends an array of types.
func lendAll<T>(
    _ handles: [LogicalTypeHandle],
    _ body: (UnsafeMutablePointer<duckdb_logical_type?>?) -> T
) -> T {
    var pointers = handles.map { handle in handle.lend { Optional($0) } }
    return withExtendedLifetime(handles) {
        pointers.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }
}

/// Lends an array of C strings.
private func withCStrings<T>(
    _ texts: [String],
    _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> T
) -> T {
    // One buffer for all, and the place of each in it, since the strings must all be alive at once.
    var bytes: [CChar] = []
    var starts: [Int] = []
    for text in texts {
        starts.append(bytes.count)
        bytes.append(contentsOf: text.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { buffer in
        var pointers = starts.map { start in buffer.baseAddress.map { $0 + start } }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }
}
