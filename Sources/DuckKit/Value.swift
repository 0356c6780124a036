/// One value of any type a DuckDB column can have, `NULL` included.
///
/// Two values are equal if they have the same case and content; `nan` differs from itself, as a Swift `Double` does.
/// It prints as `CAST(x AS VARCHAR)` does: see ``description``.
public indirect enum Value: Hashable, Sendable {
    /// `NULL`, of whatever type.
    case null
    /// A BOOLEAN.
    case boolean(Bool)
    /// A TINYINT.
    case tinyint(Int8)
    /// A SMALLINT.
    case smallint(Int16)
    /// An INTEGER.
    case integer(Int32)
    /// A BIGINT.
    case bigint(Int64)
    /// A HUGEINT.
    case hugeint(Int128)
    /// A UTINYINT.
    case utinyint(UInt8)
    /// A USMALLINT.
    case usmallint(UInt16)
    /// A UINTEGER.
    case uinteger(UInt32)
    /// A UBIGINT.
    case ubigint(UInt64)
    /// A UHUGEINT.
    case uhugeint(UInt128)
    /// A BIGNUM.
    case bignum(BigNumber)
    /// A FLOAT.
    case float(Float)
    /// A DOUBLE.
    case double(Double)
    /// A DECIMAL.
    case decimal(Decimal128)
    /// A VARCHAR, or the text of a JSON.
    case varchar(String)
    /// A BLOB.
    case blob([UInt8])
    /// A BIT.
    case bit(BitString)
    /// A UUID as the number its 32 hexadecimal digits make.
    case uuid(UInt128)
    /// A DATE in days since 1970-01-01. `Int32.max` is infinity and `-Int32.max` minus infinity.
    case date(days: Int32)
    /// A TIME in microseconds since midnight; 24:00:00 is allowed.
    case time(microseconds: Int64)
    /// A TIME_NS in nanoseconds since midnight.
    case timeNS(nanoseconds: Int64)
    /// A TIME WITH TIME ZONE: microseconds since midnight there, and seconds to add to UTC to be there.
    case timeTZ(microseconds: Int64, offsetSeconds: Int32)
    /// A TIMESTAMP in microseconds since 1970-01-01; `Int64.max` is infinity and `-Int64.max` minus infinity.
    case timestamp(microseconds: Int64)
    /// A TIMESTAMP_S in seconds; infinite as ``timestamp(microseconds:)``.
    case timestampS(seconds: Int64)
    /// A TIMESTAMP_MS in milliseconds; infinite as ``timestamp(microseconds:)``.
    case timestampMS(milliseconds: Int64)
    /// A TIMESTAMP_NS in nanoseconds; infinite as ``timestamp(microseconds:)``.
    case timestampNS(nanoseconds: Int64)
    /// A TIMESTAMP WITH TIME ZONE in microseconds since 1970-01-01 in UTC; infinite as ``timestamp(microseconds:)``.
    case timestampTZ(microseconds: Int64)
    /// An INTERVAL, whose three parts do not convert into each other.
    case interval(months: Int32, days: Int32, microseconds: Int64)
    /// The label of an ENUM. As a parameter it is sent as VARCHAR, which DuckDB casts to the ENUM it meets.
    case enumeration(String)
    /// A LIST; all elements have one type, or are NULL.
    case list([Value])
    /// An ARRAY; all elements have one type, or are NULL, and there is at least one.
    case array([Value])
    /// A STRUCT, its fields in order.
    case structure([Field])
    /// A MAP, its entries in order.
    case map([Entry])
    /// A UNION: the name of the member in use, and its value.
    case union(tag: String, value: Value)
    /// A GEOMETRY in well-known binary; it can be read and not be sent.
    case geometry([UInt8])

    /// A field of a structure.
    public struct Field: Hashable, Sendable {
        /// The name; empty in an unnamed structure.
        public var name: String
        /// The value.
        public var value: Value

        /// Makes a field.
        ///
        /// - Parameters:
        ///   - name: The field's name.
        ///   - value: The field's value.
        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// An entry of a map.
    public struct Entry: Hashable, Sendable {
        /// The key, which is not NULL.
        public var key: Value
        /// The value.
        public var value: Value

        /// Makes an entry.
        ///
        /// - Parameters:
        ///   - key: The key.
        ///   - value: The value.
        public init(_ key: Value, _ value: Value) {
            self.key = key
            self.value = value
        }
    }
}

extension Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
    /// Makes `NULL`.
    ///
    /// - Parameter nilLiteral: Nothing.
    public init(nilLiteral: ()) {
        self = .null
    }

    /// Makes a BOOLEAN.
    ///
    /// - Parameter value: The truth value.
    public init(booleanLiteral value: Bool) {
        self = .boolean(value)
    }

    /// Makes a BIGINT, whatever the size of the number.
    ///
    /// - Parameter value: The number.
    public init(integerLiteral value: Int64) {
        self = .bigint(value)
    }

    /// Makes a DOUBLE.
    ///
    /// - Parameter value: The number.
    public init(floatLiteral value: Double) {
        self = .double(value)
    }

    /// Makes a VARCHAR.
    ///
    /// - Parameter value: The text.
    public init(stringLiteral value: String) {
        self = .varchar(value)
    }
}

extension Value {
    /// A BIGINT, or NULL for nil.
    ///
    /// - Parameter int: The number.
    public init(_ int: Int?) {
        self = int.map { .bigint(Int64($0)) } ?? .null
    }

    /// A VARCHAR, or NULL for nil.
    ///
    /// - Parameter string: The text.
    public init(_ string: String?) {
        self = string.map { .varchar($0) } ?? .null
    }

    /// A DOUBLE, or NULL for nil.
    ///
    /// - Parameter double: The number.
    public init(_ double: Double?) {
        self = double.map { .double($0) } ?? .null
    }

    /// A BOOLEAN, or NULL for nil.
    ///
    /// - Parameter bool: The truth value.
    public init(_ bool: Bool?) {
        self = bool.map { .boolean($0) } ?? .null
    }

    /// Whether it is `NULL`.
    public var isNull: Bool { self == .null }

    /// The number of any integer type, or of a DECIMAL without a fraction; nil for others, NULL, and out of range.
    public var int: Int? {
        switch self {
        case .tinyint(let number): Int(number)
        case .smallint(let number): Int(number)
        case .integer(let number): Int(number)
        case .bigint(let number): Int(exactly: number)
        case .hugeint(let number): Int(exactly: number)
        case .utinyint(let number): Int(number)
        case .usmallint(let number): Int(number)
        case .uinteger(let number): Int(exactly: number)
        case .ubigint(let number): Int(exactly: number)
        case .uhugeint(let number): Int(exactly: number)
        case .decimal(let number): number.integer.flatMap { Int(exactly: $0) }
        default: nil
        }
    }

    /// The number of any numeric type but BIGNUM, rounded if need be; nil for others and NULL.
    public var double: Double? {
        switch self {
        case .float(let number): Double(number)
        case .double(let number): number
        case .decimal(let number): number.double
        case .hugeint(let number): Double(number)
        case .ubigint(let number): Double(number)
        case .uhugeint(let number): Double(number)
        default: int.map { Double($0) }
        }
    }

    /// The text of a VARCHAR, JSON or ENUM; nil for others and NULL.
    public var string: String? {
        switch self {
        case .varchar(let text), .enumeration(let text): text
        default: nil
        }
    }

    /// The truth value of a BOOLEAN; nil for others and NULL.
    public var bool: Bool? {
        if case .boolean(let value) = self { value } else { nil }
    }

    /// The elements of a LIST or ARRAY; nil for others and NULL.
    public var elements: [Value]? {
        switch self {
        case .list(let elements), .array(let elements): elements
        default: nil
        }
    }

    /// The value of a STRUCT's field; nil if it has no such field, and for others and NULL.
    ///
    /// - Parameter name: The field's name, in its exact spelling.
    public subscript(name: String) -> Value? {
        guard case .structure(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }
}
