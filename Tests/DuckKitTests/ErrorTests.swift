import DuckKit
import Testing

@Suite struct ErrorTests {
    private let connection: Connection

    init() throws {
        connection = try Database().connect()
        try connection.execute(
            "CREATE TABLE trips (id INTEGER PRIMARY KEY, fare_amount DOUBLE NOT NULL, note VARCHAR CHECK (note <> ''))"
        )
    }

    private func failure(_ sql: String, _ parameters: [Value] = []) -> DuckDBError? {
        #expect(throws: DuckDBError.self) { try connection.execute(sql, parameters) }
    }

    @Test func `a syntax error has a place`() {
        let error = failure("SELECT a b c FROM trips")
        #expect(error?.operation == .prepare)
        #expect(error?.kind == .parser)
        #expect(error?.subtype == "SYNTAX_ERROR")
        #expect(error?.message == "syntax error at or near \"c\"")
        #expect(error?.sql == "SELECT a b c FROM trips")
        #expect(error?.position == 11)
    }

    @Test func `an unknown column has a name, a place and candidates`() {
        let error = failure("SELECT id, fare_amout FROM trips")
        #expect(error?.operation == .prepare)
        #expect(error?.kind == .binder)
        #expect(error?.subtype == "COLUMN_NOT_FOUND")
        #expect(error?.name == "fare_amout")
        #expect(error?.candidates.first == "fare_amount")
        #expect(error?.position == 11)
        #expect(error?.message.hasPrefix("Referenced column \"fare_amout\" not found") == true)
    }

    @Test func `the place counts UTF-8 bytes`() {
        #expect(failure("SELECT 'é🦆', nope FROM trips")?.position == 17)
    }

    @Test func `an unknown table has a name, a place and candidates`() {
        let error = failure("SELECT * FROM tripss")
        #expect(error?.kind == .catalog)
        #expect(error?.subtype == "MISSING_ENTRY")
        #expect(error?.entryType == "Table")
        #expect(error?.name == "tripss")
        #expect(error?.candidates == ["trips"])
        #expect(error?.position == 14)
    }

    @Test(arguments: [
        "INSERT INTO trips VALUES (1, 2, 'a'), (1, 2, 'a')", "INSERT INTO trips VALUES (1, NULL, 'a')",
        "INSERT INTO trips VALUES (1, 2, '')",
    ])
    func `a row that breaks a constraint is refused`(_ sql: String) {
        let error = failure(sql)
        #expect(error?.operation == .execute)
        #expect(error?.kind == .constraint)
        #expect(error?.sql == sql)
    }

    @Test func `a value that cannot be cast has a place`() {
        let error = failure("SELECT 'abc'::INTEGER")
        #expect(error?.kind == .conversion)
        #expect(error?.message == "Could not convert string 'abc' to INT32")
        #expect(error?.position == 12)
    }

    @Test(arguments: [
        ("SELECT 100::TINYINT * 100::TINYINT", DuckDBError.Kind.outOfRange), ("SELECT error('boom')", .invalidInput),
        ("COMMIT", .transaction), ("COPY trips TO '/nonexistent/x.csv'", .io), ("BEGIN; BEGIN", .transaction),
        ("CREATE TABLE trips (i INTEGER)", .catalog), ("LOAD no_such_extension", .io),
        ("SET no_such_setting = 1", .catalog),
    ])
    func `an error has its kind`(_ sql: String, _ kind: DuckDBError.Kind) {
        #expect(failure(sql)?.kind == kind)
    }

    @Test func `memory that runs out is an error of its kind`() throws {
        let small = try Database(configuration: ["memory_limit": "30MB", "temp_directory": ""]).connect()
        let error = #expect(throws: DuckDBError.self) {
            try small.execute(
                "CREATE TABLE t AS SELECT i, repeat('x', 500) AS s FROM range(1000000) r(i) ORDER BY hash(i)"
            )
        }
        #expect(error?.kind == .outOfMemory)
        #expect(try small.scalar("SELECT 1").int == 1)
    }

    @Test func `of several statements the failing one is told`() throws {
        let sql = "CREATE TABLE a (i INT); -- first; really\n  INSERT INTO a VALUES (1), ('x;y');\nDROP TABLE a;"
        let error = failure(sql)
        #expect(error?.kind == .conversion)
        #expect(error?.sql == "INSERT INTO a VALUES (1), ('x;y')")
        #expect(error?.statementOffset == 43)
        // What came before it stays, and what comes after it did not run.
        #expect(try connection.scalar("SELECT count(*) FROM a").int == 0)
    }

    @Test func `a place is one in the failing statement`() throws {
        let error = failure("SELECT 1; SELECT nope FROM trips")
        #expect(error?.sql == "SELECT nope FROM trips")
        #expect(error?.position == 7)
        #expect(error?.statementOffset == 10)
    }

    @Test func `a syntax error in the last statement runs none`() throws {
        let error = failure("CREATE TABLE a (i INT); SELEC 1; SELECT 2")
        #expect(error?.kind == .parser)
        #expect(error?.sql == "SELEC 1")
        #expect(error?.position == 0)
        #expect(error?.statementOffset == 24)
        #expect(throws: DuckDBError.self) { try connection.rows("FROM a") }
    }

    @Test func `a text that ends too soon points behind its end`() {
        let error = failure("SELECT 1; SELECT 1 +")
        #expect(error?.sql == "SELECT 1 +")
        #expect(error?.position == 10)
    }

    @Test func `SQL with a zero byte is refused and not cut short`() throws {
        let error = failure("CREATE TABLE a (i INT);\0 DROP TABLE trips")
        #expect(error?.kind == .invalidInput)
        #expect(error?.statementOffset == 23)
        #expect(error?.position == 0)
        #expect(throws: DuckDBError.self) { try connection.rows("FROM a") }
    }

    @Test func `a message that looks like JSON stays as it is`() {
        #expect(failure("SELECT error('{\"a\": 1}')")?.message == "{\"a\": 1}")
        #expect(failure("SELECT error('Some Error: words')")?.kind == .invalidInput)
    }

    @Test func `errors are read although the caller turns JSON off`() throws {
        try connection.execute("SET errors_as_json = false")
        let error = failure("SELECT nope FROM trips")
        #expect(error?.kind == .binder)
        #expect(error?.message.hasPrefix("Referenced column \"nope\" not found") == true)
    }

    @Test func `an error prints its kind, words, statement and place`() {
        let error = DuckDBError(operation: .execute, kind: .binder, message: "no", sql: "SELECT a", position: 7)
        #expect(error.description == "Binder error during execute: no\n- while running `SELECT a`, at byte 7")
    }

    @Test func `a closed connection says so`() {
        connection.close()
        connection.close()
        let error = failure("SELECT 1")
        #expect(error?.operation == .connect)
        #expect(error?.kind == .closed)
    }
}
