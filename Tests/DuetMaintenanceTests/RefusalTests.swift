import DuckKit
import DuetMaintenance
import Testing

/// Scalar subqueries of several rows, which only refuse an update if the rows are there after it.
@Suite struct RefusalTests {
    private static let queries = [
        "SELECT a, (SELECT b FROM u WHERE u.k = t.k) AS b FROM t",
        "SELECT a FROM t WHERE a <= (SELECT b FROM u WHERE u.k = t.k)",
        "SELECT s, max(a), sum(b) FROM (SELECT s, a, (SELECT b FROM u WHERE u.k = t.k) AS b FROM t) GROUP BY s",
        "SELECT s, count(*) FROM t WHERE 0 < (SELECT u.b FROM u WHERE u.k = t.k) GROUP BY s",
        "SELECT DISTINCT coalesce((SELECT b FROM u WHERE u.k = t.k), 0) AS b FROM t",
        "SELECT a, row_number() OVER (PARTITION BY (SELECT b FROM u WHERE u.k = t.k) ORDER BY a, s) FROM t",
        "SELECT a, (SELECT b FROM u WHERE u.k BETWEEN t.k AND t.k) AS b FROM t",
        "SELECT a FROM t WHERE a <= (SELECT b + t.a FROM u WHERE u.k <= t.k AND u.k >= t.k)",
        "SELECT t.a, q.b FROM t LEFT JOIN LATERAL (SELECT (SELECT b FROM u WHERE u.k = t.k AND u.b > -t.k) AS b) q ON TRUE",
        "SELECT t.a, v.c FROM t LEFT JOIN v ON t.a = v.b WHERE t.a < (SELECT b FROM u WHERE u.k = t.k) + 9",
    ]

    private static func harness(_ query: String) throws -> Harness {
        let connection = try Database().connect()
        try connection.execute(
            """
            CREATE TABLE t(k INTEGER, a INTEGER, d DECIMAL(8,2), s VARCHAR, x DOUBLE);
            CREATE TABLE u(k INTEGER, b INTEGER, s VARCHAR);
            CREATE TABLE v(b INTEGER, c BIGINT);
            INSERT INTO t VALUES (1, 1, 1, 'a', 1), (2, 2, 1, 'b', 1);
            INSERT INTO u VALUES (1, 4, 'x'), (5, 6, 'x'), (5, 7, 'y'), (2, 3, 'x');
            INSERT INTO v VALUES (1, 2), (3, 4);
            """
        )
        return try Harness(connection: connection, tables: ShapeTests.tables, query: query)
    }

    @Test(arguments: queries) func `rows that were never there together do not refuse an update`(_ query: String) throws
    {
        let harness = try Self.harness(query)
        // There were two rows for 5, which nobody asked for; now somebody asks, and there is one.
        try harness.update(["t": [("5, 3, 1, 'a', 1", 1)], "u": [("5, 7, 'y'", -1)]])
        // And the other way round, with another one changing beside them.
        try harness.update([
            "t": [("5, 3, 1, 'a', 1", -1), ("2, 3, 1, 'b', 1", 1)], "u": [("5, 8, 'y'", 1), ("5, 9, 'y'", 1)],
        ])
        try harness.update(["t": [("2, 2, 1, 'b', 1", -1), ("2, 3, 1, 'b', 1", -1)], "u": [("2, 9, 'x'", 1)]])
        #expect(harness.incrementalUpdates == 3)
    }

    @Test(arguments: queries) func `rows that are there refuse it, as they refuse the query`(_ query: String) throws {
        let harness = try Self.harness(query)
        let error = #expect(throws: Wrong.self) { try harness.update(["t": [("5, 3, 1, 'a', 1", 1)]]) }
        #expect("\(try #require(error))".contains("more than one row returned by a subquery"))
    }
}
