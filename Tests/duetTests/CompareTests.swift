import DuetCompare
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// `duet compare` as users run it: every kind of step, a migration, and exit codes.
@Suite struct CompareTests {
    private static let definition = """
        name: fixture
        parameters: {base: data}
        sources:
          orders: {manifest: "${base}/orders/SHA256SUMS", format: csv, options: {inferColumnTypes: "false"}}
          names: {location: "${base}/names.csv", options: {inferColumnTypes: "false"}}
        scenario:
          - step: initial load
            write:
              - {file: "orders/{part}.csv", part: "'day' || (id % 4)",
                 query: "SELECT range AS id, range % 5 AS customer, range * 3 % 17 AS amount FROM range(4000)"}
              - {file: names.csv, query: "SELECT range AS customer, 'n' || range AS name FROM range(5)"}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.names AS SELECT * FROM read_files('${source.names}');
        CREATE STREAMING TABLE silver.orders (
          CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION FAIL UPDATE,
          CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW
        ) AS SELECT id::INT AS id, customer::INT AS customer, amount::INT AS amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW gold.named AS
          SELECT o.id, n.name, o.amount FROM silver.orders AS o JOIN bronze.names AS n ON n.customer::INT = o.customer;
        CREATE MATERIALIZED VIEW gold.total AS
          SELECT customer, count(*) AS n, sum(amount) AS total FROM silver.orders GROUP BY customer;
        """

    @Test func `the scenario 'everything' plays every kind of step and proves equality at each`() async throws {
        let fixture = try CommandFixture(definition: Self.definition, sql: Self.sql, withData: false)
        let result = try await fixture.duet(
            "compare",
            "pipeline",
            "--scenario=everything",
            "--json-report=r.json",
            "--html=r.html"
        )
        #expect(result.status == 0, "\(result.errors) \(result.output)")
        guard result.status == 0 else { return }
        let report = try JSONValue(parsing: try fixture.folder.text("r.json"))
        let steps = try #require(report["steps"]?.array)
        let kinds = Set(steps.compactMap { $0["kinds"]?.string }.flatMap { $0.components(separatedBy: ", ") })
        // Models have steps of their own kinds, which this pipeline has no use for.
        let wanted = ScenarioActionKind.allCases.filter { ![.modelDown, .changePrompt].contains($0) }.map(\.rawValue)
        #expect(Set(wanted).isSubset(of: kinds), "\(Set(wanted).subtracting(kinds))")
        #expect(steps.allSatisfy { $0["equal"]?.bool == true && $0["datasets"]?.array?.count ?? 0 >= 5 })
        let faults = steps.flatMap { step in
            (step["faults"]?.array ?? []).map { (step["step"]?.string ?? "", $0) }
        }
        #expect(faults.allSatisfy { $0.1["rows_lost"]?.integer == 0 && $0.1["rows_doubled"]?.integer == 0 })
        let kills = faults.filter { $0.0.hasPrefix("kill") }.compactMap { $0.1["ending"]?.string }
        // A run may be over between two looks at its events, but not both.
        #expect(kills.count == 2 && kills.contains("killed"), "\(kills)")
        #expect(faults.filter { $0.0 == "a long outage" }.allSatisfy { $0.1["ending"]?.string == "failed" })
    }

    @Test func `two definitions that people have are held against each other`() async throws {
        let definition = """
            name: fixture
            parameters: {base: data}
            sources: {orders: {location: "${base}/orders.csv"}}
            """
        let query = """
            CREATE STREAMING TABLE bronze.orders
              AS SELECT * FROM STREAM read_files('${source.orders}', inferColumnTypes => false);
            CREATE STREAMING TABLE silver.orders (CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW)
              AS SELECT id::INT AS id, amount::INT AS amount FROM STREAM(bronze.orders);
            CREATE MATERIALIZED VIEW gold.total AS SELECT count(*) AS n, sum(amount) AS total FROM silver.orders;
            """
        let fixture = try CommandFixture(definition: definition, sql: query, withData: false)
        try fixture.drop("id,amount\n1,10\n2,-5\n3,7\n", "orders.csv")
        let export = try await fixture.duet("export", "adf", "pipeline", "--to=factory")
        #expect(export.status == 0, "\(export.errors)")
        // As the service has it: paths, and no pipeline.yml.
        let sql = query.replacing("${source.orders}", with: "/Volumes/shop/raw/orders.csv")
        try fixture.folder.write(sql, to: "sql/all.sql")
        let arguments = [
            "compare", "--procedural=factory", "--declarative=sql", "--data=pipeline/data", "--json-report=m.json",
            "--report=m.md",
        ]
        let same = try await fixture.command.run(arguments, in: fixture.folder)
        #expect(same.status == 0, "\(same.errors) \(same.output)")
        // Where each published column comes from, on both sides.
        let report = try JSONValue(parsing: try fixture.folder.text("m.json"))
        for (side, end) in [
            ("lineage", "source source_1.amount"), ("procedural_lineage", "source Files_files_orders.amount"),
        ] {
            #expect(report[side]?["problem"]?.isNull == true, "\(String(describing: report[side]))")
            let total = report[side]?["datasets"]?.array?.first { $0["dataset"]?.string == "gold.total" }
            let column = total?["columns"]?.array?.first { $0["column"]?.string == "total" }
            let inputs = column?["inputs"]?.array?.map {
                "\($0["relation"]?.string ?? "").\($0["column"]?.string ?? "")"
            }
            #expect(inputs == ["silver.orders.amount"], "\(side): \(String(describing: column))")
            let sources = column?["sources"]?.array?.map {
                "\($0["relation"]?.string ?? "").\($0["column"]?.string ?? "")"
            }
            #expect(sources?.contains(end) == true, "\(side): \(String(describing: column))")
        }
        #expect(try fixture.folder.text("m.md").contains("## Lineage in the factory"))
        let wrong = sql.replacing("amount::INT AS amount", with: "amount::INT + 1 AS amount")
        try fixture.folder.write(wrong, to: "sql/all.sql")
        let other = try await fixture.command.run(arguments, in: fixture.folder)
        #expect(other.status == 3, "\(other.errors)")
        #expect(other.output.contains("the styles differ, first in silver.orders"), "\(other.output)")
    }

    @Test func `a baseline that is beaten ends with 4, and JUnit says which time`() async throws {
        let fixture = try CommandFixture(definition: CommandFixture.scenario, withData: false)
        #expect(try await fixture.duet("compare", "pipeline", "--json-report=old.json").status == 0)
        // An impossible baseline: every time a thousandth of what it was.
        let old = try JSONValue(parsing: try fixture.folder.text("old.json"))
        try fixture.folder.write(Self.hurried(old).text(), to: "old.json")
        let result = try await fixture.duet("compare", "pipeline", "--baseline=old.json", "--junit=j.xml")
        #expect(result.status == 4 && result.output.contains("SLOWER"), "\(result.status) \(result.output)")
        #expect(try fixture.folder.text("j.xml").contains("the procedural run is no slower than before"))
        let kind = try await fixture.duet("scenario", "describe", "corect")
        #expect(kind.status == 1 && kind.errors.contains("did you mean 'correct'"))
        let missing = try await fixture.duet("compare", "pipeline", "--scenario=every")
        #expect(missing.status == 1 && missing.errors.contains("everything"))
    }

    private static func hurried(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { name, member in
                        if case .double(let seconds) = member, name == "median_seconds" {
                            return (name, .double(seconds / 1000))
                        }
                        return (name, hurried(member))
                    }
                )
            )
        case .array(let items): .array(items.map(hurried))
        default: value
        }
    }
}
