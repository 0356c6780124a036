import DuetEngine
import DuetEvents
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// The event log as a table.
@Suite struct EventLogTests {
    @Test(arguments: Style.allCases)
    func `the table has every event of the journal, once`(style: Style) async throws {
        let fixture = try RowLineageTests.fixture()
        for _ in 0..<3 { #expect(try await fixture.run(style).isSuccess) }
        try fixture.drop("id,amount\n5,5\n", "orders-3.csv")
        let last = try await fixture.run(style)
        let journal = try fixture.folder.text("home/fixture/\(style.rawValue)-events.jsonl").split(separator: "\n")
        let ids = try journal.map { try JSONValue(parsing: String($0))["id"]?.string ?? "" }
        let kept = try fixture.rows("SELECT id FROM duet.events ORDER BY timestamp, sequence", style).flatMap(\.self)
        #expect(Set(ids).count == ids.count && ids.sorted() == kept.sorted())
        #expect(kept.last == last.events.last?.id)
        let look = try RowLineageTests.inspection(fixture, style)
        let text = try look.events(
            sql: """
                SELECT level, event_type, origin.step, details->>'strategy' AS strategy FROM events
                WHERE origin.run_id = '\(last.events[0].runID)' AND event_type = 'run_completed'
                """,
            asJSON: true
        )
        #expect(text == #"{"level":"INFO","event_type":"run_completed","step":null,"strategy":null}"#)
    }

    @Test func `an idle update leaves its events to the journal, and they are seen all the same`() async throws {
        let fixture = try RowLineageTests.fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let idle = try await fixture.run(.declarative)
        let id = idle.events[0].runID
        let sql = "SELECT count(*) FROM duet.events WHERE origin.run_id = '\(id)'"
        #expect(try fixture.rows(sql) == [["0"]])
        let look = try RowLineageTests.inspection(fixture, .declarative)
        let seen = try look.events(
            sql: "SELECT count(*) AS n FROM events WHERE origin.run_id = '\(id)'",
            asJSON: true
        )
        #expect(seen == #"{"n":\#(idle.events.count)}"#)
    }

    @Test func `a run whose process was killed is told as abandoned by the next, with what it was at`() async throws {
        let fixture = try RowLineageTests.fixture()
        let path = "home/fixture/declarative-events.jsonl"
        #expect(try await fixture.run(.declarative).isSuccess)
        func event(_ number: Int, _ kind: RunEvent.Kind, _ step: String?) -> String {
            RunEvent(
                sequence: number,
                timestamp: Date(),
                runID: "lost",
                pipeline: "fixture",
                style: "declarative",
                kind: kind,
                step: step,
                message: "it happens"
            ).json.text()
        }
        let lines = [
            event(1, .runStarted, nil), event(2, .stepStarted, "silver.orders"), event(3, .stepStarted, "bronze.names"),
            event(4, .stepCompleted, "bronze.names"), String(event(5, .stepStarted, "gold.best").prefix(40)),
        ]
        try fixture.folder.write(try fixture.folder.text(path) + lines.joined(separator: "\n"), to: path)
        try fixture.drop("id,amount\n5,5\n", "orders-3.csv")
        for _ in 0..<2 { #expect(try await fixture.run(.declarative).isSuccess) }
        let rows = try fixture.rows(
            "SELECT id, level, event_type, error FROM duet.events WHERE event_type = 'run_abandoned'"
        )
        #expect(rows.count == 1)
        #expect(rows.first?.prefix(3) == ["lost/5", "ERROR", "run_abandoned"])
        #expect(rows.first?.last?.contains("under way: silver.orders;") == true)
    }

    @Test func `events older than the policy keeps go with the next run`() async throws {
        let fixture = try RowLineageTests.fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let first = try fixture.rows("SELECT DISTINCT origin.run_id FROM duet.events").first?.first ?? ""
        let pipeline = try fixture.pipeline()
        try fixture.drop("id,amount\n5,5\n", "orders-3.csv")
        var request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        request.eventRetention = EventRetention(days: nil, runs: 1)
        let (frozen, executor) = (request, try RowLineageTests.executor(.declarative))
        #expect(try await offPool { try executor.run(frozen) }.isSuccess)
        let runs = try fixture.rows("SELECT DISTINCT origin.run_id FROM duet.events").flatMap(\.self)
        #expect(runs.count == 1 && runs.first != first)
    }
}
