import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// What a plan says before a run, and whether the run then does it.
@Suite struct ForecastTests {
    private let sql = """
        CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');
        CREATE STREAMING TABLE silver.t AS SELECT id, v FROM STREAM(bronze.t);
        CREATE VIEW silver.v AS SELECT * FROM silver.t WHERE v > 0;
        CREATE MATERIALIZED VIEW gold.best REFRESH POLICY INCREMENTAL AS
          SELECT id, sum(v) AS total FROM silver.v GROUP BY id
          QUALIFY row_number() OVER (PARTITION BY id % 2 ORDER BY total) = 1;
        CREATE MATERIALIZED VIEW gold.full REFRESH POLICY FULL AS SELECT count(*) AS n FROM silver.t;
        CREATE MATERIALIZED VIEW gold.lot AS SELECT random() AS r FROM silver.t;
        CREATE MATERIALIZED VIEW gold.strict REFRESH POLICY INCREMENTAL STRICT AS SELECT random() AS r FROM silver.t;
        """

    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture("sources: {s: {location: data/*.csv}}", sql: sql)
        try fixture.drop("id,v\n1,10\n2,-1\n3,5\n", "a.csv")
        return fixture
    }

    private func plan(
        _ fixture: PipelineFixture,
        of names: [String]? = nil,
        tellsSQL: Bool = false
    ) async throws -> [String: RefreshForecast] {
        let pipeline = try fixture.pipeline()
        let request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        let wanted = names.map { names in
            Set(pipeline.datasets.map(\.name).filter { names.contains($0.description) })
        }
        let plan = try await offPool { try DeclarativeExecutor().plan(request, of: wanted, tellsSQL: tellsSQL) }
        return Dictionary(plan.steps.compactMap { step in step.forecast.map { (step.dataset.description, $0) } }) { $1 }
    }

    @Test func `a plan is shown before there are any files, and a run says what is missing`() async throws {
        let fixture = try PipelineFixture("sources: {s: {location: data/a.csv}}", sql: sql)
        #expect(try await plan(fixture)["bronze.t"]?.why == "it has never been made")
        let run = try await fixture.run(.declarative)
        #expect(run.errors.contains { $0.code == .missingFile })
    }

    @Test func `a plan writes nothing, so that who may only read can ask for it`() async throws {
        let fixture = try fixture()
        let before = try await plan(fixture)
        #expect(!FileManager.default.fileExists(atPath: fixture.home.folder))
        #expect(before["gold.best"]?.blocks.count == 2)
        #expect(try await fixture.run(.declarative).errors == [])
        try fixture.drop("id,v\n4,7\n", "b.csv")
        // A definition that no run has parsed yet, and changes that no run has taken.
        try fixture.rewrite(
            sql: sql + "CREATE MATERIALIZED VIEW gold.new REFRESH POLICY INCREMENTAL AS "
                + "SELECT id, count(*) AS n FROM silver.t GROUP BY id;"
        )
        let path = fixture.home.warehouse(.declarative)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let plan = try await plan(fixture, tellsSQL: true)
        #expect(plan["gold.new"]?.why == "it has never been made")
        #expect(plan["bronze.t"]?.strategy == .append)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }

    @Test func `before the first run the rules of later updates are told`() async throws {
        let plan = try await plan(try fixture())
        #expect(plan["bronze.t"]?.strategy == .full)
        #expect(plan["bronze.t"]?.why == "it has never been made")
        #expect(plan["silver.t"]?.blocks.map(\.rule) == ["row by row"])
        #expect(plan["gold.best"]?.blocks.count == 2)
        #expect(plan["gold.best"]?.blocks.last?.rule == "windows by partition")
        #expect(plan["gold.lot"]?.issues.isEmpty == false)
        #expect(plan.values.allSatisfy { $0.strategy != .full || $0.whyNotCheaper != nil })
    }

    @Test func `a plan after changes says what the run then does`() async throws {
        let fixture = try fixture()
        let first = try await fixture.run(.declarative)
        #expect(first.errors.isEmpty)
        #expect(Set(try await plan(fixture).values.map(\.strategy)) == [.nothing])
        try fixture.drop("id,v\n1,1\n2,2\n", "b.csv")
        let before = try await plan(fixture)
        #expect(before["bronze.t"]?.strategy == .append)
        #expect(before["bronze.t"]?.blocks.first?.reason.contains("1 of 2 files") == true)
        #expect(before["gold.best"]?.strategy == .incremental)
        #expect(before["gold.full"]?.whyNotCheaper == "its REFRESH POLICY is FULL")
        #expect(before["gold.strict"]?.why.hasPrefix("the update will fail") == true)
        // Once its inputs are refreshed, the changes are known by number.
        _ = try await fixture.run(.declarative, selection: ["bronze.t", "silver.t"])
        let known = try await plan(fixture)
        #expect(known["gold.best"]?.changes == ["silver.t": 2])
        #expect(known["gold.best"]?.rowsToRead == 2)
        #expect(known["silver.t"]?.strategy == .nothing)
        #expect((known["gold.best"]?.keptBytes ?? 0) > 0)
        let run = try await fixture.run(.declarative)
        for name in ["gold.best", "gold.full", "gold.lot"] {
            #expect(run.measures(of: name)?.strategy?.rawValue == known[name]?.strategy.rawValue, "\(name)")
        }
        #expect(run.measures(of: "gold.best")?.blocks.count == 2)
        #expect(run.measures(of: "gold.full")?.whyNotCheaper == "its REFRESH POLICY is FULL")
        #expect(run.errors.count == 1)
    }

    @Test func `the statements are told on request, for the datasets asked for`() async throws {
        let fixture = try fixture()
        _ = try await fixture.run(.declarative)
        try fixture.drop("id,v\n7,7\n", "b.csv")
        let plan = try await plan(fixture, of: ["gold.best"], tellsSQL: true)
        #expect(Array(plan.keys) == ["gold.best"])
        #expect(plan["gold.best"]?.statements.contains { $0.contains("gold.best__1") } == true)
    }

    @Test func `the one statement for groups that nobody reads is told as it is run`() async throws {
        let fixture = try fixture()
        try fixture.folder.write(
            "CREATE MATERIALIZED VIEW gold.sums REFRESH POLICY INCREMENTAL AS SELECT v % 2 AS odd, count(*) AS n "
                + "FROM bronze.t GROUP BY ALL;",
            to: "transformations/sums.sql"
        )
        _ = try await fixture.run(.declarative)
        try fixture.drop("id,v\n7,7\n", "b.csv")
        let told = try await plan(fixture, of: ["gold.sums"], tellsSQL: true)["gold.sums"]?.statements
        let run = try await fixture.run(.declarative).measures(of: "gold.sums")?.statements ?? []
        let merge = try #require(told?.first { $0.hasPrefix("MERGE") })
        // Few changed rows are read where they are kept, from a version on that a plan does not know.
        let change = /\(SELECT "id", "v", __w FROM "duet_changes"\."bronze\.t" WHERE __version > \d+\)/
        #expect(run.contains { $0.replacing(change, with: "temp.main.\"delta:bronze.t\"") == merge })
    }

    @Test func `what is kept is told in bytes, and goes when every reader has taken it`() async throws {
        let fixture = try fixture()
        _ = try await fixture.run(.declarative)
        try fixture.drop("id,v\n7,7\n8,8\n", "b.csv")
        let some = try await fixture.run(.declarative, selection: ["bronze.t", "silver.t"])
        let kept = try #require(some.events.last { !($0.measures?.kept ?? [:]).isEmpty }?.measures?.kept)
        // Two rows of two BIGINT columns with weight and update, each eight bytes.
        #expect(kept["silver.t"] == 64)
        #expect(kept["bronze.t"] == nil)
        let all = try await fixture.run(.declarative, selection: ["silver.v", "gold.best", "gold.full", "gold.lot"])
        #expect(all.errors.isEmpty)
        // One reader, which always fails, has not taken them.
        #expect(try fixture.rows("SELECT count(*) FROM duet_changes.\"silver.t\"") == [["2"]])
        try fixture.rewrite(sql: sql.split(separator: "\n").dropLast().joined(separator: "\n"))
        _ = try await fixture.run(.declarative)
        #expect(try fixture.waitingChanges().isEmpty)
    }
}
