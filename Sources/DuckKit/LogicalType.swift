/// The type of a column or value.
///
/// It prints as the SQL text of the type.
public indirect enum LogicalType: Hashable, Sendable {
    /// `BOOLEAN`.
    case boolean
    /// `TINYINT`, 8 bits.
    case tinyint
    /// `SMALLINT`, 16 bits.
    case smallint
    /// `INTEGER`, 32 bits.
    case integer
    /// `BIGINT`, 64 bits.
    case bigint
    /// `HUGEINT`, 128 bits.
    case hugeint
    /// `UTINYINT`, 8 bits without sign.
    case utinyint
    /// `USMALLINT`, 16 bits without sign.
    case usmallint
    /// `UINTEGER`, 32 bits without sign.
    case uinteger
    /// `UBIGINT`, 64 bits without sign.
    case ubigint
    /// `UHUGEINT`, 128 bits without sign.
    case uhugeint
    /// `BIGNUM`, an integer of any size.
    case bignum
    /// `FLOAT`, 32 bits.
    case float
    /// `DOUBLE`, 64 bits.
    case double
    /// `DECIMAL(width,scale)`: up to 38 digits, `scale` of them after the point.
    case decimal(width: Int, scale: Int)
    /// `VARCHAR`, text of any length.
    case varchar
    /// `JSON`, which is text.
    case json
    /// `BLOB`, bytes.
    case blob
    /// `BIT`, a string of bits.
    case bit
    /// `UUID`.
    case uuid
    /// `DATE`.
    case date
    /// `TIME`, in microseconds.
    case time
    /// `TIME_NS`, in nanoseconds.
    case timeNS
    /// `TIME WITH TIME ZONE`.
    case timeTZ
    /// `TIMESTAMP`, in microseconds, without a time zone.
    case timestamp
    /// `TIMESTAMP_S`, in seconds.
    case timestampS
    /// `TIMESTAMP_MS`, in milliseconds.
    case timestampMS
    /// `TIMESTAMP_NS`, in nanoseconds.
    case timestampNS
    /// `TIMESTAMP WITH TIME ZONE`, in microseconds of UTC.
    case timestampTZ
    /// `INTERVAL`.
    case interval
    /// `ENUM('a', 'b')`, with its labels in order.
    case enumeration([String])
    /// `T[]`, any number of elements.
    case list(LogicalType)
    /// `T[n]`, exactly so many elements.
    case array(LogicalType, count: Int)
    /// `STRUCT(a T, b U)`.
    case structure([Field])
    /// `MAP(K, V)`.
    case map(key: LogicalType, value: LogicalType)
    /// `UNION(a T, b U)`, one of its members at a time.
    case union([Field])
    /// `GEOMETRY`.
    case geometry
    /// `VARIANT`, a value that brings its own type.
    case variant
    /// The type of a bare `NULL`.
    case null
    /// A type this binding does not know.
    case unknown

    /// A named part of a structure or union.
    public struct Field: Hashable, Sendable {
        /// The name; empty in an unnamed structure such as `row(1, 2)`.
        public var name: String
        /// The type.
        public var type: LogicalType

        /// Makes a field.
        ///
        /// - Parameters:
        ///   - name: The field's name.
        ///   - type: The field's type.
        public init(name: String, type: LogicalType) {
            self.name = name
            self.type = type
        }
    }
}

extension LogicalType: CustomStringConvertible {
    /// The SQL text of the type, usable in `CAST` and `CREATE TABLE`; names of fields are always quoted.
    public var description: String {
        switch self {
        case .boolean: "BOOLEAN"
        case .tinyint: "TINYINT"
        case .smallint: "SMALLINT"
        case .integer: "INTEGER"
        case .bigint: "BIGINT"
        case .hugeint: "HUGEINT"
        case .utinyint: "UTINYINT"
        case .usmallint: "USMALLINT"
        case .uinteger: "UINTEGER"
        case .ubigint: "UBIGINT"
        case .uhugeint: "UHUGEINT"
        case .bignum: "BIGNUM"
        case .float: "FLOAT"
        case .double: "DOUBLE"
        case .decimal(let width, let scale): "DECIMAL(\(width),\(scale))"
        case .varchar: "VARCHAR"
        case .json: "JSON"
        case .blob: "BLOB"
        case .bit: "BIT"
        case .uuid: "UUID"
        case .date: "DATE"
        case .time: "TIME"
        case .timeNS: "TIME_NS"
        case .timeTZ: "TIME WITH TIME ZONE"
        case .timestamp: "TIMESTAMP"
        case .timestampS: "TIMESTAMP_S"
        case .timestampMS: "TIMESTAMP_MS"
        case .timestampNS: "TIMESTAMP_NS"
        case .timestampTZ: "TIMESTAMP WITH TIME ZONE"
        case .interval: "INTERVAL"
        case .enumeration(let labels): "ENUM(\(labels.map { SQL.literal($0) }.joined(separator: ", ")))"
        case .list(let element): "\(element)[]"
        case .array(let element, let count): "\(element)[\(count)]"
        case .structure(let fields): "STRUCT(\(Self.text(of: fields)))"
        case .map(let key, let value): "MAP(\(key), \(value))"
        case .union(let fields): "UNION(\(Self.text(of: fields)))"
        case .geometry: "GEOMETRY"
        case .variant: "VARIANT"
        case .null: "\"NULL\""
        case .unknown: "UNKNOWN"
        }
    }

    private static func text(of fields: [Field]) -> String {
        fields.map { $0.name.isEmpty ? "\($0.type)" : "\(SQL.identifier($0.name)) \($0.type)" }.joined(separator: ", ")
    }
}
