import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// What change rules make of columns that are declared NOT NULL.
@Suite struct RequiredColumnTests {
    private static func sql(_ columns: String, _ properties: String = "") -> String {
        """
        CREATE STREAMING TABLE s.items \(columns) \(properties);
        CREATE FLOW items AS AUTO CDC INTO s.items FROM STREAM read_files('${source.events}')
          KEYS (id) APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq) STORED AS SCD TYPE 1;
        CREATE MATERIALIZED VIEW g.totals REFRESH POLICY INCREMENTAL AS
          SELECT kind, sum(amount) AS amount FROM s.items GROUP BY kind;
        """
    }

    private static let required = "(kind NOT NULL, amount NOT NULL)"
    private static let kept = "TBLPROPERTIES (pipelines.reset.allowed = false)"

    private func fixture(_ columns: String, _ properties: String = "") throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {events: {location: data/*.csv}}",
            sql: Self.sql(columns, properties)
        )
        try fixture.drop("id,kind,amount,op,seq\n1,a,5,I,1\n2,a,7,I,2\n3,b,1,I,3\n", "e1.csv")
        return fixture
    }

    /// The columns that are kept beside those of the query.
    private func hidden(_ fixture: PipelineFixture) throws -> Int {
        try fixture.rows("FROM duckdb_columns() WHERE table_name = 'g.totals' AND starts_with(column_name, '__h')")
            .count
    }

    private func totals(_ fixture: PipelineFixture) throws -> [[String]] {
        try fixture.rows("SELECT kind, amount FROM g.totals ORDER BY kind")
    }

    @Test func `sums over columns that are declared NOT NULL need no count of their values`() async throws {
        let plain = try fixture("")
        let required = try fixture(Self.required)
        for fixture in [plain, required] {
            try await fixture.run(.declarative)
            try fixture.drop("id,kind,amount,op,seq\n1,a,5,D,4\n2,a,7,D,5\n4,b,2,I,6\n5,c,3,I,7\n", "e2.csv")
            let outcome = try await fixture.run(.declarative)
            // The rules are the ones that the view was made with, so nothing is made anew.
            #expect(outcome.measures(of: "g.totals")?.strategy == .incremental)
            #expect(try totals(fixture) == [["b", "3"], ["c", "3"]])
        }
        #expect(try hidden(required) < hidden(plain))
    }

    @Test func `a NULL that is older than the declaration is still counted, whenever it goes`() async throws {
        for goesWithDeclaration in [true, false] {
            let fixture = try fixture("", Self.kept)
            try fixture.drop("id,kind,amount,op,seq\n6,,,I,8\n7,a,,I,9\n", "e2.csv")
            try await fixture.run(.declarative)
            let before = try hidden(fixture)
            try fixture.rewrite(sql: Self.sql(Self.required, Self.kept))
            let gone = "id,kind,amount,op,seq\n6,b,4,U,10\n7,a,6,U,11\n1,a,5,D,12\n2,a,7,D,13\n"
            if goesWithDeclaration { try fixture.drop(gone, "e3.csv") }
            try await fixture.run(.declarative)
            if !goesWithDeclaration {
                #expect(try totals(fixture) == [["a", "12"], ["b", "1"], ["NULL", "NULL"]])
                try fixture.drop(gone, "e3.csv")
                try await fixture.run(.declarative)
                #expect(try hidden(fixture) == before)
            }
            #expect(try totals(fixture) == [["a", "6"], ["b", "5"]])
            try fixture.drop("id,kind,amount,op,seq\n7,a,6,D,14\n8,c,1,I,15\n", "e4.csv")
            try await fixture.run(.declarative)
            #expect(try totals(fixture) == [["b", "5"], ["c", "1"]])
        }
    }

    @Test func `values are counted again from the update that drops NOT NULL`() async throws {
        let fixture = try fixture(Self.required, Self.kept)
        try await fixture.run(.declarative)
        let spare = try hidden(fixture)
        try fixture.rewrite(sql: Self.sql("", Self.kept))
        try fixture.drop("id,kind,amount,op,seq\n3,b,,U,4\n2,a,,U,5\n", "e2.csv")
        try await fixture.run(.declarative)
        #expect(try hidden(fixture) > spare)
        #expect(try totals(fixture) == [["a", "5"], ["b", "NULL"]])
        try fixture.rewrite(sql: Self.sql(Self.required, Self.kept))
        try fixture.drop("id,kind,amount,op,seq\n3,b,9,U,6\n2,a,1,U,7\n", "e3.csv")
        try await fixture.run(.declarative)
        #expect(try totals(fixture) == [["a", "6"], ["b", "9"]])
        try fixture.drop("id,kind,amount,op,seq\n1,a,5,D,8\n", "e4.csv")
        try await fixture.run(.declarative)
        #expect(try totals(fixture) == [["a", "1"], ["b", "9"]])
    }

    @Test func `a warehouse of before such columns were noted is opened, and notes them`() async throws {
        let fixture = try fixture(Self.required)
        try await fixture.run(.declarative)
        let spare = try hidden(fixture)
        try await fixture.execute("DROP TABLE duet.required")
        let request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
        let plan = try await offPool { try DeclarativeExecutor().plan(request, of: nil, tellsSQL: false) }
        #expect(plan.steps.contains { $0.dataset.description == "g.totals" })
        try fixture.drop("id,kind,amount,op,seq\n1,a,5,D,4\n", "e2.csv")
        try await fixture.run(.declarative)
        #expect(try hidden(fixture) > spare)
        try await fixture.run(.declarative, rebuild: ["s.items", "g.totals"])
        #expect(try hidden(fixture) == spare)
        #expect(try totals(fixture) == [["a", "7"], ["b", "1"]])
    }
}
