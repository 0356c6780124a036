import DuetCompare
import DuetPipeline
import DuetReport
import DuetTestSupport
import Foundation
import Testing

/// What a comparison writes: JSON by its schema, a page that a real browser draws, a baseline to hold against.
@Suite struct ReportTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// A comparison with a bit of everything: a fault, an outage, effort, prices and a sweep's points.
    private func report(_ fixture: ComparisonFixture) async throws -> ComparisonReport {
        var report = try await fixture.compare(repetitions: .exactly(3))
        report.effort = try Effort(folder: fixture.path).report()
        report.cost = try PriceList.load("\(Self.repository)/docs/prices.yml").cost(of: report)
        let point = { (series: SweepReport.Series, change: SweepReport.Change, x: Double, declarative: Double) in
            SweepReport.Point(
                series: series,
                change: change,
                x: x,
                rowsBefore: 400,
                note: "rows changed",
                procedural: [1, 1, 1.1],
                declarative: [declarative, declarative, declarative],
                isEqual: true,
                datasets: [
                    .init(dataset: "gold.total", procedural: 0.2, declarative: declarative / 5, strategy: "full")
                ]
            )
        }
        var sweep = SweepReport(
            source: "orders",
            points: [
                point(.change, .correct, 0, 0.1), point(.change, .correct, 1, 0.5), point(.change, .correct, 100, 1.5),
                point(.change, .append, 0, 0.1), point(.change, .append, 100, 0.9),
                point(.size, .append, 1, 0.5), point(.size, .append, 4, 0.6),
            ]
        )
        sweep.leftOut = ["size × 8, rows added"]
        report.sweep = sweep
        return report
    }

    private static let steps = """
          - {step: "more </script> & <b>", append: {source: orders, percent: 10}}
          - {step: bad, bad_rows: {source: orders, rows: 3, column: id}}
        """

    @Test func `the JSON is valid by its schema, and a real browser shows its numbers`() async throws {
        let fixture = try ComparisonFixture(steps: Self.steps)
        let report = try await report(fixture)
        #expect(report.isEqual)
        let json = "\(fixture.folder.path)/report.json"
        let page = "\(fixture.folder.path)/report.html"
        try ReportFiles(
            markdown: "\(fixture.folder.path)/report.md",
            html: page,
            json: json,
            junit: "\(fixture.folder.path)/junit.xml"
        ).write(report)
        let value = try JSONValue(parsing: try String(contentsOfFile: json, encoding: .utf8))
        let schema = try JSONSchema(
            try String(contentsOfFile: "\(Self.repository)/docs/report.schema.json", encoding: .utf8)
        )
        let faults = schema.faults(in: value)
        #expect(faults.isEmpty, "\(faults.prefix(10))")
        let shown = try await PagePrinter().open(page)
        #expect(shown.console.isEmpty, "\(shown.console)")
        #expect(shown.page.contains("data-drawn=\"yes\""))
        // Three repetitions: the intervals are only a spread, and everything that shows them says so.
        #expect(value["intervals"]?.string == "spread")
        #expect(shown.page.contains("the intervals are only a spread"))
        #expect(!shown.page.contains("95 % interval</th>"))
        // Two bars for each of three steps, and a chart for each kind.
        #expect(shown.page.components(separatedBy: "data-bar=").count - 1 == 6)
        for mark in ["data-gantt=", "data-node=\"gold.total\"", "data-line=\"declarative\"", "class=\"transfer\""] {
            #expect(shown.page.contains(mark), "\(mark)")
        }
        // The lineage of the page is the JSON's: the dataset at the end is shown first, all are in the table behind.
        let total = try #require(report.lineage?.datasets.first { $0.name.description == "gold.total" })
        #expect(shown.page.contains("data-key=\"lineage:gold.named:name\""))
        for column in total.columns {
            let origins = column.inputs.map { "\($0.relation).\($0.column) (\($0.kinds.joined(separator: ", ")))" }
            let text = origins.isEmpty ? "–" : origins.joined(separator: "; ")
            #expect(shown.page.contains(">gold.total</th><td>\(column.name)</td><td>\(text)</td>"), "\(column.name)")
        }
        for step in report.steps {
            for (style, runs) in [("procedural", step.procedural), ("declarative", step.declarative)] {
                let median = Statistics.median(runs.map(\.seconds))
                // Browsers differ on whether they write angles in attributes as they are.
                let name = step.name.replacing("&", with: "&amp;")
                let angles = name.replacing("<", with: "&lt;").replacing(">", with: "&gt;")
                let cell = [name, angles].compactMap {
                    shown.page.components(separatedBy: "data-key=\"\(style):\($0)\"").dropFirst().first
                }.first
                let number = cell?.components(separatedBy: "data-value=\"").dropFirst().first?.prefix { $0 != "\"" }
                #expect(number.flatMap { Double($0) } == median, "\(step.name) \(style)")
            }
        }
        #expect(shown.page.contains("data-key=\"sweep-correct:declarative:100\" data-value=\"1.5\""))
        #expect(shown.page.contains("data-key=\"size-append:procedural:4\" data-value=\"1\""))
        #expect(shown.page.contains(">from about 50.5 % on (measured at 1 and 100 %)<"))
        #expect(shown.page.contains("Left out: size × 8, rows added."))
        #expect(shown.page.contains(">\(report.steps.count * 5) of \(report.steps.count * 5)<"))
    }

    @Test func `lineage says what each column is made from, through what, and which source it goes back to`()
        async throws
    {
        let fixture = try ComparisonFixture()
        let report = try await fixture.compare()
        let lineage = try #require(report.lineage)
        #expect(lineage.problem == nil)
        #expect(lineage.datasets.count == 5 && lineage.datasets.filter(\.isLast).count == 2)
        let total = try #require(lineage.datasets.first { $0.name.description == "gold.total" })
        #expect(total.columns.map(\.name) == ["customer", "n", "total"])
        #expect(total.rows == [.init(relation: "silver.orders", column: "customer", kinds: ["group_by"])])
        #expect(
            total.columns[2]
                == .init(
                    name: "total",
                    inputs: [.init(relation: "silver.orders", column: "amount", kinds: ["aggregation"])],
                    sources: [.init(relation: "source orders", column: "amount", kinds: ["aggregation"])],
                    through: ["bronze.orders", "silver.orders"]
                )
        )
        let text = try MarkdownReport.text(report)
        let row = "| gold.total | total | silver.orders.amount (aggregation) | source orders.amount (aggregation) | "
        #expect(text.contains(row + "bronze.orders, silver.orders |"))
        #expect(text.contains("| gold.total | *which rows there are* | silver.orders.customer (group_by) | - | - |"))
        #expect(!text.contains("| silver.orders | amount |"), "others read it")
    }

    @Test func `a report is added after another, or replaces it`() async throws {
        let fixture = try ComparisonFixture()
        let report = try await fixture.compare()
        let file = "\(fixture.folder.path)/REPORT.md"
        try ReportFiles(markdown: file, appends: true).write(report)
        let one = try String(contentsOfFile: file, encoding: .utf8)
        try ReportFiles(markdown: file, appends: true).write(report)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == one + "\n" + one)
        try ReportFiles(markdown: file).write(report)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == one)
    }

    @Test func `a baseline shows what has become slower, beyond a threshold and the spread`() async throws {
        let fixture = try ComparisonFixture()
        var report = try await fixture.compare()
        let file = "\(fixture.folder.path)/old.json"
        try ReportFiles(json: file).write(report)
        let baseline = try Baseline.load(file)
        #expect(baseline.regressions(in: report, threshold: 0.1).allSatisfy { !$0.isRegression })
        for index in report.steps[0].declarative.indices { report.steps[0].declarative[index].seconds *= 3 }
        let changes = baseline.regressions(in: report, threshold: 0.5)
        #expect(changes.filter(\.isRegression).map(\.style) == ["declarative"])
        #expect(Baseline.text(changes).contains("1 of 2 times have become slower"))
        let other = try fixture.folder.write("{}", to: "other.json")
        #expect(throws: DuetError.self) { try Baseline.load(other) }
        #expect(throws: DuetError.self) { try Baseline.load("\(fixture.folder.path)/none.json") }
    }

    @Test func `effort is counted in the files`() throws {
        let fixture = try ComparisonFixture()
        let effort = try Effort(folder: fixture.path).report()
        #expect(effort.sizes.map(\.definition) == ["declarative", "procedural, derived"])
        #expect(effort.sizes[0].files == 1 && effort.sizes[0].statements == 5 && effort.sizes[0].lines == 10)
        #expect(effort.sizes[1].tokens > effort.sizes[0].tokens)
        // The names 'orders' and 'names': three and two occurrences as sources, tables or parts of names.
        #expect(effort.changes.allSatisfy { $0.places[0] ?? 1 >= 1 })
    }

    @Test func `bills follow the rounding rules of the services`() async throws {
        let fixture = try ComparisonFixture()
        let report = try await fixture.compare()
        let cost = try PriceList.load("\(Self.repository)/docs/prices.yml").cost(of: report)
        let bill = try #require(cost.bills.first { $0.style == "procedural" })
        let amounts = Dictionary(bill.items.map { ($0.price, $0) }) { $1 }
        // Two Copies and five Scripts: seven runs; each Copy pays one minute of four units.
        #expect(amounts["adf_activity_run"]?.quantity == 7)
        #expect(abs((amounts["adf_diu_hour"]?.quantity ?? 0) - 2.0 / 60 * 4) < 1e-9)
        #expect(abs((amounts["adf_data_flow_vcore_hour"]?.quantity ?? 0) - 5.0 / 60 * 8) < 1e-9)
        let other = try #require(cost.bills.first { $0.style == "declarative" })
        let seconds = report.steps[0].declarative[0].seconds.rounded(.up)
        #expect(abs(other.amount - seconds / 3600 * 2 * 0.30) < 1e-9)
        let wrong = try fixture.folder.write(
            "date: today\ncurrency: USD\nprices: {adf_activity: {amount: 1}}",
            to: "p.yml"
        )
        let error = #expect(throws: DuetError.self) { try PriceList.load(wrong) }
        #expect(error?.description.contains("did you mean 'adf_activity_run'") == true, "\(String(describing: error))")
    }
}
