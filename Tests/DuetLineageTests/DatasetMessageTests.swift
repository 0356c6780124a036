import DuetCompare
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// What datasets say of themselves in the log, and what a run shows beside it.
@Suite struct DatasetMessageTests {
    private func fixture(_ log: String = "") throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {orders: {location: data/orders-*.csv}}\n\(log)",
            sql: """
                CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW gold.total TBLPROPERTIES (
                  'duet.log' = '{rows_inserted} came, {rows} there; largest {max(total)}, {count(*) FILTER (WHERE id > 1)} {{late}}'
                ) AS SELECT id, sum(amount) AS total FROM bronze.orders GROUP BY id;
                """
        )
        try fixture.drop("id,amount\n1,10\n2,5\n", "orders-1.csv")
        return fixture
    }

    private func messages(_ outcome: RunOutcome) -> [String] {
        outcome.events.filter { $0.kind == .notice && $0.step != nil }.map(\.message)
    }

    @Test(arguments: Style.allCases)
    func `a dataset logs figures and looks into its rows, and says nothing when nothing was done`(
        style: Style
    ) async throws {
        let fixture = try fixture("log: {bronze.orders: \"read {count(DISTINCT id)} customers\"}")
        let outcome = try await fixture.run(style)
        #expect(outcome.isSuccess)
        let all = messages(outcome)
        #expect(all.contains("bronze.orders: read 2 customers"))
        #expect(all.contains("gold.total: 2 came, 2 there; largest 10, 1 {late}"))
        if style == .declarative { #expect(messages(try await fixture.run(style)) == []) }
    }

    @Test func `another message makes no dataset anew, and a wrong one is a warning`() async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let sql = try fixture.folder.text("transformations/all.sql").replacing("{max(total)}", with: "{max(nothing)}")
        try fixture.rewrite(sql: sql)
        let idle = try await fixture.run(.declarative)
        #expect(idle.end(of: "gold.total")?.kind == .stepSkipped)
        try fixture.drop("id,amount\n1,1\n", "orders-2.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess)
        let warning = outcome.events.first { $0.kind == .notice && $0.level == .warning }
        #expect(warning?.message == "the log message of gold.total cannot be made")
        #expect(warning?.error?.contains("nothing") == true)
    }

    @Test func `pipeline yml cannot log of a dataset that is not there, and keeps events as it says`() async throws {
        let wrong = try fixture("log: {gold.totals: hello}")
        #expect(throws: DuetErrors.self) { try wrong.pipeline() }
        let never = try fixture("events: {keep_days: 0}")
        #expect(throws: DuetErrors.self) { try never.pipeline() }
        let fixture = try fixture("events: {keep_runs: 1, keep_days: all}")
        #expect(try fixture.pipeline().events.keepDays == nil)
        for round in 1...2 {
            try fixture.drop("id,amount\n\(round),1\n", "orders-\(round + 1).csv")
            #expect(try await fixture.run(.declarative).isSuccess)
        }
        #expect(try fixture.rows("SELECT count(DISTINCT origin.run_id) FROM duet.events") == [["1"]])
    }

    @Test(arguments: Style.allCases)
    func `a profile of a dataset's slowest statement comes with its step`(style: Style) async throws {
        let fixture = try fixture()
        let pipeline = try fixture.pipeline()
        var request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        request.profiled = [DatasetName(schema: "gold", table: "total")]
        let (frozen, executor) = (request, Styles.executor(style))
        let outcome = try await offPool { try executor.run(frozen) }
        #expect(outcome.isSuccess)
        let profiles = outcome.events.compactMap { $0.measures?.profile }
        #expect(profiles.count == 1)
        #expect(profiles.first?.contains("the slowest statement took") == true)
        #expect(profiles.first?.contains("Total Time") == true)
    }
}
