import DuckKit
import Testing

@Suite struct StatementTests {
    private let connection: Connection

    init() throws {
        connection = try Database().connect()
    }

    @Test func `rows changed are those of all statements`() throws {
        #expect(try connection.execute("CREATE TABLE t AS SELECT i, i % 2 AS odd FROM range(10) r(i)") == 0)
        #expect(try connection.execute("INSERT INTO t VALUES (10, 0); UPDATE t SET odd = 5 WHERE odd = 1") == 6)
        #expect(try connection.execute("DELETE FROM t WHERE i < ?", [3]) == 3)
        #expect(try connection.execute("INSERT INTO t SELECT i, 1 FROM range(5000) r(i) RETURNING i") == 5000)
        #expect(try connection.execute("SELECT * FROM t") == 0)
        let merge = "MERGE INTO t USING (SELECT 5 AS k) s ON t.i = s.k AND t.odd = 5 WHEN MATCHED THEN DELETE"
        #expect(try connection.execute(merge) == 1)
        #expect(try connection.execute("DROP TABLE t") == 0)
    }

    @Test(arguments: ["", "  \n", "-- only a comment", "/* a /* nested */ one */ ;;"])
    func `a text without a statement does nothing`(_ sql: String) throws {
        #expect(try connection.execute(sql) == 0)
        let error = #expect(throws: DuckDBError.self) { try connection.query(sql) }
        #expect(error?.kind == .invalidInput)
    }

    @Test func `a query of several statements gives the last result`() throws {
        #expect(try connection.rows("CREATE TABLE t (i INT); INSERT INTO t VALUES (7); FROM t;") == [[.integer(7)]])
    }

    @Test func `a statement that DuckDB expands runs as one`() throws {
        try connection.execute("CREATE TABLE t AS SELECT 'a' AS k, 1 AS v UNION ALL SELECT 'b', 2")
        let result = try connection.query("PIVOT t ON k USING sum(v)")
        #expect(result.columns.map { $0.name } == ["a", "b"])
        #expect(try result.allRows() == [[.hugeint(1), .hugeint(2)]])
        #expect(try connection.rows("SELECT 1; PIVOT t ON k USING sum(v)") == [[.hugeint(1), .hugeint(2)]])
    }

    @Test(arguments: [
        ("SELECT 1;SELECT 2", ["SELECT 1", "SELECT 2"]),
        (
            "SELECT ';' ; SELECT \"a;b\" FROM (SELECT 1 AS \"a;b\");",
            ["SELECT ';'", "SELECT \"a;b\" FROM (SELECT 1 AS \"a;b\")"]
        ),
        ("SELECT $$a;b$$; SELECT $x$ ; $$ ; $x$", ["SELECT $$a;b$$", "SELECT $x$ ; $$ ; $x$"]),
        ("SELECT E'it\\';s'; SELECT 'a\\'; SELECT 2", ["SELECT E'it\\';s'", "SELECT 'a\\'", "SELECT 2"]),
        ("SELECT 1 -- a; b\n + 1; /* ; /* ; */ ; */ SELECT 2 --", ["SELECT 1 -- a; b\n + 1", "SELECT 2"]),
        ("SELECT 'a''; b'; SELECT $1 + $2;", ["SELECT 'a''; b'", "SELECT $1 + $2"]),
        ("SELECT 'ü;' AS ü; SELECT 1 AS a$b; SELECT 3", ["SELECT 'ü;' AS ü", "SELECT 1 AS a$b", "SELECT 3"]),
    ])
    func `a text is split where DuckDB splits it`(_ sql: String, _ expected: [String]) throws {
        let statements = try connection.statements(in: sql)
        #expect(statements.map { $0.sql } == expected)
        let bytes = Array(sql.utf8)
        for statement in statements {
            let end = statement.offset + statement.sql.utf8.count
            #expect(Array(bytes[statement.offset..<end]) == Array(statement.sql.utf8))
        }
    }

    @Test func `a prepared statement runs with many values`() throws {
        try connection.execute("CREATE TABLE t (i INTEGER, s VARCHAR)")
        let insert = try connection.prepare("INSERT INTO t VALUES (?, ?)")
        #expect(insert.parameterCount == 2)
        for number in 0..<10 {
            #expect(try insert.execute([Value(number), number.isMultiple(of: 2) ? "even" : nil]) == 1)
        }
        let count = try connection.prepare("SELECT count(*) AS n FROM t WHERE s IS NOT DISTINCT FROM ?")
        #expect(count.columns == [ColumnDescription(name: "n", type: .bigint)])
        #expect(try count.query(["even"]).allRows() == [[5]])
        #expect(try count.query([nil]).allRows() == [[5]])
    }

    @Test func `a result stays valid when its statement runs again`() throws {
        let statement = try connection.prepare("SELECT ?::INTEGER + i FROM range(3000) r(i) ORDER BY 1")
        let first = try statement.query([1])
        let second = try statement.query([100])
        #expect(try first.allRows().last == [3000])
        #expect(try second.allRows().first == [100])
    }

    @Test func `a numbered parameter may be used twice`() throws {
        #expect(try connection.rows("SELECT $2, $1, $2", ["a", 5]) == [[5, "a", 5]])
    }

    @Test(arguments: [("SELECT 1", 1), ("SELECT ?", 2), ("SELECT ?, ?", 1), ("SELECT ?", 0)])
    func `the number of values must be that of the parameters`(_ sql: String, _ count: Int) throws {
        let values = Array(repeating: Value.bigint(1), count: count)
        let error = #expect(throws: DuckDBError.self) { try connection.execute(sql, values) }
        #expect(error?.operation == .bind)
        #expect(error?.kind == .invalidInput)
        #expect(error?.sql == sql)
        #expect(error?.message.contains("\(count) values were given") == true)
    }

    @Test func `parameters need a single statement`() {
        let error = #expect(throws: DuckDBError.self) { try connection.execute("SELECT ?; SELECT ?", [1]) }
        #expect(error?.operation == .bind)
    }

    @Test(arguments: ["SELECT 1; SELECT 2", "", "-- nothing"])
    func `only a single statement can be prepared`(_ sql: String) {
        let error = #expect(throws: DuckDBError.self) { try connection.prepare(sql) }
        #expect(error?.kind == .invalidInput)
    }

    @Test(arguments: [
        (Value.list([1, "a"]), DuckDBError.Kind.mismatchType), (.list([.list([1]), .list([1.5])]), .mismatchType),
        (.list([.structure([.init("a", 1)]), .structure([.init("b", 1)])]), .mismatchType), (.array([]), .invalidInput),
        (.structure([]), .invalidInput), (.map([.init(nil, 1)]), .invalidInput),
        (.map([.init(1, 1), .init(1, 2)]), .invalidInput), (.bit(BitString([])), .invalidInput),
        (.geometry([1]), .notImplemented), (.list([.geometry([1])]), .notImplemented),
        (.decimal(Decimal128(unscaled: 100, width: 2, scale: 0)), .outOfRange),
        (.decimal(Decimal128(unscaled: 1, width: 39, scale: 0)), .outOfRange),
        (.decimal(Decimal128(unscaled: 1, width: 3, scale: 4)), .outOfRange),
        (.time(microseconds: -1), .outOfRange), (.timeNS(nanoseconds: 86_400_000_000_001), .outOfRange),
        (.timeTZ(microseconds: 0, offsetSeconds: 57_600), .outOfRange),
        (.structure([.init("a\0b", 1)]), .invalidInput),
    ])
    func `a value that DuckDB cannot have is refused`(_ value: Value, _ kind: DuckDBError.Kind) throws {
        let error = #expect(throws: DuckDBError.self) { try connection.execute("SELECT ?, ?", [1, value]) }
        #expect(error?.operation == .bind)
        #expect(error?.kind == kind)
        #expect(error?.message.hasPrefix("parameter 2: ") == true)
    }

    @Test(
        arguments: [
            .date(days: .min), .timestamp(microseconds: .min), .timestampS(seconds: .min),
            .timestampNS(nanoseconds: .min),
            .timestampTZ(microseconds: .min), .interval(months: .min, days: .min, microseconds: .min), .double(.nan),
            .structure([.init("a", 1), .init("A", 2)]), .structure([.init("a", 1), .init("", 2)]),
            .structure([.init("", 1)]), .union(tag: "", value: 1), .union(tag: "a", value: nil), .varchar("\0"),
            .map([
                .init(.decimal(Decimal128(unscaled: 1, width: 2, scale: 0)), 1),
                .init(.decimal(Decimal128(unscaled: 1, width: 3, scale: 0)), 2),
            ]),
            .map([.init(.double(0), 1), .init(.double(-0.0), 2)]),
            .list([.map([.init(1, nil)]), .map([.init(2, "a")])]),
        ] as [Value]
    )
    func `an odd value is sent or refused, and the connection goes on`(_ value: Value) throws {
        do {
            let back = try connection.scalar("SELECT ?", [value])
            #expect(back == value || back.description == value.description)
        } catch {
            #expect(error.kind == .invalidInput || error.kind == .conversion || error.kind == .binder, "\(error)")
        }
        #expect(try connection.scalar("SELECT 1").int == 1)
        #expect(!value.description.isEmpty)
    }

    @Test func `lists of NULLs and empty ones can be sent`() throws {
        let values: [Value] = [.list([]), .list([nil]), .list([.list([]), .list([nil])]), .map([]), .array([nil])]
        for value in values {
            #expect(try connection.scalar("SELECT ?", [value]) == value)
        }
        #expect(try connection.scalar("SELECT list_sum(?::INTEGER[])", [.list([nil, 1, 2])]).int == 3)
    }

    @Test func `decimals of different widths make one list`() throws {
        let narrow = Value.decimal(Decimal128(unscaled: 15, width: 2, scale: 1))
        let wide = Value.decimal(Decimal128(unscaled: 99_995, width: 5, scale: 1))
        #expect(try connection.scalar("SELECT list_sum(?)::VARCHAR", [.list([narrow, wide])]) == "10001.0")
    }

    @Test func `a statement is described without running it`() throws {
        try connection.execute("CREATE TABLE t (i INTEGER, d DECIMAL(10,2), l VARCHAR[])")
        let columns = try connection.describe("SELECT *, i + 1 AS j, error('never') FROM t")
        #expect(columns.map { $0.name }.prefix(4) == ["i", "d", "l", "j"])
        #expect(
            columns.map { $0.type }.prefix(4) == [.integer, .decimal(width: 10, scale: 2), .list(.varchar), .integer]
        )
        #expect(try connection.describe("SELECT ?::DATE AS x") == [ColumnDescription(name: "x", type: .date)])
        let open = #expect(throws: DuckDBError.self) { try connection.describe("SELECT ? + 1, 2") }
        #expect(open?.kind == .binder)
        let error = #expect(throws: DuckDBError.self) { try connection.describe("SELECT nope FROM t") }
        #expect(error?.kind == .binder)
        #expect(error?.position == 7)
    }
}
