import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

@Suite struct FlowTests {
    private let definition = """
        sources:
          web: {location: data/web-*.csv}
          shop: {location: data/shop-*.csv}
          old: {location: data/old.csv}
        """
    private let sql = """
        CREATE STREAMING TABLE bronze.orders (CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION DROP ROW);
        CREATE FLOW web AS INSERT INTO bronze.orders BY NAME SELECT *, 'web' AS via FROM STREAM read_files('${source.web}');
        CREATE FLOW shop AS INSERT INTO bronze.orders BY NAME SELECT amount, id FROM STREAM read_files('${source.shop}');
        CREATE FLOW backfill AS INSERT INTO ONCE bronze.orders BY NAME SELECT * FROM read_files('${source.old}');
        CREATE STREAMING TABLE silver.large AS SELECT * FROM STREAM(bronze.orders) WHERE amount > 5;
        CREATE MATERIALIZED VIEW gold.total AS SELECT via, sum(amount) AS total FROM bronze.orders GROUP BY via;
        """

    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(definition, sql: sql)
        try fixture.drop("id,amount\n1,10\n", "web-1.csv")
        try fixture.drop("id,amount\n2,20\n,1\n", "shop-1.csv")
        try fixture.drop("id,amount\n3,3\n", "old.csv")
        return fixture
    }

    private let orders = "SELECT id, amount, via FROM bronze.orders ORDER BY id"

    @Test func `several flows feed one table by their columns' names`() async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try fixture.rows(orders) == [["1", "10", "web"], ["2", "20", "NULL"], ["3", "3", "NULL"]])
        #expect(try fixture.rows("SELECT count(*) FROM duet_quarantine.\"bronze.orders\"") == [["1"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `each flow has a position of its own, and readers get the new rows alone`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id,amount\n4,40\n", "shop-2.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.end(of: "bronze.orders@web")?.kind == .stepSkipped)
        #expect(outcome.measures(of: "bronze.orders@shop")?.rowsRead == 1)
        #expect(outcome.measures(of: "bronze.orders")?.strategy == .append)
        #expect(outcome.measures(of: "silver.large")?.rowsRead == 1)
        try await fixture.run(.procedural)
        let differences = try fixture.differences()
        #expect(differences.isEmpty, "\(differences)")
    }

    @Test func `a ONCE flow runs again only at a full refresh of its table`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id,amount\n3,33\n", "old.csv")
        let idle = try await fixture.run(.declarative)
        #expect(idle.end(of: "bronze.orders@backfill")?.kind == .stepSkipped)
        #expect(try fixture.rows("SELECT amount FROM bronze.orders WHERE id = 3") == [["3"]])
        try await fixture.run(.declarative, rebuild: ["bronze.orders"])
        #expect(try fixture.rows("SELECT amount FROM bronze.orders WHERE id = 3") == [["33"]])
    }

    @Test func `a flow beside the table's own query, added later, brings its rows`() async throws {
        let fixture = try fixture()
        let own = "CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.web}');"
        try fixture.rewrite(sql: own)
        try await fixture.run(.declarative)
        try fixture.rewrite(
            sql: own
                + "CREATE FLOW more AS INSERT INTO bronze.orders BY NAME SELECT * FROM STREAM read_files('${source.old}');"
        )
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT id FROM bronze.orders ORDER BY id") == [["1"], ["3"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }
}
