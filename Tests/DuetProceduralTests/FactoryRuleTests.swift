import DuetEngine
import DuetExpression
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// The rules of control flow, policy and parameters that no other suite holds; docs/procedural.md has the table of all
/// rules with their tests.
@Suite struct FactoryRuleTests {
    private func findings(_ activities: [String], _ more: String = strings) throws -> [FactoryFinding] {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", activities, more)
        return try fixture.factory().findings
    }

    // MARK: - Dependency conditions

    @Test(arguments: [("Succeeded", true), ("Failed", true), ("Skipped", false)])
    func `Completed is not drawn beside Succeeded or Failed on one edge`(_ other: String, _ isTold: Bool) throws {
        let found = try findings([wait("A"), wait("B", after("A", "Completed", other))])
        #expect(found.map(\.error.code) == (isTold ? [.wrongProperty] : []))
        #expect(found.allSatisfy { $0.severity == .warning })
        if isTold { #expect(found.first?.error.message.contains("as Completed and as \(other)") == true) }
    }

    @Test func `an edge of Completed and Skipped is met whatever became of the other`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                fail("Bad"), wait("Left out", after("Bad")), wait("Good"),
                wait("1", after("Bad", "Completed", "Skipped")), wait("2", after("Left out", "Completed", "Skipped")),
                wait("3", after("Good", "Completed", "Skipped")),
            ]
        )
        _ = try await fixture.run()
        #expect(["1", "2", "3"].map(fixture.seen.status) == [.succeeded, .succeeded, .succeeded])
    }

    @Test func `two edges to one activity must both be met`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("A"), wait("B", after("A"), after("A", "Failed"))])
        _ = try await fixture.run()
        #expect(fixture.seen.status("B") == .skipped)
    }

    // MARK: - Verdict

    @Test func `a skipped leaf is replaced by its parent, and a skipped parent by its own`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [fail("A"), wait("B", after("A")), wait("C", after("B")), wait("D", after("C"))])
        let run = try await fixture.run()
        #expect(run.status == .failed)
        #expect(run.explanation.hasPrefix("Red: 'A' failed (counts because 'D', which depends on it, was skipped)."))
    }

    @Test func `the same rule decides inside a container`() async throws {
        let fixture = try FactoryFixture()
        func branch(_ name: String, _ inner: String...) -> String {
            activity(
                "IfCondition",
                name,
                #""expression": "@true", "ifTrueActivities": [\#(inner.joined(separator: ","))]"#
            )
        }
        try fixture.pipeline(
            "P",
            [
                branch("Caught", fail("F1"), wait("C1", after("F1", "Failed"))),
                branch("Both", fail("F2"), wait("N2", after("F2")), wait("C2", after("F2", "Failed"))),
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.status("Caught") == .succeeded)
        #expect(fixture.seen.status("Both") == .failed)
    }

    // MARK: - Policy

    @Test func `control activities have no tries and no time limit of their own`() async throws {
        let fixture = try FactoryFixture()
        let policy = #", "policy": {"retry": 3, "timeout": "0.00:00:10"}"#
        try fixture.pipeline(
            "P",
            [
                activity("Fail", "F", #""message": "no", "errorCode": "1""#, more: policy),
                activity("Wait", "W", #""waitTimeInSeconds": 60"#, more: policy),
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.activities.filter { $0.name == "F" }.map(\.attempt) == [1])
        #expect(fixture.seen.status("W") == .succeeded)
    }

    @Test(arguments: [(29, true), (30, false), (86_400, false), (86_401, true)])
    func `the interval between tries is thirty seconds to a day`(_ seconds: Int, _ isTold: Bool) throws {
        let policy = #", "policy": {"retry": 1, "retryIntervalInSeconds": \#(seconds)}"#
        let found = try findings([activity("WebActivity", "W", #""method": "GET", "url": "http://x""#, more: policy)])
        #expect(found.map(\.error.code) == (isTold ? [.limit] : []))
    }

    @Test func `a time limit that is no time span is an error with its place`() throws {
        let found = try findings(
            [
                activity(
                    "WebActivity",
                    "W",
                    #""method": "GET", "url": "http://x""#,
                    more: #", "policy": {"timeout": "1h"}"#
                )
            ]
        )
        #expect(found.first?.error.code == .wrongProperty)
        #expect(found.first?.error.location?.column ?? 0 > 1)
    }

    // MARK: - The pipeline's policy

    @Test(arguments: [("0.00:01:00", true), ("0.00:05:00", false)])
    func `a run that takes longer than its elapsed-time metric says so`(_ limit: String, _ isTold: Bool) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [wait("W", seconds: 120)],
            #""policy": {"elapsedTimeMetric": {"duration": "\#(limit)"}}"#
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(run.note == (isTold ? "took 120 s, longer than the 60 s of its elapsedTimeMetric" : nil))
        #expect(try findings([wait("A")], #""policy": {"elapsedTimeMetric": {"duration": "soon"}}"#).count == 1)
    }

    // MARK: - Parameters and variables

    @Test(arguments: [
        ("Object", #"{"a": 1}"#, #"{"a":1}"#), ("String", #""x""#, #""x""#), ("Int", "7", "7"), ("Float", "1.5", "1.5"),
        ("Bool", "true", "true"), ("Array", "[1, 2]", "[1,2]"), ("SecureString", #""hush!""#, #""***""#),
    ])
    func `a parameter of each type takes its default`(
        _ type: String,
        _ written: String,
        _ shown: String
    ) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [wait("W")],
            #""parameters": {"p": {"type": "\#(type)", "defaultValue": \#(written)}}"#
        )
        let run = try await fixture.run()
        #expect(run.parameters["p"]?.json == shown)
    }

    @Test(arguments: [
        ("Int", #""x""#), ("Bool", "3"), ("Array", #"{"a": 1}"#), ("Object", #""text""#), ("String", "[1]"),
        ("Float", "true"), ("SecureString", "1"),
    ])
    func `a parameter refuses a value of another type`(_ type: String, _ written: String) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("W")], #""parameters": {"p": {"type": "\#(type)"}}"#)
        let value = try ExpressionValue(json: written)
        let failure = await #expect(throws: ActivityFailure.self) { try await fixture.run("P", ["p": value]) }
        #expect(failure?.code == "InvalidParameter")
    }

    @Test func `a pipeline has fifty parameters at most`() throws {
        func parameters(_ count: Int) -> String {
            #""parameters": {\#((1...count).map { #""p\#($0)": {"type": "Int", "defaultValue": 1}"# }.joined(separator: ","))}"#
        }
        #expect(try findings([wait("A")], parameters(50)).isEmpty)
        let found = try findings([wait("A")], parameters(51))
        #expect(found.map(\.error.code) == [.limit])
        #expect(found.map(\.severity) == [.error])
    }

    @Test(arguments: [
        ("String", "\"\"", "x"), ("Boolean", "false", "@true"), ("Bool", "false", "@equals(1, 1)"),
        ("Array", "[]", "@createArray(1)"), ("Integer", "0", "@add(1, 2)"),
    ])
    func `a variable of each type is empty at first and takes a value of its type`(
        _ type: String,
        _ initial: String,
        _ value: String
    ) async throws {
        let fixture = try FactoryFixture()
        let declared = #""variables": {"v": {"type": "\#(type)"}, "before": {"type": "String"}}"#
        try fixture.pipeline("P", [wait("W")], declared)
        try fixture.pipeline("Q", [set("S", "v", value)], declared)
        #expect(try await fixture.run().variables["v"]?.json == initial)
        let run = try await fixture.run("Q")
        #expect(run.status == .succeeded)
        #expect(run.variables["v"]?.json != initial)
    }

    @Test func `global parameters of every type are read, in any case, and unknown ones are told`() async throws {
        let fixture = try FactoryFixture()
        try fixture.folder.write(
            #"{"name": "f", "properties": {"globalParameters": {"Env": {"type": "string", "value": "test"}, "n": {"type": "int", "value": 3}, "list": {"type": "array", "value": [1]}, "o": {"type": "object", "value": {"k": "v"}}, "b": {"type": "bool", "value": true}}}}"#,
            to: "factory/f.json"
        )
        let text =
            "@{pipeline().globalParameters.env} @{add(pipeline().globalParameters.n, 1)} @{pipeline().globalParameters.list[0]} @{pipeline().globalParameters.o.k} @{pipeline().globalParameters.b}"
        try fixture.pipeline("P", [set("S", "v", text)], strings)
        #expect(try await fixture.run().variables["v"] == "test 4 1 v True")
        try fixture.pipeline("Q", [set("S", "v", "@pipeline().globalParameters.nope")], strings)
        #expect(try fixture.factory().findings.map(\.error.code) == [.unknownParameter])
    }

    // MARK: - Metadata

    @Test func `annotations and run dimensions are in the run's record, user properties in the activity's`()
        async throws
    {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Wait",
                    "W",
                    #""waitTimeInSeconds": 1"#,
                    more: #", "userProperties": [{"name": "n", "value": "@{pipeline().Pipeline}"}]"#
                )
            ],
            #""annotations": ["nightly"], "runDimensions": {"team": "@concat('a', 'b')"}, "description": "what it is for", "folder": {"name": "daily"}"#
        )
        let run = try await fixture.run()
        #expect(run.annotations == ["nightly"])
        #expect(run.dimensions == ["team": "ab"])
        #expect(run.json.json.contains(#""annotations":["nightly"],"runDimension":{"team":"ab"}"#))
        #expect(fixture.seen.run("W")?.userProperties == ["n": "P"])
    }

    @Test func `more than five user properties are told`() throws {
        func user(_ count: Int) -> String {
            #", "userProperties": [\#((1...count).map { #"{"name": "n\#($0)", "value": "x"}"# }.joined(separator: ","))]"#
        }
        func one(_ count: Int) -> String { activity("Wait", "W", #""waitTimeInSeconds": 1"#, more: user(count)) }
        #expect(try findings([one(5)]).isEmpty)
        #expect(try findings([one(6)]).map(\.error.code) == [.limit])
    }

    // MARK: - System variables

    @Test func `pipeline() gives every system variable`() async throws {
        let fixture = try FactoryFixture()
        let names = [
            "DataFactory", "Pipeline", "RunId", "TriggerType", "TriggerId", "TriggerName", "TriggerTime", "GroupId",
        ]
        let text = names.map { "\($0)=@{pipeline().\($0)}" }.joined(separator: ";")
        try fixture.pipeline("P", [set("S", "v", text)], strings)
        let run = try await fixture.run()
        let pairs = (run.variables["v"]?.stringValue ?? "").split(separator: ";").map { pair in
            pair.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        }
        let values = Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
        #expect(values.count == names.count)
        #expect(values.values.allSatisfy { !$0.isEmpty })
        #expect(values["RunId"] == run.id)
        #expect(values["GroupId"] == run.id)
        #expect(values["TriggerTime"]?.hasPrefix("2026-01-01T00:00:00") == true)
        #expect(values["TriggerType"] == "Manual")
    }

    @Test func `a called pipeline knows who called it and shares the group`() async throws {
        let fixture = try FactoryFixture()
        let text =
            "@{pipeline().TriggeredByPipelineName} @{pipeline().TriggeredByPipelineRunId} @{pipeline().GroupId} @{pipeline().TriggerType}"
        try fixture.pipeline("Child", [set("S", "v", text)], strings)
        try fixture.pipeline("P", [call("C", "Child")])
        let run = try await fixture.run()
        #expect(fixture.seen.pipelines.first?.variables["v"] == .string("P \(run.id) \(run.id) PipelineActivity"))
    }

    @Test func `trigger() gives the scheduled and the actual time, and the window`() async throws {
        let fixture = try FactoryFixture()
        let text =
            "@{trigger().scheduledTime} @{trigger().startTime} @{trigger().outputs.windowStartTime} @{trigger().outputs.windowEndTime} @{pipeline().TriggerId}"
        try fixture.pipeline("P", [set("S", "v", text)], strings)
        let value: ExpressionValue = [
            "scheduledTime": "a", "startTime": "b", "outputs": ["windowStartTime": "c", "windowEndTime": "d"],
        ]
        let trigger = TriggerContext(name: "T", type: "TumblingWindowTrigger", id: "7", value: value)
        #expect(try await fixture.run(trigger: trigger).variables["v"] == "a b c d 7")
    }

    // MARK: - The language in a pipeline

    @Test(arguments: [
        ("@concat('a', 'b')", "ab"), ("x@{add(1, 2)}y", "x3y"), ("@@{not}", "@{not}"), ("a@b", "a@b"),
        ("@concat('it''s')", "it's"), ("@{pipeline()?.nothing}", ""), ("@string(createArray(1, 2)?[5])", ""),
        ("@string(createArray(1, 2)[1])", "2"), ("@CONCAT(PIPELINE().pipeline, VARIABLES('W'))", "Pstart"),
        ("@{activity('before').OUTPUT.Value}", "one"),
    ])
    func `an expression means what it does in the service`(_ text: String, _ expected: String) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [set("Before", "v", "one"), set("S", "v", text, after("Before"))],
            strings
        )
        let run = try await fixture.run()
        #expect(run.variables["v"] == .string(expected), "\(run.failure?.message ?? "")")
    }

    @Test func `the language has the eighty-four documented functions`() {
        #expect(Expression.functionNames.count == 84)
    }
}
