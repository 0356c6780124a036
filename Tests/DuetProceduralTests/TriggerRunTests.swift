import DuetEngine
import DuetExpression
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// Triggers that run pipelines, on a clock that jumps.
@Suite struct TriggerRunTests {
    private let fixture: FactoryFixture
    private var path: String { "\(fixture.folder.path)/triggers.json" }

    init() throws { fixture = try FactoryFixture() }

    private func window(_ name: String, _ pipeline: String = "P", _ more: String = "") throws {
        let parameters =
            #"{"from": "@trigger().outputs.windowStartTime", "to": "@{formatDateTime(trigger().outputs.windowEndTime, 'HH')}"}"#
        try fixture.resource(
            "trigger",
            name,
            #"{"type": "TumblingWindowTrigger", "typeProperties": {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z"\#(more)}, "pipeline": {"pipelineReference": {"referenceName": "\#(pipeline)", "type": "PipelineReference"}, "parameters": \#(parameters)}}"#
        )
    }

    private static let declared = #""parameters": {"from": {"type": "String"}, "to": {"type": "String"}}"#

    private func runner(handlers: [ActivityKind: any ActivityHandler] = [:]) throws -> TriggerRunner {
        let factory = try fixture.factory()
        return TriggerRunner(
            FactoryRunner(
                factory,
                handlers: handlers,
                clock: fixture.clock,
                control: fixture.control,
                sinks: [fixture.seen]
            ),
            triggers: TriggerPlan.triggers(of: factory).triggers,
            state: try TriggerState(path: path),
            storage: "\(fixture.folder.path)/storage"
        )
    }

    private func run(
        _ from: String = "2026-01-01",
        _ to: String = "2026-01-01T04:00:00Z",
        handlers: [ActivityKind: any ActivityHandler] = [:]
    ) async throws -> TriggerRunner.Outcome {
        let span = try (#require(TriggerTime.date(from, .gmt)), #require(TriggerTime.date(to, .gmt)))
        return try await offPool { try self.runner(handlers: handlers).run(from: span.0, to: span.1) }
    }

    private var froms: [String] {
        fixture.seen.pipelines.compactMap {
            $0.parameters["from"]?.stringValue.map { String($0.dropFirst(11).prefix(2)) }
        }
    }

    @Test func `a backfill runs the oldest window first, and each window once`() async throws {
        try fixture.pipeline("P", [wait("A")], Self.declared)
        try window("Hourly", "P", #", "maxConcurrency": 1"#)
        #expect(try await run().succeeded == 4)
        #expect(froms == ["00", "01", "02", "03"])
        #expect(fixture.seen.pipelines.first?.parameters["to"] == "01")
        #expect(fixture.seen.pipelines.first?.invokedBy == "Hourly")
        #expect(try await run("2026-01-01", "2026-01-01T05:00:00Z").succeeded == 1)
        #expect(froms == ["00", "01", "02", "03", "04"])
    }

    @Test func `as many windows run at once as allowed`() async throws {
        try fixture.pipeline("P", [wait("A")], Self.declared)
        try window("Hourly", "P", #", "maxConcurrency": 3"#)
        _ = try await run()
        let starts = Set(fixture.seen.pipelines.map(\.start))
        #expect(starts.count == 2)
    }

    @Test func `a window whose run fails is tried again, then failed, and the next one goes on`() async throws {
        let handler = ScriptedHandler(.failed(.once), .failed(.once), .succeeded(.null))
        try fixture.pipeline("P", [activity("WebActivity", "A", #""method": "GET", "url": "http://x""#)], Self.declared)
        try window("Hourly", "P", #", "maxConcurrency": 1, "retryPolicy": {"count": 1, "intervalInSeconds": 60}"#)
        let outcome = try await run(handlers: [.webActivity: handler])
        #expect(outcome.failed == 1)
        #expect(outcome.succeeded == 3)
        #expect(froms == ["00", "00", "01", "02", "03"])
        let state = try TriggerState(path: path)
        #expect(state.entry("Hourly", "2026-01-01T00:00:00Z")?.status == .failed)
        #expect(state.entry("Hourly", "2026-01-01T00:00:00Z")?.attempts == 2)
    }

    @Test func `a window waits for those it depends on`() async throws {
        try fixture.pipeline("P", [wait("A")], Self.declared)
        try fixture.pipeline("Q", [wait("A")], Self.declared)
        try window("First")
        try window(
            "Second",
            "Q",
            #", "dependsOn": [{"type": "TumblingWindowTriggerDependencyReference", "referenceTrigger": {"referenceName": "First", "type": "TriggerReference"}, "offset": "-01:00:00", "size": "02:00:00"}]"#
        )
        #expect(try await run("2026-01-01", "2026-01-01T02:00:00Z").succeeded == 4)
        let firstOfQ = try #require(fixture.seen.pipelines.firstIndex { $0.pipeline == "Q" })
        #expect(fixture.seen.pipelines[..<firstOfQ].contains { $0.pipeline == "P" })
    }

    @Test func `a window that depends on a failed one waits and says so`() async throws {
        let handler = ScriptedHandler(.failed(.once), .succeeded(.null))
        try fixture.pipeline("P", [activity("WebActivity", "A", #""method": "GET", "url": "http://x""#)], Self.declared)
        try window(
            "Hourly",
            "P",
            #", "dependsOn": [{"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "-01:00:00", "size": "01:00:00"}]"#
        )
        let outcome = try await run("2026-01-01", "2026-01-01T03:00:00Z", handlers: [.webActivity: handler])
        #expect(outcome.failed == 1)
        #expect(outcome.waiting.count == 2)
        #expect(froms == ["00"])
        // Run again by hand, it lets the others go on.
        try TriggerState(path: path).set("Hourly", "2026-01-01T00:00:00Z", .init(status: .waiting))
        #expect(try await run("2026-01-01", "2026-01-01T03:00:00Z", handlers: [.webActivity: handler]).succeeded == 3)
        #expect(froms == ["00", "00", "01", "02"])
    }

    @Test func `a cancelled window is not run, and one that was under way at a kill is`() async throws {
        try fixture.pipeline("P", [wait("A")], Self.declared)
        try window("Hourly")
        let state = try TriggerState(path: path)
        try state.set("Hourly", "2026-01-01T00:00:00Z", .init(status: .cancelled))
        try state.set("Hourly", "2026-01-01T01:00:00Z", .init(status: .running, attempts: 1))
        try state.set("Hourly", "2026-01-01T02:00:00Z", .init(status: .succeeded))
        #expect(try await run().succeeded == 2)
        #expect(froms == ["01", "03"])
    }

    @Test func `files that come start the pipeline with their names, and only once`() async throws {
        let parameters = #"{"from": "@triggerBody().fileName", "to": "@triggerBody().folderPath"}"#
        try fixture.pipeline("P", [wait("A")], Self.declared)
        try fixture.resource(
            "trigger",
            "OnFile",
            #"{"type": "BlobEventsTrigger", "typeProperties": {"blobPathBeginsWith": "/in/blobs/", "blobPathEndsWith": ".csv", "events": ["Microsoft.Storage.BlobCreated"]}, "pipelines": [{"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}, "parameters": \#(parameters)}]}"#
        )
        try fixture.folder.write("old", to: "storage/in/old.csv")
        _ = try await run()
        #expect(fixture.seen.pipelines.isEmpty)
        try fixture.folder.write("new", to: "storage/in/day/new.csv")
        try fixture.folder.write("no", to: "storage/in/day/no.txt")
        _ = try await run()
        _ = try await run()
        #expect(fixture.seen.pipelines.map { $0.parameters["from"] } == ["new.csv"])
        #expect(fixture.seen.pipelines.first?.parameters["to"] == "in/day")
    }

    @Test func `a schedule is run for the moments of a span`() async throws {
        try fixture.pipeline("P", [wait("A")], #""parameters": {"at": {"type": "String"}}"#)
        try fixture.resource(
            "trigger",
            "Daily",
            #"{"type": "ScheduleTrigger", "typeProperties": {"recurrence": {"frequency": "Day", "interval": 1, "startTime": "2026-01-01T06:00:00Z"}}, "pipelines": [{"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}, "parameters": {"at": "@trigger().scheduledTime"}}]}"#
        )
        #expect(try await run("2026-01-01", "2026-01-03").succeeded == 2)
        #expect(
            fixture.seen.pipelines.map { $0.parameters["at"] } == ["2026-01-01T06:00:00Z", "2026-01-02T06:00:00Z"]
        )
    }
}
