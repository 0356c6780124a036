import DuckKit
import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Views at the end of the graph, whose changes nobody takes over.
@Suite struct UnreadViewTests {
    private func fixture(_ more: String = "") throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.t AS SELECT k, v FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW gold.sums REFRESH POLICY INCREMENTAL AS
                  SELECT k, sum(v) AS total, count(*) AS n FROM bronze.t GROUP BY k;
                \(more)
                """
        )
        try fixture.drop("k,v\na,1\nb,2\n,3\n", "1.csv")
        return fixture
    }

    @Test func `one statement keeps the groups, and says how many came and went`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("k,v\na,5\nc,1\n,1\n", "2.csv")
        let outcome = try await fixture.run(.declarative)
        let measures = try #require(outcome.measures(of: "gold.sums"))
        #expect(measures.strategy == .incremental)
        #expect(measures.statements.count { $0.hasPrefix("MERGE") } == 1)
        #expect(!measures.statements.contains { $0.contains("DELETE FROM") })
        #expect(measures.rowsInserted == 3)
        #expect(measures.rowsDeleted == 2)
        #expect(measures.rowsTotal == 4)
        #expect(
            try fixture.rows("SELECT k, total, n FROM gold.sums ORDER BY ALL")
                == [["a", "6", "2"], ["b", "2", "1"], ["c", "1", "1"], ["NULL", "4", "2"]]
        )
    }

    @Test func `a rule of the view's own reads its change`() async throws {
        let fixture = try fixture(
            """
            CREATE MATERIALIZED VIEW gold.held (CONSTRAINT few EXPECT (n < 2)) REFRESH POLICY INCREMENTAL AS
              SELECT k, count(*) AS n FROM bronze.t GROUP BY k;
            """
        )
        try await fixture.run(.declarative)
        try fixture.drop("k,v\na,5\n", "2.csv")
        let measures = try #require(try await fixture.run(.declarative).measures(of: "gold.held"))
        #expect(!measures.statements.contains { $0.hasPrefix("MERGE") })
        #expect(measures.expectations.map(\.totalFailed) == [1])
    }

    @Test func `a reader that comes later starts from all rows`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("k,v\na,5\n", "2.csv")
        try await fixture.run(.declarative)
        try fixture.folder.write(
            "CREATE MATERIALIZED VIEW gold.top REFRESH POLICY INCREMENTAL AS SELECT k, total FROM gold.sums WHERE total > 2;",
            to: "transformations/more.sql"
        )
        try await fixture.run(.declarative)
        #expect(try fixture.rows("FROM gold.top ORDER BY ALL") == [["a", "6"], ["NULL", "3"]])
        try fixture.drop("k,v\nb,9\n", "3.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("FROM gold.top ORDER BY ALL") == [["a", "6"], ["b", "11"], ["NULL", "3"]])
    }
}
