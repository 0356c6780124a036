internal import DuckKit
internal import DuetDeclarative
public import DuetEngine
internal import DuetInference
internal import DuetPipeline
internal import Foundation

/// Asks again about inputs that got no answer.
public enum InferenceRetry {
    /// Makes the datasets anew that have rows in quarantine for want of an answer; known answers are not asked for again.
    ///
    /// - Parameter request: The update.
    /// - Returns: How it went, and the inputs that were asked about again.
    /// - Throws: ``DuetError`` when there is no warehouse or store yet, or one is in use.
    public static func run(_ request: RunRequest) throws -> (outcome: RunOutcome, inputs: Int) {
        try mark(request)
        // After the mark: were this to end in between, the next update would make them anew all the same.
        let inputs = try StoreAdministration(path: request.resultStore ?? request.home.resultStore)
            .forgetFailures(of: request.pipeline)
        return (try DeclarativeExecutor().run(request), inputs)
    }

    private static func mark(_ request: RunRequest) throws {
        let path = request.home.warehouse(.declarative)
        guard FileManager.default.fileExists(atPath: path) else {
            throw DuetError(.warehouse, "there is no warehouse at '\(path)'", hint: "run the pipeline first: duet run")
        }
        let connection = try Warehouse(path: path, settings: request.settings).connect()
        let quarantined = try connection.rows(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'duet_quarantine'"
        ).compactMap { $0.first?.string }
        for name in quarantined {
            let rows = try connection.scalar(
                "SELECT count(*) FROM \(SQL.qualified("duet_quarantine", name)) "
                    + "WHERE list_contains(failed_constraints, \(SQL.literal(Expectation.inferenceName)))"
            )
            guard rows.int ?? 0 > 0 else { continue }
            try connection.execute("UPDATE duet.datasets SET definition = '' WHERE name = ?", [.varchar(name)])
        }
    }
}
