import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Columns that a dataset lists: their types, their order, and what does not fit them; in both styles alike.
@Suite struct ColumnListTests {
    private static let shop = """
        CREATE STREAMING TABLE s.orders (
          "day" DATE COMMENT 'when', id BIGINT NOT NULL COMMENT 'the key', amount DECIMAL(9, 2),
          cents BIGINT GENERATED ALWAYS AS (amount * 100), tags ARRAY<STRING>,
          CONSTRAINT sold EXPECT (cents > 0) ON VIOLATION DROP ROW
        ) AS SELECT id, amount, day, string_split(tags, '+') AS tags FROM STREAM read_files('${source.orders}');
        CREATE STREAMING TABLE s.large (id INT, euros INT) AS
          SELECT amount AS euros, id FROM STREAM(s.orders) WHERE amount > 10;
        CREATE VIEW s.named (what, "when" STRING) AS SELECT id, day FROM s.orders;
        CREATE MATERIALIZED VIEW g.days (revenue DECIMAL(18, 1), "day" STRING, orders INT) REFRESH POLICY INCREMENTAL AS
          SELECT day, count(*) AS orders, sum(amount) AS revenue FROM s.orders GROUP BY day;
        CREATE MATERIALIZED VIEW g.whens (n INT, "when" DATE) REFRESH POLICY INCREMENTAL AS
          SELECT "when", count(what) AS n FROM s.named GROUP BY "when";
        """

    private func fixture(_ sql: String = Self.shop) throws -> PipelineFixture {
        let fixture = try PipelineFixture("sources: {orders: {location: data/o*.csv}}", sql: sql)
        try fixture.drop("id,amount,day,tags\n1,12.345,2026-01-01,a+b\n2,8,2026-01-01,\n3,-1,2026-01-02,c\n", "o1.csv")
        return fixture
    }

    private func columns(_ table: String, _ fixture: PipelineFixture, _ style: Style) throws -> [String] {
        try fixture.rows("SELECT column_name, column_type FROM (DESCRIBE \(table))", style)
            .map { $0.joined(separator: " ") }
    }

    @Test func `columns have the types and the order that are listed, built and kept up to date`() async throws {
        let fixture = try fixture()
        for style in [Style.declarative, .procedural] { #expect(try await fixture.run(style).errors == []) }
        for style in [Style.declarative, .procedural] {
            #expect(
                try columns("s.orders", fixture, style)
                    == ["day DATE", "id BIGINT", "amount DECIMAL(9,2)", "cents BIGINT", "tags VARCHAR[]"]
            )
            #expect(try columns("s.large", fixture, style) == ["id INTEGER", "euros INTEGER"])
            #expect(try columns("s.named", fixture, style) == ["what BIGINT", "when VARCHAR"])
            #expect(
                try columns("g.days", fixture, style) == ["revenue DECIMAL(18,1)", "day VARCHAR", "orders INTEGER"]
            )
            #expect(try columns("g.whens", fixture, style) == ["n INTEGER", "when DATE"])
            #expect(
                try fixture.rows(
                    "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = 's' AND comment IS NOT NULL "
                        + "ORDER BY ALL",
                    style
                ) == [["day", "when"], ["id", "the key"]]
            )
            #expect(
                try fixture.rows("SELECT * FROM s.orders ORDER BY id", style) == [
                    ["2026-01-01", "1", "12.35", "1235", "[a, b]"], ["2026-01-01", "2", "8.00", "800", "NULL"],
                ]
            )
        }
        // A new file, and one that changes: incremental updates go through the same frame.
        try fixture.drop("id,amount,day,tags\n4,30.5,2026-01-02,d\n", "o2.csv")
        let update = try await fixture.run(.declarative)
        #expect(update.measures(of: "s.orders")?.strategy == .append)
        #expect(update.measures(of: "s.large")?.strategy == .append)
        #expect(update.measures(of: "g.days")?.strategy == .incremental)
        #expect(update.measures(of: "g.whens")?.strategy == .incremental)
        try fixture.drop("id,amount,day,tags\n1,20.25,2026-01-03,a\n2,8,2026-01-01,\n", "o1.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT * FROM s.large ORDER BY id") == [["1", "20"], ["4", "31"]])
        #expect(
            try fixture.rows("SELECT * FROM g.days ORDER BY day") == [
                ["8.0", "2026-01-01", "1"], ["30.5", "2026-01-02", "1"], ["20.3", "2026-01-03", "1"],
            ]
        )
        try await fixture.run(.procedural)
        #expect(try fixture.differences() == [])
    }

    @Test(arguments: [Style.declarative, .procedural])
    func `a value that is not of its column's type is named, and the table stays`(_ style: Style) async throws {
        let fixture = try fixture()
        try await fixture.run(style)
        let before = try fixture.rows("SELECT * FROM s.orders ORDER BY id", style)
        try fixture.drop("id,amount,day,tags\n4,much,2026-01-02,d\n", "o2.csv")
        let outcome = try await fixture.run(style)
        let error = try #require(outcome.errors.first).description
        #expect(error.contains("transformations/all.sql:2:68: error[WRONG_VALUE]"))
        #expect(error.contains("'much' in 'amount' of 's.orders' is no DECIMAL(9, 2)"))
        #expect(error.contains("id = 4, amount = much, day = 2026-01-02"))
        #expect(try fixture.rows("SELECT * FROM s.orders ORDER BY id", style) == before)
    }

    static let wrong: [(String, String)] = [
        ("CREATE MATERIALIZED VIEW g.a (x INT, y INT) AS SELECT 1 AS x", "lists the column 'y', which its query"),
        ("CREATE MATERIALIZED VIEW g.a (x INT) AS SELECT 1 AS x, 2 AS y", "gives the column 'y', which is not among"),
        ("CREATE MATERIALIZED VIEW g.a (x NOT NULL, y) AS SELECT 1 AS x", "lists the column 'y', which its query"),
        ("CREATE MATERIALIZED VIEW g.a (x DATE) AS SELECT 1 AS x", "cannot be cast to that"),
        ("CREATE MATERIALIZED VIEW g.a (x DAT) AS SELECT 1 AS x", "has the type DAT, which is none"),
        ("CREATE MATERIALIZED VIEW g.a (x INT, x INT) AS SELECT 1 AS x", "two columns named 'x'"),
        ("CREATE VIEW g.a (x, y) AS SELECT 1 AS x", "lists 2 columns, and its query gives 1"),
        ("CREATE VIEW g.a (x) AS SELECT 1 AS x, 2 AS y", "lists 1 columns, and its query gives 2"),
        (
            "CREATE MATERIALIZED VIEW g.a (x INT, y INT GENERATED ALWAYS AS (x + z)) AS SELECT 1 AS x",
            "\"z\" not found"
        ),
        (
            "CREATE MATERIALIZED VIEW g.a (x INT, y INT GENERATED ALWAYS AS (x)) AS SELECT 1 AS x, 2 AS y",
            "is generated, and the query gives it too"
        ),
        (
            "CREATE MATERIALIZED VIEW g.a (x INT, n BIGINT GENERATED ALWAYS AS IDENTITY) AS SELECT 1 AS x",
            "an IDENTITY column is not supported"
        ),
        ("CREATE VIEW g.a (x INT GENERATED ALWAYS AS (1)) AS SELECT 1 AS x", "on a column is not supported"),
    ]

    @Test(arguments: wrong)
    func `a list that does not fit is refused at its place, before anything runs`(
        _ sql: String,
        _ message: String
    ) async throws {
        let fixture = try PipelineFixture("", sql: "\n\(sql);")
        let text: String
        do {
            let pipeline = try fixture.pipeline()
            text = try await offPool {
                do {
                    _ = try Validation.check(pipeline)
                    return ""
                } catch { return "\(error)" }
            }
        } catch { text = "\(error)" }
        #expect(text.contains(message), "\(text)")
        #expect(text.contains("all.sql:2:"), "\(text)")
    }

    @Test func `flows fill listed columns by name, and change events are cast`() async throws {
        let fixture = try fixture(
            """
            CREATE STREAMING TABLE b.events AS SELECT * FROM STREAM read_files('${source.orders}');
            CREATE STREAMING TABLE s.one (note STRING, id INT, amount DOUBLE);
            CREATE FLOW f AS INSERT INTO s.one BY NAME SELECT amount, id FROM STREAM(b.events);
            CREATE STREAMING TABLE s.two (note STRING, id INT, via STRING);
            CREATE FLOW a AS INSERT INTO s.two BY NAME SELECT id, 'a' AS via FROM STREAM(b.events);
            CREATE FLOW c AS INSERT INTO s.two BY NAME SELECT id, 'c' AS via FROM STREAM(b.events) WHERE id <> '2';
            CREATE STREAMING TABLE s.cdc (amount DECIMAL(9, 2), id INT) COMMENT 'the last state'
              FLOW AUTO CDC FROM STREAM b.events KEYS (id) SEQUENCE BY day COLUMNS id, amount STORED AS SCD TYPE 1;
            CREATE STREAMING TABLE s.past (id INT, amount DOUBLE, __START_AT DATE, __END_AT DATE);
            CREATE FLOW e AS AUTO CDC INTO s.past FROM STREAM(b.events) KEYS (id) SEQUENCE BY day
              COLUMNS id, amount STORED AS SCD TYPE 2;
            CREATE MATERIALIZED VIEW g.sums (amount DOUBLE, id STRING) REFRESH POLICY INCREMENTAL AS
              SELECT id, sum(amount) AS amount FROM s.cdc GROUP BY id;
            """
        )
        #expect(try await fixture.run(.declarative).errors == [])
        #expect(try columns("s.one", fixture, .declarative) == ["note VARCHAR", "id INTEGER", "amount DOUBLE"])
        #expect(try columns("s.two", fixture, .declarative) == ["note VARCHAR", "id INTEGER", "via VARCHAR"])
        #expect(try columns("s.cdc", fixture, .declarative) == ["amount DECIMAL(9,2)", "id INTEGER"])
        try fixture.drop("id,amount,day,tags\n2,9.999,2026-01-04,\n5,5,2026-01-04,\n", "o2.csv")
        let update = try await fixture.run(.declarative)
        #expect(update.errors == [])
        for name in ["s.one", "s.two", "s.cdc", "s.past", "g.sums"] {
            #expect(update.measures(of: name)?.strategy != .full, "\(name)")
        }
        #expect(
            try fixture.rows("SELECT * FROM s.cdc ORDER BY id") == [
                ["12.35", "1"], ["10.00", "2"], ["-1.00", "3"], ["5.00", "5"],
            ]
        )
        #expect(
            try fixture.rows("SELECT * FROM s.past WHERE id = 2 ORDER BY __START_AT") == [
                ["2", "8.0", "2026-01-01", "2026-01-04"], ["2", "9.999", "2026-01-04", "NULL"],
            ]
        )
        #expect(try fixture.rows("SELECT count(*), count(note) FROM s.one") == [["5", "0"]])
        #expect(try fixture.rows("SELECT count(*), count(note) FROM s.two") == [["8", "0"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences() == [])
    }

    @Test func `another type in the list makes the table anew`() async throws {
        let fixture = try fixture(
            "CREATE STREAMING TABLE s.o (id INT) AS SELECT id FROM STREAM read_files('${source.orders}');"
        )
        try await fixture.run(.declarative)
        try fixture.rewrite(
            sql: "CREATE STREAMING TABLE s.o (id BIGINT) AS SELECT id FROM STREAM read_files('${source.orders}');"
        )
        try await fixture.run(.declarative)
        #expect(try columns("s.o", fixture, .declarative) == ["id BIGINT"])
    }
}
