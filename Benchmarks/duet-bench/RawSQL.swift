import DuckKit
import Foundation

/// Statements sent straight to DuckDB, in this process or in one of their own.
enum RawSQL {
    static let argument = "--raw-sql"

    /// Runs statements on a new database file and gives the seconds it took, opening and closing included.
    static func seconds(_ statements: [String], database: String) throws -> Double {
        let start = ContinuousClock.now
        try run(statements, database: database)
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private static func run(_ statements: [String], database: String) throws {
        let connection = try Database(path: database).connect()
        try connection.execute("SET TimeZone = 'UTC'")
        for statement in statements { try connection.execute(statement) }
    }

    /// Does the work of a child process: reads statements from a JSON file.
    static func runAsChild(_ arguments: [String]) throws {
        guard arguments.count == 2 else { throw BenchmarkError("usage: \(argument) statements.json database") }
        let data = try Data(contentsOf: URL(fileURLWithPath: arguments[0]))
        try run(try JSONDecoder().decode([String].self, from: data), database: arguments[1])
    }
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
