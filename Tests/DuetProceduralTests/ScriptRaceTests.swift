import DuckKit
import DuetEngine
import DuetTestSupport
import Foundation
import Synchronization
import Testing

@testable import DuetProcedural

@Suite struct ScriptRaceTests {
    @Test func `scripts that make the same schema at once all succeed`() async throws {
        let folder = try TemporaryFolder()
        try await offPool {
            let warehouse = try Warehouse(path: "\(folder.path)/w.duckdb")
            for round in 0..<20 {
                let failures = try Racers.run(4) { _ in
                    let connection = try warehouse.connect()
                    _ = try ScriptHandler.execute(
                        "CREATE SCHEMA IF NOT EXISTS s\(round); SELECT 1",
                        connection,
                        RunControl()
                    )
                }
                #expect(failures.isEmpty, "round \(round): \(failures)")
            }
        }
    }

    @Test func `a script's own error is not tried again`() async throws {
        try await offPool {
            let connection = try Warehouse.scratch()
            #expect(throws: DuckDBError.self) {
                try ScriptHandler.execute(
                    "CREATE TABLE t (a INTEGER); CREATE TABLE t (b INTEGER)",
                    connection,
                    RunControl()
                )
            }
        }
    }
}

/// Work that begins on several threads at once.
private enum Racers {
    /// Runs a body on threads of its own and gives what they threw.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws -> [String] {
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: count) { index in
            do {
                try body(index)
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        return failures.withLock { $0 }
    }
}
