import DuetEngine
import DuetExpression
import DuetFactory
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// Runs that move nothing: what activities give is unknown, and every expression is evaluated as far as it is known.
@Suite struct DryRunTests {
    private static let lookup =
        #""source": {"type": "AzureSqlSource", "sqlReaderQuery": "SELECT * FROM nowhere"}, "dataset": \#(reference("Table", #"{"name": "t"}"#))"#

    private func dry(
        _ activities: [String],
        _ more: String = strings,
        children: [(name: String, activities: [String], more: String)] = [],
        parameters: ExpressionObject = [:]
    ) async throws -> (run: PipelineRun, lines: [String], fixture: FactoryFixture) {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.pipeline("P", activities, more)
        for child in children { try fixture.pipeline(child.name, child.activities, child.more) }
        let report = DryRunReport()
        var runner = FactoryRunner(
            try fixture.factory(),
            handlers: DryRun.handlers(fixture.handlers),
            clock: fixture.clock,
            sinks: [report, fixture.seen]
        )
        runner.isDry = true
        let ready = runner
        let run = try await offPool { try ready.run(PipelineRequest("P", parameters: parameters)) }
        let pipeline = try #require(ready.factory.pipeline(named: "P"))
        return (run, report.lines(of: pipeline), fixture)
    }

    @Test(arguments: [
        ("@activity('L').output.firstRow.name", "‹activity('L').output.firstRow.name›"),
        ("@toUpper(activity('L').output.firstRow.name)", "‹toUpper(activity('L').output.firstRow.name)›"),
        ("@concat('a-', activity('L').output.firstRow.name, '-b')", "a-‹activity('L').output.firstRow.name›-b"),
        ("x @{activity('L').output.firstRow.n} y", "x ‹activity('L').output.firstRow.n› y"),
        ("@{concat('1', activity('L').output.firstRow.n)}2", "1‹activity('L').output.firstRow.n›2"),
        ("@string(activity('L').output.firstRow?.list[0]['x'])", "‹activity('L').output.firstRow?.list[0]['x']›"),
        ("@string(add(activity('L').output.firstRow.n, 1))", "‹add(activity('L').output.firstRow.n, 1)›"),
        ("@if(equals(activity('L').output.firstRow.n, 1), 'same', 'same')", "same"),
        (
            "@if(equals(activity('L').output.firstRow.n, 1), 'a', 'b')",
            "‹if(equals(activity('L').output.firstRow.n, 1), 'a', 'b')›"
        ),
        ("@string(and(false, activity('L').output.firstRow.b))", "False"),
        ("@string(and(activity('L').output.firstRow.b, false))", "False"),
        ("@string(or(activity('L').output.firstRow.b, true))", "True"),
        ("@coalesce(null, activity('L').output.firstRow.name)", "‹activity('L').output.firstRow.name›"),
        (
            "@string(length(createArray(activity('L').output.firstRow.n)))",
            "‹length(createArray(activity('L').output.firstRow.n))›"
        ),
        ("@variables(activity('L').output.firstRow.name)", "‹variables(activity('L').output.firstRow.name)›"),
        ("@concat('known ', variables('w'))", "known start"),
    ])
    func `what is not known goes on through expressions and is shown`(_ text: String, _ shown: String) async throws {
        let (run, lines, _) = try await dry([
            activity("Lookup", "L", Self.lookup), set("S", "v", text, after("L")),
            set("T", "w", "@variables('v')", after("S")),
        ])
        #expect(run.status == .succeeded, "\(run.failure?.message ?? "")")
        #expect(run.variables["v"] == .string(shown))
        #expect(run.variables["w"] == .string(shown))
        let line = lines.first { $0.contains("P/S ") } ?? ""
        #expect(line.contains(shown), "\(line)")
        #expect(lines.contains("what stands between ‹ and › is unknown until it is run") == shown.contains("‹"))
    }

    @Test(arguments: [
        ("v", "@activity('C').output.rowsCopied", "is of type String and cannot hold the Integer"),
        ("v", "@activity('C').output.errors", "is of type String and cannot hold the Array"),
        ("list", "@activity('C').output.rowsCopied", "is of type Array and cannot hold the Integer"),
        ("v", "@string(if(activity('C').output.rowsCopied, 1, 2))", "takes true or false as the condition"),
        ("v", "@concat(activity('Nope').output.x)", "no activity 'Nope' has run"),
        ("v", "@toUpper(1)", "takes text"),
    ])
    func `what is known of a type is checked, and what fails whatever comes is told`(
        _ variable: String,
        _ text: String,
        _ message: String
    ) async throws {
        let copy = copy(
            "C",
            #""source": {"type": "AzureSqlSource"}, "sink": {"type": "AzureSqlSink"}"#,
            from: reference("Table", #"{"name": "a"}"#),
            to: reference("Table", #"{"name": "b"}"#)
        )
        let (run, _, _) = try await dry([copy, set("S", variable, text, after("C"))])
        #expect(run.status == .failed)
        #expect(run.failure?.message.contains(message) == true, "\(run.failure?.message ?? "")")
    }

    @Test func `both ways of a decision on something unknown are gone, and every case`() async throws {
        let condition = "@greater(activity('L').output.firstRow.n, 0)"
        let cases = #"[{"value": "a", "activities": [\#(wait("A"))]}, {"value": "b", "activities": [\#(wait("B"))]}]"#
        let (run, lines, fixture) = try await dry([
            activity("Lookup", "L", Self.lookup),
            activity(
                "IfCondition",
                "I",
                #""expression": "\#(condition)", "ifTrueActivities": [\#(set("Yes", "v", "@activity('L').output.firstRow.x"))], "ifFalseActivities": [\#(wait("No"))]"#,
                after("L")
            ),
            activity(
                "IfCondition",
                "Guard",
                #""expression": "\#(condition)", "ifTrueActivities": [\#(fail("F"))]"#,
                after("L")
            ),
            activity(
                "Switch",
                "S",
                #""on": "@activity('L').output.firstRow.kind", "cases": \#(cases), "defaultActivities": [\#(wait("D"))]"#,
                after("L")
            ),
        ])
        #expect(run.status == .succeeded, "\(run.failure?.message ?? "")")
        for path in ["I/Yes", "I/No", "S/A", "S/B", "S/D", "Guard"] {
            #expect(fixture.seen.status(path) == .succeeded, "\(path)")
        }
        // It would fail on one of the two ways, which is told and does not count.
        #expect(fixture.seen.status("Guard/F") == .failed)
        #expect(!lines.contains { $0.hasPrefix("not reached") })
    }

    @Test func `loops over something unknown are gone through once`() async throws {
        let all = Self.lookup + #", "firstRowOnly": false"#
        let (run, lines, fixture) = try await dry([
            activity("Lookup", "L", all),
            activity(
                "ForEach",
                "F",
                #""items": "@activity('L').output.value", "activities": [\#(activity("Lookup", "In", Self.lookup.replacingOccurrences(of: "SELECT * FROM nowhere", with: "SELECT * FROM @{item().name}"))), \#(append("Note", "list", "@item().id"))]"#,
                after("L")
            ),
            activity(
                "Filter",
                "Some",
                #""items": "@activity('L').output.value", "condition": "@equals(item().id, 1)""#,
                after("L")
            ),
            activity(
                "Until",
                "U",
                #""expression": "@equals(activity('W').output.state, 'done')", "activities": [\#(activity("WebActivity", "W", #""method": "GET", "url": "http://127.0.0.1:1/""#))]"#
            ),
            activity("Wait", "Pause", #""waitTimeInSeconds": "@activity('L').output.count""#, after("L")),
            set("S", "v", "@string(length(activity('Some').output.Value))", after("Some")),
        ])
        #expect(run.status == .succeeded, "\(run.failure?.message ?? "")")
        #expect(run.variables["list"] == ["‹activity('L').output.value[…].id›"])
        #expect(run.variables["v"] == "‹length(activity('Some').output.Value)›")
        #expect(fixture.seen.activities.filter { $0.name == "In" }.count == 1)
        #expect(lines.contains { $0.contains("SELECT * FROM ‹activity('L').output.value[…].name›") })
    }

    @Test func `unknown values go into called pipelines, and a recursion is followed once`() async throws {
        let (run, _, fixture) = try await dry(
            [
                activity("Lookup", "L", Self.lookup),
                activity(
                    "ExecutePipeline",
                    "C",
                    #""pipeline": {"referenceName": "Child", "type": "PipelineReference"}, "waitOnCompletion": true, "parameters": {"n": "@activity('L').output.firstRow.n"}"#,
                    after("L")
                ),
                set("S", "v", "@string(activity('C').output.pipelineReturnValue)", after("C")),
            ],
            children: [
                (
                    "Child",
                    [
                        set("Own", "v", "@string(pipeline().parameters.n)"),
                        activity(
                            "IfCondition",
                            "More",
                            #""expression": "@greater(pipeline().parameters.n, 0)", "ifTrueActivities": [\#(call("Again", "Child", #"{"n": "@sub(pipeline().parameters.n, 1)"}"#))]"#
                        ),
                    ], strings + #", "parameters": {"n": {"type": "Int"}}"#
                )
            ]
        )
        #expect(run.status == .succeeded, "\(run.failure?.message ?? "")")
        #expect(fixture.seen.pipelines.first?.variables["v"] == "‹activity('L').output.firstRow.n›")
        #expect(fixture.seen.pipelines.map(\.pipeline) == ["Child", "P"])
    }
}
