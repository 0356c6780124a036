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

    @Test func `a watch starts the moments of a calendar as they come, and each once`() async throws {
        // Half a minute passes at each look at the clock.
        let clock = StepClock(step: 30)
        let control = fixture.control
        let runs = Mutex(0)
        let handler = CountingHandler {
            if runs.withLock({
                $0 += 1
                return $0
            }) == 3 {
                control.cancel()
            }
        }
        try fixture.pipeline(
            "P",
            [activity("WebActivity", "A", #""method": "GET", "url": "http://x""#)],
            #""parameters": {"at": {"type": "String"}}"#
        )
        try fixture.resource(
            "trigger",
            "Minutely",
            #"{"type": "ScheduleTrigger", "typeProperties": {"recurrence": {"frequency": "Minute", "interval": 5, "startTime": "2026-01-01T00:00:00Z"}}, "pipelines": [{"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}, "parameters": {"at": "@trigger().scheduledTime"}}]}"#
        )
        let factory = try fixture.factory()
        let seen = fixture.seen
        let path = path
        try await offPool {
            try TriggerRunner(
                FactoryRunner(
                    factory,
                    handlers: [.webActivity: handler],
                    clock: clock,
                    control: control,
                    sinks: [seen]
                ),
                triggers: TriggerPlan.triggers(of: factory).triggers,
                state: TriggerState(path: path)
            ).watch(pause: 0.001)
        }
        let moments = fixture.seen.pipelines.compactMap { $0.parameters["at"]?.stringValue }
        #expect(moments.count == 3)
        #expect(moments == Set(moments).sorted())
        #expect(moments.allSatisfy { $0.hasSuffix("5:00Z") || $0.hasSuffix("0:00Z") })
    }

    @Test func `a moment of a calendar that was under way at a kill is run again by the next watch`() async throws {
        let control = fixture.control
        let handler = CountingHandler { control.cancel() }
        try fixture.pipeline("P", [activity("WebActivity", "A", #""method": "GET", "url": "http://x""#)])
        try fixture.resource(
            "trigger",
            "Daily",
            #"{"type": "ScheduleTrigger", "typeProperties": {"recurrence": {"frequency": "Day", "interval": 1, "startTime": "2025-01-01T06:00:00Z"}}, "pipelines": [{"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}}]}"#
        )
        var entry = TriggerState.Entry(status: .running, attempts: 1)
        entry.begun = fixture.clock.now
        try TriggerState(path: path).set("Daily", "2025-06-01T06:00:00Z", entry)
        try await offPool { try self.runner(handlers: [.webActivity: handler]).watch(pause: 0.001) }
        #expect(fixture.seen.pipelines.count == 1)
        #expect(try TriggerState(path: path).entry("Daily", "2025-06-01T06:00:00Z")?.attempts == 2)
    }
}

/// A clock that goes on a step whenever it is looked at.
private final class StepClock: FactoryClock {
    private let moment = Mutex(Date(timeIntervalSince1970: 1_767_225_600))
    private let step: TimeInterval

    init(step: TimeInterval) { self.step = step }

    var now: Date {
        moment.withLock { moment in
            moment += step
            return moment
        }
    }

    func pass(to moment: Date) -> TimeInterval {
        self.moment.withLock { $0 = max($0, moment) }
        return 0
    }

    var isReal: Bool { false }
}

/// Does something at each call.
private struct CountingHandler: ActivityHandler {
    let note: @Sendable () -> Void
    init(_ note: @escaping @Sendable () -> Void) { self.note = note }

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        note()
        return .succeeded(.null)
    }
}
