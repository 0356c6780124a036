import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Runs in the procedural style: everything, at every run, in an order that the dependencies allow.
@Suite struct ProceduralRunTests {
    private static let definition = """
        sources:
          one: {location: data/one.csv}
          two: {location: data/two.csv}
          unused: {location: data/nowhere.csv}
        """
    private static let sql = """
        CREATE MATERIALIZED VIEW gold.c AS SELECT * FROM silver.b, bronze.two;
        CREATE STREAMING TABLE bronze.one (CONSTRAINT some EXPECT (x > 0) ON VIOLATION DROP ROW)
          AS SELECT * FROM STREAM read_files('${source.one}');
        CREATE MATERIALIZED VIEW bronze.two AS SELECT y FROM read_files('${source.two}');
        CREATE VIEW silver.b AS SELECT x FROM bronze.one;
        """

    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(Self.definition, sql: Self.sql)
        try fixture.drop("x\n1\n-1\n2\n", "one.csv")
        try fixture.drop("y\n9\n", "two.csv")
        return fixture
    }

    @Test func `an activity starts when those it depends on have ended`() async throws {
        let outcome = try await fixture().run(.procedural)
        #expect(outcome.isSuccess)
        #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
        let number = { (step: String, kind: RunEvent.Kind) in
            outcome.events.first { $0.step == step && $0.kind == kind }?.sequence ?? -1
        }
        for (earlier, later) in [
            ("Copy one", "Make bronze_one"), ("Copy two", "Make bronze_two"), ("Make bronze_one", "Make silver_b"),
            ("Make silver_b", "Make gold_c"), ("Make bronze_two", "Make gold_c"),
        ] {
            #expect(number(earlier, .stepCompleted) < number(later, .stepStarted), "\(earlier) before \(later)")
        }
        #expect(!outcome.events.contains { $0.step?.contains("unused") == true })
    }

    @Test func `every run makes everything anew`() async throws {
        let fixture = try fixture()
        for _ in 0..<2 {
            let outcome = try await fixture.run(.procedural)
            #expect(outcome.measures(of: "Make bronze_one")?.strategy == .full)
            #expect(outcome.measures(of: "Make bronze_one")?.rowsInserted == 2)
            #expect(outcome.measures(of: "Make gold_c")?.rowsTotal == 2)
        }
        #expect(try fixture.rows("SELECT * FROM gold.c ORDER BY ALL", .procedural) == [["1", "9"], ["2", "9"]])
    }

    @Test func `a dataset may turn from table to view and back`() async throws {
        let fixture = try fixture()
        try await fixture.run(.procedural)
        try fixture.rewrite(sql: Self.sql.replacing("CREATE VIEW silver.b", with: "CREATE MATERIALIZED VIEW silver.b"))
        #expect(try await fixture.run(.procedural).isSuccess)
        #expect(try fixture.rows("SELECT count(*) FROM silver.b", .procedural) == [["2"]])
        try fixture.rewrite(sql: Self.sql)
        #expect(try await fixture.run(.procedural).isSuccess)
        #expect(try fixture.rows("SELECT count(*) FROM silver.b", .procedural) == [["2"]])
    }

    @Test func `one worker and many come to the same`() async throws {
        let fixture = try fixture()
        for workers in [1, 2, 8] {
            #expect(try await fixture.run(.procedural, workers: workers).isSuccess)
            #expect(try fixture.rows("SELECT count(*) FROM gold.c", .procedural) == [["2"]])
        }
    }
}
