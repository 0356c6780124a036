import DuckKit
import Testing

/// A value in SQL and in Swift.
struct TypeCase: Sendable, CustomTestStringConvertible {
    var sql: String
    var type: LogicalType
    var value: Value

    var testDescription: String { sql }

    init(_ sql: String, _ type: LogicalType, _ value: Value) {
        self.sql = sql
        self.type = type
        self.value = value
    }

    static let all = numbers + texts + times + nested

    static let numbers: [TypeCase] = [
        TypeCase("true", .boolean, true),
        TypeCase("false", .boolean, false),
        TypeCase("(-128)::TINYINT", .tinyint, .tinyint(.min)),
        TypeCase("127::TINYINT", .tinyint, .tinyint(.max)),
        TypeCase("(-32768)::SMALLINT", .smallint, .smallint(.min)),
        TypeCase("(-2147483648)::INTEGER", .integer, .integer(.min)),
        TypeCase("2147483647::INTEGER", .integer, .integer(.max)),
        TypeCase("(-9223372036854775808)::BIGINT", .bigint, .bigint(.min)),
        TypeCase("9223372036854775807::BIGINT", .bigint, .bigint(.max)),
        TypeCase("255::UTINYINT", .utinyint, .utinyint(.max)),
        TypeCase("65535::USMALLINT", .usmallint, .usmallint(.max)),
        TypeCase("4294967295::UINTEGER", .uinteger, .uinteger(.max)),
        TypeCase("18446744073709551615::UBIGINT", .ubigint, .ubigint(.max)),
        TypeCase("'-170141183460469231731687303715884105728'::HUGEINT", .hugeint, .hugeint(.min)),
        TypeCase("170141183460469231731687303715884105727::HUGEINT", .hugeint, .hugeint(.max)),
        TypeCase("'18446744073709551616'::HUGEINT", .hugeint, .hugeint(Int128(UInt64.max) + 1)),
        TypeCase("(-1)::HUGEINT", .hugeint, .hugeint(-1)),
        TypeCase("'340282366920938463463374607431768211455'::UHUGEINT", .uhugeint, .uhugeint(.max)),
        TypeCase("0::BIGNUM", .bignum, .bignum(BigNumber(isNegative: true, magnitude: [0, 0]))),
        TypeCase("255::BIGNUM", .bignum, .bignum(BigNumber(isNegative: false, magnitude: [255]))),
        TypeCase("(-256)::BIGNUM", .bignum, .bignum(BigNumber(isNegative: true, magnitude: [1, 0]))),
        TypeCase("'-12345678901234567890000000000123456789012345678901'::BIGNUM", .bignum, bignum),
        TypeCase("1.5::FLOAT", .float, .float(1.5)),
        TypeCase("0.1::FLOAT", .float, .float(0.1)),
        TypeCase("3.4028235e38::FLOAT", .float, .float(.greatestFiniteMagnitude)),
        TypeCase("'-inf'::DOUBLE", .double, .double(-.infinity)),
        TypeCase("'-0.0'::DOUBLE", .double, .double(-0.0)),
        TypeCase("1.7976931348623157e308::DOUBLE", .double, .double(.greatestFiniteMagnitude)),
        TypeCase("5e-324::DOUBLE", .double, .double(.leastNonzeroMagnitude)),
        TypeCase("0.1::DOUBLE", .double, 0.1),
        TypeCase("-9.99::DECIMAL(3,2)", .decimal(width: 3, scale: 2), decimal(-999, 3, 2)),
        TypeCase("0.05::DECIMAL(2,2)", .decimal(width: 2, scale: 2), decimal(5, 2, 2)),
        TypeCase("1234567.89::DECIMAL(9,2)", .decimal(width: 9, scale: 2), decimal(123_456_789, 9, 2)),
        TypeCase("-0.5::DECIMAL(18,3)", .decimal(width: 18, scale: 3), decimal(-500, 18, 3)),
        TypeCase("'\(nines)'::DECIMAL(38,0)", .decimal(width: 38, scale: 0), decimal(Int128(nines) ?? 0, 38, 0)),
        TypeCase(
            "'-0.\(nines)'::DECIMAL(38,38)",
            .decimal(width: 38, scale: 38),
            decimal(Int128("-\(nines)") ?? 0, 38, 38)
        ),
    ]

    static let texts: [TypeCase] = [
        TypeCase("''", .varchar, ""),
        TypeCase("'twelve bytes'", .varchar, "twelve bytes"),
        TypeCase("'thirteen byte'", .varchar, "thirteen byte"),
        TypeCase("'naïve 🦆 with a longer tail'", .varchar, "naïve 🦆 with a longer tail"),
        TypeCase("'a' || chr(0) || 'b'", .varchar, "a\0b"),
        TypeCase("'{\"a\": [1]}'::JSON", .json, "{\"a\": [1]}"),
        TypeCase("''::BLOB", .blob, .blob([])),
        TypeCase("'\\x00a\\xFF\\x22\\x27\\x5C~'::BLOB", .blob, .blob([0, 97, 255, 34, 39, 92, 126])),
        TypeCase("'0'::BIT", .bit, .bit(BitString([false]))),
        TypeCase("'10110111'::BIT", .bit, BitString("10110111").map { .bit($0) } ?? .null),
        TypeCase("'010110111'::BIT", .bit, BitString("010110111").map { .bit($0) } ?? .null),
        TypeCase("'00000000-0000-0000-0000-000000000000'::UUID", .uuid, .uuid(0)),
        TypeCase(
            "'7bf7a2fe-b15a-4474-a484-0bfd53e016f3'::UUID",
            .uuid,
            .uuid(0x7bf7_a2fe_b15a_4474_a484_0bfd_53e0_16f3)
        ),
        TypeCase("'ffffffff-ffff-ffff-ffff-ffffffffffff'::UUID", .uuid, .uuid(.max)),
        TypeCase("'b c'::ENUM('a', 'b c')", .enumeration(["a", "b c"]), .enumeration("b c")),
    ]

    static let times: [TypeCase] = [
        TypeCase("DATE '1970-01-01'", .date, .date(days: 0)),
        TypeCase("DATE '1969-12-31'", .date, .date(days: -1)),
        TypeCase("DATE '2024-02-29'", .date, .date(days: 19_782)),
        TypeCase("DATE '0044-03-15 (BC)'", .date, .date(days: -735_160)),
        TypeCase("DATE '5881580-07-10'", .date, .date(days: .max - 1)),
        TypeCase("DATE 'infinity'", .date, .date(days: .max)),
        TypeCase("DATE '-infinity'", .date, .date(days: -.max)),
        TypeCase("TIME '00:00:00'", .time, .time(microseconds: 0)),
        TypeCase("TIME '23:59:59.999999'", .time, .time(microseconds: 86_399_999_999)),
        TypeCase("TIME '24:00:00'", .time, .time(microseconds: 86_400_000_000)),
        TypeCase("'01:02:03.123456789'::TIME_NS", .timeNS, .timeNS(nanoseconds: 3_723_123_456_789)),
        TypeCase(
            "'12:00:00.5+05:30:15'::TIMETZ",
            .timeTZ,
            .timeTZ(microseconds: 43_200_500_000, offsetSeconds: 19_815)
        ),
        TypeCase("'00:00:00-15:59:59'::TIMETZ", .timeTZ, .timeTZ(microseconds: 0, offsetSeconds: -57_599)),
        TypeCase("TIMESTAMP '1969-12-31 23:59:59.5'", .timestamp, .timestamp(microseconds: -500_000)),
        TypeCase("TIMESTAMP '0044-03-15 (BC) 01:00:00'", .timestamp, .timestamp(microseconds: -63_517_820_400_000_000)),
        TypeCase("TIMESTAMP '294247-01-10 04:00:54.775806'", .timestamp, .timestamp(microseconds: .max - 1)),
        TypeCase("TIMESTAMP 'infinity'", .timestamp, .timestamp(microseconds: .max)),
        TypeCase("TIMESTAMP '-infinity'", .timestamp, .timestamp(microseconds: -.max)),
        TypeCase("'2024-02-29 12:34:56'::TIMESTAMP_S", .timestampS, .timestampS(seconds: 1_709_210_096)),
        TypeCase("'infinity'::TIMESTAMP_S", .timestampS, .timestampS(seconds: .max)),
        TypeCase(
            "'2024-02-29 12:34:56.789'::TIMESTAMP_MS",
            .timestampMS,
            .timestampMS(milliseconds: 1_709_210_096_789)
        ),
        TypeCase("'-infinity'::TIMESTAMP_MS", .timestampMS, .timestampMS(milliseconds: -.max)),
        TypeCase("'1970-01-01 00:00:00.000000001'::TIMESTAMP_NS", .timestampNS, .timestampNS(nanoseconds: 1)),
        TypeCase("'1677-09-22'::TIMESTAMP_NS", .timestampNS, .timestampNS(nanoseconds: -9_223_286_400_000_000_000)),
        TypeCase("'infinity'::TIMESTAMP_NS", .timestampNS, .timestampNS(nanoseconds: .max)),
        TypeCase(
            "TIMESTAMPTZ '2024-02-29 12:00:00+02'",
            .timestampTZ,
            .timestampTZ(microseconds: 1_709_200_800_000_000)
        ),
        TypeCase("TIMESTAMPTZ 'infinity'", .timestampTZ, .timestampTZ(microseconds: .max)),
        TypeCase("INTERVAL '0 days'", .interval, .interval(months: 0, days: 0, microseconds: 0)),
        TypeCase(
            "INTERVAL '-13 months 1 day -00:00:01.5'",
            .interval,
            .interval(months: -13, days: 1, microseconds: -1_500_000)
        ),
        TypeCase(
            "INTERVAL '2 years 100 hours'",
            .interval,
            .interval(months: 24, days: 0, microseconds: 360_000_000_000)
        ),
    ]

    static let nested: [TypeCase] = [
        TypeCase("[1, NULL, 3]", .list(.integer), .list([.integer(1), nil, .integer(3)])),
        TypeCase("[]::VARCHAR[]", .list(.varchar), .list([])),
        TypeCase("[[], NULL, ['a,b', 'c']]", .list(.list(.varchar)), .list([.list([]), nil, .list(["a,b", "c"])])),
        TypeCase("array_value(1.5::DOUBLE, NULL)", .array(.double, count: 2), .array([1.5, nil])),
        TypeCase(
            "array_value(array_value(1, 2), array_value(3, 4))",
            .array(.array(.integer, count: 2), count: 2),
            .array([.array([.integer(1), .integer(2)]), .array([.integer(3), .integer(4)])])
        ),
        TypeCase(
            "{'a': 1, 'b c': 'it''s', 'n': NULL::DATE}",
            .structure([
                .init(name: "a", type: .integer), .init(name: "b c", type: .varchar), .init(name: "n", type: .date),
            ]),
            .structure([.init("a", .integer(1)), .init("b c", "it's"), .init("n", nil)])
        ),
        TypeCase(
            "[{'at': TIMESTAMP '2020-01-01', 'tags': ['x', NULL]}, NULL, {'at': NULL, 'tags': []}]",
            .list(.structure([.init(name: "at", type: .timestamp), .init(name: "tags", type: .list(.varchar))])),
            .list([
                .structure([
                    .init("at", .timestamp(microseconds: 1_577_836_800_000_000)), .init("tags", .list(["x", nil])),
                ]),
                nil,
                .structure([.init("at", nil), .init("tags", .list([]))]),
            ])
        ),
        TypeCase(
            "[1.5::DECIMAL(10,1), 22.5::DECIMAL(10,1)]",
            .list(.decimal(width: 10, scale: 1)),
            .list([decimal(15, 10, 1), decimal(225, 10, 1)])
        ),
        TypeCase(
            "MAP {'k 1': [1], 'k=2': NULL}",
            .map(key: .varchar, value: .list(.integer)),
            .map([.init("k 1", .list([.integer(1)])), .init("k=2", nil)])
        ),
        TypeCase("MAP {}::MAP(INTEGER, VARCHAR)", .map(key: .integer, value: .varchar), .map([])),
        TypeCase(
            "union_value(n := 2)",
            .union([.init(name: "n", type: .integer)]),
            .union(tag: "n", value: .integer(2))
        ),
        TypeCase(
            "'two'::UNION(n INTEGER, s VARCHAR)",
            .union([.init(name: "n", type: .integer), .init(name: "s", type: .varchar)]),
            .union(tag: "s", value: "two")
        ),
    ]

    private static let nines = String(repeating: "9", count: 38)

    private static var bignum: Value {
        BigNumber("-12345678901234567890000000000123456789012345678901").map { .bignum($0) } ?? .null
    }

    private static func decimal(_ unscaled: Int128, _ width: Int, _ scale: Int) -> Value {
        .decimal(Decimal128(unscaled: unscaled, width: width, scale: scale))
    }
}
