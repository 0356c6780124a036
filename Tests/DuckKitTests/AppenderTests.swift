import DuckKit
import Testing

@Suite struct AppenderTests {
    private let connection: Connection

    init() throws {
        connection = try Database().connect()
        try connection.execute("CREATE TABLE t (i BIGINT PRIMARY KEY, d DOUBLE, s VARCHAR)")
    }

    private var count: Int? {
        get throws { try connection.scalar("SELECT count(*) FROM t").int }
    }

    @Test func `rows are in the table after close`() throws {
        let appender = try connection.appender(table: "t")
        #expect(appender.columnTypes == [.bigint, .double, .varchar])
        try appender.append(1, 0.5)
        try appender.append("one")
        try appender.endRow()
        try appender.appendRow([2, nil, nil])
        #expect(try count == 0)
        try appender.close()
        #expect(try connection.rows("FROM t ORDER BY i") == [[1, 0.5, "one"], [2, nil, nil]])
    }

    @Test func `a flush hands rows over and goes on`() throws {
        let appender = try connection.appender(table: "t")
        try appender.appendRow([1, nil, nil])
        try appender.flush()
        #expect(try count == 1)
        try appender.appendRow([2, nil, nil])
        try appender.close()
        #expect(try count == 2)
    }

    @Test func `an appender that is dropped adds nothing`() throws {
        do {
            let appender = try connection.appender(table: "t")
            try appender.appendRow([1, nil, nil])
        }
        #expect(try count == 0)
    }

    @Test func `columns are appended in many chunks`() throws {
        let rows = 10_000
        let appender = try connection.appender(table: "t")
        let texts = (0..<rows).map { $0 % 7 == 0 ? nil : "text of row \($0)" }
        try appender.append(columns: [
            .int64s((0..<rows).map { Int64($0) }), .optionalDoubles((0..<rows).map { $0 % 5 == 0 ? nil : Double($0) }),
            .strings(texts),
        ])
        try appender.append(columns: [.optionalInt64s([Int64(rows)]), .doubles([0.25]), .strings(["a\0b"])])
        try appender.close()
        #expect(try count == rows + 1)
        let check = """
            SELECT count(*) FILTER (s IS DISTINCT FROM CASE WHEN i % 7 <> 0 THEN 'text of row ' || i END),
                count(*) FILTER (d IS DISTINCT FROM CASE WHEN i % 5 <> 0 THEN i::DOUBLE END)
            FROM t WHERE i < \(rows)
            """
        #expect(try connection.rows(check) == [[0, 0]])
        #expect(try connection.rows("SELECT d, s FROM t WHERE i = \(rows)") == [[0.25, "a\0b"]])
    }

    @Test func `timestamps are appended by column`() throws {
        try connection.execute("CREATE TABLE stamps (a TIMESTAMP, b TIMESTAMPTZ)")
        let appender = try connection.appender(table: "stamps")
        try appender.append(columns: [.timestampMicroseconds([1, nil]), .timestampMicroseconds([nil, 2])])
        try appender.close()
        #expect(
            try connection.rows("FROM stamps") == [
                [.timestamp(microseconds: 1), nil], [nil, .timestampTZ(microseconds: 2)],
            ]
        )
    }

    @Test func `columns that do not fit are refused whole`() throws {
        let bad: [([ColumnValues], DuckDBError.Kind)] = [
            ([.int64s([1]), .doubles([1])], .invalidInput),
            ([.int64s([1]), .doubles([1, 2]), .strings(["a"])], .invalidInput),
            ([.int64s([1]), .int64s([1]), .strings(["a"])], .mismatchType),
        ]
        for (columns, kind) in bad {
            let appender = try connection.appender(table: "t")
            let error = #expect(throws: DuckDBError.self) { try appender.append(columns: columns) }
            #expect(error?.operation == .append)
            #expect(error?.kind == kind)
            let again = #expect(throws: DuckDBError.self) { try appender.flush() }
            #expect(again == error)
        }
        #expect(try count == 0)
    }

    @Test func `a row of another length is refused`() throws {
        let long = try connection.appender(table: "t")
        #expect(throws: DuckDBError.self) { try long.append(1, 2, "a", 4) }
        let short = try connection.appender(table: "t")
        try short.append(1, 2)
        #expect(throws: DuckDBError.self) { try short.endRow() }
        let error = #expect(throws: DuckDBError.self) {
            let unfinished = try connection.appender(table: "t")
            try unfinished.append(1)
            try unfinished.close()
        }
        #expect(error?.message == "a row was begun with 1 of 3 values and not ended")
        #expect(try count == 0)
    }

    @Test func `a key that is there already fails at close`() throws {
        try connection.execute("INSERT INTO t VALUES (1, 1, 'a')")
        let error = #expect(throws: DuckDBError.self) {
            let appender = try connection.appender(table: "t")
            try appender.appendRow([2, nil, nil])
            try appender.appendRow([1, nil, nil])
            try appender.close()
        }
        #expect(error?.operation == .close)
        #expect(error?.kind == .constraint)
        #expect(try count == 1)
    }

    @Test func `a value that cannot be cast is refused`() throws {
        let appender = try connection.appender(table: "t")
        let error = #expect(throws: DuckDBError.self) { try appender.append("not a number") }
        #expect(error?.operation == .append)
        #expect(error?.message == "Could not convert string 'not a number' to INT64")
        #expect(try count == 0)
    }

    @Test func `a missing table is told`() {
        let error = #expect(throws: DuckDBError.self) { _ = try connection.appender(table: "missing") }
        #expect(error?.operation == .append)
        #expect(error?.message.contains("missing") == true)
    }

    @Test func `a table in another schema and catalog is found`() throws {
        try connection.execute("ATTACH ':memory:' AS other; CREATE SCHEMA other.s; CREATE TABLE other.s.t (i INTEGER)")
        let appender = try connection.appender(table: "t", schema: "s", catalog: "other")
        try appender.appendRow([7])
        try appender.close()
        #expect(try connection.scalar("FROM other.s.t").int == 7)
    }

    @Test func `appended rows go with the transaction`() throws {
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try connection.transaction {
                let appender = try connection.appender(table: "t")
                try appender.appendRow([1, nil, nil])
                try appender.close()
                #expect(try count == 1)
                throw Stop()
            }
        }
        #expect(try count == 0)
    }
}
