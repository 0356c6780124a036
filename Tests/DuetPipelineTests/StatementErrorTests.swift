import DuetPipeline
import DuetTestSupport
import Testing

/// What a user is told about SQL files that are wrong; the texts are in `Snapshots/`.
@Suite struct StatementErrorTests {
    private static let definition = """
        name: a
        parameters: {least: "3", schema: silver}
        sources:
          orders: {location: data/orders.csv}
        """

    private func check(_ cases: [(String, String)], _ snapshot: String) throws {
        let text = try Diagnostics.text(
            of: cases.map { (title: $0.0, definition: Self.definition, sql: $0.1) }
        )
        #expect(try Snapshot.mismatch(text, snapshot) == nil)
    }

    @Test func `what is never closed is pointed at where it opens`() throws {
        let view = "CREATE MATERIALIZED VIEW gold.a AS\n"
        try check(
            [
                ("a string", view + "SELECT 'abc AS x;\n"),
                ("a string with a doubled quote", view + "SELECT 'it''s AS x;\n"),
                ("a quoted name", view + "SELECT 1 AS \"x;\n"),
                ("a back-quoted name", view + "SELECT 1 AS `x;\n"),
                ("a comment", view + "SELECT /* one /* two */ 1 AS x;\n"),
                ("a dollar quote", view + "SELECT $tag$ text $other$ AS x;\n"),
                ("a parameter", view + "SELECT ${least AS x;\n"),
                ("the bracket of a column list", "CREATE VIEW gold.a (x, (y) AS SELECT 1 AS x;\n"),
                (
                    "the bracket of an expectation",
                    "CREATE VIEW gold.a (CONSTRAINT c EXPECT (x > 0) AS SELECT 1 AS x;\n"
                ),
                ("the bracket of read_files", "CREATE VIEW gold.a AS SELECT * FROM read_files('${source.orders}';\n"),
                ("the bracket of STREAM", "CREATE STREAMING TABLE a AS SELECT * FROM STREAM(gold.b;\n"),
                ("a bracket of the query", view + "SELECT (1 + 2 AS x;\n"),
            ],
            "unclosed"
        )
    }

    @Test func `a statement that a pipeline cannot have is named`() throws {
        try check(
            [
                ("a query alone", "SELECT 1;\n"),
                ("a table", "CREATE TABLE gold.a AS SELECT 1 AS x;\n"),
                ("a flow", "CREATE FLOW f AS INSERT INTO gold.a SELECT 1;\n"),
                ("no name", "CREATE MATERIALIZED VIEW AS SELECT 1;\n"),
                ("a string as its name", "CREATE VIEW 'a' AS SELECT 1;\n"),
                ("a name of four parts", "CREATE VIEW a.b.c.d AS SELECT 1;\n"),
                ("a name that ends in a dot", "CREATE VIEW gold. AS SELECT 1;\n"),
                ("no query", "CREATE MATERIALIZED VIEW gold.a;\n"),
                ("AS and nothing", "CREATE MATERIALIZED VIEW gold.a AS;\n"),
                ("nothing but CREATE", "CREATE;\n"),
                ("a misspelled clause", "CREATE VIEW gold.a COMENT 'x' AS SELECT 1;\n"),
                ("a comment without quotes", "CREATE VIEW gold.a COMMENT x AS SELECT 1;\n"),
                ("a property without value", "CREATE VIEW gold.a TBLPROPERTIES ('x' = ) AS SELECT 1;\n"),
                ("a property without '='", "CREATE VIEW gold.a TBLPROPERTIES ('x', 'y') AS SELECT 1;\n"),
                ("properties without comma", "CREATE VIEW gold.a TBLPROPERTIES ('x' = 1 'y' = 2) AS SELECT 1;\n"),
                ("an unknown policy", "CREATE VIEW gold.a REFRESH POLICY SOMETIMES AS SELECT 1;\n"),
                ("only comments", "-- nothing here\n/* nor here */\n"),
            ],
            "statements"
        )
    }

    @Test func `an expectation that is wrong is pointed at`() throws {
        let view = { (columns: String) in "CREATE VIEW gold.a (\n  \(columns)\n) AS SELECT 1 AS x;\n" }
        try check(
            [
                ("no name", view("EXPECT (x > 0)")),
                ("no condition", view("CONSTRAINT c EXPECT ()")),
                ("no brackets", view("CONSTRAINT c EXPECT x > 0")),
                ("no EXPECT", view("CONSTRAINT c CHECK (x > 0)")),
                ("an unknown action", view("CONSTRAINT c EXPECT (x > 0) ON VIOLATION DROP TABLE")),
                ("something behind it", view("CONSTRAINT c EXPECT (x > 0) DROP ROW")),
                ("two of a name", view("CONSTRAINT c EXPECT (x > 0),\n  CONSTRAINT C EXPECT (x < 9)")),
                (
                    "an unknown column",
                    view("CONSTRAINT c EXPECT (x > 0),\n  CONSTRAINT d EXPECT (x > 0 AND\n    yy < 9)")
                ),
                ("an unknown parameter", view("CONSTRAINT c EXPECT (x > ${leest})")),
                ("a syntax error", view("CONSTRAINT c EXPECT (x > > 0)")),
                ("a generated column", view("y INT GENERATED ALWAYS AS (x + 1)")),
            ],
            "expectations"
        )
    }

    @Test func `sources and parameters that are not declared are named`() throws {
        let stream = { (call: String) in "CREATE STREAMING TABLE bronze.a AS\nSELECT * FROM STREAM \(call);\n" }
        try check(
            [
                ("an unknown source", stream("read_files('${source.ordres}')")),
                ("a path", stream("read_files('/data/orders')")),
                ("no argument", stream("read_files()")),
                ("an option without arrow", stream("read_files('${source.orders}', header = true)")),
                ("an option without value", stream("read_files('${source.orders}', header => )")),
                ("an unknown parameter in an option", stream("read_files('${source.orders}', sep => '${seperator}')")),
                ("a bracket in place of a name", stream("((SELECT 1))")),
                ("an unknown parameter", "CREATE VIEW gold.a AS\nSELECT 1 AS x,\n  ${laest} AS y;\n"),
                ("an unknown parameter in a string", "CREATE VIEW gold.a AS\nSELECT 'from ${laest} on' AS y;\n"),
                ("a source as a parameter", "CREATE VIEW gold.a AS SELECT '${source.orders}' AS y;\n"),
            ],
            "undeclared"
        )
    }
}
