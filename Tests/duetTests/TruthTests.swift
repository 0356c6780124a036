import DuckKit
import DuetEngine
import DuetEvents
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// However a run ends, the event log says so, and says it truly.
@Suite struct TruthTests {
    private static let definition = """
        name: fixture
        parameters: {rows: "1000000"}
        sources:
          orders: {location: data/orders-*.csv}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW silver.total (CONSTRAINT some EXPECT (total < 1000) ON VIOLATION FAIL UPDATE)
          AS SELECT sum(amount) AS total FROM bronze.orders;
        CREATE MATERIALIZED VIEW gold.slow AS
          SELECT total, sum(hash(x, y) % 7) AS n FROM silver.total, range(${rows}) AS a (x), range(${rows}) AS b (y) GROUP BY total;
        """

    /// Runs the pipeline, and sends a signal once the dataset before the slow one has been committed.
    private func run(_ fixture: CommandFixture, _ style: Style, signal: Int32?) async throws -> Int32 {
        let words = ["run", "pipeline", CommandFixture.style(style)]
        guard let signal else {
            return try await fixture.command.run(words + ["-p", "rows=30"], in: fixture.folder).status
        }
        return try await fixture.command.run(
            words,
            in: fixture.folder,
            under: ["timeout", "-s", "KILL", "120"]
        ) { errors, id in
            guard errors.contains("silver"), let child = Self.child(of: id) else { return }
            kill(child, signal)
        }.status
    }

    @Test(arguments: Style.allCases)
    func `runs that complete, fail, are stopped and are killed are each told as what they were`(
        style: Style
    ) async throws {
        let fixture = try CommandFixture(definition: Self.definition, sql: Self.sql)
        #expect(try await run(fixture, style, signal: nil) == 0)
        try fixture.drop("id,amount\n7,70\n", "orders-2.csv")
        #expect(try await run(fixture, style, signal: SIGKILL) != 0)
        try fixture.drop("id,amount\n8,80\n", "orders-3.csv")
        #expect(try await run(fixture, style, signal: SIGINT) == 130)
        try fixture.drop("id,amount\n9,5000\n", "orders-4.csv")
        #expect(try await run(fixture, style, signal: nil) == 1)
        try fixture.drop("id,amount\n9,50\n", "orders-4.csv")
        #expect(try await run(fixture, style, signal: nil) == 0)

        let look = LineageInspection(try fixture.pipeline(), home: fixture.home(), style: style)
        let runs = try look.runs()
        #expect(
            runs.map(\.last?.kind) == [.runCompleted, .runAbandoned, .runCancelled, .runFailed, .runCompleted]
        )
        for events in runs where events.last?.kind != .runAbandoned {
            #expect(EventLogValidator.faults(in: events).isEmpty, "\(EventLogValidator.faults(in: events))")
        }
        let slow = StepName.dataset(DatasetName(schema: "gold", table: "slow"), style: style.rawValue)
        // What had begun and not ended is named, and nothing else is.
        let ended = Set(runs[1].filter { $0.kind == .stepCompleted }.compactMap(\.step))
        let open = runs[1].filter { $0.kind == .stepStarted }.compactMap(\.step).filter { !ended.contains($0) }
        let told = runs[1].last?.error ?? ""
        #expect(told.contains("under way: \(open.joined(separator: ", "));") == !open.isEmpty, "\(told)")
        #expect(!runs[1].contains { $0.step == slow && $0.kind == .stepCompleted })
        #expect(runs[2].contains { $0.step == slow && $0.kind == .stepFailed })
        #expect(runs[3].last?.error?.contains("EXPECTATION_FAILED") == true)
        // What was told as completed is what the warehouse has.
        let connection = try Warehouse(path: fixture.home().warehouse(style), isReadOnly: true).connect()
        #expect(try connection.scalar("SELECT total FROM gold.slow").int == 212)
        let kinds = try connection.rows(
            "SELECT event_type FROM duet.events WHERE event_type LIKE 'run\\_%' ESCAPE '\\'"
        )
        #expect(kinds.count == 10)
    }

    /// The only child of a process.
    private static func child(of id: Int32) -> Int32? {
        let path = "/proc/\(id)/task/\(id)/children"
        guard let text = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: text, as: UTF8.self).split(separator: " ").first.flatMap { Int32($0) }
    }
}
