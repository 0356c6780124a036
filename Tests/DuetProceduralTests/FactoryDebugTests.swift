import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetProcedural
import DuetTestSupport
import Synchronization
import Testing

/// Reruns, stops, and runs that move nothing.
@Suite struct FactoryDebugTests {
    private func run(
        _ fixture: FactoryFixture,
        _ commands: [String],
        at names: [String]
    ) async throws -> (run: PipelineRun, shown: [String]) {
        let script = Mutex(commands)
        let shown = Mutex<[String]>([])
        let debugger = CommandDebugger(
            names,
            read: { script.withLock { $0.isEmpty ? nil : $0.removeFirst() } },
            write: { text in shown.withLock { $0.append(text) } }
        )
        var runner = FactoryRunner(
            try fixture.factory(),
            handlers: fixture.handlers,
            clock: fixture.clock,
            control: fixture.control,
            sinks: [fixture.seen]
        )
        runner.debugger = debugger
        let ready = runner
        let run = try await offPool { try ready.run(PipelineRequest("P")) }
        return (run, shown.withLock { $0 })
    }

    @Test func `a breakpoint shows variables, outputs and expressions, and goes on`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [set("A", "v", "one"), set("B", "w", "@concat(variables('v'), '!')", after("A"))],
            strings
        )
        let (run, shown) = try await self.run(
            fixture,
            ["v", "o A", "e @toUpper(variables('v'))", "e @variables('x')", "what", "c"],
            at: ["b"]
        )
        #expect(run.status == .succeeded)
        let text = shown.joined(separator: "\n")
        #expect(text.contains("stopped before P/B (SetVariable)"))
        #expect(text.contains("v = \"one\""))
        #expect(text.contains(#""output":{"name":"v","value":"one"}"#))
        #expect(text.contains("\"ONE\""))
        #expect(text.contains("there is no variable 'x'"))
        #expect(text.contains("evaluate an expression here"))
    }

    @Test func `next stops at every activity, and quit ends the run`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "P",
            [
                wait("A"), forEach("F", "@createArray(1, 2)", [wait("B")], #", "isSequential": true"#),
                wait("C", after("F")),
            ]
        )
        let (run, shown) = try await self.run(fixture, ["n", "n", "q"], at: ["F"])
        #expect(run.status == .cancelled)
        #expect(
            shown.filter { $0.hasPrefix("stopped") } == [
                "stopped before P/F (ForEach)", "stopped before P/F[0]/B (Wait)", "stopped before P/F[1]/B (Wait)",
            ]
        )
        #expect(fixture.seen.run("C") == nil)
    }

    @Test func `what is secret is not shown at a stop`() async throws {
        var fixture = try FactoryFixture()
        fixture.handlers[.webActivity] = ScriptedHandler(.succeeded(["token": "hush-hush"]))
        try fixture.pipeline(
            "P",
            [
                activity(
                    "WebActivity",
                    "A",
                    #""method": "GET", "url": "http://x""#,
                    more: #", "policy": {"secureOutput": true}"#
                ),
                set("B", "v", "@activity('A').output.token", after("A")), wait("C", after("B")),
            ],
            strings
        )
        let (_, shown) = try await run(fixture, ["v", "o", "e @variables('v')", "c"], at: ["C"])
        #expect(!shown.joined().contains("hush-hush"))
    }

    @Test func `until runs an activity and what it needs, and no more`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [wait("A"), wait("B", after("A")), wait("C", after("B")), wait("D")])
        let pipeline = try #require(try fixture.factory().pipeline(named: "P"))
        let run = try await fixture.run(selection: .until("b", in: pipeline))
        #expect(run.status == .succeeded)
        #expect(fixture.seen.statuses == ["A Succeeded", "B Succeeded"])
    }

    @Test func `a rerun begins with what failed and keeps the rest, variables too`() async throws {
        var fixture = try FactoryFixture()
        let handler = ScriptedHandler(.failed(.once), .succeeded(["n": 7]))
        fixture.handlers[.webActivity] = handler
        try fixture.pipeline(
            "P",
            [
                set("A", "v", "kept"), activity("WebActivity", "B", #""method": "GET", "url": "http://x""#, after("A")),
                set("C", "w", "@concat(variables('v'), string(activity('B').output.n))", after("B")),
            ],
            strings
        )
        let log = "\(fixture.folder.path)/runs.jsonl"
        let ready = FactoryRunner(
            try fixture.factory(),
            handlers: fixture.handlers,
            clock: fixture.clock,
            sinks: [try ActivityRunFile(log), fixture.seen]
        )
        #expect(try await offPool { try ready.run(PipelineRequest("P")) }.status == .failed)
        let pipeline = try #require(ready.factory.pipeline(named: "P"))
        let history = try ActivityHistory.last(of: "P", in: log)
        #expect(history.unfinished(of: pipeline) == ["B", "C"])
        let selection = try ActivitySelection.from(
            Set(history.unfinished(of: pipeline)),
            in: pipeline,
            results: history.results,
            variables: history.variables
        )
        let again = try await offPool { try ready.run(PipelineRequest("P", selection: selection)) }
        #expect(again.status == .succeeded)
        #expect(again.variables["w"] == "kept7")
        #expect(fixture.seen.statuses.filter { $0.hasPrefix("A ") }.count == 1)
    }

    @Test func `a dry run evaluates, reads, and changes nothing`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write("id,name\n1,a\n", to: "files/in/a.csv")
        let toTable =
            #""source": {"type": "DelimitedTextSource"}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Lookup",
                    "L",
                    #""source": {"type": "DelimitedTextSource"}, "dataset": \#(reference("Csv", #"{"file": "a.csv"}"#))"#
                ),
                copy(
                    "C",
                    toTable,
                    from: reference("Csv", #"{"file": "a.csv"}"#),
                    to: reference("Table", #"{"name": "@activity('L').output.firstRow.name"}"#),
                    after("L")
                ),
                wait("Long", seconds: 86_400, [after("C")]),
                set("S", "v", "@string(activity('C').output.rowsCopied)", after("Long")),
                wait("Never", after("S", "Failed")),
            ],
            strings
        )
        let report = DryRunReport()
        var dry = FactoryRunner(
            try fixture.factory(),
            handlers: DryRun.handlers(fixture.handlers),
            clock: fixture.clock,
            sinks: [report]
        )
        dry.isDry = true
        let runner = dry
        let run = try await offPool { try runner.run(PipelineRequest("P")) }
        #expect(run.status == .succeeded)
        #expect(run.variables["v"] == "‹activity('C').output.rowsCopied›")
        let pipeline = try #require(runner.factory.pipeline(named: "P"))
        let lines = report.lines(of: pipeline)
        #expect(lines.contains { $0.hasPrefix("succeeded  P/C (Copy)") })
        #expect(lines.contains("not reached  P/Never (Wait)"))
        let tables = try warehouse.connect().scalar(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'sales'"
        )
        #expect(tables.int == 0)
    }
}
