import DuckKit
import DuetCompare
import DuetEngine
import DuetEvents
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Testing

/// Traces on a pipeline small enough to know every answer by heart.
@Suite struct RowLineageTests {
    /// Orders in two files, names in one.
    static func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            """
            parameters: {base: data, owner: data team}
            sources:
              orders: {location: "${base}/orders-*.csv"}
              names: {location: "${base}/names.csv"}
            """,
            sql: """
                CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW bronze.names AS SELECT * FROM read_files('${source.names}');
                CREATE STREAMING TABLE silver.orders (CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW)
                  AS SELECT id, amount FROM STREAM(bronze.orders) WHERE id < 90;
                CREATE VIEW silver.large AS SELECT * FROM silver.orders WHERE amount > 1;
                CREATE MATERIALIZED VIEW gold.named AS
                  SELECT name, sum(amount) AS total FROM silver.large JOIN bronze.names USING (id) GROUP BY name;
                CREATE MATERIALIZED VIEW gold.best AS
                  WITH t AS (SELECT id, sum(amount) AS total FROM silver.orders GROUP BY id)
                  SELECT *, rank() OVER (ORDER BY total DESC) AS place FROM t QUALIFY place <= 2;
                CREATE MATERIALIZED VIEW gold.ids AS
                  SELECT id, 'order' AS kind FROM silver.orders UNION SELECT id, 'name' FROM bronze.names;
                CREATE MATERIALIZED VIEW gold.loners AS
                  SELECT o.* FROM silver.orders AS o ANTI JOIN bronze.names AS n ON n.id = o.id;
                """
        )
        try fixture.drop("id,amount\n1,10\n2,-5\n3,7\n1,4\n", "orders-1.csv")
        try fixture.drop("id,amount\n3,1\n4,2\n99,5\n", "orders-2.csv")
        try fixture.drop("id,name\n1,ann\n3,bob\n", "names.csv")
        return fixture
    }

    static func inspection(_ fixture: PipelineFixture, _ style: Style) throws -> LineageInspection {
        LineageInspection(try fixture.pipeline(), home: fixture.home, style: style)
    }

    static func executor(_ style: Style) throws -> any PipelineExecutor { Styles.executor(style) }

    /// The traced rows as text: `dataset: values | values`, context in brackets.
    private func lines(_ trace: RowTrace) throws -> Set<String> {
        var lines: Set<String> = []
        for step in trace.steps {
            let rows = try trace.rows(of: step, limit: 100).map { row in
                let text = row.values.map(\.description).joined(separator: ",")
                return row.isContext ? "(\(text))" : text
            }
            lines.insert("\(step.dataset): \(rows.sorted().joined(separator: " | "))")
        }
        return lines
    }

    @Test(arguments: Style.allCases)
    func `a group comes from its rows and what they were joined with`(style: Style) async throws {
        let fixture = try Self.fixture()
        #expect(try await fixture.run(style).isSuccess)
        let trace = try Self.inspection(fixture, style).trace("gold.named", where: "name = 'bob'", limit: nil)
        #expect(
            try lines(trace) == [
                "gold.named: bob,7", "silver.orders: 3,7", "bronze.names: 3,bob", "bronze.orders: 3,7",
            ]
        )
        #expect(try Recomputation(trace).agrees(row: 1) == true)
    }

    @Test(arguments: Style.allCases)
    func `what a window has looked at is context`(style: Style) async throws {
        let fixture = try Self.fixture()
        #expect(try await fixture.run(style).isSuccess)
        let trace = try Self.inspection(fixture, style).trace("gold.best", where: "place = 1", limit: nil)
        #expect(
            try lines(trace) == [
                "gold.best: 1,14,1", "silver.orders: (3,1) | (3,7) | (4,2) | 1,10 | 1,4",
                "bronze.orders: (3,1) | (3,7) | (4,2) | 1,10 | 1,4",
            ]
        )
        #expect(try Recomputation(trace).agrees(row: 1) == true)
    }

    @Test(arguments: Style.allCases)
    func `rows of set operations and of anti joins come from the side that has them`(style: Style) async throws {
        let fixture = try Self.fixture()
        #expect(try await fixture.run(style).isSuccess)
        let look = try Self.inspection(fixture, style)
        let named = try look.trace("gold.ids", where: "kind = 'name' AND id = 1", limit: nil)
        #expect(try lines(named) == ["gold.ids: 1,name", "bronze.names: 1,ann"])
        let lone = try look.trace("gold.loners", where: nil, limit: nil)
        #expect(try lines(lone) == ["gold.loners: 4,2", "silver.orders: 4,2", "bronze.orders: 4,2"])
    }

    @Test(arguments: Style.allCases)
    func `a row of bronze is found again in its file by number`(style: Style) async throws {
        let fixture = try Self.fixture()
        #expect(try await fixture.run(style).isSuccess)
        let trace = try Self.inspection(fixture, style).trace("bronze.orders", where: "id IN (3, 4)", limit: nil)
        let step = try #require(trace.steps.first)
        let rows = try trace.rows(of: step, limit: 10)
        let places = try trace.fileRows(of: step, ids: rows.map(\.id)).map { file in
            let values = rows.first { $0.id == file.id }?.values.map(\.description).joined(separator: ",") ?? ""
            return "\(values) \(file.origin.split(separator: "/").last ?? "") \(file.number)"
        }
        #expect(Set(places) == ["3,7 orders-1.csv 3", "3,1 orders-2.csv 1", "4,2 orders-2.csv 2"])
    }

    @Test(arguments: Style.allCases)
    func `rows of Parquet files are found by the numbers that the files tell, with the runs that brought them`(
        style: Style
    ) async throws {
        let fixture = try PipelineFixture(
            "sources: {orders: {location: data/orders-*.parquet}}",
            sql: """
                CREATE STREAMING TABLE bronze.orders AS SELECT *, id * 2 AS twice FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW gold.total AS SELECT id % 10 AS digit, sum(id) AS total FROM bronze.orders GROUP BY 1;
                """
        )
        func write(_ name: String, _ first: Int) throws {
            try fixture.drop("", name)
            let path = SQL.literal("\(fixture.folder.path)/data/\(name)")
            let rows = "SELECT range AS id, range % 7 AS amount FROM range(\(first), \(first + 3000))"
            try Database().connect().execute("COPY (\(rows)) TO \(path) (FORMAT parquet, ROW_GROUP_SIZE 2048)")
        }
        try write("orders-1.parquet", 0)
        let first = try #require(try await fixture.run(style).events.first?.runID)
        try write("orders-2.parquet", 3000)
        let second = try #require(try await fixture.run(style).events.first?.runID)
        let trace = try Self.inspection(fixture, style)
            .trace("bronze.orders", where: "id IN (5, 2999, 3000, 5500)", limit: nil)
        let step = try #require(trace.steps.first)
        let ids = try trace.rows(of: step, limit: 10).map(\.id)
        let files = try trace.fileRows(of: step, ids: ids)
        let places = Set(files.map { "\($0.origin.split(separator: "/").last ?? "") \($0.number)" })
        #expect(
            places == [
                "orders-1.parquet 6", "orders-1.parquet 3000", "orders-2.parquet 1", "orders-2.parquet 2501",
            ]
        )
        for file in files {
            let run = file.origin.hasSuffix("1.parquet") && style == .declarative ? first : second
            #expect(file.update == run, "\(file)")
            #expect(file.transfer != nil)
        }
        let gold = try Self.inspection(fixture, style).trace("gold.total", where: "digit = 3", limit: nil)
        #expect(gold.steps.last?.rows == 600)
    }

    @Test(arguments: Style.allCases)
    func `rows are traced through subqueries without names and lists of columns`(style: Style) async throws {
        let fixture = try PipelineFixture(
            "sources: {orders: {location: data/o.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.orders (amount DECIMAL(9, 2), id INT, twice INT GENERATED ALWAYS AS (id * 2))
                  AS SELECT * FROM STREAM read_files('${source.orders}');
                CREATE VIEW silver.named (number, euros BIGINT) AS SELECT id, amount FROM bronze.orders;
                CREATE MATERIALIZED VIEW gold.counts (n INT, number STRING) AS
                  SELECT number, n + v AS n FROM (SELECT number, count(*) AS n FROM silver.named GROUP BY number),
                    (VALUES (1)) AS w(v) WHERE number > (SELECT min(m) FROM (SELECT 0 AS m));
                """
        )
        try fixture.drop("id,amount\n1,10\n2,5\n1,7.25\n", "o.csv")
        #expect(try await fixture.run(style).errors == [])
        let trace = try Self.inspection(fixture, style).trace("gold.counts", where: "number = '1'", limit: nil)
        #expect(try lines(trace).isSuperset(of: ["gold.counts: 3,1", "bronze.orders: 10.00,1,2 | 7.25,1,2"]))
    }

    @Test(arguments: Style.allCases)
    func `forward, a row is told as taken, kept out or left`(style: Style) async throws {
        let fixture = try Self.fixture()
        #expect(try await fixture.run(style).isSuccess)
        let fate = try Self.inspection(fixture, style).fate("bronze.orders", where: nil, limit: nil)
        #expect(fate.count == 7)
        let silver = try #require(fate.steps.first { $0.dataset.description == "silver.orders" })
        #expect(silver.taken == 5)
        #expect(silver.quarantined == ["some": 1])
        #expect(silver.left == 1)
        let named = try #require(fate.steps.first { $0.dataset.description == "gold.named" })
        // Orders of 1 and 3 that are larger than 1, through the view; the order of 1 by 3 and the one of 4 are left.
        #expect(named.taken == 3 && named.rows == 2 && named.left == 2)
        let best = try #require(fate.steps.first { $0.dataset.description == "gold.best" })
        #expect(best.taken == 4 && best.rows == 2 && best.left == 1)
    }

    @Test(arguments: Style.allCases)
    func `why-not names the expectation, the join, the condition and the source`(style: Style) async throws {
        let fixture = try Self.fixture()
        #expect(try await fixture.run(style).isSuccess)
        let look = try Self.inspection(fixture, style)
        func verdict(_ table: String, _ condition: String) throws -> String {
            try look.whyNot(table, where: condition).verdict
        }
        #expect(try verdict("silver.orders", "id = 2").contains("the expectation some (1) is violated"))
        #expect(try verdict("silver.orders", "id = 99").contains("the WHERE of 'silver.orders'"))
        #expect(try verdict("silver.orders", "id = 7").contains("no file of the source 'orders'"))
        #expect(try verdict("gold.named", "name = 'eve'").contains("no file of the source 'names'"))
        #expect(try verdict("gold.best", "id = 4").contains("QUALIFY"))
        #expect(try verdict("gold.named", "name = 'bob' AND total > 100").contains("none for which sum(amount) > 100"))
        #expect(try verdict("gold.named", "name = 'bob'") == "'gold.named' has 1 such row")
        #expect(throws: DuetError.self) { try verdict("gold.named", "nme = 'bob'") }
    }
}
