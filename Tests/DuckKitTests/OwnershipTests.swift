import DuckKit
import Foundation
import Testing

@Suite struct OwnershipTests {
    @Test func `a result outlives its statement, connection and database`() throws {
        func result() throws -> QueryResult {
            try Database().connect().query("SELECT i, 'a longer text ' || i FROM range(5000) r(i) ORDER BY i")
        }
        let rows = try result().allRows()
        #expect(rows.count == 5000)
        #expect(rows.last == [4999, "a longer text 4999"])
    }

    @Test func `a chunk and its column outlive their result`() throws {
        func column() throws -> ColumnVector {
            let result = try Database().connect().query("SELECT 'a longer text ' || i FROM range(5000) r(i) ORDER BY i")
            return try #require(try result.nextChunk()).column(0)
        }
        let kept = try column()
        #expect(try kept.strings[2000] == "a longer text 2000")
        #expect(try kept.value(at: 2047) == "a longer text 2047")
    }

    @Test func `a statement outlives its connection and database`() throws {
        func statement() throws -> PreparedStatement { try Database().connect().prepare("SELECT ? + 1") }
        let kept = try statement()
        #expect(try kept.query([.integer(1)]).allRows() == [[.integer(2)]])
    }

    @Test func `an appender outlives its connection`() throws {
        let database = try Database()
        func appender() throws -> Appender {
            let connection = try database.connect()
            try connection.execute("CREATE TABLE t (i INTEGER)")
            return try connection.appender(table: "t")
        }
        let kept = try appender()
        try kept.appendRow([1])
        try kept.close()
        #expect(try database.connect().scalar("FROM t").int == 1)
    }

    @Test func `a connection outlives the reference to its database`() throws {
        func connection() throws -> Connection { try Database().connect() }
        #expect(try connection().scalar("SELECT 42").int == 42)
    }

    @Test func `a result outlives a closed connection`() throws {
        let connection = try Database().connect()
        let result = try connection.query("SELECT 1::BIGINT")
        let statement = try connection.prepare("SELECT 2::BIGINT")
        connection.close()
        #expect(try result.allRows() == [[1]])
        #expect(try statement.query().allRows() == [[2]])
    }

    @Test func `closing frees the file`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("data.duckdb")
        let connection = try Database(path: path).connect()
        try connection.execute("CREATE TABLE t (i INTEGER)")
        connection.close()
        // With the file still open here, another way to open it would be refused.
        let reader = try Database(path: path, configuration: ["access_mode": "READ_ONLY"]).connect()
        #expect(try reader.rows("FROM t").isEmpty)
    }

    @Test func `failing again and again does not use up memory`() throws {
        let folder = try TemporaryFolder()
        let notDatabase = try folder.write("text", to: "text")
        let database = try Database(configuration: ["threads": "1"])
        let connection = try database.connect()
        try connection.execute("CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
        let wide = String(repeating: "x", count: 100_000)
        var failures = 0
        // Not #expect(throws:), which takes many times as long for errors of this size.
        func fail(_ body: () throws -> Void) {
            do { try body() } catch { failures += 1 }
        }
        func round() {
            fail { try connection.execute("SELECT '\(wide)' FROM missing") }
            fail { try connection.execute("SELEC '\(wide)'") }
            fail { try connection.execute("SELECT error(?)", [.varchar(wide)]) }
            fail { try connection.execute("SELECT ?", [.list([.varchar(wide), 1])]) }
            fail { _ = try connection.appender(table: "missing") }
            fail {
                let appender = try connection.appender(table: "t")
                try appender.append(.varchar(wide))
            }
            fail { _ = try Database(path: notDatabase) }
        }
        for _ in 0..<20 { round() }
        #expect(failures == 20 * 7)
        var growth: [Int] = []
        for _ in 0..<4 {
            let before = try residentBytes()
            for _ in 0..<50 { round() }
            try growth.append(residentBytes() - before)
        }
        // Every failure handles some 100 KB of text: each time 5 MB, were one of them kept. Other tests, which run at the
        // same time, need memory too, but not again and again.
        #expect((growth.min() ?? 0) < 3_000_000)
    }

    private func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(fields.count > 1 ? Int(fields[1]) : nil) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
