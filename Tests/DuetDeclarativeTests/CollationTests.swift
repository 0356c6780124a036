import DuetEngine
import DuetEvents
import DuetTestSupport
import Testing

/// Texts that a collation makes equal, in tables that hand it on.
@Suite struct CollationTests {
    @Test func `what reads a column with a collation is computed in full, and says why`() async throws {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE t AS SELECT id, s FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW z AS SELECT id, s COLLATE NOCASE AS s FROM t;
                CREATE MATERIALIZED VIEW y AS SELECT id, upper(s) AS s, s AS z FROM z;
                CREATE MATERIALIZED VIEW n AS SELECT t.id, y.id AS other FROM t LEFT JOIN y ON y.z = t.s AND y.id > t.id;
                CREATE MATERIALIZED VIEW plain AS SELECT s, count(*) AS n FROM t GROUP BY s;
                """
        )
        try fixture.drop("id,s\n1,a\n2,A\n3,b\n", "1.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id,s\n4,B\n5,c\n", "2.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.isEmpty)
        for name in ["main.z", "main.y", "main.n"] {
            let measures = outcome.measures(of: name)
            #expect(measures?.strategy == .full)
            #expect(measures?.reason?.contains("COLLATE") == true, "\(name): \(measures?.reason ?? "")")
        }
        #expect(outcome.measures(of: "main.plain")?.strategy == .incremental)
        let query = "SELECT t.id, y.id AS other FROM t LEFT JOIN y ON y.z = t.s AND y.id > t.id"
        #expect(try fixture.rows("FROM n ORDER BY ALL") == fixture.rows("\(query) ORDER BY ALL"))
        #expect(try fixture.rows("SELECT count(*) FROM n WHERE other IS NOT NULL") == [["2"]])
    }
}
