import DuckKit
import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// The statements that a plan tells, run by hand.
@Suite struct ForecastStatementTests {
    private let sql = """
        CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');
        CREATE STREAMING TABLE silver.t AS SELECT id, k, v * 2 AS v FROM STREAM(bronze.t) WHERE v <> 3;
        CREATE MATERIALIZED VIEW gold.sums REFRESH POLICY INCREMENTAL AS
          SELECT k, count(*) AS n, max(v) AS most FROM silver.t GROUP BY k;
        CREATE MATERIALIZED VIEW gold.pairs REFRESH POLICY INCREMENTAL AS
          SELECT a.id, b.id AS other FROM silver.t AS a LEFT JOIN silver.t AS b ON a.k = b.k AND b.id > a.id;
        CREATE MATERIALIZED VIEW gold.guarded REFRESH POLICY INCREMENTAL STRICT AS
          SELECT id, CASE WHEN v > 1000 THEN error('too much') ELSE v END AS v FROM silver.t;
        CREATE MATERIALIZED VIEW gold.lot REFRESH POLICY INCREMENTAL AS SELECT id, random() >= 0 AS r FROM silver.t;
        """

    private func fixture() async throws -> PipelineFixture {
        let fixture = try PipelineFixture("sources: {s: {location: data/*.csv}}", sql: sql)
        try fixture.drop("id,k,v\n1,x,10\n2,y,-1\n2,y,-1\n3,x,5\n", "a.csv")
        try fixture.drop("id,k,v\n4,z,10\n5,x,3\n", "b.csv")
        try #require(try await fixture.run(.declarative).errors.isEmpty)
        try fixture.folder.remove("data/b.csv")
        try fixture.drop("id,k,v\n6,x,11\n6,x,11\n7,w,3\n", "c.csv")
        return fixture
    }

    private func forecast(_ fixture: PipelineFixture, _ name: String) async throws -> RefreshForecast {
        let pipeline = try fixture.pipeline()
        let request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        let wanted = Set(pipeline.datasets.map(\.name).filter { $0.description == name })
        let plan = try await offPool { try DeclarativeExecutor().plan(request, of: wanted, tellsSQL: true) }
        return try #require(plan.steps.lazy.compactMap(\.forecast).first { !$0.statements.isEmpty })
    }

    /// The rows that statements lead to, which are then undone.
    private func rows(
        of name: String,
        after statements: [String],
        _ fixture: PipelineFixture
    ) async throws -> [[String]] {
        let path = fixture.home.warehouse(.declarative)
        return try await offPool {
            let connection = try Warehouse(path: path).connect()
            try connection.execute("BEGIN")
            for statement in statements { try connection.execute(statement) }
            let rows = try connection.rows("SELECT * FROM \(name) ORDER BY ALL").map { $0.map(\.description) }
            try connection.execute("ROLLBACK")
            return rows
        }
    }

    @Test(arguments: ["silver.t", "gold.sums", "gold.pairs", "gold.guarded", "gold.lot"])
    func `what a plan tells runs as it stands, and does what the update does`(_ name: String) async throws {
        let fixture = try await fixture()
        try await fixture.run(.declarative, selection: name == "silver.t" ? ["bronze.t"] : ["bronze.t", "silver.t"])
        let forecast = try await forecast(fixture, name)
        let before = try fixture.rows("SELECT * FROM \(name) ORDER BY ALL")
        let byHand = try await rows(of: name, after: forecast.statements, fixture)
        let run = try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT * FROM \(name) ORDER BY ALL") == byHand)
        #expect(byHand != before)
        #expect(run.measures(of: name)?.strategy?.rawValue == forecast.strategy.rawValue)
        #expect(forecast.strategy == (name == "gold.lot" ? .full : .incremental))
        if name == "gold.lot" { #expect(forecast.whyNotCheaper == "random may answer differently each time") }
    }

    @Test func `a query that guards itself with an error takes changes, and fails as in full`() async throws {
        let fixture = try await fixture()
        try fixture.drop("id,k,v\n8,x,501\n", "d.csv")
        let failed = try await fixture.run(.declarative)
        #expect(failed.errors.map(\.code) == [.sqlExecution])
        #expect(failed.errors.first?.message.contains("too much") == true)
        #expect(try fixture.rows("SELECT count(*) FROM gold.guarded") == [["5"]])
        try fixture.folder.remove("data/d.csv")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(try fixture.rows("SELECT id, v FROM gold.guarded EXCEPT ALL SELECT id, v FROM silver.t").isEmpty)
        #expect(try fixture.rows("SELECT count(*) FROM gold.guarded") == [["6"]])
    }
}
