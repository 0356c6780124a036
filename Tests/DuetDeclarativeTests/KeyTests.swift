import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Keys that the user vouches for, and what change rules make of them.
@Suite struct KeyTests {
    private static func sql(_ option: String) -> String {
        """
        CREATE STREAMING TABLE s.orders (id BIGINT PRIMARY KEY, city VARCHAR)
          AS SELECT id, city FROM STREAM read_files('${source.orders}');
        CREATE STREAMING TABLE s.lines (
            "order" BIGINT CONSTRAINT o REFERENCES s.orders \(option), amount BIGINT,
            CONSTRAINT again FOREIGN KEY ("order") REFERENCES s.orders (id) NOT ENFORCED NORELY)
          AS SELECT "order", amount FROM STREAM read_files('${source.lines}');
        CREATE MATERIALIZED VIEW g.cities REFRESH POLICY INCREMENTAL AS
          SELECT city, sum(amount) AS amount FROM s.lines JOIN s.orders ON "order" = id GROUP BY city;
        """
    }

    private func fixture(_ option: String) throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {orders: {location: data/o*.csv}, lines: {location: data/l*.csv}}",
            sql: Self.sql(option)
        )
        try fixture.drop("id,city\n1,Bern\n2,Ulm\n", "o1.csv")
        try fixture.drop("order,amount\n1,5\n2,7\n1,1\n", "l1.csv")
        return fixture
    }

    /// How often an update's statements read all lines to find those of new orders.
    private func readsOfLines(_ fixture: PipelineFixture) async throws -> Int {
        try fixture.drop("id,city\n3,Kiel\n", "o2.csv")
        try fixture.drop("order,amount\n3,4\n", "l2.csv")
        let outcome = try await fixture.run(.declarative)
        let statements = outcome.measures(of: "g.cities")?.statements ?? []
        return statements.filter { $0.contains("\"s\".\"lines\" AS") }.count
    }

    @Test func `a key with RELY spares looking for rows of new keys, and gives the same rows`() async throws {
        let relied = try fixture("NOT ENFORCED RELY")
        let unrelied = try fixture("")
        for fixture in [relied, unrelied] { try await fixture.run(.declarative) }
        #expect(try await readsOfLines(relied) == 0)
        #expect(try await readsOfLines(unrelied) > 0)
        for fixture in [relied, unrelied] {
            #expect(
                try fixture.rows("SELECT * FROM g.cities ORDER BY city") == [
                    ["Bern", "6"], ["Kiel", "4"], ["Ulm", "7"],
                ]
            )
        }
    }

    @Test func `groups follow a row that is replaced under a relied primary key`() async throws {
        let fixture = try PipelineFixture(
            "sources: {people: {location: data/p*.csv, changed_files: replace}, orders: {location: data/o*.csv}}",
            sql: """
                CREATE STREAMING TABLE s.people (CONSTRAINT one PRIMARY KEY (id) RELY)
                  AS SELECT id, name FROM STREAM read_files('${source.people}');
                CREATE STREAMING TABLE s.orders AS SELECT id, person, amount FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW g.totals REFRESH POLICY INCREMENTAL AS
                  SELECT p.name, p.id, sum(o.amount) AS amount, count(o.amount) AS orders
                  FROM s.orders AS o JOIN s.people AS p ON o.person = p.id GROUP BY p.name, p.id;
                """
        )
        try fixture.drop("id,name\n1,Ann\n2,Bob\n", "p1.csv")
        try fixture.drop("id,person,amount\n1,1,5\n2,2,7\n", "o1.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id,person,amount\n3,1,1\n", "o2.csv")
        let grown = try await fixture.run(.declarative)
        let statements = grown.measures(of: "g.totals")?.statements ?? []
        #expect(statements.contains { $0.contains("\"s\".\"id\" = \"d\"") })
        #expect(!statements.contains { $0.contains("\"s\".\"name\" IS NOT DISTINCT FROM \"d\"") })
        try fixture.drop("id,name\n1,Anna\n2,Bob\n", "p1.csv")
        try fixture.drop("id,person,amount\n4,1,2\n", "o3.csv")
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows("SELECT * FROM g.totals ORDER BY id") == [
                ["Anna", "1", "8", "3"], ["Bob", "2", "7", "1"],
            ]
        )
    }

    @Test func `keys are read wherever they may stand`() throws {
        let pipeline = try fixture("RELY").pipeline()
        let orders = try #require(pipeline.datasets.first { $0.name.table == "orders" })
        let lines = try #require(pipeline.datasets.first { $0.name.table == "lines" })
        #expect(orders.primaryKey == ["id"])
        #expect(lines.foreignKeys.map(\.columns) == [["order"], ["order"]])
        #expect(lines.foreignKeys.map(\.dataset.description) == ["s.orders", "s.orders"])
        #expect(lines.foreignKeys.map(\.target) == [[], ["id"]])
        #expect(lines.foreignKeys.map(\.isRelied) == [true, false])
        #expect(lines.columns.map(\.name) == ["order", "amount"])
    }

    @Test func `a key with another number of columns than it refers to is refused at its place`() throws {
        let fixture = try PipelineFixture(
            "",
            sql: "CREATE STREAMING TABLE t (a INT, b INT,\n  FOREIGN KEY (a, b) REFERENCES u (x)) AS SELECT 1;"
        )
        let errors = #expect(throws: DuetErrors.self) { try fixture.pipeline() }?.errors ?? []
        #expect(errors.first?.message == "the key has 2 columns and refers to 1")
        #expect(errors.first?.location?.line == 2)
    }
}
