import DuetEngine
import DuetEvents
import DuetTestSupport
import Testing

@Suite struct StreamTests {
    private let definition = """
        sources:
          orders: {location: data/orders-*.csv}
        """
    private let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE STREAMING TABLE silver.orders (CONSTRAINT positive EXPECT (amount > 0) ON VIOLATION DROP ROW)
          AS SELECT id, amount * 2 AS amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW gold.total AS SELECT count(*) AS n, sum(amount) AS total FROM silver.orders;
        """

    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(definition, sql: sql)
        try fixture.drop("id,amount\n1,10\n2,-5\n3,7\n", "orders-1.csv")
        return fixture
    }

    @Test func `a file is read once`() async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let second = try await fixture.run(.declarative)
        #expect(second.end(of: "bronze.orders")?.kind == .stepSkipped)
        #expect(try fixture.rows("SELECT * FROM gold.total") == [["2", "34"]])
    }

    @Test func `a new file adds its rows and no others are read`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id,amount\n4,1\n5,2\n", "orders-2.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "bronze.orders")?.strategy == .append)
        #expect(outcome.measures(of: "bronze.orders")?.rowsRead == 2)
        #expect(outcome.measures(of: "silver.orders")?.rowsInserted == 2)
        #expect(try fixture.rows("SELECT * FROM gold.total") == [["4", "40"]])
        #expect(EventLogValidator.faults(in: outcome.events).isEmpty)
    }

    @Test func `a changed file's old rows are taken back, downstream too`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id,amount\n1,10\n2,50\n3,8\n", "orders-1.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "silver.orders")?.rowsInserted == 2)
        #expect(outcome.measures(of: "silver.orders")?.rowsDeleted == 2)
        #expect(try fixture.rows("SELECT * FROM gold.total") == [["3", "136"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `a file that is gone takes its rows with it`() async throws {
        let fixture = try fixture()
        try fixture.drop("id,amount\n4,1\n", "orders-2.csv")
        try await fixture.run(.declarative)
        try fixture.folder.remove("data/orders-1.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT id FROM bronze.orders") == [["4"]])
    }

    @Test func `dropped rows are found in the quarantine with the rule that did it`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try await fixture.run(.procedural)
        for style in Style.allCases {
            let kept = try fixture.rows(
                "SELECT id, failed_constraints FROM duet_quarantine.\"silver.orders\"",
                style
            )
            #expect(kept == [["2", "[positive]"]])
        }
    }
}
