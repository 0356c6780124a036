import DuckKit
import DuetDeclarative
import DuetEngine
import DuetTestSupport
import Testing

/// What DuckDB has answered when change rules were worked out is not asked again.
@Suite struct CompilerAnswersTests {
    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE t AS SELECT k, v FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW sums REFRESH POLICY INCREMENTAL AS SELECT k, sum(v) AS total FROM t GROUP BY k;
                """
        )
        try fixture.drop("k,v\n1,1\n", "1.csv")
        return fixture
    }

    private func answers(_ fixture: PipelineFixture) throws -> Int? {
        try fixture.rows("SELECT count(*) FROM duet.answers").first?.first.flatMap(Int.init)
    }

    @Test func `answers are kept once, and added to when a query changes`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        let first = try #require(try answers(fixture))
        #expect(first > 0)
        try fixture.drop("k,v\n1,2\n", "2.csv")
        try await fixture.run(.declarative)
        #expect(try answers(fixture) == first)
        #expect(try fixture.rows("FROM sums") == [["1", "3"]])
        try fixture.rewrite(
            sql: """
                CREATE STREAMING TABLE t AS SELECT k, v FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW sums REFRESH POLICY INCREMENTAL AS
                  SELECT k, sum(v) AS total, max(v) AS most FROM t GROUP BY k;
                """
        )
        try await fixture.run(.declarative)
        #expect(try answers(fixture) ?? 0 > first)
        #expect(try fixture.rows("FROM sums") == [["1", "3", "2"]])
    }

    @Test func `a type that changes beneath a query is asked for again`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.rewrite(
            sql: """
                CREATE STREAMING TABLE t AS SELECT k, v::DECIMAL(6, 2) AS v FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW sums REFRESH POLICY INCREMENTAL AS SELECT k, sum(v) AS total FROM t GROUP BY k;
                """
        )
        try await fixture.run(.declarative)
        try fixture.drop("k,v\n1,0.5\n", "2.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try fixture.rows("FROM sums") == [["1", "1.50"]])
    }

    @Test func `a warehouse that has no place for answers gets one`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try await fixture.execute("DROP TABLE duet.answers")
        try fixture.drop("k,v\n1,2\n", "2.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try answers(fixture) ?? 0 > 0)
    }
}
