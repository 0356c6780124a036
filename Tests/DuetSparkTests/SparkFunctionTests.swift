import DuckKit
import DuetEngine
import DuetPipeline
import DuetSpark
import DuetTestSupport
import Testing

/// Every rule for a function or operator: the SQL that it writes, read back by duet, gives what the query gave.
@Suite struct SparkFunctionTests {
    /// Expressions over a: INTEGER, s: VARCHAR, d: DATE, x: DOUBLE, m: DECIMAL.
    static let expressions = [
        "a + 1", "-a", "a - 2", "a * 3", "a / 4", "a // 2", "a % 3", "a // (a - a)", "s || 'x'", "concat(s, 'y', NULL)",
        "s LIKE 'a%'", "s NOT LIKE '%b'", "s ILIKE 'A_'", "a BETWEEN 1 AND 3", "a IN (1, 2)", "a NOT IN (1, 2)",
        "s IS NULL", "s IS NOT NULL", "NOT (a > 1)", "a IS DISTINCT FROM 1", "a IS NOT DISTINCT FROM NULL",
        "coalesce(s, 'none')", "ifnull(s, 'none')", "nullif(a, 1)", "CASE a WHEN 1 THEN 'one' ELSE 'more' END",
        "greatest(a, 2)", "least(a, 2)", "abs(-a)", "round(x, 1)", "round(m, 1)", "floor(x)", "ceil(x)", "sqrt(a)",
        "power(a, 2)",
        "exp(0)", "ln(a)", "log10(a)", "sign(a)", "lower(s)", "upper(s)", "length(s)", "trim(s)", "ltrim(s)",
        "rtrim(s)",
        "lpad(s, 5, '*')", "rpad(s, 5, '*')", "replace(s, 'a', 'b')", "reverse(s)", "repeat(s, 2)", "left(s, 1)",
        "right(s, 1)",
        "substring(s, 1, 1)", "substring(s FROM 2 FOR 1)", "instr(s, 'b')", "strpos(s, 'b')", "contains(s, 'a')",
        "starts_with(s, 'a')", "ends_with(s, 'b')", "md5(s)", "concat_ws('-', s, 'z')", "chr(92) || s",
        "regexp_matches(s, '^a')", "year(d)", "month(d)", "day(d)", "quarter(d)", "extract(year FROM d)",
        "date_part('month', d)", "extract(doy FROM d)", "week(d)", "make_date(2026, a, 1)", "date_trunc('month', d)",
        "d + INTERVAL 3 DAY", "d > DATE '2026-01-01'", "a::VARCHAR", "s::VARCHAR", "CAST('7' AS BIGINT)",
        "TRY_CAST(s AS INTEGER)", "CAST('2026-01-02 03:04:05' AS TIMESTAMP)", "true", "1.50", "2.5e0", "m * 2",
        "struct_pack(k := a).k", "(SELECT max(a) FROM t)", "EXISTS (SELECT 1 FROM t WHERE a = 9)",
        "a = (SELECT min(a) FROM t)", "a NOT IN (SELECT a + 1 FROM t)",
        "row_number() OVER (ORDER BY a)", "lag(a, 1, 0) OVER (ORDER BY a)", "sum(a) OVER (PARTITION BY s)",
        "avg(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)", "count(*) OVER ()",
        "first_value(s) OVER (ORDER BY a DESC)",
    ]
    static let aggregates = [
        "count(*)", "count(s)", "count(DISTINCT s)", "sum(a)", "sum(m)", "avg(a)", "avg(m)", "min(s)", "max(d)",
        "bool_and(a > 0)", "bool_or(a > 2)", "max_by(s, a)", "arg_min(s, a)", "stddev(a)", "var_pop(a)", "median(a)",
        "count(*) FILTER (WHERE a > 1)", "count_if(a > 1)", "sum(a) / count(*)",
    ]
    static let queries = [
        "SELECT s, count(*) AS n FROM t GROUP BY ALL", "SELECT DISTINCT s FROM t",
        "SELECT a FROM t ORDER BY a DESC LIMIT 2",
        "SELECT a FROM t UNION ALL SELECT a + 1 FROM t", "SELECT a FROM t EXCEPT SELECT 1",
        "SELECT a FROM t INTERSECT SELECT 1",
        "SELECT * EXCLUDE (s) FROM t", "SELECT t.* FROM t",
        "WITH w AS (SELECT a FROM t), z(b) AS (SELECT a FROM w) SELECT b FROM z",
        "SELECT t.a, u.s FROM t LEFT JOIN t AS u ON u.a = t.a + 1",
        "SELECT a FROM t SEMI JOIN (SELECT 1 AS a) AS u USING (a)",
        "SELECT t.a FROM t ANTI JOIN (SELECT 1 AS a) AS u ON u.a = t.a", "SELECT t.a FROM t, t AS u WHERE t.a = u.a",
        "SELECT t.a FROM t FULL JOIN t AS u ON u.a = t.a", "SELECT k, v FROM (VALUES (1, 'x'), (2, 'y')) AS q(k, v)",
        "SELECT s, a, sum(a) AS n FROM t GROUP BY GROUPING SETS ((s), (a), ())",
        "SELECT a, row_number() OVER (PARTITION BY s ORDER BY a) AS n FROM t QUALIFY n = 1",
        "SELECT a FROM t WHERE s IS NOT NULL GROUP BY a HAVING count(*) > 0 ORDER BY a NULLS FIRST",
        "SELECT (a + 1) div 2 AS h FROM t", "SELECT a AS \"select\", s AS \"two words\" FROM t",
    ]

    static var sql: String {
        var sql = """
            CREATE MATERIALIZED VIEW t AS SELECT * FROM (VALUES
              (1, 'ab', DATE '2026-01-31', 1.25, CAST(1.25 AS DECIMAL(9, 2))), (2, NULL, DATE '2026-03-01', -2.75, 2.75),
              (3, ' b ', DATE '2025-12-29', 0.5, -3.10)) AS v(a, s, d, x, m);

            """
        for (number, expression) in expressions.enumerated() {
            sql += "CREATE MATERIALIZED VIEW e\(number) AS SELECT a AS key, \(expression) AS value FROM t;\n"
        }
        for (number, aggregate) in aggregates.enumerated() {
            sql += "CREATE MATERIALIZED VIEW g\(number) AS SELECT \(aggregate) AS value FROM t;\n"
        }
        for (number, query) in queries.enumerated() { sql += "CREATE MATERIALIZED VIEW q\(number) AS \(query);\n" }
        return sql
    }

    @Test func `every rule writes SQL that gives the same when it is read back`() throws {
        let pipeline = try PipelineFixture("", sql: Self.sql).pipeline()
        let connection = try Warehouse.scratch()
        let graph = try QueryAnalysis.graph(of: pipeline, connection: connection)
        let export = try SparkExport(of: pipeline, graph: graph, folder: "/there") {
            try JSONValue(parsing: try connection.syntaxTree(of: $0))
        }
        let folder = try TemporaryFolder()
        for (path, text) in export.files { try folder.write(text, to: path) }
        let other = try Pipeline.load(folder: folder.path)
        #expect(other.datasets.count == pipeline.datasets.count)
        let tables = try Warehouse.scratch()
        let first = try #require(pipeline.datasets.first?.flows.first?.query.text.text)
        try tables.execute("CREATE TABLE t AS \(first)")
        for (dataset, again) in zip(pipeline.datasets, other.datasets) {
            let texts = try [dataset, again].map {
                try #require($0.flows.first?.query.text.text).replacing("main.t", with: "t")
            }
            let rows = try texts.map { text in
                try tables.rows("FROM (\(text)) ORDER BY ALL").map { $0.map(\.description).joined(separator: "|") }
            }
            #expect(rows[0] == rows[1], "\(texts)")
        }
    }
}
