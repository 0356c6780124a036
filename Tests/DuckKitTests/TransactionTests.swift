import DuckKit
import Testing

@Suite struct TransactionTests {
    private struct Stop: Error {}

    private let database: Database
    private let connection: Connection

    init() throws {
        database = try Database()
        connection = try database.connect()
        try connection.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
    }

    private var count: Int? {
        get throws { try database.connect().scalar("SELECT count(*) FROM t").int }
    }

    private func expectFailure(_ sql: String) {
        #expect(throws: DuckDBError.self) { try connection.execute(sql) }
    }

    @Test func `a body that returns is committed`() throws {
        let changed = try connection.transaction {
            let changed = try connection.execute("INSERT INTO t VALUES (1), (2)")
            #expect(try count == 0)
            return changed
        }
        #expect(changed == 2)
        #expect(try count == 2)
    }

    @Test func `a body that throws is rolled back, and its error is the one thrown`() throws {
        #expect(throws: Stop.self) {
            try connection.transaction {
                try connection.execute("INSERT INTO t VALUES (1)")
                throw Stop()
            }
        }
        #expect(try connection.scalar("SELECT count(*) FROM t").int == 0)
        try connection.transaction { _ = try connection.execute("INSERT INTO t VALUES (3)") }
        #expect(try count == 1)
    }

    @Test func `the error is kept although there is nothing to roll back`() {
        #expect(throws: Stop.self) {
            try connection.transaction {
                try connection.execute("ROLLBACK")
                throw Stop()
            }
        }
    }

    @Test func `a failed statement cannot be committed`() throws {
        let error = #expect(throws: DuckDBError.self) {
            try connection.transaction {
                try connection.execute("INSERT INTO t VALUES (1)")
                expectFailure("INSERT INTO t VALUES (1)")
            }
        }
        #expect(error?.kind == .transaction)
        #expect(error?.sql == "COMMIT")
        #expect(try count == 0)
        #expect(try connection.scalar("SELECT 1").int == 1)
    }

    @Test func `a transaction within a transaction is refused`() throws {
        let error = #expect(throws: DuckDBError.self) {
            try connection.transaction {
                try connection.transaction {}
            }
        }
        #expect(error?.kind == .transaction)
        #expect(try connection.scalar("SELECT 1").int == 1)
    }

    @Test func `of two transactions that change a row the second fails and is rolled back`() throws {
        try connection.execute("INSERT INTO t VALUES (1)")
        let other = try database.connect()
        let error = #expect(throws: DuckDBError.self) {
            try connection.transaction {
                try connection.execute("UPDATE t SET i = 2")
                try other.transaction { _ = try other.execute("UPDATE t SET i = 3") }
            }
        }
        #expect(error?.kind == .transaction)
        #expect(error?.sql == "UPDATE t SET i = 3")
        #expect(try connection.scalar("FROM t").int == 1)
    }
}
