import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Pipelines as users of the service write them, run in both styles over files that keep coming.
@Suite struct SparkFormRunTests {
    private let orders = """
        {"id":1,"c":10,"ts":"2024-01-31T10:00:00","st":"new","items":[{"sku":"a","qty":1},{"sku":"b","qty":2}],"p":"{\\"a\\":{\\"b\\":5}}"}
        {"id":2,"c":11,"ts":"2024-02-03T10:30:00","st":"done","items":[],"p":"{\\"a\\":{\\"b\\":6}}"}
        {"id":3,"c":10,"ts":"2024-03-01T00:00:00","st":null,"items":null,"p":null}
        """

    private let statements = """
        -- Databricks notebook source
        -- MAGIC %md it's a note; nothing else
        -- COMMAND ----------
        CREATE OR REFRESH STREAMING TABLE b AS SELECT * FROM STREAM read_files("data/o", format => "json");
        CREATE STREAMING TABLE exploded AS SELECT id, explode(items) AS i FROM STREAM(LIVE.b);
        CREATE STREAMING TABLE lines AS SELECT id, i.sku, i.qty FROM STREAM(b) LATERAL VIEW explode(items) t AS i;
        CREATE STREAMING TABLE paths AS SELECT id, p:a.b, p:a.b::int + 1 AS c FROM STREAM(b) WHERE p:a.b::int > 0;
        CREATE MATERIALIZED VIEW outer_lines AS
          SELECT id, nvl(i.sku, '-') AS sku FROM b LATERAL VIEW OUTER explode(items) t AS i;
        CREATE MATERIALIZED VIEW quantities AS
          SELECT i.sku, sum(i.qty) AS q FROM b LATERAL VIEW explode(items) t AS i GROUP BY i.sku;
        CREATE MATERIALIZED VIEW customers AS
          SELECT c, collect_set(st) AS states, count(*) AS n, max(date_format(ts, 'yyyy-MM')) AS month,
            max(datediff(ts, DATE '2024-01-01')) AS days, max(add_months(ts, 1)) AS next FROM b GROUP BY c;
        CREATE MATERIALIZED VIEW news AS SELECT id, initcap(st) AS st FROM b WHERE st RLIKE 'e.' AND !(id = 9);
        """

    @Test func `explode, JSON paths, collect_set and dates give the rows that they give in the service`() async throws {
        let fixture = try PipelineFixture("", sql: statements)
        try fixture.drop(orders, "o/1.json")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        // What is NULL is often left out of JSON files: a file without `p` is no other kind of file.
        try fixture.drop(
            #"{"id":4,"c":10,"ts":"2024-02-29T00:00:00","st":"new","items":[{"sku":"a","qty":5}]}"#,
            "o/2.json"
        )
        let second = try await fixture.run(.declarative)
        #expect(second.isSuccess, "\(second.errors)")
        #expect(second.measures(of: "main.b")?.strategy == .append)
        #expect(second.measures(of: "main.lines")?.strategy == .append)
        #expect(
            try fixture.rows("SELECT * FROM lines ORDER BY id, sku") == [
                ["1", "a", "1"], ["1", "b", "2"], ["4", "a", "5"],
            ]
        )
        #expect(
            try fixture.rows("SELECT id, i.qty FROM exploded ORDER BY id, i.qty") == [
                ["1", "1"], ["1", "2"], ["4", "5"],
            ]
        )
        #expect(try fixture.rows("SELECT * FROM paths ORDER BY id") == [["1", "5", "6"], ["2", "6", "7"]])
        #expect(
            try fixture.rows("SELECT * FROM outer_lines ORDER BY id, sku")
                == [["1", "a"], ["1", "b"], ["2", "-"], ["3", "-"], ["4", "a"]]
        )
        #expect(try fixture.rows("SELECT * FROM quantities ORDER BY sku") == [["a", "6"], ["b", "2"]])
        #expect(
            try fixture.rows("SELECT * FROM customers ORDER BY c")
                == [
                    ["10", "[new]", "3", "2024-03", "60", "2024-04-01"],
                    ["11", "[done]", "1", "2024-02", "33", "2024-03-03"],
                ]
        )
        #expect(try fixture.rows("SELECT * FROM news ORDER BY id") == [["1", "New"], ["4", "New"]])
        let other = try await fixture.run(.procedural)
        #expect(other.isSuccess, "\(other.errors)")
        let differences = try fixture.differences()
        #expect(differences.isEmpty, "\(differences)")
    }

    @Test(arguments: [
        ("SELECT id FROM b WHERE st = \"new\"", "texts stand in single quotes"),
        ("SELECT id FROM b CREATE VIEW w AS SELECT 1", "is a ';' missing"),
        ("SELECT id offset, st FROM b", "\"offset\""),
        ("SELECT id FROM b GROUP BY id WITH ROLLUP", "GROUP BY ROLLUP"),
        ("SELECT window(ts, '1 hour') FROM b", "time_bucket"),
        ("SELECT months_between(ts, ts) FROM b", "date_diff"),
        ("SELECT * EXCEPT (_rescued_data) FROM b", "rescuedDataColumn"),
    ])
    func `SQL that has no counterpart is met with what to write`(query: String, hint: String) async throws {
        let fixture = try PipelineFixture(
            "",
            sql:
                "CREATE STREAMING TABLE b AS SELECT * FROM STREAM read_files('data/o');\nCREATE MATERIALIZED VIEW v AS \(query);"
        )
        try fixture.drop(orders, "o/1.json")
        let errors: [DuetError]
        do {
            errors = try await fixture.run(.declarative).errors
        } catch let error as DuetErrors {
            errors = error.errors
        }
        #expect(errors.first?.hint?.contains(hint) == true, "\(errors)")
        #expect(errors.first?.location?.line == 2)
    }
}
