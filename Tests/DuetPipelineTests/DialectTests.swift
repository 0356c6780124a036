import DuetPipeline
import DuetTestSupport
import Testing

/// What public pipelines write beside the plain forms: read as meant, or refused with a word on what to do.
@Suite struct DialectTests {
    private func pipeline(_ sql: String, _ definition: String = "") throws -> Pipeline {
        try PipelineFixture(definition, sql: sql).pipeline()
    }

    private func text(_ query: String) throws -> String {
        let pipeline = try pipeline("CREATE MATERIALIZED VIEW v AS \(query)")
        return try #require(pipeline.datasets.first?.flows.first?.query.text.text)
    }

    @Test(arguments: [
        ("SELECT array(1, 2) FROM t", "SELECT list_value(1, 2) FROM t"),
        ("SELECT array(SELECT 1) FROM t", "SELECT array(SELECT 1) FROM t"),
        ("SELECT struct(a, t.b, 1 AS c) FROM t", #"SELECT struct_pack("a" := a, "b" := t.b, "c" := 1) FROM t"#),
        (
            "SELECT x::STRUCT(a INTEGER, b STRUCT(c INTEGER)) FROM t",
            "SELECT x::STRUCT(a INTEGER, b STRUCT(c INTEGER)) FROM t"
        ),
        ("SELECT * FROM (t) WHERE a = \"\"", "SELECT * FROM t  WHERE a = ''"),
        ("SELECT * FROM c.s.t JOIN c.s.u USING (a)", "SELECT * FROM s.t JOIN s.u USING (a)"),
        ("SELECT a.b.c FROM s.t", "SELECT a.b.c FROM s.t"),
        ("SELECT (a + 1) div 2, a DIV b AS c FROM t", "SELECT (a + 1) // 2, a // b AS c FROM t"),
        ("SELECT div, t.div, 1 AS div FROM t WHERE div > 1", "SELECT div, t.div, 1 AS div FROM t WHERE div > 1"),
        ("SELECT startswith(a, 'x') FROM t", "SELECT starts_with(a, 'x') FROM t"),
        ("SELECT regexp_like(a, 'x'), raise_error(a) FROM t", "SELECT regexp_matches(a, 'x'), error(a) FROM t"),
        ("SELECT a FROM t LEFT SEMI JOIN u USING (a)", "SELECT a FROM t  SEMI JOIN u USING (a)"),
    ])
    func `Spark's spellings become DuckDB's, and nothing else is touched`(query: String, expected: String) throws {
        #expect(try text(query) == expected)
    }

    @Test func `a path stands for a source that nobody declared`() throws {
        let pipeline = try pipeline(
            """
            CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_files("/data/a/*.json", format => "json");
            CREATE STREAMING LIVE TABLE b AS SELECT * FROM cloud_files('/data/b', 'csv', map('header', 'false'));
            CREATE MATERIALIZED VIEW c AS SELECT * FROM json.`/data/c.json`;
            CREATE MATERIALIZED VIEW d AS SELECT * FROM read_files('${base}/a.parquet');
            """,
            "parameters: {base: /data}"
        )
        #expect(pipeline.sources.map(\.name) == ["/data/a/*.json", "/data/b", "/data/c.json", "/data/a.parquet"])
        #expect(pipeline.sources.map(\.format) == [.json, .csv, .json, .parquet])
        let reads = pipeline.datasets.flatMap(\.flows).flatMap(\.query.fileReads)
        #expect(reads.map(\.isStream) == [true, true, false, false])
        #expect(reads[1].options.map(\.name) == ["format", "header"])
    }

    @Test func `clauses without effect are told of`() throws {
        let pipeline = try pipeline(
            """
            SET pipelines.trigger.interval = 10 seconds;
            SET pipelines.trigger.interval;
            USE SCHEMA other;
            CREATE OR REFRESH STREAMING TABLE t (id BIGINT PRIMARY KEY, CONSTRAINT pk PRIMARY KEY (id))
              CLUSTER BY AUTO SCHEDULE EVERY 1 HOUR COMMENT 'c'
              AS SELECT * FROM STREAM(s) WITH (SKIPCHANGECOMMITS) WATERMARK at DELAY OF INTERVAL 10 MINUTES;
            CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('/data/s.csv');
            """
        )
        let notes = pipeline.warnings.map(\.message)
        for word in ["SET", "USE", "layout", "schedule", "watermark", "SKIPCHANGECOMMITS", "SET without"] {
            #expect(notes.contains { $0.contains(word) }, "\(word) in \(notes)")
        }
        #expect(notes.count == 7)
        #expect(pipeline.datasets[0].flows.first?.query.text.text == "SELECT * FROM s   ")
        #expect(pipeline.datasets[0].comment == "c")
    }

    @Test func `older words for schedules and views are read`() throws {
        let pipeline = try pipeline(
            """
            CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('/data/s.csv');
            CREATE TEMPORARY STREAMING VIEW v AS SELECT * FROM STREAM(s);
            CREATE TEMPORARY STREAMING LIVE VIEW w AS SELECT * FROM STREAM(LIVE.s);
            CREATE MATERIALIZED VIEW m SCHEDULE REFRESH EVERY 1 HOUR REFRESH POLICY FULL AS SELECT * FROM v;
            CREATE MATERIALIZED VIEW n REFRESH POLICY FULL SCHEDULE REFRESH CRON '0 0 * * * ?' AT TIME ZONE 'UTC'
              COMMENT 'c' AS SELECT * FROM w;
            """
        )
        #expect(pipeline.datasets.map(\.kind).filter { $0 == .view }.count == 2)
        #expect(pipeline.datasets.suffix(2).map(\.refreshPolicy) == [.full, .full])
        #expect(pipeline.datasets.last?.comment == "c")
    }

    @Test func `a column that orders events may be called like a word of SQL`() throws {
        let pipeline = try pipeline(
            """
            CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_files('/data/a.csv');
            CREATE STREAMING TABLE t;
            AUTO CDC INTO t FROM STREAM(a) KEYS (id) SEQUENCE BY at;
            CREATE STREAMING TABLE u;
            AUTO CDC INTO u FROM STREAM(a) KEYS (id) SEQUENCE BY STRUCT(at, offset);
            """
        )
        let sequences = pipeline.datasets.compactMap { $0.capture?.sequence.text }
        #expect(sequences == [#""at""#, #"{'at': "at", 'offset': "offset"}"#])
    }

    @Test func `a parameter may stand for a name or its parts`() throws {
        let pipeline = try pipeline(
            "CREATE MATERIALIZED VIEW ${where}.${prefix}_orders AS SELECT 1 AS a;",
            "parameters: {where: main.gold, prefix: raw}"
        )
        #expect(pipeline.datasets.map(\.name.description) == ["gold.raw_orders"])
    }

    @Test func `NOT NULL stops the update`() throws {
        let pipeline = try pipeline("CREATE MATERIALIZED VIEW v (id BIGINT NOT NULL COMMENT 'c') AS SELECT 1 AS id;")
        #expect(pipeline.datasets[0].expectations.map(\.action) == [.fail])
        #expect(pipeline.datasets[0].expectations.map(\.condition.text) == ["\"id\" IS NOT NULL"])
    }

    @Test(arguments: [
        ("CREATE TABLE t AS SELECT 1", "CREATE TABLE is not a statement of a pipeline"),
        ("CREATE OR REPLACE FUNCTION f(a INT) RETURN a", "CREATE FUNCTION is not a statement of a pipeline"),
        ("SELECT 1", "expected a CREATE statement"),
        ("CREATE MATERIALIZED VIEW v WITH ROW FILTER f ON (a) AS SELECT 1 AS a", "a row filter is not supported"),
        ("CREATE STREAMING TABLE t; AUTO CDC INTO t FROM SNAPSHOT s KEYS (id)", "has no SEQUENCE BY"),
        (
            "CREATE STREAMING TABLE t; AUTO CDC INTO t FROM SNAPSHOT s KEYS (id) APPLY AS DELETE WHEN x SEQUENCE BY d",
            "snapshots have no APPLY AS"
        ),
    ])
    func `what cannot be had is refused in plain words`(sql: String, message: String) throws {
        let error = #expect(throws: DuetErrors.self) { try pipeline(sql) }
        #expect(error?.errors.first?.message.contains(message) == true, "\(String(describing: error))")
        #expect(error?.errors.first?.hint != nil)
    }

    @Test func `several change flows share one table of events`() throws {
        let pipeline = try pipeline(
            """
            CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_files('/data/a.csv');
            CREATE STREAMING TABLE b AS SELECT * FROM STREAM read_files('/data/b.csv');
            CREATE STREAMING TABLE t;
            AUTO CDC INTO t FROM STREAM(a) KEYS (id) SEQUENCE BY at;
            AUTO CDC INTO t FROM STREAM(b) KEYS (id) SEQUENCE BY at;
            """
        )
        let names = pipeline.datasets.map(\.name.description)
        #expect(names == ["main.a", "main.b", "main.t@events@1", "main.t@events@2", "main.t@events", "main.t"])
        #expect(pipeline.withFlows([pipeline.datasets[5].name]).count == 4)
        let other = #expect(throws: DuetErrors.self) {
            try self.pipeline(
                """
                CREATE STREAMING TABLE a AS SELECT * FROM STREAM read_files('/data/a.csv');
                CREATE STREAMING TABLE t;
                AUTO CDC INTO t FROM STREAM(a) KEYS (id) SEQUENCE BY at;
                AUTO CDC INTO t FROM STREAM(a) KEYS (id, no) SEQUENCE BY at;
                """
            )
        }
        #expect(other?.errors.first?.message.contains("differ in more than what they read") == true)
    }
}
