import DuckKit
import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// What an update refreshes, tries again, keeps and drops.
@Suite struct UpdateTests {
    private func fixture(_ more: String = "", properties: String = "") throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "parameters: {factor: '1'}\nsources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.t \(properties) AS
                  SELECT id * ${factor} AS id FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW gold.n AS SELECT count(*) AS n, sum(id) AS total FROM bronze.t;
                \(more)
                """
        )
        try fixture.drop("id\n1\n", "a.csv")
        return fixture
    }

    private let forbidden = "TBLPROPERTIES ('pipelines.reset.allowed' = 'false')"

    private func notices(_ outcome: RunOutcome) -> [String] {
        outcome.events.filter { $0.kind == .notice }.map(\.message)
    }

    @Test func `a selection takes what is downstream along when asked to`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id\n5\n", "b.csv")
        let alone = try await fixture.run(.declarative, selection: ["bronze.t"])
        #expect(alone.end(of: "gold.n") == nil)
        #expect(try fixture.rows("SELECT n FROM gold.n") == [["1"]])
        let all = try await fixture.run(
            .declarative,
            selection: ["bronze.t"],
            update: UpdateOptions(includesDownstream: true)
        )
        #expect(all.end(of: "gold.n")?.kind == .stepCompleted)
        #expect(try fixture.rows("SELECT n FROM gold.n") == [["2"]])
    }

    @Test func `a table that may not be reset is not made anew, and the update says so`() async throws {
        let fixture = try fixture(properties: forbidden)
        try await fixture.run(.declarative)
        let outcome = try await fixture.run(.declarative, rebuild: ["bronze.t", "gold.n"])
        #expect(outcome.end(of: "bronze.t")?.kind == .stepSkipped)
        #expect(outcome.measures(of: "gold.n")?.strategy == .full)
        #expect(notices(outcome).contains { $0.contains("bronze.t is not made anew") })
    }

    @Test func `a changed query makes a streaming table anew, unless that is forbidden`() async throws {
        for (properties, expected) in [("", [["10"], ["20"]]), (forbidden, [["1"], ["20"]])] {
            let fixture = try fixture(properties: properties)
            try await fixture.run(.declarative)
            try fixture.drop("id\n2\n", "b.csv")
            let outcome = try await fixture.run(.declarative, parameters: ["factor": "10"])
            #expect(try fixture.rows("SELECT id FROM bronze.t ORDER BY id") == expected)
            let reason = try #require(outcome.measures(of: "bronze.t")?.reason)
            #expect(reason.contains("rows made before are kept") == !properties.isEmpty)
            let told = notices(outcome).contains { $0.contains("its 1 row made before stay as they are") }
            #expect(told == !properties.isEmpty)
            #expect(try await fixture.run(.declarative, parameters: ["factor": "10"]).isSuccess)
        }
    }

    @Test func `a table that may not be reset refuses a query with other columns`() async throws {
        let fixture = try fixture(properties: forbidden)
        try await fixture.run(.declarative)
        let outcome = try await fixture.run(.declarative, parameters: ["factor": "1.5"])
        #expect(outcome.errors.first?.code == .unsupported)
        #expect(outcome.errors.first?.location?.line == 1)
        #expect(try fixture.rows("SELECT id FROM bronze.t") == [["1"]])
    }

    @Test func `changes that are kept from now on are not said to go back to those dropped before`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id\n2\n", "b.csv")
        try await fixture.run(.declarative)
        let before = try fixture.rows("SELECT version FROM duet.datasets WHERE name = 'bronze.t'")
        try fixture.rewrite(
            sql: "CREATE STREAMING TABLE bronze.t TBLPROPERTIES ('duet.keepChanges' = '5') AS "
                + "SELECT id * ${factor} AS id FROM STREAM read_files('${source.s}');"
        )
        try fixture.drop("id\n3\n", "c.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT value FROM duet.meta WHERE key = 'changes_kept_from bronze.t'") == before)
    }

    @Test func `only what failed, or was skipped for it, is run again`() async throws {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');
                CREATE STREAMING TABLE silver.t (CONSTRAINT small EXPECT (id < 100) ON VIOLATION FAIL UPDATE)
                  AS SELECT * FROM STREAM(bronze.t);
                CREATE MATERIALIZED VIEW gold.n AS SELECT count(*) AS n FROM silver.t;
                CREATE MATERIALIZED VIEW gold.other AS SELECT count(*) AS n FROM bronze.t;
                """
        )
        try fixture.drop("id\n1000\n", "a.csv")
        #expect(try await fixture.run(.declarative).errors.count == 1)
        let again = try await fixture.run(.declarative, update: UpdateOptions(onlyFailed: true))
        let steps = Set(again.events.filter { $0.stepKind == .dataset }.compactMap(\.step))
        #expect(steps == ["silver.t", "gold.n"])
    }

    @Test func `datasets that are no longer defined are told of, and dropped on request`() async throws {
        let fixture = try fixture(
            "CREATE MATERIALIZED VIEW gold.old AS SELECT id, count(*) AS n FROM bronze.t GROUP BY id;"
        )
        try await fixture.run(.declarative)
        try fixture.rewrite(sql: "CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');")
        let told = try await fixture.run(.declarative)
        #expect(notices(told).contains { $0.hasPrefix("gold.old is no longer defined") })
        #expect(try fixture.rows("SELECT n FROM gold.old") == [["1"]])
        let dropped = try await fixture.run(.declarative, update: UpdateOptions(dropsRemoved: true))
        #expect(notices(dropped).contains { $0 == "gold.old is no longer defined and was dropped" })
        let left = "SELECT table_name FROM information_schema.tables WHERE table_name LIKE '%old%'"
        #expect(try fixture.rows(left).isEmpty)
        #expect(try notices(await fixture.run(.declarative)).isEmpty)
    }

    @Test func `a view that reads the clock is refreshed at every update`() async throws {
        let fixture = try fixture(
            "CREATE MATERIALIZED VIEW gold.late AS SELECT count(*) AS n FROM bronze.t "
                + "WHERE current_date > DATE '2000-01-01';"
        )
        try await fixture.run(.declarative)
        let idle = try await fixture.run(.declarative)
        #expect(idle.end(of: "gold.late")?.kind == .stepCompleted)
        #expect(idle.measures(of: "gold.late")?.reason?.contains("clock") == true)
        #expect(idle.end(of: "gold.n")?.kind == .stepSkipped)
    }

    @Test func `where change rules fail, the query is computed, and the update says why`() async throws {
        let fixture = try fixture(
            "CREATE MATERIALIZED VIEW gold.rare REFRESH POLICY INCREMENTAL AS "
                + "SELECT n, count(*) AS times FROM (SELECT id % 3 AS k, count(*) AS n FROM bronze.t GROUP BY k) GROUP BY n;"
        )
        try await fixture.run(.declarative)
        // Somebody damages what duet keeps for its rules.
        try await offPool {
            let warehouse = try Warehouse(path: fixture.home.warehouse(.declarative))
            _ = try warehouse.connect().execute("DROP TABLE duet_data.\"gold.rare__1\"")
        }
        try fixture.drop("id\n4\n5\n", "b.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess)
        #expect(outcome.measures(of: "gold.rare")?.whyNotCheaper?.contains("its change rules failed") == true)
        let told = outcome.events.first { $0.kind == .notice && $0.step == "gold.rare" }
        #expect(told?.level == .warning && told?.error?.contains("gold.rare__1") == true)
        #expect(try fixture.rows("SELECT * FROM gold.rare ORDER BY n") == [["1", "1"], ["2", "1"]])
        // What was damaged is made again when it is next of use.
        try fixture.drop("id\n6\n", "c.csv")
        #expect(try await fixture.run(.declarative).measures(of: "gold.rare")?.strategy == .full)
        try fixture.drop("id\n9\n", "d.csv")
        #expect(try await fixture.run(.declarative).measures(of: "gold.rare")?.strategy == .incremental)
        #expect(try fixture.rows("SELECT * FROM gold.rare ORDER BY n") == [["1", "1"], ["2", "2"]])
    }

    @Test func `names without a schema are in the pipeline's own, wherever they are looked up`() async throws {
        let fixture = try PipelineFixture(
            "schema: sales\nsources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE t AS SELECT id FROM STREAM read_files('${source.s}');
                CREATE VIEW odd AS SELECT * FROM t WHERE id % 2 = 1;
                CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n, max(t.id) AS m FROM t JOIN odd USING (id);
                """
        )
        try fixture.drop("id\n1\n2\n", "a.csv")
        for style in Style.allCases { #expect(try await fixture.run(style).isSuccess) }
        try fixture.drop("id\n3\n", "b.csv")
        for style in Style.allCases { #expect(try await fixture.run(style).isSuccess) }
        #expect(try fixture.rows("SELECT * FROM sales.n") == [["2", "3"]])
        #expect(try fixture.differences().isEmpty)
        let request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
        let plan = try await offPool { try DeclarativeExecutor().plan(request, tellsSQL: true) }
        #expect(plan.steps.map(\.dataset.description) == ["sales.t", "sales.odd", "sales.n"])
    }

    @Test func `numbers of updates go on after the dataset with the last one was dropped`() async throws {
        let fixture = try fixture("CREATE MATERIALIZED VIEW gold.z AS SELECT max(n) AS n FROM gold.n;")
        let first = try await fixture.run(.declarative)
        let last = try #require(first.measures(of: "gold.z")?.version)
        try fixture.rewrite(
            sql: "CREATE STREAMING TABLE bronze.t AS SELECT id * ${factor} AS id FROM STREAM read_files('${source.s}');"
        )
        try await fixture.run(.declarative, update: UpdateOptions(dropsRemoved: true))
        try fixture.drop("id\n2\n", "b.csv")
        let next = try await fixture.run(.declarative)
        #expect(try #require(next.measures(of: "bronze.t")?.version) > last)
    }

    @Test func `the continuous mode takes what comes between its runs, past failures, until it is stopped`()
        async throws
    {
        let fixture = try fixture()
        let request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
        let totals = try await offPool {
            var totals: [String] = []
            // Each pause brings what the next run finds: a row, a file that is no csv, its correction, the end.
            var arrivals = ["id\n5\n", "<html>", "id\n7\n"]
            let run = ContinuousRun(DeclarativeExecutor(), request) {
                guard !arrivals.isEmpty else { return request.control.cancel() }
                do {
                    try fixture.drop(arrivals.removeFirst(), "b.csv")
                } catch {
                    request.control.cancel()
                }
            }
            try run.run { outcome in
                let total = try fixture.rows("SELECT total FROM gold.n").first?.first ?? ""
                totals.append(outcome.isSuccess ? total : "failed, \(total)")
            }
            return totals
        }
        #expect(totals == ["1", "6", "failed, 6", "8"])
    }
}
