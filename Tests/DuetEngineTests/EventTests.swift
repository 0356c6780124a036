import DuetEngine
import DuetEvents
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Testing

/// Both styles tell their runs in the same words, and tell the truth.
@Suite struct EventTests {
    private static let definition = """
        parameters: {base: "http://127.0.0.1:1"}
        sources:
          orders: {location: "${base}/orders.csv"}
          names: {location: "${base}/names.csv"}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders (CONSTRAINT positive EXPECT (amount > 0) ON VIOLATION DROP ROW)
          AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.names AS SELECT * FROM read_files('${source.names}');
        CREATE MATERIALIZED VIEW gold.total AS SELECT sum(amount) AS total FROM bronze.orders;
        CREATE MATERIALIZED VIEW gold.named AS SELECT * FROM gold.total, bronze.names;
        """

    private func served(
        _ body: (PipelineFixture, FileServer, [String: String]) async throws -> Void
    ) async throws {
        let fixture = try PipelineFixture(Self.definition, sql: Self.sql)
        try fixture.drop("id,amount\n1,10\n2,-5\n", "orders.csv")
        try fixture.drop("id,name\n1,ann\n", "names.csv")
        let server = FileServer(root: "\(fixture.folder.path)/data")
        let port = try await server.start()
        try await body(fixture, server, ["base": "http://127.0.0.1:\(port)"])
        await server.stop()
    }

    /// The step that makes a dataset, as each style names it.
    private func step(_ dataset: String, _ style: Style) -> String {
        style == .declarative ? dataset : "Make \(dataset.replacing(".", with: "_"))"
    }

    private func step(source: String, _ style: Style) -> String {
        style == .declarative ? "source \(source)" : "Copy \(source)"
    }

    @Test func `events of both styles carry the same fields`() async throws {
        try await served { fixture, _, base in
            var fields: [Style: [String: Set<String>]] = [:]
            for style in Style.allCases {
                let outcome = try await fixture.run(style, parameters: base)
                #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
                for event in outcome.events {
                    let kind = "\(event.kind) \(event.stepKind?.rawValue ?? "")"
                    let object = try #require(event.json.object)
                    fields[style, default: [:]][kind, default: []].formUnion(object.keys)
                    #expect(event.style == style.rawValue && event.pipeline == "fixture")
                }
                let total = try #require(outcome.measures(of: step("bronze.orders", style)))
                #expect(total.rowsTotal == 1)
                #expect(total.expectations.map(\.failed) == [1])
                #expect(total.expectations.map(\.passed) == [1])
                #expect(total.strategy == .full && total.reason != nil && !total.statements.isEmpty)
                let transfer = try #require(outcome.measures(of: step(source: "orders", style)))
                #expect(transfer.bytesTransferred == 20 && transfer.requests == 1 && transfer.filesChanged == 1)
            }
            #expect(fields[.declarative] == fields[.procedural])
        }
    }

    @Test func `an event read from its text is the event that was told`() throws {
        for microseconds in stride(from: 0, to: 5_000, by: 7) {
            let time = Date(timeIntervalSince1970: 1_795_492_300 + Double(microseconds) / 1_000_000 - 0.000_000_4)
            let told = RunEvent(
                sequence: 1,
                timestamp: time,
                runID: "run",
                pipeline: "p",
                style: "declarative",
                kind: .runStarted,
                message: "begun"
            )
            let read = try #require(RunEvent(json: told.json))
            #expect(read.timestamp == told.timestamp)
            #expect(RunEvent.text(of: read.timestamp) == told.json["timestamp"]?.string)
            #expect(abs(told.timestamp.timeIntervalSince(time)) < 0.001_1)
        }
    }

    @Test func `the event file holds the run line by line`() async throws {
        try await served { fixture, _, base in
            for style in Style.allCases {
                let events = try await fixture.run(style, parameters: base).events
                let more = try await fixture.run(style, parameters: base).events
                let lines = try String(contentsOfFile: fixture.home.events(style), encoding: .utf8).split(
                    separator: "\n"
                )
                #expect(try lines.map { try JSONValue(parsing: String($0)) } == (events + more).map(\.json))
            }
        }
    }

    @Test func `a server that is busy twice is asked again, and the requests are counted`() async throws {
        try await served { fixture, server, base in
            for style in Style.allCases {
                server.setFaults([FaultRule(.status(503, retryAfter: nil), path: "/orders.csv", times: 2)])
                let outcome = try await fixture.run(style, parameters: base)
                #expect(outcome.isSuccess)
                #expect(outcome.measures(of: step(source: "orders", style))?.requests == 3)
            }
        }
    }

    @Test func `a Copy that fails is tried again, and both tries are told`() async throws {
        try await served { fixture, server, base in
            // One more than the transfer itself tries.
            server.setFaults([FaultRule(.status(503, retryAfter: nil), path: "/orders.csv", times: 6)])
            let outcome = try await fixture.run(.procedural, parameters: base, retries: 2)
            #expect(outcome.isSuccess)
            #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
            let told = outcome.events.filter { $0.step == "Copy orders" }
            #expect(told.map(\.kind) == [.stepStarted, .stepRetried, .stepCompleted])
            #expect(told[1].error?.contains("503") == true)
            #expect(told[2].measures?.attempts == 2)
        }
    }

    @Test func `a file that is missing or wrong is not tried again`() async throws {
        try await served { fixture, _, base in
            try fixture.drop("<html>", "orders.csv")
            try fixture.folder.remove("data/names.csv")
            let outcome = try await fixture.run(.procedural, parameters: base, retries: 2)
            for step in ["Copy orders", "Copy names"] {
                #expect(outcome.events.filter { $0.step == step }.map(\.kind) == [.stepStarted, .stepFailed])
            }
        }
    }

    @Test func `a failure is told once, and what depends on it is skipped for it`() async throws {
        try await served { fixture, server, base in
            for style in Style.allCases {
                #expect(try await fixture.run(style, parameters: base).isSuccess)
            }
            server.setFaults([FaultRule(.status(404, retryAfter: nil), path: "/orders.csv")])
            for style in Style.allCases {
                let outcome = try await fixture.run(style, parameters: base)
                #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
                #expect(outcome.errors.count == 1)
                #expect(outcome.end(of: step(source: "orders", style))?.kind == .stepFailed)
                for dataset in ["bronze.orders", "gold.total", "gold.named"] {
                    let end = try #require(outcome.end(of: step(dataset, style)))
                    #expect(end.kind == .stepSkipped && end.level == .warning)
                    #expect(end.message.contains("orders"))
                }
                let other = try #require(outcome.end(of: step("bronze.names", style)))
                #expect(other.kind == (style == .declarative ? .stepSkipped : .stepCompleted))
                #expect(other.level == .info)
                let last = try #require(outcome.events.last)
                #expect(last.kind == .runFailed && last.error?.contains("404") == true)
                // A run that wrote something is kept with how it ended; one that wrote nothing leaves the file alone.
                let runs = try fixture.rows("SELECT status FROM duet.runs ORDER BY started", style)
                #expect(runs == (style == .procedural ? [["completed"], ["failed"]] : [["completed"]]))
            }
        }
    }

    @Test func `a run that is cancelled says so and starts nothing more`() async throws {
        try await served { fixture, _, base in
            for style in Style.allCases {
                let control = RunControl()
                control.cancel()
                let outcome = try await fixture.run(style, parameters: base, control: control)
                #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
                #expect(outcome.events.last?.kind == .runCancelled)
                #expect(outcome.errors.allSatisfy { $0.code == .cancelled } && !outcome.errors.isEmpty)
                #expect(!outcome.events.contains { $0.kind == .stepCompleted })
            }
        }
    }

    /// Cancels a run at its nth event.
    private final class Canceller: EventSink {
        let control = RunControl()
        let event: Int
        init(event: Int) { self.event = event }
        func record(_ event: RunEvent) { if event.sequence == self.event { control.cancel() } }
    }

    @Test func `a run that is cancelled at any of its events leaves what the next run completes`() async throws {
        try await served { fixture, _, base in
            for style in Style.allCases {
                for number in [1, 2, 4, 6, 7, 8, 10] {
                    try fixture.drop("id,amount\n1,\(number)\n2,5\n", "orders.csv")
                    let canceller = Canceller(event: number)
                    let outcome = try await fixture.run(
                        style,
                        parameters: base,
                        control: canceller.control,
                        sinks: [canceller]
                    )
                    #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
                    #expect(outcome.events.last?.kind == .runCancelled || outcome.events.count <= number)
                    #expect(try await fixture.run(style, parameters: base).isSuccess)
                    #expect(try fixture.rows("SELECT total FROM gold.total", style) == [["\(number + 5)"]])
                }
            }
        }
    }
}
