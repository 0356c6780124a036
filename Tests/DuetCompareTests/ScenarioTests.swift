import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import DuetTestSupport
import Testing

/// The kinds of steps: what each does to the sources, and that both styles agree after it.
@Suite struct ScenarioTests {
    @Test func `rows come, change and go by percent or number, and both styles agree`() async throws {
        let fixture = try ComparisonFixture(
            steps: """
                  - {step: more, append: {source: orders, percent: 10}}
                  - {step: other, correct: {source: orders, rows: 30, column: amount}}
                  - {step: fewer, delete: {source: orders, percent: 5}}
                  - {step: late, late: {source: orders, rows: 7, set: {id: "'9' || id"}}}
                  - {step: again, repeat_file: {source: orders, name: new}}
                  - {step: gone, delete_file: {source: orders, file: day0.csv}}
                """
        )
        let report = try await fixture.compare()
        #expect(report.isEqual, "\(report.steps.flatMap(\.datasets).filter { !$0.isEqual })")
        #expect(report.step("more")?.notes == ["40 rows arrive in 'orders' as orders/scenario-02-append.csv"])
        #expect(report.step("other")?.notes == ["30 rows of 'orders' have another amount, in 5 of 5 files"])
        #expect(report.step("fewer")?.notes == ["22 rows of 'orders' are gone, from 5 of 5 files"])
        #expect(report.step("gone")?.notes == ["orders/day0.csv is gone"])
        let late = try fixture.rows(
            "SELECT count(*), bool_and(id::VARCHAR LIKE '9%') FROM 'DATA/orders/scenario-05-late.csv'"
        )
        #expect(late == [["7", "true"]])
        // 400 + 40 - 22 + 7, and the newest file once more, less the first day's.
        let bronze = report.step("gone")?.datasets.first { $0.name.description == "bronze.orders" }
        let files = try fixture.rows("SELECT count(*) FROM read_csv('DATA/orders/*.csv', union_by_name = true)")
        #expect(bronze.map { "\($0.rows.procedural)" } == files[0][0])
    }

    @Test func `the same seed makes the same changes, and another seed others`() async throws {
        let fixture = try ComparisonFixture(steps: "  - {step: fewer, delete: {source: orders, rows: 50}}")
        var left: [[[String]]] = []
        for seed in [7, 7, 8] {
            _ = try await fixture.compare { $0.seed = seed }
            left.append(try fixture.rows("SELECT id FROM read_csv('DATA/orders/*.csv') ORDER BY ALL"))
        }
        #expect(left[0] == left[1] && left[0] != left[2])
    }

    @Test func `a fault is taken back, and what it did to each style is told`() async throws {
        let fixture = try ComparisonFixture(
            steps: """
                  - {step: renamed, rename_column: {source: orders, column: amount, to: sum}}
                  - {step: retyped, retype_column: {source: orders, column: amount}}
                  - {step: bad, bad_rows: {source: orders, rows: 3, column: id}}
                  - {step: empty, empty_file: {source: orders}}
                  - {step: wider, new_column: {source: orders, rows: 2}, lasting: false}
                """
        )
        let report = try await fixture.compare()
        #expect(report.isEqual)
        for name in ["retyped", "bad"] {
            let faults = report.step(name)?.faults ?? []
            #expect(faults.map(\.style) == ["procedural", "declarative"])
            #expect(faults.allSatisfy { $0.ending == .failed && $0.error != nil && $0.rowsLost + $0.rowsDoubled == 0 })
            // What fails leaves the declarative style's reader with the rows there were.
            #expect((faults.last?.datasetsKept ?? 0) >= 3, "\(faults)")
        }
        #expect(report.step("empty")?.faults.allSatisfy { $0.ending == .held } == true)
        let files = try fixture.rows("SELECT count(*) FROM glob('DATA/orders/*.csv')")
        #expect(files == [["4"]])
    }

    @Test func `an outage is survived by retries, or told and recovered from`() async throws {
        let fixture = try ComparisonFixture(
            steps: """
                  - step: short
                    append: {source: orders, rows: 5}
                    outage: {tries: 1}
                  - step: long
                    append: {source: orders, rows: 5}
                    outage: {source: orders, tries: 500}
                """
        )
        let report = try await fixture.compare()
        #expect(report.isEqual)
        #expect(report.step("short")?.faults.map(\.ending) == [.held, .held])
        #expect(report.step("long")?.faults.map(\.ending) == [.failed, .failed])
        #expect(report.step("long")?.faults.first?.error?.contains("503") == true)
    }

    @Test func `a step may change a query, a rule or add a dataset, on a copy of the definition`() async throws {
        let fixture = try ComparisonFixture(
            steps: """
                  - {step: query, change_query: {dataset: gold.total}}
                  - {step: rule, change_expectation: {dataset: silver.orders, expectation: some, action: warn}}
                  - {step: more, add_dataset: {name: gold.big, query: SELECT * FROM silver.orders WHERE amount > 10}}
                """
        )
        let before = try fixture.folder.text("shop/transformations/all.sql")
        let report = try await fixture.compare()
        #expect(report.isEqual)
        #expect(report.step("rule")?.notes == ["silver.orders: violations of 'some' lead to 'warn', not 'drop'"])
        #expect(
            report.step("more")?.datasets.contains { $0.name.description == "gold.big" && $0.rows.procedural > 0 }
                == true
        )
        let rows = { (name: String) in
            report.step(name)?.datasets.first { $0.name.table == "named" }?.rows.procedural ?? 0
        }
        #expect(rows("rule") > rows("query"), "rows that were dropped are kept now")
        #expect(try fixture.folder.text("shop/transformations/all.sql") == before)
    }

    @Test func `a scenario may be named, come from a file, or be written by duet`() async throws {
        let fixture = try ComparisonFixture()
        let pipeline = try fixture.pipeline()
        let text = try ScenarioLibrary.template(for: pipeline, kinds: ["append", "correct"])
        let file = try fixture.folder.write(text, to: "busy.yml")
        let scenario = try ScenarioLibrary.scenario(file, of: pipeline)
        #expect(scenario.name == "busy")
        #expect(scenario.steps.map(\.name) == ["initial load", "nothing changed", "append", "correct"])
        let report = try await fixture.compare(file)
        #expect(report.isEqual && report.method.scenario == "busy")
        let all = try ScenarioLibrary.template(for: pipeline, kinds: [])
        let everything = try Scenario.load(try fixture.folder.write(all, to: "all.yml"), parameters: [:])
        #expect(everything.steps.count == ScenarioActionKind.allCases.count + 2)
        for kind in ScenarioActionKind.allCases {
            #expect(try ScenarioLibrary.describe(kind.rawValue).contains(kind.example))
        }
    }

    @Test(arguments: [
        ("- {step: a, apend: {percent: 1}}", "did you mean 'append'"),
        ("- {step: a, append: {percent: many}}", "must be a number above 0"),
        ("- {step: a, delete: {percent: 120}}", "must be at most 100"),
        ("- {step: a, repeat_file: {name: other}}", "must be one of same, new"),
        ("- {step: a, kill: {after: 1, often: 2}}", "has no key 'often'"),
        ("- {step: a, lasting: perhaps}", "must be true or false"),
        ("- {append: flights}", "has no name"),
    ])
    func `a step that cannot be read is told with its place`(step: String, said: String) throws {
        let error = #expect(throws: DuetErrors.self) { try ComparisonFixture(steps: "  \(step)").pipeline() }
        #expect(error?.description.contains(said) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("pipeline.yml:12:") == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("append: {source: order}", "did you mean 'orders'"), ("correct: {column: amuont}", "did you mean 'amount'"),
        ("delete_file: {source: names}", "one file only"), ("change_query: {dataset: gold.totl}", "did you mean"),
        ("change_expectation: {expectation: none}", "no dataset has an expectation 'none'"),
        ("kill:", "needs the built command"), ("model_down:", "no model with an address"),
    ])
    func `a step that cannot be played is told`(action: String, said: String) async throws {
        let fixture = try ComparisonFixture(steps: "  - step: wrong\n    \(action)")
        do {
            _ = try await fixture.compare()
            Issue.record("it was played: \(action)")
        } catch {
            #expect("\(error)".contains(said), "\(error)")
        }
    }
}
