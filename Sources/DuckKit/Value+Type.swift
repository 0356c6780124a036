extension Value {
    /// The type it is sent to DuckDB as.
    ///
    /// An ENUM goes as VARCHAR, a UNION as one with its one member, an empty list as `"NULL"[]`.
    ///
    /// - Returns: The type.
    /// - Throws: ``DuckDBError`` of kind `mismatchType` if the elements of a list or the entries of a map differ in
    ///   type, and `invalidInput` for an empty array.
    public func logicalType() throws(DuckDBError) -> LogicalType {
        switch self {
        case .null: .null
        case .boolean: .boolean
        case .tinyint: .tinyint
        case .smallint: .smallint
        case .integer: .integer
        case .bigint: .bigint
        case .hugeint: .hugeint
        case .utinyint: .utinyint
        case .usmallint: .usmallint
        case .uinteger: .uinteger
        case .ubigint: .ubigint
        case .uhugeint: .uhugeint
        case .bignum: .bignum
        case .float: .float
        case .double: .double
        case .decimal(let number): .decimal(width: number.width, scale: number.scale)
        case .varchar, .enumeration: .varchar
        case .blob: .blob
        case .bit: .bit
        case .uuid: .uuid
        case .date: .date
        case .time: .time
        case .timeNS: .timeNS
        case .timeTZ: .timeTZ
        case .timestamp: .timestamp
        case .timestampS: .timestampS
        case .timestampMS: .timestampMS
        case .timestampNS: .timestampNS
        case .timestampTZ: .timestampTZ
        case .interval: .interval
        case .geometry: .geometry
        case .list(let elements): .list(try Self.commonType(elements, "the elements of a list"))
        case .array(let elements): .array(try Self.elementType(elements), count: elements.count)
        case .structure(let fields): .structure(try Self.types(of: fields))
        case .map(let entries):
            .map(
                key: try Self.commonType(entries.map { $0.key }, "the keys of a map"),
                value: try Self.commonType(entries.map { $0.value }, "the values of a map")
            )
        case .union(let tag, let value): .union([LogicalType.Field(name: tag, type: try value.logicalType())])
        }
    }

    private static func types(of fields: [Field]) throws(DuckDBError) -> [LogicalType.Field] {
        guard !fields.isEmpty else { throw refused("a STRUCT has at least one field", kind: .invalidInput) }
        var result: [LogicalType.Field] = []
        for field in fields {
            guard !field.name.utf8.contains(0) else {
                throw refused("the name of a field has a zero byte in it", kind: .invalidInput)
            }
            result.append(LogicalType.Field(name: field.name, type: try field.value.logicalType()))
        }
        return result
    }

    private static func elementType(_ elements: [Value]) throws(DuckDBError) -> LogicalType {
        guard !elements.isEmpty else { throw refused("an ARRAY has at least one element", kind: .invalidInput) }
        return try commonType(elements, "the elements of an array")
    }

    private static func commonType(_ values: [Value], _ what: String) throws(DuckDBError) -> LogicalType {
        var common = LogicalType.null
        for value in values {
            let type = try value.logicalType()
            guard let both = common.merged(with: type) else {
                throw refused("\(what) must have one type, and these have \(common) and \(type)", kind: .mismatchType)
            }
            common = both
        }
        return common
    }

    static func refused(_ message: String, kind: DuckDBError.Kind) -> DuckDBError {
        DuckDBError(operation: .bind, kind: kind, message: message)
    }
}

extension LogicalType {
    /// The type that both can be sent as without a change of value, or nil.
    fileprivate func merged(with other: LogicalType) -> LogicalType? {
        switch (self, other) {
        case (.null, _):
            return other
        case (_, .null):
            return self
        case (.decimal(let width, let scale), .decimal(let otherWidth, let otherScale)) where scale == otherScale:
            return .decimal(width: max(width, otherWidth), scale: scale)
        case (.list(let element), .list(let otherElement)):
            return element.merged(with: otherElement).map { .list($0) }
        case (.array(let element, let count), .array(let otherElement, let otherCount)) where count == otherCount:
            return element.merged(with: otherElement).map { .array($0, count: count) }
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            guard let key = key.merged(with: otherKey), let value = value.merged(with: otherValue) else { return nil }
            return .map(key: key, value: value)
        case (.structure(let fields), .structure(let otherFields)):
            guard fields.map({ $0.name }) == otherFields.map({ $0.name }) else { return nil }
            var merged: [Field] = []
            for (field, otherField) in zip(fields, otherFields) {
                guard let type = field.type.merged(with: otherField.type) else { return nil }
                merged.append(Field(name: field.name, type: type))
            }
            return .structure(merged)
        default:
            return self == other ? self : nil
        }
    }
}
