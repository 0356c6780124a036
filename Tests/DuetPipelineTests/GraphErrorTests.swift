import DuetPipeline
import DuetTestSupport
import Testing

/// What a user is told about datasets that do not fit together; the texts are in `Snapshots/`.
@Suite struct GraphErrorTests {
    private static let definition = "name: a\nparameters: {least: \"3\", schema: silver, long: abcdefghijklmnopq}\n"
    private static let base = "CREATE MATERIALIZED VIEW silver.orders AS SELECT 1 AS id, 2.5 AS amount, 'x' AS name;\n"

    private func check(_ cases: [(String, String)], _ snapshot: String) throws {
        let text = try Diagnostics.text(
            of: cases.map { (title: $0.0, definition: Self.definition, sql: Self.base + $0.1) }
        )
        #expect(try Snapshot.mismatch(text, snapshot) == nil)
    }

    @Test func `a table that no dataset defines comes with the one that was meant`() throws {
        let view = "CREATE MATERIALIZED VIEW gold.a AS\n"
        try check(
            [
                ("in FROM", view + "SELECT *\nFROM silver.ordres;\n"),
                ("in a join", view + "SELECT *\nFROM silver.orders\n  JOIN silver.customer USING (id);\n"),
                ("without its schema", view + "SELECT * FROM orders;\n"),
                ("in a subquery", view + "SELECT * FROM silver.orders\nWHERE id IN (SELECT id FROM silver.oders);\n"),
                ("behind a common table expression", view + "WITH o AS (SELECT 1)\nSELECT * FROM o, p;\n"),
                ("as a stream", "CREATE STREAMING TABLE gold.a AS\nSELECT * FROM STREAM(silver.ordres);\n"),
                (
                    "as a stream without brackets",
                    "CREATE STREAMING TABLE gold.a AS\nSELECT * FROM STREAM silver.ordres;\n"
                ),
                ("with LIVE", view + "SELECT *\nFROM LIVE.silver.ordres;\n"),
                ("in back-quotes", view + "SELECT * FROM `silver`.`ordres`;\n"),
                ("by a parameter", view + "SELECT 1 AS x,\n * FROM ${schema}.ordres;\n"),
                ("twice", view + "SELECT * FROM silver.ordres\nUNION ALL\nSELECT * FROM silver.oders;\n"),
            ],
            "unknown-tables"
        )
    }

    @Test func `datasets that read each other in a circle are shown as a path`() throws {
        let view = { (name: String, input: String) in "CREATE VIEW gold.\(name) AS SELECT * FROM gold.\(input);\n" }
        try check(
            [
                ("itself", view("a", "a")),
                ("two", view("a", "b") + view("b", "a")),
                (
                    "three, with others before and behind",
                    view("x", "a") + view("a", "b") + view("b", "c") + view("c", "a")
                ),
                (
                    "defined twice",
                    view("a", "b") + "CREATE VIEW gold.b AS SELECT 1;\n\nCREATE VIEW Gold.A AS SELECT 2;\n"
                ),
                (
                    "a streaming table without a stream",
                    "CREATE STREAMING TABLE gold.a AS SELECT * FROM silver.orders;\n"
                ),
            ],
            "cycles"
        )
    }

    @Test func `a column that is not there is pointed at in the user's own file`() throws {
        let view = "CREATE MATERIALIZED VIEW gold.a AS\n"
        try check(
            [
                ("on the first line of the query", view + "SELECT amonut FROM silver.orders;\n"),
                ("some lines below", view + "SELECT\n  id,\n  amount,\n  nmae\nFROM silver.orders;\n"),
                (
                    "behind a parameter that grew",
                    view + "SELECT '${long}' AS l, ${least} AS n, nmae FROM silver.orders;\n"
                ),
                ("behind a parameter that shrank", view + "SELECT ${least} + ${least} + nmae FROM silver.orders;\n"),
                ("behind LIVE", view + "SELECT o.id, o.nmae\nFROM LIVE.silver.orders AS o WHERE o.naem = 1;\n"),
                (
                    "behind a stream",
                    "CREATE STREAMING TABLE gold.a AS\nSELECT id FROM STREAM(silver.orders)\nWHERE nmae = 'x';\n"
                ),
                (
                    "behind a stream on one line",
                    "CREATE STREAMING TABLE gold.a AS SELECT id FROM STREAM(silver.orders) WHERE nmae = 'x';\n"
                ),
                ("behind back-quotes", view + "SELECT `id`, `amount`, `nmae` FROM `silver`.`orders`;\n"),
                ("behind letters beyond ASCII", view + "SELECT 'größe 和 🎈' AS \"ö\", nmae FROM silver.orders;\n"),
                ("behind tabs", view + "\tSELECT\tid,\tnmae\n\tFROM\tsilver.orders;\n"),
                ("behind comments", view + "-- it's a comment\nSELECT id, /* 'and */ nmae FROM silver.orders;\n"),
                ("with Windows line ends", "CREATE VIEW gold.a AS\r\nSELECT id,\r\n  nmae\r\nFROM silver.orders;\r\n"),
                ("in a join", view + "SELECT a.id FROM silver.orders a\nJOIN silver.orders b ON a.id = b.idd;\n"),
                ("of no table", view + "SELECT oders.id FROM silver.orders;\n"),
            ],
            "unknown-columns"
        )
    }

    @Test func `SQL that does not parse or fit is told with its place`() throws {
        let view = "CREATE MATERIALIZED VIEW gold.a AS\n"
        try check(
            [
                ("a syntax error", view + "SELECT id\nFORM silver.orders;\n"),
                ("a syntax error at the end", view + "SELECT id FROM silver.orders\nWHERE;\n"),
                ("a closing bracket too many", view + "SELECT id) FROM silver.orders;\n"),
                ("an unknown function", view + "SELECT id,\n  uper(name) AS name FROM silver.orders;\n"),
                ("wrong types", view + "SELECT id,\n  name + DATE '2020-01-01' AS n FROM silver.orders;\n"),
                ("a column not grouped", view + "SELECT name, sum(amount) AS total FROM silver.orders;\n"),
                ("a statement that is no query", view + "INSERT INTO silver.orders SELECT 1;\n"),
                ("a pivot", view + "PIVOT silver.orders ON name USING sum(amount);\n"),
                ("two columns of a name", view + "SELECT id, id FROM silver.orders;\n"),
            ],
            "sql"
        )
    }
}
