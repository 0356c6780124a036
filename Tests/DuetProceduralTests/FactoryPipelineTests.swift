import DuetEngine
import DuetExpression
import DuetFactory
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// Runs blocking work off Swift's threads.
func onOwnThread<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T { try await offPool(work) }

@Suite struct FactoryPipelineTests {
    @Test func `parameters have types and defaults, and unknown or missing ones are refused by name`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [set("S", "v", "@concat(string(pipeline().parameters.N), pipeline().Parameters.s)")],
            strings,
            #""parameters": {"n": {"type": "int"}, "s": {"type": "String", "defaultValue": "d"}}"#
        )
        #expect(try await fixture.run("P", ["N": "7"]).variables["v"] == "7d")
        for (given, code): (ExpressionObject, String) in [
            ([:], "MissingParameter"), (["n": 1, "x": 1], "UnknownParameter"), (["n": "one"], "InvalidParameter"),
        ] {
            let failure = await #expect(throws: ActivityFailure.self) { try await fixture.run("P", given) }
            #expect(failure?.code == code)
        }
    }

    @Test func `variables hold their type, start with their default, and refuse what does not fit`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [set("S", "v", "@concat(variables('W'), '!')")], strings)
        try fixture.pipeline("Q", [set("S", "v", "@createArray(1)")], strings)
        try fixture.pipeline("R", [set("S", "nothing", "x")], strings)
        #expect(try await fixture.run().variables["v"] == "start!")
        #expect(try await fixture.run("Q").failure?.code == "InvalidVariableType")
        #expect(try await fixture.run("R").failure?.code == "VariableNotFound")
    }

    @Test func `global parameters and system variables are there`() async throws {
        let fixture = try FactoryFixture()
        try fixture.folder.write(
            #"{"name": "f", "properties": {"globalParameters": {"env": {"type": "string", "value": "test"}}}}"#,
            to: "factory/f.json"
        )
        try fixture.pipeline(
            "P",
            [set("S", "v", "@{pipeline().globalParameters.env}/@{pipeline().Pipeline}/@{pipeline().TriggerType}")],
            strings
        )
        let run = try await fixture.run()
        #expect(run.variables["v"] == "test/P/Manual")
    }

    @Test func `trigger() and the trigger's names are there in a triggered run`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [set("S", "v", "@{pipeline().TriggerName} @{trigger().outputs.windowStartTime}")],
            strings
        )
        let trigger = TriggerContext(
            name: "Hourly",
            type: "TumblingWindowTrigger",
            id: "1",
            value: ["outputs": ["windowStartTime": "2026-01-01T00:00:00Z"]]
        )
        #expect(try await fixture.run(trigger: trigger).variables["v"] == "Hourly 2026-01-01T00:00:00Z")
    }

    @Test func `a failed activity can be read by the one that handles it`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                fail("F", "broken"),
                set(
                    "S",
                    "v",
                    "@{activity('f').Status}: @{activity('F').error.message} @{activity('F').error.errorCode}",
                    after("F", "Failed")
                ),
            ],
            strings
        )
        #expect(try await fixture.run().variables["v"] == "Failed: broken E1")
    }

    @Test func `an expression's failure tells the sub-expression, its inputs and the place`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [set("S", "v", "@concat('a', div(1, sub(2, 2)))")], strings)
        let run = try await fixture.run()
        #expect(run.failure?.code == "EXPRESSION_DIVIDE_BY_ZERO")
        #expect(run.failure?.message.contains("div(1, sub(2, 2))") == true)
        #expect(run.failure?.message.contains("its inputs were 1, 0") == true)
    }

    @Test func `ExecutePipeline that waits gives the child's return value`() async throws {
        let fixture = try FactoryFixture()
        let value =
            #""variableName": "pipelineReturnValue", "setSystemVariable": true, "value": [{"key": "n", "value": {"type": "Expression", "content": "@add(pipeline().parameters.x, 1)"}}, {"key": "l", "value": {"type": "Array", "content": [{"type": "String", "content": "a"}]}}]"#
        try fixture.pipeline("Child", [activity("SetVariable", "R", value)], #""parameters": {"x": {"type": "Int"}}"#)
        try fixture.pipeline(
            "P",
            [
                call("C", "Child", #"{"x": {"value": "@add(1, 1)", "type": "Expression"}}"#),
                activity(
                    "SetVariable",
                    "S",
                    #""variableName": "v", "value": "@string(activity('C').output.pipelineReturnValue)""#,
                    after("C")
                ),
            ],
            strings
        )
        let run = try await fixture.run()
        #expect(run.variables["v"] == #"{"n":3,"l":["a"]}"#)
        #expect(fixture.seen.pipelines.map(\.pipeline) == ["Child", "P"])
        #expect(fixture.seen.pipelines.first?.parentRunID == run.id)
    }

    @Test func `a child's failure comes through with its own message, unless nobody waits`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("Child", [fail("F", "in the child")])
        try fixture.pipeline("P", [call("C", "Child")])
        try fixture.pipeline("Q", [call("C", "Child", waits: false)])
        let run = try await fixture.run()
        #expect(run.failure?.message == "Operation on target F failed: in the child")
        #expect(run.failure?.code == "E1")
        #expect(try await fixture.run("Q").status == .succeeded)
        #expect(fixture.seen.pipelines.map(\.status).filter { $0 == .failed }.count == 3)
    }

    @Test func `a pipeline that calls itself without end is stopped with its path`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("A", [call("C", "B")])
        try fixture.pipeline("B", [call("C", "A")])
        let run = try await fixture.run("A")
        #expect(run.status == .failed)
        #expect(run.failure?.code == "RecursionTooDeep")
        #expect(fixture.seen.pipelines.count == FactoryLimits.pipelineDepth)
    }

    @Test func `concurrency lets so many run and the others wait`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("W", seconds: 10)], #""concurrency": 2"#)
        let runs = try await fixture.runs(Array(repeating: PipelineRequest("P"), count: 5))
        let first = try #require(runs.map(\.start).min())
        #expect(runs.map { $0.end.timeIntervalSince(first) } == [10, 10, 20, 20, 30])
    }

    @Test func `a run that would wait for its own caller is refused instead`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [activity("IfCondition", "I", #""expression": "@true", "ifTrueActivities": [\#(call("C", "P"))]"#)],
            #""concurrency": 1"#
        )
        #expect(try await fixture.run().failure?.code == "ConcurrencyDeadlock")
    }

    @Test func `more than a hundred waiting runs are refused`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("W")], #""concurrency": 1"#)
        let runs = try await fixture.runs(Array(repeating: PipelineRequest("P"), count: 103))
        #expect(runs.filter { $0.failure?.code == "TooManyQueuedRuns" }.count == 2)
        #expect(runs.filter { $0.status == .succeeded }.count == 101)
    }

    @Test func `cancelling stops what is under way, what waits, and what is inside`() async throws {
        var fixture = try FactoryFixture()
        let control = fixture.control
        fixture.handlers[.webActivity] = Canceller(control)
        try fixture.pipeline("Child", [wait("W", seconds: 1_000)])
        try fixture.pipeline(
            "P",
            [
                forEach("L", "@range(1, 30)", [wait("W", seconds: 1_000)]), call("C", "Child"),
                wait("Later"),
                activity("WebActivity", "Stop", #""method": "GET", "url": "http://x""#, after("Later")),
                wait("Never", after("Stop", "Completed")),
            ]
        )
        let run = try await fixture.run()
        #expect(run.status == .cancelled)
        #expect(fixture.seen.status("L") == .cancelled)
        #expect(fixture.seen.status("C") == .cancelled)
        #expect(fixture.seen.status("Never") != .succeeded)
        #expect(fixture.seen.activities.filter { $0.path.hasPrefix("L[") }.count == 20)
        #expect(run.end.timeIntervalSince(run.start) < 1_000)
    }

    @Test func `a run until an activity runs what that needs and nothing else`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("A"), wait("B", after("A")), wait("C", after("B")), wait("D")])
        let pipeline = try #require(try fixture.factory().pipeline(named: "P"))
        let run = try await fixture.run(selection: try .until("b", in: pipeline))
        #expect(run.status == .succeeded)
        #expect(fixture.seen.statuses == ["A Succeeded", "B Succeeded"])
    }

    @Test func `a rerun keeps what succeeded, with its outputs, and runs the rest`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [set("A", "v", "kept"), set("B", "w", "@activity('A').output.value", after("A")), wait("C", after("B"))],
            strings
        )
        let pipeline = try #require(try fixture.factory().pipeline(named: "P"))
        let moment = fixture.clock.now
        let kept = ActivityResult(
            status: .succeeded,
            output: ["value": "old"],
            failure: nil,
            start: moment,
            end: moment,
            target: "A"
        )
        let run = try await fixture.run(
            selection: try .from(["B"], in: pipeline, results: ["a": kept, "b": kept], variables: ["v": "old"])
        )
        #expect(fixture.seen.statuses == ["B Succeeded", "C Succeeded"])
        #expect(run.variables["w"] == "old")
        #expect(run.variables["v"] == "old")
    }
}

/// Stops the run from inside, as a user's Ctrl-C does from outside.
private struct Canceller: ActivityHandler {
    let control: RunControl
    init(_ control: RunControl) { self.control = control }

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        control.cancel()
        return .later(seconds: 5_000) { .succeeded(.null) }
    }
}
