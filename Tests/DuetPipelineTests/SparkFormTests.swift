import DuetPipeline
import DuetTestSupport
import Testing

/// Spark's SQL that means nothing in DuckDB's, as DuckDB gets it.
@Suite struct SparkFormTests {
    private func text(_ query: String) throws -> String {
        let pipeline = try PipelineFixture("", sql: "CREATE MATERIALIZED VIEW v AS \(query)").pipeline()
        return try #require(pipeline.datasets.first?.flows.first?.query.text.text)
    }

    @Test(arguments: [
        ("nvl(a, 0)", "coalesce(a, 0)"), ("nvl2(a, b, c)", "CASE WHEN a IS NOT NULL THEN b ELSE c END"),
        ("NVL(nvl(a, b), array(1)[1])", "coalesce(coalesce(a, b), list_value(1)[1])"),
        ("current_timestamp()", "current_timestamp"), ("string(a) || int(b)", "CAST(a AS STRING) || CAST(b AS INT)"),
        ("timestamp(a)", "CAST(a AS TIMESTAMP)"), ("TIMESTAMP '2024-01-01'", "TIMESTAMP '2024-01-01'"),
        ("date_format(a, \"yyyy-MM-dd'T'HH:mm\")", "strftime(CAST(a AS TIMESTAMP), '%Y-%m-%dT%H:%M')"),
        ("to_date(a, 'dd/MM/yy')", "CAST(strptime(a, '%d/%m/%y') AS DATE)"), ("to_date(a)", "CAST(a AS DATE)"),
        ("datediff(a, b)", "date_diff('day', CAST(b AS DATE), CAST(a AS DATE))"),
        ("datediff('day', a, b)", "datediff('day', a, b)"),
        ("datediff(HOUR, a, b)", "date_sub('hour', CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP))"),
        ("date_sub(a, 7)", "(CAST(a AS DATE) - CAST(7 AS INTEGER))"),
        ("date_sub('day', a, b)", "date_sub('day', a, b)"),
        ("date_add(a, -7)", "(CAST(a AS DATE) + CAST(-7 AS INTEGER))"),
        ("date_add(a, INTERVAL 1 DAY)", "date_add(a, INTERVAL 1 DAY)"),
        ("dateadd(DAY, 1, a)", "(CAST(a AS TIMESTAMP) + CAST(1 AS INTEGER) * INTERVAL 1 DAY)"),
        ("date_trunc('MM', a)", "date_trunc('month', a)"), ("date_trunc('month', a)", "date_trunc('month', a)"),
        ("trunc(a, 'MM')", "CAST(date_trunc('month', CAST(a AS DATE)) AS DATE)"), ("trunc(a)", "trunc(a)"),
        ("collect_set(a)", "coalesce(list(DISTINCT a ORDER BY a) FILTER (WHERE a IS NOT NULL), [])"),
        ("collect_list(a) OVER (ORDER BY b)", "list(a) FILTER (WHERE a IS NOT NULL) OVER (ORDER BY b)"),
        ("last(a, true)", "last(a) FILTER (WHERE a IS NOT NULL)"), ("last(a)", "last(a)"),
        ("first_value(a, true) OVER (ORDER BY b)", "first_value(a IGNORE NULLS) OVER (ORDER BY b)"),
        ("named_struct('a', 1, 'b', c)", #"struct_pack("a" := 1, "b" := c)"#),
        ("map('a', 1, 'b', 2)", "map(['a', 'b'], [1, 2])"), ("map(['a'], [1])", "map(['a'], [1])"),
        ("from_json(a, 'x INT, l ARRAY<STRING>')", #"from_json(a, '{"x":"INT","l":["STRING"]}')"#),
        (#"from_json(a, '{"x":"INT"}')"#, #"from_json(a, '{"x":"INT"}')"#),
        ("substring_index(a, '-', -2)", "array_to_string(string_split(a, '-')[-2:], '-')"),
        ("explode(a)", "unnest(a)"), ("size(split(a, ','))", "len(split(a, ','))"),
        ("a RLIKE '^x\\\\d'", "a SIMILAR TO '(?s:.*)(?:^x\\d)(?s:.*)'"), ("a <=> b", "a  IS NOT DISTINCT FROM  b"),
        ("!isnull(a)", "NOT (a IS NULL)"), ("a != b", "a != b"), ("a !~~ b", "a !~~ b"),
        ("1L + 2.5D, 3e5, 0x1F", "CAST(1 AS BIGINT) + CAST(2.5 AS DOUBLE), 3e5, 0x1F"), ("12m_payer", #""12m_payer""#),
        ("CAST(a AS ARRAY<STRUCT<b: INT>>)", "CAST(a AS STRUCT(b INT)[])"), ("a::TIMESTAMP_NTZ", "a::TIMESTAMP"),
        ("1 AS byte", "1 AS byte"), ("CAST(a AS BYTE)", "CAST(a AS TINYINT)"),
        ("CAST(a AS DOUBLE)", "CAST(a AS DOUBLE)"),
        ("a:b", #"json_extract_string(a, '$."b"') AS "b""#), ("x: b", "x: b"), ("{a:b}", "{a:b}"), ("l[a:b]", "l[a:b]"),
        ("t.a:b.`c d`[0]['e']::int", #"json_extract_string(t.a, '$."b"."c d"[0]."e"')::int"#),
        ("max(a:b)", #"max(json_extract_string(a, '$."b"'))"#),
    ])
    func `a form of Spark's becomes DuckDB's, and what is DuckDB's stays`(written: String, expected: String) throws {
        #expect(try text("SELECT \(written) FROM t") == "SELECT \(expected) FROM t")
    }

    @Test(arguments: [
        (
            "SELECT i FROM t LATERAL VIEW explode(l) x AS i WHERE i > 1",
            #"SELECT i FROM t CROSS JOIN LATERAL (SELECT unnest(l) AS "i") AS "x" WHERE i > 1"#
        ),
        (
            "SELECT p, v FROM t LATERAL VIEW OUTER posexplode(l) AS p, v",
            #"SELECT p, v FROM t LEFT JOIN LATERAL (SELECT unnest(range(len(l))) AS "p", unnest(l) AS "v") AS "__lateral6" ON true"#
        ),
        ("SELECT i FROM t, LATERAL explode(l) AS x(i)", "SELECT i FROM t,  unnest(l) AS x(i)"),
        (
            "SELECT a:b, a:c.d FROM t GROUP BY a:b, a:c.d",
            #"SELECT json_extract_string(a, '$."b"') AS "b", json_extract_string(a, '$."c"."d"') AS "d" FROM t GROUP BY json_extract_string(a, '$."b"'), json_extract_string(a, '$."c"."d"')"#
        ),
    ])
    func `lists are unpacked beside their rows, and paths name their columns`(query: String, expected: String) throws {
        #expect(try text(query) == expected)
    }

    @Test func `the first item of a list, counted as in Spark, is told of`() throws {
        let sql = "CREATE MATERIALIZED VIEW v AS SELECT split(a, '-')[0], nvl(b[0], p:l[0]), b[1], [0], x[10] FROM t;"
        let pipeline = try PipelineFixture("", sql: sql).pipeline()
        #expect(pipeline.warnings.map(\.message).filter { $0.contains("lists begin at 1") }.count == 2)
        #expect(pipeline.warnings.compactMap(\.location?.column) == [51, 61])
    }

    @Test func `a constraint may begin with such a form`() throws {
        let pipeline = try PipelineFixture(
            "",
            sql: """
                CREATE MATERIALIZED VIEW v (
                  CONSTRAINT a EXPECT (startswith(x, 'a')), CONSTRAINT b EXPECT (!isnull(x)), CONSTRAINT c EXPECT (p:k IS NOT NULL)
                ) AS SELECT 'a' AS x, '{}' AS p;
                """
        ).pipeline()
        #expect(
            pipeline.datasets[0].expectations.map(\.condition.text)
                == ["starts_with(x, 'a')", "NOT (x IS NULL)", #"json_extract_string(p, '$."k"') IS NOT NULL"#]
        )
    }

    @Test func `a rule of rules yml is read like a constraint`() throws {
        let fixture = try PipelineFixture(
            "",
            sql: "CREATE MATERIALIZED VIEW v TBLPROPERTIES ('duet.rules' = 'a') AS SELECT 'a' AS x;"
        )
        try fixture.folder.write(
            "rules:\n  - {name: r, condition: \"startswith(x, 'a') AND !isnull(x)\", tags: [a]}\n",
            to: "rules.yml"
        )
        #expect(
            try fixture.pipeline().datasets[0].expectations.map(\.condition.text)
                == ["starts_with(x, 'a') AND NOT (x IS NULL)"]
        )
        try fixture.folder.write("rules:\n  - {name: r, condition: x IN (SELECT 1), tags: [a]}\n", to: "rules.yml")
        let error = #expect(throws: DuetErrors.self) { try fixture.pipeline() }
        #expect(error?.errors.first?.message.contains("looks at one row") == true)
        #expect(error?.errors.first?.location?.line == 2)
    }

    @Test func `a file's name comes with the function of old`() throws {
        let pipeline = try PipelineFixture(
            "",
            sql: "CREATE STREAMING TABLE t AS SELECT *, input_file_name() AS f FROM STREAM read_files('/data/a.csv');"
        ).pipeline()
        let query = try #require(pipeline.datasets.first?.flows.first?.query)
        #expect(query.text.text.contains("_metadata.file_path AS f") && query.fileReads.first?.usesMetadata == true)
    }

    @Test(arguments: [
        ("SELECT date_format(a, 'QQ') FROM t", "the format 'QQ' has letters that are not read here"),
        ("SELECT i FROM t LATERAL VIEW stack(2, 1, 2) AS i", "LATERAL VIEW stack is not supported"),
    ])
    func `what has no counterpart is refused where it stands`(query: String, message: String) throws {
        let error = #expect(throws: DuetErrors.self) { try self.text(query) }
        #expect(error?.errors.first?.message == message)
        #expect(error?.errors.first?.location != nil)
    }

    @Test func `an expectation with a query of its own is refused, as its rows would not follow what that reads`()
        throws
    {
        let error = #expect(throws: DuetErrors.self) {
            try PipelineFixture(
                "",
                sql: "CREATE MATERIALIZED VIEW v (CONSTRAINT a EXPECT (x IN (SELECT y FROM w))) AS SELECT 1 AS x;"
            ).pipeline()
        }
        #expect(error?.errors.first?.message.contains("looks at one row") == true)
        #expect(error?.errors.first?.location?.column == 56)
    }
}
