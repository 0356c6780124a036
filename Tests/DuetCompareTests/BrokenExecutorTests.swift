import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import DuetTestSupport
import Foundation
import Testing

/// Executors that are broken on purpose are caught, with the dataset in which it began.
@Suite struct BrokenExecutorTests {
    /// Runs another definition than it is told to, which is how a wrong executor looks from outside.
    private struct BrokenExecutor: PipelineExecutor {
        let base: any PipelineExecutor
        let definition: String
        var style: Style { base.style }

        func run(_ request: RunRequest) throws -> RunOutcome {
            var broken = request
            broken.pipeline = try Pipeline.load(folder: definition, overrides: request.pipeline.parameters)
            return try base.run(broken)
        }
    }

    /// The fixture's statements with another query for one dataset.
    private static func sql(_ dataset: String, _ query: String) throws -> String {
        let statements = ComparisonFixture.sql.split(separator: ";").map(String.init)
        let number = try #require(statements.firstIndex { $0.contains(dataset) })
        var changed = statements
        let end = try #require(changed[number].range(of: " AS SELECT") ?? changed[number].range(of: " AS\n"))
        changed[number] = String(changed[number][..<end.lowerBound]) + " AS \(query)"
        return changed.joined(separator: ";")
    }

    @Test(arguments: Style.allCases)
    func `dropping one row in a hundred is caught`(style: Style) async throws {
        let query = """
            SELECT id::INT AS id, customer::INT AS customer, amount::INT AS amount FROM STREAM(bronze.orders)
            WHERE hash(id) % 100 <> 0
            """
        let report = try await play("silver.orders", query, style)
        let first = try #require(report.firstDifference)
        #expect(first.step == "initial load" && first.dataset.name.description == "silver.orders")
        let lost = style == .procedural ? first.dataset.surplus.declarative : first.dataset.surplus.procedural
        #expect(lost > 0 && lost < 20 && first.dataset.samples.count == min(lost, 10))
        // The datasets that read it differ too; the one it began in is named.
        #expect(report.steps[0].datasets.filter { !$0.isEqual }.count == 3)
    }

    @Test func `doubling an append is caught`() async throws {
        let query = """
            SELECT id::INT AS id, customer::INT AS customer, amount::INT AS amount
            FROM STREAM(bronze.orders) CROSS JOIN (VALUES (1), (2)) AS twice (time)
            WHERE time = 1 OR id::INT >= 2000000
            """
        let report = try await play("silver.orders", query, .procedural)
        let first = try #require(report.firstDifference)
        #expect(first.step == "more" && first.dataset.name.description == "silver.orders")
        #expect(first.dataset.surplus == (20, 0))
        #expect(first.dataset.samples.allSatisfy { $0.hasPrefix("procedural only") })
    }

    @Test func `skipping a late row is caught`() async throws {
        let query = """
            SELECT id::INT AS id, customer::INT AS customer, amount::INT AS amount FROM STREAM(bronze.orders)
            WHERE id <> '1000001'
            """
        let report = try await play("silver.orders", query, .declarative)
        let first = try #require(report.firstDifference)
        #expect(first.step == "late" && first.dataset.name.description == "silver.orders")
        #expect(first.dataset.surplus == (1, 0) && first.dataset.samples == ["procedural only: 1000001 | 1 | 5"])
        #expect(report.steps[0].isEqual && report.steps[1].isEqual)
    }

    private func play(_ dataset: String, _ query: String, _ style: Style) async throws -> ComparisonReport {
        let fixture = try ComparisonFixture(
            steps: """
                  - {step: more, append: {source: orders, rows: 20, set: {id: "2000000 + id::INT", amount: "'3'"}}}
                  - {step: late, late: {source: orders, rows: 1, set: {id: "'1000001'", customer: "'1'", amount: "'5'"}}}
                """
        )
        try fixture.folder.write(try fixture.folder.text("shop/pipeline.yml"), to: "broken/pipeline.yml")
        try fixture.folder.write(try Self.sql(dataset, query), to: "broken/transformations/all.sql")
        let definition = "\(fixture.folder.path)/broken"
        return try await fixture.compare { comparison in
            comparison.executor = { asked, form in
                let base = Styles.executor(asked, form)
                return asked == style ? BrokenExecutor(base: base, definition: definition) : base
            }
        }
    }
}
