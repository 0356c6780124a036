import DuetExpression
import DuetFactory
import DuetProcedural
import Foundation
import Testing

@Suite struct FactoryContainerTests {
    @Test func `ForEach runs its body for each item, at most so many at once`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [forEach("L", "@range(1, 45)", [wait("W", seconds: 10)])])
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        // Twenty at once by default: three rounds.
        #expect(run.end.timeIntervalSince(run.start) == 30)
        #expect(fixture.seen.activities.count == 46)
        #expect(fixture.seen.status("L[44]/W") == .succeeded)
    }

    @Test(arguments: [(#", "isSequential": true"#, 70.0), (#", "batchCount": 3"#, 30), (#", "batchCount": 50"#, 10)])
    func `ForEach keeps to isSequential and batchCount`(_ more: String, _ seconds: Double) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [forEach("L", "@range(1, 7)", [wait("W", seconds: 10)], more)])
        let run = try await fixture.run()
        #expect(run.end.timeIntervalSince(run.start) == seconds)
    }

    @Test func `a sequential ForEach keeps the order, and item() is the element`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                forEach(
                    "L",
                    "@json('[{\\\"n\\\": 1}, {\\\"n\\\": 2}]')",
                    [append("A", "list", "@item().n")],
                    #", "isSequential": true"#
                )
            ],
            strings
        )
        let run = try await fixture.run()
        #expect(run.variables["list"] == [1, 2])
    }

    @Test func `the other iterations of a ForEach go on when one fails, then it fails`() async throws {
        let fixture = try FactoryFixture()
        let inner = activity(
            "IfCondition",
            "I",
            #""expression": "@equals(item(), 2)", "ifTrueActivities": [\#(fail("F", "item @{item()}"))], "ifFalseActivities": [\#(wait("W"))]"#
        )
        try fixture.pipeline("P", [forEach("L", "@range(1, 4)", [inner], #", "isSequential": true"#)])
        let run = try await fixture.run()
        #expect(run.status == .failed)
        #expect(fixture.seen.activities.filter { $0.name == "W" }.count == 3)
        #expect(run.failure?.message.contains("1 of 4 iterations failed") == true)
        #expect(run.failure?.message.contains("item 2") == true)
        #expect(run.failure?.code == "E1")
    }

    @Test func `ForEach over nothing succeeds, over no Array fails with the value`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [forEach("L", "@json('[]')", [wait("W")])])
        try fixture.pipeline("Q", [forEach("L", "[1, 2]", [wait("W")])])
        #expect(try await fixture.run().status == .succeeded)
        let run = try await fixture.run("Q")
        #expect(run.failure?.message == "'items' must give an Array; it gave the String \"[1, 2]\"")
        #expect(run.failure?.hint == "read the text with json(…)")
    }

    @Test func `ForEach takes a hundred thousand items and refuses more`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [forEach("L", "@range(0, 100000)", [set("S", "v", "@string(item())")])], strings)
        try fixture.pipeline(
            "Q",
            [forEach("L", "@pipeline().parameters.many", [wait("W")])],
            #""parameters": {"many": {"type": "Array"}}"#
        )
        let factory = try fixture.factory()
        let clock = fixture.clock
        let run = try await onOwnThread { try FactoryRunner(factory, clock: clock).run(PipelineRequest("P")) }
        #expect(run.status == .succeeded)
        #expect(run.activityCount == 100_001)
        #expect(
            try await fixture.run("Q", ["many": .array(Array(repeating: 1, count: 100_001))]).failure?.code
                == "TooManyItems"
        )
    }

    @Test func `inner activities see each other, the loop's outside, and their own iteration`() async throws {
        let fixture = try FactoryFixture()
        let inner = [
            set("First", "v", "@concat(activity('Before').output.value, item())"),
            activity(
                "AppendVariable",
                "Second",
                #""variableName": "list", "value": "@activity('First').output.value""#,
                after("First")
            ),
        ]
        let loop = activity(
            "ForEach",
            "L",
            #""items": "@createArray('x', 'y')", "isSequential": true, "activities": [\#(inner.joined(separator: ","))]"#,
            after("Before")
        )
        try fixture.pipeline("P", [set("Before", "w", "b"), loop], strings)
        let run = try await fixture.run()
        #expect(run.variables["list"] == ["bx", "by"])
    }

    @Test(arguments: [("@true", "Yes"), ("@equals(1, 2)", "No")])
    func `IfCondition runs one branch`(_ condition: String, _ ran: String) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                activity(
                    "IfCondition",
                    "I",
                    #""expression": {"value": "\#(condition)", "type": "Expression"}, "ifTrueActivities": [\#(wait("Yes"))], "ifFalseActivities": [\#(wait("No"))]"#
                )
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.statuses == ["I/\(ran) Succeeded", "I Succeeded"])
    }

    @Test func `IfCondition without the chosen branch succeeds, and refuses what is no Boolean`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [activity("IfCondition", "I", #""expression": "@false", "ifTrueActivities": []"#)])
        try fixture.pipeline("Q", [activity("IfCondition", "I", #""expression": "true""#)])
        #expect(try await fixture.run().status == .succeeded)
        #expect(try await fixture.run("Q").failure?.hint == "convert it with bool(…)")
    }

    @Test(arguments: [("a", "A"), ("b", "B"), ("z", "D")])
    func `Switch runs the case of the value, else the default`(_ value: String, _ ran: String) async throws {
        let fixture = try FactoryFixture()
        let cases = #"[{"value": "a", "activities": [\#(wait("A"))]}, {"value": "b", "activities": [\#(wait("B"))]}]"#
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Switch",
                    "S",
                    #""on": "@pipeline().parameters.p", "cases": \#(cases), "defaultActivities": [\#(wait("D"))]"#
                )
            ],
            #""parameters": {"p": {"type": "String"}}"#
        )
        _ = try await fixture.run("P", ["p": .string(value)])
        #expect(fixture.seen.statuses == ["S/\(ran) Succeeded", "S Succeeded"])
    }

    @Test func `a container's failure names the activity inside`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [activity("IfCondition", "I", #""expression": "@true", "ifTrueActivities": [\#(fail("F", "deep"))]"#)]
        )
        let run = try await fixture.run()
        #expect(
            run.failure?.message
                == "Activity failed because an inner activity failed; Inner activity name: F, Error: deep"
        )
        #expect(fixture.seen.run("I")?.error?["target"] == "F")
    }

    @Test func `Until repeats until its condition holds, and sees what is inside`() async throws {
        let fixture = try FactoryFixture()
        let inner = [append("A", "list", "x"), wait("W", seconds: 5)]
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Until",
                    "U",
                    #""expression": "@greaterOrEquals(length(variables('list')), 3)", "activities": [\#(inner.joined(separator: ","))]"#
                )
            ],
            strings
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(run.end.timeIntervalSince(run.start) == 15)
        #expect(fixture.seen.run("U")?.output["iterations"] == 3)
    }

    @Test func `a failure inside Until does not end the loop`() async throws {
        let fixture = try FactoryFixture()
        let inner = [
            append("A", "list", "x"),
            activity(
                "IfCondition",
                "I",
                #""expression": "@less(length(variables('list')), 3)", "ifTrueActivities": [\#(fail("F"))]"#,
                after("A")
            ),
        ]
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Until",
                    "U",
                    #""expression": "@equals(length(variables('list')), 3)", "activities": [\#(inner.joined(separator: ","))]"#
                )
            ],
            strings
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(fixture.seen.activities.filter { $0.name == "F" }.count == 2)
    }

    @Test(arguments: [("0.01:00:00", 3_600.0), ("7.00:00:00", 604_800)])
    func `Until that never ends is ended by its time limit`(_ timeout: String, _ seconds: Double) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Until",
                    "U",
                    #""expression": "@false", "timeout": "\#(timeout)", "activities": [\#(wait("W", seconds: 70))]"#
                )
            ]
        )
        let run = try await fixture.run()
        #expect(run.failure?.code == "UntilTimeout")
        #expect(run.end.timeIntervalSince(run.start) == seconds)
    }

    @Test func `Filter keeps the items that fit`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                activity("Filter", "F", #""items": "@range(1, 5)", "condition": "@greater(item(), 3)""#),
                set("S", "v", "@string(activity('F').output.value)", after("F")),
            ],
            strings
        )
        let run = try await fixture.run()
        #expect(run.variables["v"] == "[4,5]")
        #expect(fixture.seen.run("F")?.output == ["ItemsCount": 5, "FilteredItemsCount": 2, "Value": [4, 5]])
    }

    @Test func `Wait takes its time, and refuses a negative one`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("W", seconds: 1_000_000)])
        try fixture.pipeline("Q", [activity("Wait", "W", #""waitTimeInSeconds": "@sub(1, 2)""#)])
        let run = try await fixture.run()
        #expect(run.end.timeIntervalSince(run.start) == 1_000_000)
        #expect(try await fixture.run("Q").failure?.code == "InvalidWaitTime")
    }

    @Test func `Fail fails with its own message and code`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [activity("Fail", "F", #""message": "@concat('no ', 'rows')", "errorCode": 500"#)])
        let run = try await fixture.run()
        #expect(run.failure?.message == "no rows")
        #expect(run.failure?.code == "500")
    }
}
