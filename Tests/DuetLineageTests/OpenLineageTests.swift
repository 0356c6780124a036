import DuetEngine
import DuetEvents
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// Runs in other tools' forms.
@Suite struct OpenLineageTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Resources/openlineage").path

    @Test(arguments: Style.allCases)
    func `every event and every facet of it fits its published schema`(style: Style) async throws {
        let fixture = try RowLineageTests.fixture()
        #expect(try await fixture.run(style).isSuccess)
        // A wrong file makes a failed step, whose error is told too.
        try fixture.drop("id,amount\n1,2\n", "orders-3.csv")
        try fixture.drop("nothing of use\n\"", "names.csv")
        _ = try await fixture.run(style)
        let check = try SchemaCheck(folder: Self.folder)
        let look = try RowLineageTests.inspection(fixture, style)
        var facets: Set<String> = []
        var types: Set<String> = []
        for run in try look.runs() {
            for event in try look.openLineage(run: run.first?.runID) {
                types.insert(event["eventType"]?.string ?? "")
                let schema = event["schemaURL"]?.string ?? ""
                #expect(check.faults(in: event, against: schema).isEmpty, "\(check.faults(in: event, against: schema))")
                for (name, facet) in Self.facets(of: event) {
                    facets.insert(name)
                    let faults = check.faults(in: facet, against: facet["_schemaURL"]?.string ?? "")
                    #expect(faults.isEmpty, "\(name): \(faults)")
                }
            }
        }
        #expect(types.isSuperset(of: ["START", "COMPLETE", "FAIL"]))
        #expect(
            facets == [
                "schema", "columnLineage", "dataSource", "dataQualityMetrics", "dataQualityAssertions",
                "inputStatistics", "outputStatistics", "sql", "sourceCodeLocation", "parent", "processing_engine",
                "nominalTime", "errorMessage", "jobType", "ownership",
            ]
        )
    }

    /// All facets of an event, wherever they hang.
    private static func facets(of event: JSONValue) -> [(String, JSONValue)] {
        let holders =
            [event["run"], event["job"]].compactMap { $0 } + (event["inputs"]?.array ?? [])
            + (event["outputs"]?.array ?? [])
        return holders.flatMap { holder in
            ["facets", "inputFacets", "outputFacets"].flatMap { holder[$0]?.object?.members ?? [] }
        }.map { ($0.key, $0.value) }
    }

    @Test func `a run and its steps belong together, and a step's run is told apart`() async throws {
        let fixture = try RowLineageTests.fixture()
        let outcome = try await fixture.run(.declarative)
        let events = try RowLineageTests.inspection(fixture, .declarative).openLineage(run: nil)
        let told = outcome.events.filter { $0.kind != .notice }
        #expect(events.count == told.count)
        let run = try #require(outcome.events.first?.runID)
        var ends: [String: [String]] = [:]
        for event in events {
            let id = try #require(event["run"]?["runId"]?.string)
            ends[id, default: []].append(event["eventType"]?.string ?? "")
            if id != run { #expect(event["run"]?["facets"]?["parent"]?["run"]?["runId"]?.string == run) }
        }
        #expect(ends.values.allSatisfy { $0 == ["START", "COMPLETE"] })
        #expect(ends.count == told.count / 2)
    }

    @Test func `spans nest, and the metrics name every dataset`() async throws {
        let fixture = try RowLineageTests.fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let look = try RowLineageTests.inspection(fixture, .declarative)
        let otlp = try JSONValue(parsing: try look.export(.otlp, run: nil))
        let spans = otlp["resourceSpans"]?.array?.first?["scopeSpans"]?.array?.first?["spans"]?.array ?? []
        let root = try #require(spans.first)
        #expect(spans.dropFirst().allSatisfy { $0["parentSpanId"] == root["spanId"] })
        #expect(Set(spans.compactMap { $0["spanId"]?.string }).count == spans.count)
        #expect(spans.allSatisfy { $0["traceId"]?.string?.count == 32 && $0["spanId"]?.string?.count == 16 })
        let chrome = try JSONValue(parsing: try look.export(.chrome, run: nil))["traceEvents"]?.array ?? []
        #expect(chrome.count == spans.count && chrome.allSatisfy { $0["ph"]?.string == "X" })
        let metrics = try look.export(.prometheus, run: nil)
        #expect(metrics.contains(#"duet_runs_total{pipeline="fixture",style="declarative",end="run_completed"} 1"#))
        #expect(metrics.contains(#"duet_step_rows{pipeline="fixture",style="declarative",step="gold.best"} 2"#))
        #expect(metrics.contains(#"expectation="some"} 1"#))
    }

    @Test func `a server gets every event in order, and a busy one is asked again`() async throws {
        let fixture = try RowLineageTests.fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let events = try RowLineageTests.inspection(fixture, .declarative).openLineage(run: nil)
        let bodies = Mutex<[String]>([])
        let server = FaultServer { request, connection in
            // Every second request finds the server busy.
            guard request.number.isMultiple(of: 2) else {
                connection.answer(503)
                return .keepAlive
            }
            bodies.withLock { $0.append(String(decoding: request.body, as: UTF8.self)) }
            connection.answer(201)
            return .keepAlive
        }
        let address = "http://127.0.0.1:\(try server.start())/api/v1/lineage"
        let sent = try await OpenLineageSender.post(Array(events.prefix(3)), to: address, fetcher: fixture.fetcher)
        #expect(sent == 3)
        #expect(bodies.withLock { $0 } == events.prefix(3).map { $0.text() })
        server.stop()
        let path = "\(fixture.folder.path)/lineage.jsonl"
        for _ in 0..<2 { try OpenLineageSender.append(events, to: path) }
        #expect(try fixture.folder.text("lineage.jsonl").split(separator: "\n").count == 2 * events.count)
    }

    @Test func `a run tells itself as it goes, to a file and to a server that is busy at first`() async throws {
        let fixture = try RowLineageTests.fixture()
        let bodies = Mutex<[String]>([])
        let server = FaultServer { request, connection in
            guard request.number > 1 else {
                connection.answer(503)
                return .keepAlive
            }
            bodies.withLock { $0.append(String(decoding: request.body, as: UTF8.self)) }
            connection.answer(201)
            return .keepAlive
        }
        let address = "http://127.0.0.1:\(try server.start())/api/v1/lineage"
        let definition = try fixture.folder.text("pipeline.yml")
        let path = "\(fixture.folder.path)/live.jsonl"
        try fixture.folder.write("\(definition)\nevents: {openlineage: '\(path)'}\n", to: "pipeline.yml")
        let pipeline = try fixture.pipeline()
        #expect(pipeline.events.openLineage == [path])
        var request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        let stream = try #require(OpenLineageStream.attached(to: &request, beside: [address]))
        let (frozen, executor) = (request, try RowLineageTests.executor(.declarative))
        let outcome = try await offPool { try executor.run(frozen) }
        #expect(outcome.isSuccess && stream.problems == [])
        server.stop()
        let told = bodies.withLock { $0 }
        #expect(try fixture.folder.text("live.jsonl").split(separator: "\n").map(String.init) == told)
        // What was told is what the log gives afterwards: no event is lost, and none comes out of order.
        let events = try told.map { try JSONValue(parsing: $0) }
        let later = try RowLineageTests.inspection(fixture, .declarative).openLineage(run: nil)
        for key in ["eventType", "job"] { #expect(events.map { $0[key] } == later.map { $0[key] }) }
        let check = try SchemaCheck(folder: Self.folder)
        for event in events {
            let faults = check.faults(in: event, against: event["schemaURL"]?.string ?? "")
            #expect(faults.isEmpty)
        }
        let best = events.last { $0["job"]?["name"]?.string?.hasSuffix("gold.best") == true }
        let output = best?["outputs"]?.array?.first?["facets"]
        #expect(output?["schema"] != nil && output?["columnLineage"] != nil)
    }

    @Test func `a server that is away neither fails nor holds up a run, and what it lacks is told`() async throws {
        let fixture = try RowLineageTests.fixture()
        var pace = OpenLineageStream.Pace()
        pace.patience = 0.2
        let server = FaultServer { _, connection in
            connection.answer(500)
            return .keepAlive
        }
        let address = "http://127.0.0.1:\(try server.start())/api/v1/lineage"
        let stream = OpenLineageStream(to: [address], pace: pace, fetcher: fixture.fetcher)
        var request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
        request.sinks = [stream]
        request.observers = [stream]
        let (frozen, executor) = (request, try RowLineageTests.executor(.procedural))
        let outcome = try await offPool { try executor.run(frozen) }
        server.stop()
        #expect(outcome.isSuccess)
        #expect(stream.problems.count == 1 && stream.problems.allSatisfy { $0.contains("did not reach") })
    }

    @Test func `log lines carry the run's id, and levels leave out what is not wanted`() async throws {
        let fixture = try RowLineageTests.fixture()
        let lines = Mutex<[String]>([])
        let sink = LogSink(.json, level: .info) { line in lines.withLock { $0.append(line) } }
        let outcome = try await fixture.run(.declarative, sinks: [sink])
        let told = try lines.withLock { $0 }.map { try JSONValue(parsing: $0) }
        let run = outcome.events.first?.runID
        #expect(told.allSatisfy { $0["run"]?.string == run && $0["level"]?.string != nil })
        #expect(told.count == outcome.events.filter { $0.kind != .stepStarted }.count)
    }
}
