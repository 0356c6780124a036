import DuckKit
import DuetMaintenance
import Testing

/// One example for each shape of query, under the same changes.
@Suite struct ShapeTests {
    static let tables = [
        TestTable(
            name: "t",
            columns: [
                ViewColumn(name: "k", type: "INTEGER"), ViewColumn(name: "a", type: "INTEGER"),
                ViewColumn(name: "d", type: "DECIMAL(8,2)"), ViewColumn(name: "s", type: "VARCHAR"),
                ViewColumn(name: "x", type: "DOUBLE"),
            ]
        ),
        TestTable(
            name: "u",
            columns: [
                ViewColumn(name: "k", type: "INTEGER"), ViewColumn(name: "b", type: "INTEGER"),
                ViewColumn(name: "s", type: "VARCHAR"),
            ]
        ),
        TestTable(name: "v", columns: [ViewColumn(name: "b", type: "INTEGER"), ViewColumn(name: "c", type: "BIGINT")]),
    ]

    static let start = """
        CREATE TABLE t(k INTEGER, a INTEGER, d DECIMAL(8,2), s VARCHAR, x DOUBLE);
        CREATE TABLE u(k INTEGER, b INTEGER, s VARCHAR);
        CREATE TABLE v(b INTEGER, c BIGINT);
        INSERT INTO t VALUES (1, 1, 1.5, 'a', 0.5), (1, 1, 1.5, 'a', 0.5), (1, 2, NULL, 'b', 1.5), (2, 3, 2.25, NULL, 2),
          (NULL, 4, 3.75, 'a', NULL), (3, NULL, 1, 'c', 4);
        INSERT INTO u VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, NULL), (NULL, 3, 'c'), (4, 2, 'a'), (4, 2, 'a');
        INSERT INTO v VALUES (1, 10), (2, 20), (2, 20), (NULL, 30);
        """

    typealias Change = [String: [(row: String, weight: Int)]]

    static let changes: [Change] = [
        ["t": [("2, 5, 4.5, 'b', 1", 1), ("5, 1, 0.25, 'a', 2", 2)]],
        ["u": [("2, 7, 'a'", 1), ("5, 1, 'b'", 1)]],
        ["u": [("1, 1, 'a'", -1), ("2, 1, NULL", -1), ("4, 2, 'a'", -1)]],
        ["t": [("1, 1, 1.5, 'a', 0.5", -1), ("1, 1, 1.5, 'b', 0.75", 1), ("NULL, 4, 3.75, 'a', NULL", -1)]],
        ["t": [("1, 2, NULL, 'b', 1.5", -1)], "u": [("1, 2, 'b'", -1), ("3, 3, NULL", 2)], "v": [("1, 10", -1)]],
        [:],
        ["v": [("3, 40", 1), ("NULL, 30", -1), ("1, 11", 1)], "u": [("NULL, 3, 'c'", -1), ("NULL, 1, 'a'", 1)]],
        [
            "t": [
                ("2, 5, 4.5, 'b', 1", -1), ("5, 1, 0.25, 'a', 2", -2), ("1, 1, 1.5, 'a', 0.5", -1),
                ("1, 1, 1.5, 'b', 0.75", -1), ("2, 3, 2.25, NULL, 2", -1), ("3, NULL, 1, 'c', 4", -1),
            ]
        ],
        ["t": [("1, 1, 1.5, 'a', 0.5", 2), ("3, 3, NULL, NULL, NULL", 1), ("2, 2, 2.5, 'c', 0.25", 1)]],
    ]

    static let incremental = [
        "SELECT k, a + 1 AS n, upper(s) FROM t WHERE a > 1 OR s IS NULL",
        "SELECT * FROM t UNION ALL SELECT k, b, 1.5, s, NULL FROM u",
        "SELECT s FROM t UNION SELECT s FROM u",
        "SELECT k FROM t INTERSECT SELECT k FROM u",
        "SELECT k, s FROM t INTERSECT ALL SELECT k, s FROM u",
        "SELECT k FROM t EXCEPT SELECT k FROM u",
        "SELECT k FROM u EXCEPT ALL SELECT k FROM t",
        "SELECT DISTINCT k, s FROM t",
        "SELECT t.k, a, b FROM t JOIN u ON t.k = u.k",
        "SELECT * FROM t JOIN u USING (k) JOIN v USING (b)",
        "SELECT * FROM t NATURAL JOIN u",
        "SELECT t.a, v.c FROM t LEFT JOIN u ON t.k = u.k AND u.s NOT LIKE '%a%' JOIN v ON v.b = u.b AND t.a <> v.b",
        "SELECT x.a, y.a FROM t x, t y WHERE x.k = y.k AND x.a < y.a",
        "SELECT t.*, u.b FROM t LEFT JOIN u ON t.k = u.k AND u.b > 1",
        "SELECT t.a, u.b FROM t LEFT JOIN u ON t.k = u.k AND t.a > u.b",
        "SELECT t.a, u.b FROM t RIGHT JOIN u ON t.k = u.k",
        "SELECT t.a, u.b, t.k, u.k FROM t FULL JOIN u ON t.k = u.k",
        "SELECT k, a, b FROM t FULL JOIN u USING (k)",
        "SELECT t.a, u.b FROM t FULL JOIN u ON t.k = u.k AND t.a <> u.b",
        "SELECT * FROM t SEMI JOIN u ON t.k = u.k",
        "SELECT * FROM t ANTI JOIN u ON t.k = u.k",
        "SELECT a, b FROM t CROSS JOIN u",
        "SELECT t.k, u.b, v.c FROM t LEFT JOIN u ON t.k = u.k LEFT JOIN v ON u.b = v.b",
        "SELECT k, count(*), count(d), sum(d), avg(d), min(a), max(a), sum(a), bool_and(a > 1) FROM t GROUP BY k",
        "SELECT count(*), sum(d), avg(a), min(s) FROM t",
        "SELECT s, sum(a) FILTER (WHERE a > 1), count(*) FILTER (WHERE d IS NULL) FROM t GROUP BY s",
        "SELECT s, sum(x), avg(x), stddev(x) FROM t GROUP BY s",
        "SELECT k, count(DISTINCT a), string_agg(s, ',' ORDER BY s, a), list(a ORDER BY a) FROM t GROUP BY k",
        "SELECT k, string_agg(n, ',' ORDER BY n) FROM (SELECT k, 'a' AS n FROM t) GROUP BY k",
        "SELECT k, sum(a) AS n FROM t GROUP BY ALL HAVING n > 2",
        "SELECT u.s, sum(t.d) / count(*) FROM t JOIN u ON t.k = u.k GROUP BY u.s",
        "SELECT u.k, count(t.a) FROM u LEFT JOIN t ON t.k = u.k GROUP BY u.k",
        "SELECT k, s, sum(a), grouping(k, s) FROM t GROUP BY ROLLUP (k, s)",
        "SELECT k, s, count(*) FROM t GROUP BY GROUPING SETS ((k), (s), ())",
        "SELECT k, s, max(a) FROM t GROUP BY CUBE (k, s)",
        "SELECT k, a, rank() OVER (PARTITION BY k ORDER BY a), sum(a) OVER (PARTITION BY k) FROM t",
        "SELECT k, a FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY a, d, s, x) = 1",
        "SELECT DISTINCT ON (k) k, a, s FROM t ORDER BY k, a DESC NULLS LAST, s, d, x",
        "SELECT k, sum(a) AS n FROM t GROUP BY k ORDER BY n DESC NULLS LAST, k LIMIT 2",
        "SELECT t.a, u.b FROM t JOIN u ON t.k = u.k ORDER BY ALL LIMIT 3",
        "WITH c AS (SELECT k, sum(a) AS n FROM t GROUP BY k) SELECT x.k, y.n FROM c x JOIN c y ON x.n = y.n",
        "WITH c AS (SELECT k, a FROM t WHERE a > 1) SELECT x.k, y.a FROM c x, c y WHERE x.k = y.k",
        "SELECT k, n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q WHERE n > 1",
        "SELECT n, count(*) FROM (SELECT k, count(*) AS n FROM t GROUP BY k) q GROUP BY n",
        "SELECT * FROM t WHERE k IN (SELECT k FROM u WHERE b > 1)",
        "SELECT * FROM t WHERE k NOT IN (SELECT k FROM u WHERE k IS NOT NULL)",
        "SELECT * FROM t WHERE k NOT IN (SELECT k FROM u)",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.b <> t.a)",
        "SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.k = t.k)",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE b > 6)",
        "SELECT * FROM t WHERE a > (SELECT avg(b) FROM u)",
        "SELECT * FROM t WHERE a >= (SELECT min(b) FROM u WHERE u.k = t.k)",
        "SELECT k, a, (SELECT count(*) FROM u WHERE u.k = t.k) AS n, (SELECT max(c) FROM v) AS m FROM t",
        "SELECT * FROM t WHERE a > 3 OR k IN (SELECT k FROM u) OR EXISTS (SELECT 1 FROM v WHERE v.b = t.a)",
        "SELECT k, sum(a) FROM t GROUP BY k HAVING sum(a) > (SELECT avg(b) FROM u)",
        "SELECT k, i FROM t, unnest(range(a)) AS r(i)",
        "SELECT k, unnest([a, 2]) AS i FROM t",
        "SELECT t.a, w.n FROM t JOIN (VALUES (1, 'one'), (2, 'two')) w(k, n) ON t.k = w.k",
        "SELECT k, list_transform([a, 1], e -> e + 1) FROM t",
        "SELECT q.k, q.y, u.b FROM u LEFT JOIN (SELECT k, coalesce(a, 0) AS y FROM t) q ON q.k = u.k",
        "SELECT a FROM t WHERE k = 1 UNION ALL SELECT b FROM u WHERE k = 1 UNION ALL SELECT c FROM v",
        "SELECT s, b FROM u UNION ALL BY NAME SELECT k, s FROM t",
        "SELECT a.a, d.b, e.c FROM t a, t b, u c, u d, v e "
            + "WHERE a.k = b.k AND b.k = c.k AND c.b = d.b AND d.b = e.b AND a.a <= b.a",
        "SELECT k, a, b, u.s FROM t RIGHT JOIN u USING (k)",
        "SELECT t.s, u.s, count(*) FROM t LEFT JOIN u USING (s) GROUP BY ALL",
        "SELECT k, count(*) FROM (SELECT DISTINCT k, s FROM t) q GROUP BY k ORDER BY 2 DESC, 1 LIMIT 2 OFFSET 1",
        "SELECT k, a, sum(a) OVER (PARTITION BY k) AS n FROM t WHERE a IS NOT NULL QUALIFY n > 2 ORDER BY k, a LIMIT 3",
        "SELECT s, sum(n) OVER (PARTITION BY s) FROM (SELECT s, k, count(*) AS n FROM t GROUP BY s, k) q",
        "SELECT * FROM t WHERE a > (SELECT DISTINCT b FROM u WHERE b = 3)",
        "SELECT a, (SELECT b FROM u WHERE s = 'c') AS b FROM t",
        "SELECT k, sum(a) FROM t GROUP BY k HAVING sum(a) > (SELECT k FROM t WHERE a = 5)",
        "SELECT k, a, (SELECT c FROM v WHERE v.b = t.a AND c <> 20) AS c FROM t",
        "SELECT k, a, (SELECT DISTINCT c FROM v WHERE v.b = t.a) AS c FROM t",
        "SELECT k, a FROM t WHERE a < (SELECT c FROM v WHERE v.b = t.k AND c = 10)",
        "SELECT count(DISTINCT k), sum(a), count(DISTINCT s) FILTER (WHERE a > 1), sum(DISTINCT a), max(d) FROM t",
        "SELECT k, count(DISTINCT s), sum(a) FROM t GROUP BY ROLLUP (k)",
        "SELECT count(DISTINCT t.a), count(*) FROM t JOIN u ON t.k = u.k "
            + "WHERE EXISTS (SELECT 1 FROM v WHERE v.b = u.b AND v.c <> t.a) HAVING count(DISTINCT t.a) > 1",
        "SELECT k, a FROM t WHERE (SELECT count(*) FROM u WHERE (u.k = t.k AND b = 1) OR (u.k = t.k AND s = 'b')) > 0",
        "SELECT t.a, u.b FROM t, u WHERE (t.k = u.k AND a = 1) OR (t.k = u.k AND b = 2 AND a > 1)",
        "SELECT k AS \"a \"\"b\"\" c\", count(*) AS \"select\" FROM t GROUP BY k",
    ]

    @Test(arguments: incremental) func `a shape with a rule is kept right`(query: String) throws {
        let harness = try Self.run(query)
        #expect(harness.program.issues == [])
        #expect(harness.program.isIncremental)
    }

    static let full = [
        // The query reads few of a million million rows; what the rules would keep or count is all of them.
        "SELECT 1 AS one FROM t, u, range(1000000000000) AS r LIMIT 5",
        "SELECT k FROM t WHERE EXISTS (SELECT * FROM range(1000000000000))",
        "SELECT k, a, row_number() OVER (ORDER BY a, k, d, s, x) FROM t",
        "SELECT sum(x) FROM t",
        "SELECT a FROM t ORDER BY a LIMIT 2",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT count(*) FROM t)) FROM r",
        "SELECT list(a ORDER BY a) FROM t",
        "SELECT t.k, l.n FROM t, LATERAL (SELECT s, count(*) AS n FROM u WHERE u.b < t.a GROUP BY ROLLUP (s)) l",
        "SELECT i, j, count(*) FROM (SELECT k AS i, k AS j FROM t) GROUP BY ROLLUP (i, j)",
        "SELECT count(*) FROM t WHERE now() IS NOT NULL",
    ]

    @Test(arguments: full) func `a shape without a rule is computed in full with a reason`(query: String) throws {
        let harness = try Self.run(query)
        #expect(!harness.program.issues.isEmpty)
        #expect(!harness.program.issues.contains { $0.contains("could not be followed") })
    }

    static func run(_ query: String, forceFull: Bool = false) throws -> Harness {
        let connection = try Database().connect()
        for statement in try connection.statements(in: start) { _ = try connection.execute(statement.sql) }
        let harness = try Harness(connection: connection, tables: tables, query: query)
        for (index, change) in changes.enumerated() {
            do {
                try harness.update(change, forceFull: forceFull)
            } catch {
                throw Wrong("\(query)\nchange \(index): \(error)\n" + harness.log.joined(separator: ";\n"))
            }
        }
        return harness
    }
}
