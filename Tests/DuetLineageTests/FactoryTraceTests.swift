import DuetEngine
import DuetLineage
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Testing

/// Rows that a hand-written factory has written, followed back through what its activities did.
@Suite struct FactoryTraceTests {
    private static let input = "source(output(id as string, amount as string), allowSchemaDrift: true) ~> In"
    private static let output = "sink(allowSchemaDrift: true, recreate: true, format: 'table') ~> Out"

    /// Two files, of orders and of names.
    private func factory() throws -> TracedFactory {
        let factory = try TracedFactory()
        try factory.folder.write("id,amount\n1,10\n2,5\n1,7\n3,1\n", to: "data/orders.csv")
        try factory.folder.write("id,name\n1,ann\n2,bob\n", to: "data/names.csv")
        return factory
    }

    private let land = TracedFactory.copy("Land", from: ("Csv", "orders.csv"), to: ("Table", "landed"))
    private let names = TracedFactory.copy("Names", from: ("Csv", "names.csv"), to: ("Table", "names"))

    @Test func `a row goes back through a Copy with a mapping and conversions to its line of the file`() async throws {
        let factory = try factory()
        let mapping =
            #", "translator": {"type": "TabularTranslator", "mappings": [{"source": {"name": "amount"}, "sink": {"name": "cents"}}, {"source": {"name": "id"}, "sink": {"name": "no"}}]}"#
        try factory.pipeline([
            TracedFactory.script(
                "Make",
                "CREATE OR REPLACE TABLE dbo.t (no INTEGER, cents DECIMAL(9, 2), tag VARCHAR)"
            ),
            TracedFactory.copy(
                "Land",
                from: ("Csv", "orders.csv"),
                to: ("Table", "t"),
                source: #", "additionalColumns": [{"name": "tag", "value": "new"}]"#,
                more: mapping
            ),
        ])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("etl.t", where: "cents = 7")
        #expect(try factory.lines(trace) == ["etl.t: 1,7.00,new", "Csv: orders.csv:3 1,7"])
        #expect(trace.steps[0].writers == ["load/Land"])
        #expect(trace.gaps.isEmpty && trace.steps[0].lost == 0)
    }

    @Test(arguments: [
        (["In filter(toInteger(amount) > 6) ~> X", "X"], "id = '1'", "1,10 | 1,7", ""),
        (["In derive(twice = toInteger(amount) * 2) ~> X", "X"], "twice = 10", "2,5", ""),
        (["In aggregate(groupBy(id), total = sum(toInteger(amount))) ~> X", "X"], "total = 17", "1,10 | 1,7", ""),
        (
            [
                "In, Names join(In@id == Names@id, joinType:'inner') ~> J", "J select(mapColumn(name, amount)) ~> X",
                "X",
            ],
            "name = 'ann' AND amount = '7'", "1,7", "1,ann"
        ),
        (["In, Names exists(In@id == Names@id, negate: true) ~> X", "X"], "true", "3,1", ""),
        (["In, Names exists(In@id == Names@id) ~> X", "X"], "amount = '5'", "2,5", "2,bob"),
        (
            [
                "In, Names lookup(In@id == Names@id, multiple: false, pickup: 'any') ~> L",
                "L select(mapColumn(amount, name)) ~> X", "X",
            ],
            "amount = '5'", "(1,10) | (1,7) | (3,1) | 2,5", "2,bob"
        ),
        (
            ["In filter(id == '1') ~> A", "In filter(id == '2') ~> B", "A, B union(byName: true) ~> X", "X"],
            "id = '2'", "2,5", ""
        ),
        (["In split(toInteger(amount) > 6, disjoint: false) ~> S@(Big, Small)", "S@Small"], "id = '3'", "3,1", ""),
        (["In derive(at = currentTimestamp()) ~> X", "X"], "amount = '7'", "1,7", ""),
        (
            ["In window(over(id), asc(amount, true), place = rowNumber()) ~> X", "X"],
            "id = '1' AND place = 2", "(1,10) | 1,7", ""
        ),
    ])
    func `a data flow is followed back`(
        script: [String],
        condition: String,
        orders: String,
        people: String
    ) async throws {
        let factory = try factory()
        let sources = [Self.input, "source(output(id as string, name as string), allowSchemaDrift: true) ~> Names"]
        let steps = script.dropLast() + ["\(script.last ?? "") \(Self.output)"]
        let ends = ["In": "landed", "Names": "names", "Out": "result"]
        try factory.pipeline([land, names, try factory.flow("Flow", sources + steps, ends)])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("result", where: condition)
        let lines = try factory.lines(trace)
        #expect(lines.contains("etl.landed: \(orders)"), "\(lines) \(trace.gaps)")
        #expect(lines.contains("etl.names: \(people)") == !people.isEmpty, "\(lines)")
        #expect(trace.steps[0].writers == ["load/Flow"] && trace.steps[0].lost == 0)
    }

    @Test func `a data flow that reads files itself goes back to their rows`() async throws {
        let factory = try factory()
        let script = [Self.input, "In aggregate(groupBy(id), total = sum(toInteger(amount))) ~> X", "X \(Self.output)"]
        try factory.pipeline([try factory.flow("Flow", script, ["In": "orders.csv", "Out": "result"])])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("result", where: "id = '1'")
        #expect(
            try factory.lines(trace) == ["etl.result: 1,17", "Csv: orders.csv:1 1,10 | orders.csv:3 1,7"]
        )
    }

    @Test func `a staging table that is gone is made anew from what was copied into it`() async throws {
        let factory = try factory()
        try factory.folder.write(
            "INSERT INTO rows SELECT id, amount FROM stage WHERE amount <> '1'; DROP TABLE stage;",
            to: "procedures/merge.sql"
        )
        let fill =
            #"{"name": "Fill", "type": "ForEach", "typeProperties": {"items": {"value": "@createArray('orders.csv', 'more.csv')", "type": "Expression"}, "isSequential": true, "activities": [\#(TracedFactory.copy("Stage", from: ("Csv", "@item()"), to: ("Table", "stage")))]}}"#
        try factory.folder.write("id,amount\n9,90\n", to: "data/more.csv")
        try factory.pipeline([
            TracedFactory.script("Make", "CREATE TABLE IF NOT EXISTS dbo.rows (id VARCHAR, amount VARCHAR)"), fill,
            TracedFactory.procedure("Merge", "dbo.merge"),
        ])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("rows", where: "amount IN ('7', '90')")
        #expect(
            try factory.lines(trace) == [
                "etl.rows: 1,7 | 9,90", "etl.stage: 1,7 | 9,90", "Csv: more.csv:1 9,90 | orders.csv:3 1,7",
            ]
        )
        #expect(trace.steps[1].isRebuilt && trace.gaps.isEmpty, "\(trace.gaps)")
        let text = try TraceText.text(trace, rows: 5)
        #expect(text.contains("as it was then (made anew: it has been written again since)"), "\(text)")
    }

    @Test func `a group holds only the rows that were there when it was made`() async throws {
        let factory = try factory()
        let sum = TracedFactory.script(
            "Sum",
            "CREATE OR REPLACE TABLE dbo.sums AS SELECT id, count(*) AS n FROM dbo.landed GROUP BY id"
        )
        try factory.pipeline([
            land, sum, TracedFactory.copy("Again", from: ("Csv", "orders.csv"), to: ("Table", "landed")),
        ])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("sums", where: "id = '1'")
        #expect(
            try factory.lines(trace) == [
                "etl.sums: 1,2", "etl.landed: 1,10 | 1,7", "Csv: orders.csv:1 1,10 | orders.csv:3 1,7",
            ]
        )
    }

    @Test func `rows that a statement has changed are told as such, with the activity`() async throws {
        let factory = try factory()
        try factory.pipeline([
            land, TracedFactory.script("Fix", "UPDATE dbo.landed SET amount = '8' WHERE amount = '7'"),
        ])
        #expect(try await factory.run().status == .succeeded)
        let kept = try factory.trace("landed", where: "amount = '10'")
        #expect(try factory.lines(kept).last == "Csv: orders.csv:1 1,10")
        #expect(kept.gaps.isEmpty)
        let changed = try factory.trace("landed", where: "amount = '8'")
        #expect(changed.steps.count == 1 && changed.steps[0].lost == 1)
        #expect(changed.gaps.map(\.activity) == ["load/Fix"])
        let text = try TraceText.text(changed, rows: 5)
        #expect(
            text.contains("etl.landed is not followed through load/Fix, because it changed or deleted rows"),
            "\(text)"
        )
    }

    @Test func `a file that has changed since is not searched`() async throws {
        let factory = try factory()
        try factory.pipeline([land])
        #expect(try await factory.run().status == .succeeded)
        try factory.folder.write("id,amount\n1,10\n1,7\n", to: "data/orders.csv")
        let trace = try factory.trace("landed", where: "amount = '7'")
        #expect(trace.steps.map(\.name) == ["etl.landed"])
        #expect(trace.gaps.first?.reason.contains("orders.csv' has changed since it was read") == true, "\(trace.gaps)")
    }

    @Test func `what a factory exports and loads again is followed through the file`() async throws {
        let factory = try factory()
        let export = TracedFactory.copy(
            "Export",
            from: ("Table", "landed"),
            to: ("Csv", "out.csv"),
            source: #", "sqlReaderQuery": "SELECT id, sum(amount::INTEGER) AS total FROM dbo.landed GROUP BY id""#
        )
        try factory.pipeline([
            land, export, TracedFactory.copy("Import", from: ("Csv", "out.csv"), to: ("Table", "back")),
        ])
        #expect(try await factory.run().status == .succeeded)
        let lines = try factory.lines(try factory.trace("back", where: "total = '17'"))
        #expect(lines.first == "etl.back: 1,17")
        #expect(
            lines.contains("etl.landed: 1,10 | 1,7") && lines.contains { $0.contains("orders.csv:3 1,7") },
            "\(lines)"
        )
    }

    @Test func `views are looked through`() async throws {
        let factory = try factory()
        let view = "CREATE OR REPLACE VIEW dbo.large AS SELECT id, amount FROM dbo.landed WHERE amount::INTEGER > 6"
        let make = "CREATE OR REPLACE TABLE dbo.sums AS SELECT id, count(*) AS n FROM dbo.large GROUP BY id"
        try factory.pipeline([land, TracedFactory.script("View", view), TracedFactory.script("Sum", make)])
        #expect(try await factory.run().status == .succeeded)
        let lines = try factory.lines(try factory.trace("sums"))
        #expect(lines.contains("etl.landed: 1,10 | 1,7"), "\(lines)")
    }

    @Test func `what cannot be followed is told with the reason, and nothing behind it is shown`() async throws {
        let factory = try factory()
        let script = [
            Self.input, "In keyGenerate(output(key as long), startAt: 1L) ~> X",
            "X derive(text = toString(nextSequence())) ~> Y", "Y \(Self.output)",
        ]
        try factory.pipeline([land, try factory.flow("Flow", script, ["In": "landed", "Out": "result"])])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("result")
        #expect(trace.steps.map(\.name) == ["etl.result"] && trace.steps[0].lost == trace.count)
        #expect(
            trace.gaps.map(\.reason) == ["'Y' takes numbers from a sequence, which gives others each time"],
            "\(trace.gaps)"
        )
    }

    @Test func `an activity with secret input is named, and tells nothing`() async throws {
        let factory = try factory()
        let secret = TracedFactory.script(
            "Hide",
            "INSERT INTO dbo.landed VALUES ('7', 'hush')",
            more: #", "policy": {"secureInput": true}"#
        )
        try factory.pipeline([land, secret])
        #expect(try await factory.run().status == .succeeded)
        let trace = try factory.trace("landed", where: "id = '7'")
        #expect(trace.steps.count == 1 && trace.steps[0].lost == 1)
        #expect(trace.silent.map(\.activity) == ["load/Hide"])
        let text = try TraceText.text(trace, rows: 5)
        #expect(text.contains("'load/Hide' is not looked at: its input is secret"), "\(text)")
    }

    @Test func `two runs that add to a table are told apart`() async throws {
        let factory = try factory()
        try factory.pipeline([land])
        #expect(try await factory.run().status == .succeeded)
        try factory.folder.write("id,amount\n8,80\n", to: "data/orders.csv")
        #expect(try await factory.run().status == .succeeded)
        let new = try factory.trace("landed", where: "id = '8'")
        #expect(try factory.lines(new) == ["etl.landed: 8,80", "Csv: orders.csv:1 8,80"])
        let old = try factory.trace("landed", where: "id = '3'")
        #expect(old.steps.count == 1 && old.steps[0].lost == 1)
        #expect(old.gaps.contains { $0.reason.contains("has changed since it was read") }, "\(old.gaps)")
    }

    @Test func `unknown tables and wrong conditions are told with what there is`() async throws {
        let factory = try factory()
        try factory.pipeline([land])
        #expect(try await factory.run().status == .succeeded)
        #expect { try factory.trace("etl.landd") } throws: { "\($0)".contains("etl.landed") }
        #expect { try factory.trace("landed", where: "amont = 1") } throws: { "\($0)".contains("id, amount") }
        #expect(
            try TraceText.text(try factory.trace("landed", where: "false"), rows: 5) == "etl.landed has no such row"
        )
    }
}
