import DuetEngine
import DuetEvents
import DuetTestSupport
import Testing

/// What reads a plain view takes the changes of what stands behind it.
@Suite struct PlainViewTests {
    private func fixture(_ sql: String) throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/s*.csv}, d: {location: data/d.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW bronze.d AS SELECT * FROM read_files('${source.d}');
                \(sql)
                """
        )
        try fixture.drop("id,v\n1,10\n2,-1\n", "s1.csv")
        try fixture.drop("id,name\n1,one\n2,two\n", "d.csv")
        return fixture
    }

    private func runBoth(_ fixture: PipelineFixture) async throws -> RunOutcome {
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.isEmpty)
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
        return outcome
    }

    @Test func `a stream over views takes only what is new`() async throws {
        let fixture = try fixture(
            """
            CREATE TEMPORARY VIEW silver.pos AS SELECT id, v * 2 AS v FROM STREAM(bronze.t) WHERE v > 0;
            CREATE VIEW silver.named (CONSTRAINT small EXPECT (v < 100) ON VIOLATION DROP ROW)
              AS SELECT p.*, d.name FROM STREAM(silver.pos) AS p LEFT JOIN bronze.d AS d USING (id);
            CREATE STREAMING TABLE silver.t AS SELECT upper(name) AS name, v FROM STREAM(silver.named);
            CREATE STREAMING TABLE silver.u AS SELECT v FROM STREAM(silver.pos);
            CREATE MATERIALIZED VIEW gold.n AS SELECT name, sum(v) AS v FROM silver.t GROUP BY name;
            """
        )
        _ = try await runBoth(fixture)
        for (file, text, rows) in [("s2.csv", "id,v\n2,5\n3,70\n1,-3\n", 1), ("s3.csv", "id,v\n2,6\n", 1)] {
            try fixture.drop(text, file)
            let outcome = try await runBoth(fixture)
            #expect(outcome.measures(of: "silver.t")?.strategy == .append)
            #expect(outcome.measures(of: "silver.t")?.rowsInserted == rows)
            #expect(outcome.measures(of: "silver.u")?.strategy == .append)
        }
        #expect(
            try fixture.rows("SELECT name, v FROM silver.t ORDER BY v") == [
                ["TWO", "10"], ["TWO", "12"], ["ONE", "20"],
            ]
        )
        // What is taken back is taken back through views too.
        try fixture.drop("id,v\n3,70\n", "s2.csv")
        _ = try await runBoth(fixture)
        #expect(try fixture.rows("SELECT v FROM silver.u ORDER BY v") == [["12"], ["20"], ["140"]])
        let idle = try await fixture.run(.declarative)
        #expect(idle.end(of: "silver.t")?.kind == .stepSkipped)
    }

    @Test func `a view that is not row by row is streamed by its difference`() async throws {
        let fixture = try fixture(
            """
            CREATE VIEW silver.sums AS SELECT id, sum(v) AS v FROM bronze.t GROUP BY id;
            CREATE STREAMING TABLE silver.t AS SELECT id, v FROM STREAM(silver.sums);
            """
        )
        _ = try await runBoth(fixture)
        try fixture.drop("id,v\n2,5\n", "s2.csv")
        let outcome = try await runBoth(fixture)
        #expect(outcome.measures(of: "silver.t")?.rowsInserted == 1)
        #expect(try fixture.rows("SELECT id, v FROM silver.t ORDER BY id") == [["1", "10"], ["2", "4"]])
    }

    @Test func `a materialized view over views stays incremental`() async throws {
        let fixture = try fixture(
            """
            CREATE VIEW silver.pos (CONSTRAINT pos EXPECT (v > 0) ON VIOLATION DROP ROW) AS SELECT * FROM bronze.t;
            CREATE VIEW silver.named AS
              WITH t AS (SELECT * FROM bronze.d) SELECT pos.id, pos.v, t.name FROM silver.pos JOIN t USING (id);
            CREATE MATERIALIZED VIEW gold.a REFRESH POLICY INCREMENTAL STRICT AS
              WITH pos AS (SELECT 1 AS v) SELECT named.name, sum(named.v) AS v, count(*) AS n
              FROM silver.named, pos GROUP BY ALL;
            CREATE MATERIALIZED VIEW gold.b REFRESH POLICY INCREMENTAL AS
              SELECT silver.pos.id, a.id AS other FROM silver.pos JOIN silver.pos AS a ON a.id <= silver.pos.id;
            """
        )
        _ = try await runBoth(fixture)
        for (file, text) in [
            ("s2.csv", "id,v\n2,5\n2,8\n"), ("d.csv", "id,name\n1,eins\n2,two\n"), ("s2.csv", "id,v\n1,1\n"),
        ] {
            try fixture.drop(text, file)
            let outcome = try await runBoth(fixture)
            #expect(outcome.measures(of: "gold.a")?.strategy == .incremental, "\(file)")
        }
        #expect(try fixture.rows("SELECT * FROM gold.a ORDER BY ALL") == [["eins", "11", "2"]])
        // Kept changes go when those behind views have taken them too.
        #expect(try fixture.waitingChanges().isEmpty)
    }

    @Test func `a view that changes makes its readers anew`() async throws {
        let sql = { (factor: Int) in
            """
            CREATE VIEW silver.v AS SELECT id, v * \(factor) AS v FROM bronze.t;
            CREATE MATERIALIZED VIEW gold.a AS SELECT sum(v) AS v FROM silver.v;
            CREATE STREAMING TABLE silver.t AS SELECT v FROM STREAM(silver.v);
            """
        }
        let fixture = try fixture(sql(1))
        _ = try await runBoth(fixture)
        try fixture.rewrite(
            sql: """
                CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('${source.s}');
                \(sql(3))
                """
        )
        let outcome = try await runBoth(fixture)
        #expect(outcome.measures(of: "gold.a")?.reason?.contains("made anew") == true)
        #expect(try fixture.rows("SELECT v FROM gold.a") == [["27"]])
    }
}
