import DuetMaintenance
import Testing

/// Subqueries that depend on the rows around them, and items of FROM that use what stands before them.
@Suite struct DependentShapeTests {
    static let subqueries = [
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.b < t.a)",
        "SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.b < t.a)",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k IS NOT DISTINCT FROM t.k)",
        "SELECT * FROM t WHERE a > (SELECT avg(b) FROM u WHERE u.k = t.k AND u.b <= t.a)",
        "SELECT a, (SELECT count(*) FROM u WHERE u.b < t.a) AS n FROM t",
        "SELECT a, (SELECT sum(b) + t.a FROM u WHERE u.k = t.k) AS n FROM t",
        "SELECT a, (SELECT sum(b * t.a) FROM u WHERE u.k = t.k) AS n FROM t",
        "SELECT a, (SELECT b FROM u WHERE u.k = t.k ORDER BY b DESC NULLS LAST LIMIT 1) AS n FROM t",
        "SELECT a, (SELECT mode(b) FROM u WHERE u.k = t.k AND b = 1) AS n FROM t",
        "SELECT a, (SELECT count(DISTINCT b) FROM u WHERE u.k = t.k AND b <> t.a) AS n FROM t",
        "SELECT k, (SELECT count(*) FROM u WHERE u.k = t.k OR u.b = t.a) AS n FROM t",
        "SELECT k, (SELECT sum(n) FROM (SELECT count(*) AS n FROM u WHERE u.k = t.k GROUP BY b)) AS n FROM t",
        "SELECT a, (SELECT sum(b) FROM u WHERE u.k = t.k "
            + "AND b > (SELECT avg(b) FROM u x WHERE x.k = t.k AND x.b <= t.a)) AS n FROM t",
        "SELECT a, (WITH w AS (SELECT b, k FROM u WHERE b > 1) SELECT max(b) FROM w WHERE w.k < t.k) AS n FROM t",
        "SELECT a, (SELECT max(b) OVER () FROM u WHERE u.k = t.k LIMIT 1) AS n FROM t",
        "SELECT a, (SELECT count(v.c) FROM u FULL JOIN v ON v.b = u.b WHERE u.k = t.k) AS n FROM t",
        "SELECT k, (SELECT max(x) FROM unnest(range(a)) AS z(x)) AS m FROM t",
        "SELECT * FROM t WHERE a > 3 OR EXISTS (SELECT 1 FROM u WHERE u.b < t.a)",
        "SELECT * FROM t WHERE CASE WHEN a > 2 THEN EXISTS (SELECT 1 FROM u WHERE u.b < t.a) ELSE k = 1 END",
        "SELECT * FROM t WHERE a NOT IN (SELECT b FROM u WHERE u.k = t.k)",
        "SELECT * FROM t WHERE a NOT IN (SELECT b FROM u WHERE u.k <= t.k)",
        "SELECT a, a IN (SELECT b FROM u WHERE u.k = t.k) AS f FROM t",
        "SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE u.k = t.k UNION ALL SELECT b FROM v WHERE v.c > t.a)",
        "SELECT * FROM t WHERE a > ALL (SELECT b FROM u)",
        "SELECT a, a <> ANY (SELECT b FROM u) AS f FROM t",
        "SELECT * FROM t WHERE a > ANY (SELECT b FROM u WHERE u.k = t.k)",
        "SELECT * FROM t WHERE a <= ALL (SELECT b FROM u WHERE u.k = t.k)",
        "SELECT * FROM t WHERE EXISTS (SELECT k FROM u WHERE u.k = t.k GROUP BY k HAVING count(*) > 1)",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k "
            + "AND EXISTS (SELECT 1 FROM v WHERE v.b = u.b AND v.c > t.a))",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.b > t.a + (SELECT min(b) FROM v))",
        "SELECT s, count(*) FROM t WHERE a > (SELECT avg(b) FROM u WHERE u.k <= t.k) GROUP BY s",
        "SELECT * FROM t ORDER BY (SELECT count(*) FROM u WHERE u.k < t.k), t.a, d, s, x, k LIMIT 3",
        "SELECT t.a, u.b FROM t JOIN u USING (k) WHERE EXISTS (SELECT 1 FROM v WHERE v.b < k AND v.c > u.b)",
        "SELECT * FROM t a WHERE a.d = (SELECT max(b.d) FROM t b WHERE b.k = a.k AND b.a <= a.a)",
        "SELECT * FROM t p WHERE NOT EXISTS (SELECT 1 FROM t q WHERE q.k = p.k AND q.a > p.a)",
    ]

    @Test(arguments: subqueries) func `a subquery tied by more than equalities is kept right`(query: String) throws {
        try Self.check(query)
    }

    static let others = [
        "SELECT k, sum(a), (SELECT max(b) FROM u WHERE u.k = t.k) AS m FROM t GROUP BY k",
        "SELECT k, sum(a) FROM t GROUP BY k HAVING NOT EXISTS (SELECT 1 FROM u WHERE u.b < t.k)",
        "SELECT k, sum(a) FROM t GROUP BY k HAVING sum(a) > (SELECT max(b) FROM u WHERE u.k = t.k)",
        "SELECT k, sum(a) FROM t GROUP BY k HAVING sum(a) NOT IN (SELECT b FROM u WHERE u.k >= t.k)",
        "SELECT sum(a) IN (SELECT b FROM u) AS f FROM t",
        "SELECT s, count(*) FROM t GROUP BY s HAVING count(*) > ALL (SELECT b FROM u WHERE u.s = t.s)",
        "SELECT k, s, count(*), (SELECT count(*) FROM u WHERE u.k < t.k OR u.s = t.s) AS n FROM t GROUP BY ROLLUP (k, s)",
        "SELECT k, sum(a), rank() OVER (PARTITION BY (SELECT count(*) FROM u WHERE u.k = t.k) ORDER BY k) FROM t "
            + "GROUP BY k ORDER BY (SELECT count(*) FROM v WHERE v.b = t.k), k LIMIT 3",
        "SELECT * FROM t JOIN u ON t.k = u.k AND t.a > (SELECT min(b) FROM v)",
        "SELECT * FROM t JOIN u ON t.k = u.k AND EXISTS (SELECT 1 FROM v WHERE v.b = u.b AND v.c > t.a)",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u JOIN v ON u.b = v.b "
            + "AND v.c > (SELECT min(b) FROM u x WHERE x.k = t.k) WHERE u.k = t.k)",
    ]

    @Test(arguments: others) func `a subquery over groups or in a join's condition is kept right`(query: String) throws
    {
        try Self.check(query)
    }

    static let laterals = [
        "SELECT t.a, q.b FROM t, LATERAL (SELECT b FROM u WHERE u.k > t.k) q",
        "SELECT t.a, q.b FROM t, (SELECT b FROM u WHERE u.k = t.k) q",
        "SELECT t.a, q.n FROM t, LATERAL (SELECT count(*) AS n FROM u WHERE u.k = t.k) q",
        "SELECT t.a, q.b FROM t, LATERAL (SELECT b FROM u WHERE u.k = t.k ORDER BY b, s LIMIT 1 OFFSET 1) q",
        "SELECT t.a, q.b FROM t LEFT JOIN LATERAL (SELECT b FROM u WHERE u.k = t.k ORDER BY b, s LIMIT 1) q ON TRUE",
        "SELECT t.a, q.b FROM t LEFT JOIN LATERAL (SELECT b FROM u WHERE u.k = t.k) q ON q.b > t.a",
        "SELECT t.a, q.n FROM t LEFT JOIN LATERAL (SELECT sum(c) AS n FROM v WHERE v.b = t.k HAVING count(*) > 1) q ON TRUE",
        "SELECT t.a, q.y FROM t, LATERAL (SELECT t.a + 1 AS y) q",
        "SELECT t.a, q.k, q.n FROM t, LATERAL (SELECT s, k, sum(b) AS n FROM u WHERE u.b <= t.a GROUP BY s, k) q",
        "SELECT t.a, q.b FROM t, LATERAL (SELECT DISTINCT b FROM u WHERE u.k = t.k) q",
        "SELECT t.k, l.b FROM t, LATERAL (SELECT DISTINCT ON (s) s, b FROM u WHERE u.k = t.k ORDER BY s, b) l",
        "SELECT t.a, q.b FROM t, LATERAL (SELECT b FROM u WHERE u.k = t.k UNION SELECT b FROM v WHERE v.c > t.a) q",
        "SELECT t.a, q.b, r.c FROM t, LATERAL (SELECT b FROM u WHERE u.k = t.k) q, "
            + "LATERAL (SELECT c FROM v WHERE v.b = q.b AND c > t.a) r",
        "SELECT t.k, l.c FROM t, LATERAL (SELECT c FROM v WHERE v.b IN (SELECT b FROM u WHERE u.k = t.k)) l",
        "SELECT k, i FROM t LEFT JOIN unnest([a, k]) AS r(i) ON TRUE",
        "SELECT k, i FROM t LEFT JOIN unnest(range(a)) AS r(i) ON TRUE",
        "SELECT k, i, o FROM t, unnest(range(a)) WITH ORDINALITY AS r(i, o)",
        "SELECT k, i FROM t JOIN unnest(range(a)) AS r(i) ON i > k",
        "SELECT k, i FROM t, LATERAL (SELECT unnest(range(a)) AS i WHERE k > 1) r",
        "SELECT k, i FROM t, LATERAL (SELECT max(x) AS i FROM unnest(range(a)) AS z(x)) r",
    ]

    @Test(arguments: laterals) func `what in FROM uses the rows before it is kept right`(query: String) throws {
        try Self.check(query)
    }

    static let wholes = [
        "SELECT string_agg(t.s, ',' ORDER BY t.s), median(u.b) FROM t JOIN u ON t.k = u.k",
        "SELECT list(t.a ORDER BY t.a) FROM t SEMI JOIN u ON t.k = u.k",
        "SELECT string_agg(s, ',' ORDER BY s), count(*) FROM (SELECT s FROM t UNION ALL SELECT s FROM u)",
        "SELECT median(t.a), count(DISTINCT u.b) FROM t LEFT JOIN u ON t.k = u.k HAVING count(*) > 2",
        "SELECT sum(x) FROM t JOIN u USING (k) WHERE b > 1",
        "SELECT k, t.s, list(a ORDER BY a) FROM t JOIN u USING (k) GROUP BY ROLLUP (k, t.s)",
        "SELECT sum(x) OVER (), count(*) OVER (ORDER BY a, b, t.k, d, t.s, u.s, x) FROM t JOIN u USING (k)",
    ]

    @Test(arguments: wholes) func `what is about all rows of a join reads kept rows alone`(query: String) throws {
        try Self.check(query)
    }

    private static func check(_ query: String) throws {
        let harness = try ShapeTests.run(query)
        #expect(harness.program.issues == [])
        #expect(harness.incrementalUpdates == harness.updates)
    }
}
