import DuckKit
import Testing

@Suite struct ResultTests {
    private let connection: Connection

    init() throws {
        connection = try Database().connect()
    }

    @Test func `a result of several chunks is read by column`() throws {
        let result = try connection.query(
            "SELECT i, i / 2 AS d, CASE WHEN i % 3 <> 0 THEN 'row number ' || i END AS s FROM range(5000) r(i) ORDER BY i"
        )
        var next = 0
        var sizes: [Int] = []
        while let chunk = try result.nextChunk() {
            let numbers = try chunk.column(0).int64s
            let halves = try chunk.column(1).doubles
            let texts = try chunk.column(2).strings
            let validity = try chunk.column(2).validity
            #expect(numbers.count == chunk.count && halves.count == chunk.count && texts.count == chunk.count)
            for row in 0..<chunk.count {
                #expect(numbers[row] == Int64(next))
                #expect(halves[row] == Double(next) / 2)
                #expect(texts[row] == (next % 3 == 0 ? nil : "row number \(next)"))
                #expect(validity[row] == (next % 3 != 0))
                next += 1
            }
            sizes.append(chunk.count)
        }
        #expect(next == 5000)
        #expect(sizes.count >= 3)
        #expect(try result.nextChunk() == nil)
    }

    @Test func `rows are the same as columns`() throws {
        let rows = try connection.rows("SELECT i, i::VARCHAR, [i] FROM range(5000) r(i) ORDER BY i")
        #expect(rows.count == 5000)
        #expect(rows[4999] == [4999, "4999", .list([4999])])
    }

    @Test func `integers of every size are widened`() throws {
        let types = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"]
        for type in types {
            let chunk = try #require(try connection.query("SELECT unnest([1, NULL, 100])::\(type)").nextChunk())
            let column = try chunk.column(0)
            let numbers = try column.int64s
            #expect([numbers[0], numbers[2]] == [1, 100])
            #expect((0..<3).map { column.validity[$0] } == [true, false, true])
        }
    }

    @Test func `floats, booleans and timestamps are read without boxing`() throws {
        let sql = "SELECT 1.5::FLOAT, true, TIMESTAMP '1970-01-01 00:00:01', TIMESTAMPTZ '1970-01-01 00:00:01+00'"
        let chunk = try #require(try connection.query(sql).nextChunk())
        #expect(try chunk.column(0).doubles == [1.5])
        #expect(try chunk.column(1).booleans == [true])
        #expect(try chunk.column(2).timestampMicroseconds == [1_000_000])
        #expect(try chunk.column(3).timestampMicroseconds == [1_000_000])
        #expect(try chunk.column(0).validity.isAllValid)
    }

    @Test func `a column of another type is refused`() throws {
        let chunk = try #require(try connection.query("SELECT 1::HUGEINT AS h, 'a' AS s").nextChunk())
        for read in [{ _ = try chunk.column(0).int64s }, { _ = try chunk.column(1).doubles }] as [() throws -> Void] {
            let error = #expect(throws: DuckDBError.self, performing: read)
            #expect(error?.kind == .mismatchType)
        }
        #expect(throws: DuckDBError.self) { try chunk.column(0).strings }
        #expect(throws: DuckDBError.self) { try chunk.column(0).booleans }
        #expect(throws: DuckDBError.self) { try chunk.column(0).timestampMicroseconds }
    }

    @Test func `a place outside the chunk is refused`() throws {
        let chunk = try #require(try connection.query("SELECT 1").nextChunk())
        for index in [-1, 1] {
            #expect(throws: DuckDBError.self) { try chunk.column(index) }
            let error = #expect(throws: DuckDBError.self) { try chunk.column(0).value(at: index) }
            #expect(error?.kind == .outOfRange)
        }
    }

    @Test func `a scalar is the first value, or NULL without rows`() throws {
        #expect(try connection.scalar("SELECT 1::BIGINT, 2 UNION ALL SELECT 3, 4 ORDER BY 1") == 1)
        #expect(try connection.scalar("SELECT 1 WHERE false") == .null)
        #expect(try connection.scalar("CREATE TABLE t (i INTEGER)") == .null)
    }

    @Test func `columns have names and types, also without rows`() throws {
        let result = try connection.query("SELECT 1 AS \"a b\", count(*), NULL AS n HAVING false")
        #expect(result.columns.map { $0.name } == ["a b", "count_star()", "n"])
        #expect(result.columns[0].type == .integer)
        #expect(try result.allRows().isEmpty)
    }
}
