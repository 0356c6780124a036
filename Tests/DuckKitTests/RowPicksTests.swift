import Testing

@testable import DuckKit

/// Joins with queries that pick rows, which DuckDB 1.5.5 answers wrongly by itself.
@Suite struct RowPicksTests {
    @Test(arguments: [
        "SELECT * FROM (SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b) d JOIN u ON d.b = u.b",
        "SELECT * FROM u, (SELECT a, b FROM t ORDER BY b LIMIT 3) d WHERE d.b = u.b",
        "WITH d AS (SELECT a FROM t ORDER BY a OFFSET 2) SELECT * FROM d JOIN u USING (a)",
        "WITH d AS MATERIALIZED (FROM t LIMIT 2) SELECT * FROM u WHERE a IN (FROM d)",
        "SELECT * FROM u WHERE a IN (SELECT a FROM t ORDER BY b FETCH FIRST 3 ROWS ONLY)",
        "SELECT * FROM (FROM t ORDER BY b LIMIT 3) WHERE a IN (SELECT a FROM u)",
        "SELECT * FROM ((SELECT * FROM t LIMIT 3) d LEFT JOIN u ON d.a = u.a)",
        "SELECT * FROM (SELECT * FROM (FROM t LIMIT 3)) d ASOF JOIN u ON d.a >= u.a",
        "SELECT * FROM u WHERE a = (SELECT a FROM t ORDER BY b LIMIT 1)",
        "CREATE TABLE r AS SELECT * FROM (SELECT DISTINCT/**/ON (a) * FROM t) d SEMI JOIN u ON d.a = u.a",
        "INSERT INTO r (SELECT * FROM u JOIN (FROM t Limit 3) d ON u.a = d.a)",
        "UPDATE r SET a = d.a FROM (FROM t LIMIT 3) d WHERE d.b = r.b",
        "((FROM t LIMIT 3) UNION ALL (FROM t LIMIT 2)) EXCEPT (FROM u)",
    ])
    func `a join with a query that picks rows is at risk`(_ sql: String) {
        #expect(RowPicks(sql, definitions: [:]).isAtRisk, "\(sql)")
    }

    @Test(arguments: [
        "SELECT * FROM t JOIN u ON t.a = u.a ORDER BY t.b LIMIT 10",
        "SELECT DISTINCT ON (t.a) * FROM t, u WHERE t.a = u.a ORDER BY t.a, u.b",
        "CREATE TABLE r AS (SELECT * FROM t JOIN u ON t.a = u.a WHERE t.b IN (1, 2) ORDER BY t.b LIMIT 10)",
        "SELECT a, b FROM (SELECT * FROM t JOIN u ON t.a = u.a ORDER BY t.b LIMIT 10) AS d WHERE a IS NOT DISTINCT FROM b",
        "SELECT * FROM t JOIN u ON t.a IS NOT DISTINCT FROM u.a WHERE t.s LIKE '% (SELECT a LIMIT 3)'",
        "SELECT t.\"limit\", t.offset FROM t JOIN (SELECT DISTINCT a FROM u) d ON t.a = d.a -- (FROM u LIMIT 3)",
        "(SELECT * FROM t LIMIT 3) UNION ALL (SELECT * FROM u LIMIT 3)",
        "EXPLAIN SELECT extract(year FROM d), b FROM (FROM t LIMIT 1)",
        "SET VARIABLE v = 1", "", "))((", "SELECT 'it''s limit' FROM (SELECT 1), t",
    ])
    func `a statement without such a join is not`(_ sql: String) {
        #expect(!RowPicks(sql, definitions: [:]).isAtRisk, "\(sql)")
    }

    @Test func `a view or macro that picks rows is known by its name`() {
        func definition(_ sql: String) -> RowPicks.Definition? { RowPicks(sql, definitions: [:]).definition }
        #expect(
            definition("CREATE OR REPLACE TEMP VIEW main.\"The view\"(a) AS SELECT * FROM t LIMIT 3")
                == .init(name: "the view", isAtRisk: false)
        )
        #expect(
            definition("CREATE MACRO first_ones(n) AS TABLE FROM t JOIN (FROM u LIMIT n) d USING (a)")
                == .init(name: "first_ones", isAtRisk: true)
        )
        #expect(definition("CREATE VIEW v AS SELECT * FROM t JOIN u USING (a)") == nil)
        #expect(definition("CREATE TABLE v AS SELECT * FROM t LIMIT 3") == nil)
        let known = ["the view": RowPicks.Definition(name: "the view", isAtRisk: false)]
        #expect(RowPicks("SELECT * FROM \"the VIEW\" JOIN u USING (a)", definitions: known).isAtRisk)
        #expect(!RowPicks("SELECT * FROM \"the VIEW\" WHERE a > 1", definitions: known).isAtRisk)
        #expect(RowPicks("CREATE VIEW w AS FROM \"The view\"", definitions: known).definition?.name == "w")
    }

    // MARK: - What DuckDB answers

    /// Numbers that DuckDB does not store in fewer bits for a sort, which would keep the rule away by luck.
    private static func tables(_ connection: Connection) throws {
        try connection.execute(
            """
            CREATE TABLE t(id DOUBLE, a DOUBLE, b DOUBLE);
            INSERT INTO t SELECT i, i % 7, i * 5 % 11 FROM range(400) r(i);
            CREATE TABLE u(id DOUBLE, b DOUBLE, s VARCHAR);
            INSERT INTO u SELECT i, i % 11, 'text ' || i FROM range(11) r(i);
            """
        )
    }

    /// The join inside does the same.
    private static let source = "FROM t LEFT JOIN t AS other ON t.id = other.id AND other.b IS NOT NULL"

    private static let inner = [
        "SELECT DISTINCT ON (t.a) t.id, t.a, t.b \(source) ORDER BY t.a, t.id",
        "SELECT t.id, t.a, t.b \(source) ORDER BY t.a DESC, t.id LIMIT 6",
        "SELECT t.id, t.a, t.b \(source) ORDER BY t.id LIMIT 6 OFFSET 3",
        "SELECT t.id, t.a, t.b \(source) ORDER BY t.a, t.id LIMIT 2%",
        "FROM (SELECT DISTINCT ON (t.b) t.id, t.a, t.b \(source) ORDER BY t.b, t.id DESC) ORDER BY id LIMIT 6",
    ]

    private static let outer = [
        "SELECT d.* FROM (%) d JOIN u ON d.b = u.b WHERE u.s LIKE '%%8%%'",
        "WITH d AS (%) SELECT d.*, u.id FROM u JOIN d ON d.b = u.b AND u.s LIKE '%%3%%'",
        "SELECT d.* FROM (%) d WHERE b IN (SELECT b FROM u WHERE s LIKE '%%7%%')",
        "SELECT d.* FROM (%) d SEMI JOIN (FROM u WHERE s LIKE '%%9%%') u ON d.b = u.b",
    ]

    @Test func `joins with queries that pick rows give what DuckDB gives without the rule`() throws {
        // The same statements under a rule that never applies, and under the rule as it is.
        let settings = ["threads": "1", "disabled_optimizers": "join_filter_pushdown"]
        let plain = try Database(configuration: settings).connect()
        let normal = try Database(configuration: ["threads": "1", "disabled_optimizers": "column_lifetime"]).connect()
        try Self.tables(plain)
        try Self.tables(normal)
        for inner in Self.inner {
            try normal.execute("CREATE OR REPLACE VIEW picked AS \(inner)")
            for outer in Self.outer {
                let parts = outer.replacing("%%", with: "\u{1}").split(separator: "%").map {
                    $0.replacing("\u{1}", with: "%")
                }
                let sql = parts.joined(separator: inner) + " ORDER BY ALL"
                let expected = try plain.rows(sql)
                #expect(try normal.rows(sql) == expected, "\(sql)")
                #expect(try normal.prepare(sql).query().allRows() == expected, "prepared: \(sql)")
                let viewed = parts.joined(separator: "FROM picked") + " ORDER BY ALL"
                #expect(try normal.rows(viewed) == expected, "with a view: \(inner)\n\(outer)")
            }
        }
        #expect(try normal.scalar("SELECT current_setting('disabled_optimizers')") == "column_lifetime")
    }

    @Test func `views of a file opened again and of an attached one are looked at`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("views.duckdb")
        let sql = "SELECT d.id FROM % d JOIN u ON d.b = u.b WHERE u.s LIKE '%8%'"
        var expected: [[Value]] = []
        do {
            let connection = try Database(path: path).connect()
            try Self.tables(connection)
            // The second in the order of their names is the one that the first reads.
            try connection.execute(
                "CREATE VIEW z AS \(Self.inner[0]); CREATE VIEW a AS SELECT * FROM z; SET threads = 1"
            )
            try connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
            expected = try connection.rows("SELECT d.id FROM a d JOIN u ON d.b = u.b WHERE u.s LIKE '%8%'")
        }
        let again = try Database(path: path, configuration: ["threads": "1"]).connect()
        #expect(try again.rows(sql.replacing("% d", with: "a d")) == expected)
        again.close()
        let other = try Database(configuration: ["threads": "1"]).connect()
        try other.execute("ATTACH '\(path)' AS o (READ_ONLY); USE o")
        #expect(try other.rows(sql.replacing("% d", with: "a d")) == expected)
    }

    @Test func `statements at risk and others run beside each other`() async throws {
        let database = try Database(configuration: ["disabled_optimizers": "column_lifetime"])
        try Self.tables(database.connect())
        let sql = "SELECT d.id FROM (\(Self.inner[0])) d JOIN u ON d.b = u.b WHERE u.s LIKE '%8%' ORDER BY ALL"
        let plain = try Database(configuration: ["disabled_optimizers": "join_filter_pushdown"]).connect()
        try Self.tables(plain)
        let expected = try plain.rows(sql)
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<4 {
                group.addTask {
                    let connection = try database.connect()
                    var wrong = 0
                    for round in 0..<60 {
                        if task % 2 == 0 {
                            wrong += try connection.rows(sql) == expected ? 0 : 1
                        } else {
                            try connection.execute("CREATE TEMP TABLE x\(round) AS FROM t JOIN u ON t.b = u.b")
                            wrong += try connection.scalar("SELECT count(*) FROM x\(round)") == 400 ? 0 : 1
                        }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
        #expect(try database.connect().scalar("SELECT current_setting('disabled_optimizers')") == "column_lifetime")
    }
}
