import DuckKit
import Synchronization
import Testing

@Suite struct FunctionTests {
    private final class Seen: Sendable {
        let inputs = Mutex<[String]>([])
        let connections = Mutex<Set<Int>>([])
    }

    private func database(_ seen: Seen, isCostly: Bool = false) throws -> Database {
        let database = try Database()
        try database.register([
            ScalarFunction(name: "shout", parameters: [.varchar], result: .varchar, isCostly: isCostly) { call in
                let texts = call.strings(0)
                seen.inputs.withLock { $0 += texts.compactMap { $0 } }
                _ = seen.connections.withLock { $0.insert(call.connection) }
                return .strings(texts.map { $0.map { $0.uppercased() } })
            },
            ScalarFunction(name: "shout", parameters: [.varchar, .list(.varchar)], result: .varchar) { call in
                .strings(zip(call.strings(0), call.stringLists(1)).map { "\($0 ?? "-"):\($1 ?? [])" })
            },
            ScalarFunction(name: "halves", parameters: [.bigint], result: .list(.float)) { call in
                .floatLists(try call.values(0).map { $0.int.map { [Float($0) / 2, Float($0)] } })
            },
            ScalarFunction(name: "pairs", parameters: [.varchar], result: .map(key: .varchar, value: .varchar)) {
                .maps($0.strings(0).map { text in text.map { [("text", $0), ("none", nil)] } })
            },
            ScalarFunction(name: "fails", parameters: [.varchar], result: .double) { _ in
                throw DuckDBError(operation: .execute, kind: .invalidInput, message: "no answer today")
            },
        ])
        return database
    }

    @Test func `a function written in Swift is called with vectors, NULLs included`() throws {
        let connection = try database(Seen()).connect()
        let sql = """
            SELECT shout(CASE WHEN i % 2 = 0 THEN 'a' || i END), halves(i), pairs('x' || i), shout('k', ['p', 'q'])
            FROM range(5000) r(i) ORDER BY i
            """
        let rows = try connection.rows(sql)
        #expect(rows.count == 5000)
        #expect(rows[4000][0].string == "A4000")
        #expect(rows[4001][0].isNull)
        #expect(rows[3][1] == .list([.float(1.5), .float(3)]))
        #expect(rows[7][2] == .map([.init(.varchar("text"), .varchar("x7")), .init(.varchar("none"), .null)]))
        #expect(rows[7][3].string == "k:[\"p\", \"q\"]")
    }

    @Test func `a function knows the connection that calls it`() throws {
        let seen = Seen()
        let database = try database(seen)
        let first = try database.connect()
        let second = try database.connect()
        #expect(try first.identifier != second.identifier)
        _ = try second.rows("SELECT shout('a' || i) FROM range(10) r(i)")
        #expect(seen.connections.withLock { $0 } == [try second.identifier])
    }

    @Test func `what a function throws fails the statement with its message`() throws {
        let connection = try database(Seen()).connect()
        let error = #expect(throws: DuckDBError.self) {
            try connection.rows("SELECT fails('a' || i) FROM range(9) r(i)")
        }
        #expect(error?.message.contains("no answer today") == true)
        #expect(try connection.scalar("SELECT 1").int == 1)
    }

    @Test(arguments: [
        "SELECT count(*) FROM t WHERE i < 15000 AND i % 100 = 0 AND shout(s) <> 'TEXT 7'",
        "SELECT l, count(*) FROM (SELECT shout(s) AS l FROM t WHERE i % 100 = 0 AND i < 15000) GROUP BY l",
        "SELECT shout(s), count(*) FROM t WHERE i % 100 = 0 AND i < 15000 GROUP BY shout(s)",
        "SELECT shout(s), u.j FROM t JOIN u ON i = j WHERE i % 100 = 0 AND i < 15000",
        "SELECT * FROM (SELECT shout(s) AS l, i FROM t WHERE i < 15000 AND i % 100 = 0) WHERE l <> 'x'",
    ])
    func `rows that earlier conditions keep out never reach a costly function`(_ sql: String) throws {
        let seen = Seen()
        let connection = try database(seen, isCostly: true).connect()
        try connection.execute("CREATE TABLE t AS SELECT i, 'text ' || i AS s FROM range(20000) r(i)")
        try connection.execute("CREATE TABLE u AS SELECT i AS j FROM range(20000) r(i)")
        _ = try connection.rows(sql)
        #expect(seen.inputs.withLock { Set($0).count } == 150)
    }

    @Test func `binding and planning a query calls no costly function, not even for constants`() throws {
        let seen = Seen()
        let connection = try database(seen, isCostly: true).connect()
        _ = try connection.describe("SELECT shout('constant') AS s")
        #expect(seen.inputs.withLock { $0.isEmpty })
    }

    @Test func `equal calls in one query are made once`() throws {
        let seen = Seen()
        let connection = try database(seen).connect()
        try connection.execute("CREATE TABLE t AS SELECT 'text ' || i AS s FROM range(3000) r(i)")
        _ = try connection.rows("SELECT shout(s), length(shout(s)), shout(s) || 'x' FROM t")
        #expect(seen.inputs.withLock { $0.count } == 3000)
    }
}
