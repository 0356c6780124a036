import DuckKit
import Testing

@Suite struct TypeTests {
    /// One database for all cases, of which there are hundreds; their tables are each connection's own.
    private static let database = Result { try Database() }

    private let connection: Connection

    init() throws {
        connection = try Self.database.get().connect()
        // The text of a TIMESTAMP WITH TIME ZONE is in the session's zone.
        try connection.execute("SET TimeZone = 'UTC'")
    }

    @Test(arguments: TypeCase.all)
    func `a value is read with its type`(_ test: TypeCase) throws {
        let result = try connection.query("SELECT \(test.sql) AS x")
        #expect(result.columns == [ColumnDescription(name: "x", type: test.type)])
        #expect(try result.allRows() == [[test.value]])
    }

    @Test(arguments: TypeCase.all)
    func `a value between NULLs is read from a table`(_ test: TypeCase) throws {
        try connection.execute("CREATE TEMP TABLE t (i INTEGER, x \(test.type))")
        try connection.execute("INSERT INTO t VALUES (1, NULL), (2, \(test.sql)), (3, NULL)")
        #expect(try connection.rows("SELECT x FROM t ORDER BY i") == [[nil], [test.value], [nil]])
    }

    @Test(arguments: TypeCase.all)
    func `a value sent as a parameter is the value in SQL`(_ test: TypeCase) throws {
        let row = try connection.rows(
            "SELECT (x IS NOT DISTINCT FROM (\(test.sql))), x FROM (SELECT ?::\(test.type) AS x)",
            [test.value]
        )
        #expect(row == [[true, test.value]])
    }

    @Test(arguments: try TypeCase.all.filter { try $0.value.logicalType() == $0.type })
    func `a value keeps its type when it is sent without a cast`(_ test: TypeCase) throws {
        let result = try connection.query("SELECT ? AS x", [test.value])
        #expect(result.columns.map { $0.type } == [try test.value.logicalType()])
        #expect(try connection.scalar("SELECT x = (\(test.sql)) FROM (SELECT ? AS x)", [test.value]) == true)
    }

    @Test(arguments: TypeCase.all)
    func `a value prints as DuckDB casts it to VARCHAR`(_ test: TypeCase) throws {
        let text = try connection.scalar("SELECT CAST((\(test.sql)) AS VARCHAR)")
        #expect(test.value.description == text.string)
    }

    @Test(arguments: TypeCase.all)
    func `a type prints as SQL that names it`(_ test: TypeCase) throws {
        #expect(try connection.describe("SELECT NULL::\(test.type) AS x").map { $0.type } == [test.type])
    }

    @Test(arguments: TypeCase.all)
    func `a value goes through the appender`(_ test: TypeCase) throws {
        try connection.execute("CREATE TEMP TABLE t (x \(test.type))")
        let appender = try connection.appender(table: "t", catalog: "temp")
        try appender.appendRow([test.value])
        try appender.appendRow([nil])
        try appender.close()
        #expect(try connection.rows("FROM t") == [[test.value], [nil]])
    }

    @Test(arguments: 1..<128)
    func `every ASCII character prints in nested values as in DuckDB`(_ code: Int) throws {
        let character = String(UnicodeScalar(UInt8(code)))
        for text in ["a\(character)b", "\(character)b", "a\(character)"] {
            let values: [Value] = [
                .list([.varchar(text)]),
                .structure([.init(text, .varchar(text))]),
                .map([.init(.varchar(text), .varchar(text))]),
                .list([.union(tag: "u", value: .varchar(text))]),
                .blob(Array(text.utf8)),
            ]
            for value in values {
                #expect(try connection.scalar("SELECT ?::VARCHAR", [value]) == .varchar(value.description))
            }
        }
    }

    @Test(arguments: [
        1e15, 1e16, 1.2345678901234567e16, 123456789.125, 1e-4, 1e-5, 1.5e-7, 1e100, .nan, .infinity, 100,
    ])
    func `a double prints as in DuckDB`(_ number: Double) throws {
        #expect(
            try connection.scalar("SELECT ?::VARCHAR", [.double(number)]) == .varchar(Value.double(number).description)
        )
        let float = Value.float(Float(number))
        #expect(try connection.scalar("SELECT ?::VARCHAR", [float]) == .varchar(float.description))
    }

    @Test func `days over many centuries print as in DuckDB`() throws {
        let result = try connection.query(
            "SELECT DATE '2000-01-01' + (i * 997)::INTEGER AS d, d::VARCHAR, (d + INTERVAL 3661 SECOND)::TIMESTAMP AS t, "
                + "t::VARCHAR FROM range(-5000, 5000) r(i)"
        )
        while let chunk = try result.nextChunk() {
            for row in try chunk.rows() {
                #expect(row[0].description == row[1].string)
                #expect(row[2].description == row[3].string)
            }
        }
    }

    @Test func `an unnamed structure is read and prints as a tuple`() throws {
        let value = try connection.scalar("SELECT row(1, 'a,b', NULL)")
        #expect(value == .structure([.init("", .integer(1)), .init("", "a,b"), .init("", nil)]))
        #expect(value.description == "(1, 'a,b', NULL)")
    }

    @Test(arguments: [3, 255, 256, 65_536])
    func `an enum of any size gives its labels`(_ count: Int) throws {
        try connection.execute("CREATE TEMP TYPE e AS ENUM (SELECT 'label ' || i FROM range(\(count)) r(i) ORDER BY i)")
        try connection.execute("CREATE TEMP TABLE t AS SELECT ('label ' || i)::e AS x FROM range(\(count)) r(i)")
        let rows = try connection.rows("SELECT x, x::VARCHAR FROM t")
        #expect(rows.count == count)
        #expect(rows.allSatisfy { $0[0].string != nil && $0[0].string == $0[1].string })
    }

    @Test func `a geometry is read as well-known binary`() throws {
        let value = try connection.scalar("SELECT 'POINT(1 2)'::GEOMETRY")
        guard case .geometry(let bytes) = value else {
            Issue.record("\(value)")
            return
        }
        #expect(bytes.count == 21)
        #expect(bytes.prefix(5) == [1, 1, 0, 0, 0])
    }

    @Test func `a VARIANT is refused with what to do instead`() throws {
        let error = #expect(throws: DuckDBError.self) { try connection.rows("SELECT 42::VARIANT AS v") }
        #expect(error?.operation == .read)
        #expect(error?.kind == .notImplemented)
        #expect(error?.message.contains("cast it to VARCHAR") == true)
    }
}
