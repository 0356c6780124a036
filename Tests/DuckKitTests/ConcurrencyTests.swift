import DuckKit
import Foundation
import Synchronization
import Testing

@Suite struct ConcurrencyTests {
    /// Runs for minutes unless it is interrupted.
    private static let endless =
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 1"

    @Test func `a statement is interrupted from another thread, and the connection goes on`() throws {
        let connection = try Database().connect()
        try connection.trackProgress()
        let handle = connection.interruptHandle
        // A thread and not a task: the statement below keeps one of the few threads that tasks have.
        let thread = Thread {
            // Progress is only told while a statement runs, so that it is not interrupted before it does.
            while handle.progress() == nil { sched_yield() }
            handle.interrupt()
        }
        thread.start()
        let error = #expect(throws: DuckDBError.self) { try connection.execute(Self.endless) }
        #expect(error?.operation == .execute)
        #expect(error?.kind == .interrupt)
        #expect(error?.sql == Self.endless)
        #expect(try connection.scalar("SELECT 1").int == 1)
    }

    @Test func `an interrupt without a statement does nothing`() throws {
        let connection = try Database().connect()
        connection.interruptHandle.interrupt()
        #expect(connection.interruptHandle.progress() == nil)
        #expect(try connection.scalar("SELECT 1").int == 1)
    }

    @Test func `an interrupt after the connection is gone does nothing`() throws {
        func handle() throws -> InterruptHandle { try Database().connect().interruptHandle }
        let kept = try handle()
        kept.interrupt()
        #expect(kept.progress() == nil)
    }

    @Test func `interrupts race with the end of connections without harm`() throws {
        let database = try Database()
        let current = Mutex<InterruptHandle?>(nil)
        let done = Flag()
        let thread = Thread {
            while !done.isSet {
                let handle = current.withLock { $0 }
                handle?.interrupt()
                _ = handle?.progress()
            }
        }
        thread.start()
        defer { done.set() }
        var connections = 0
        while connections < 500 {
            do {
                let connection = try database.connect()
                current.withLock { $0 = connection.interruptHandle }
                connections += 1
                try connection.execute("SELECT sum(i) FROM range(1000) r(i)")
            } catch {
                #expect(error.kind == .interrupt)
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `two connections write at the same time`() async throws {
        let database = try Database()
        try database.connect().execute("CREATE TABLE a (i INTEGER); CREATE TABLE b (i INTEGER)")
        try await withThrowingTaskGroup { group in
            for table in ["a", "b"] {
                group.addTask {
                    let connection = try database.connect()
                    for number in 0..<100 {
                        try connection.transaction {
                            _ = try connection.execute("INSERT INTO \(table) VALUES (?)", [Value(number)])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let connection = try database.connect()
        #expect(
            try connection.rows("SELECT sum(i) FROM a UNION ALL SELECT sum(i) FROM b") == [
                [.hugeint(4950)], [.hugeint(4950)],
            ]
        )
    }
}
