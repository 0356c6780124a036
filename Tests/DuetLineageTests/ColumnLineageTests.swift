import DuckKit
import DuetLineage
import DuetPipeline
import Foundation
import Testing

/// Where columns come from, by known answers and by sqlglot's.
@Suite struct ColumnLineageTests {
    private let connection: Connection

    init() throws {
        connection = try Database().connect()
        try connection.execute(
            """
            CREATE TABLE t (a INTEGER, b INTEGER, c VARCHAR, l INTEGER[]);
            CREATE TABLE u (a INTEGER, d INTEGER);
            """
        )
    }

    /// An output's origins as text: `t.a identity, u.d filter`.
    private func origins(_ sql: String, _ column: Int = 0) throws -> String {
        text(try QueryLineage.of(sql, connection).outputs[column].origins)
    }

    private func rows(_ sql: String) throws -> String { text(try QueryLineage.of(sql, connection).rows) }

    private func text(_ origins: ColumnOrigins) -> String {
        origins.columns().map { column in
            let kinds = (origins.influences[column] ?? []).sorted().map(\.rawValue).joined(separator: "+")
            return "\(column.description.dropFirst("main.".count)) \(kinds)"
        }.joined(separator: ", ")
    }

    static let cases = [
        ("SELECT a FROM t", "t.a identity"),
        ("SELECT a + b AS x FROM t", "t.a transformation, t.b transformation"),
        ("SELECT sum(a) FROM t", "t.a aggregation"),
        ("SELECT sum(a) FILTER (WHERE b > 0) FROM t", "t.a aggregation, t.b conditional"),
        ("SELECT string_agg(c, ',' ORDER BY a) FROM t", "t.a sort, t.c aggregation"),
        ("SELECT CASE WHEN a > 0 THEN b ELSE 0 END FROM t", "t.a conditional, t.b transformation"),
        ("SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM t", "t.a window, t.b window"),
        ("SELECT sum(a) OVER (ORDER BY b) FROM t", "t.a aggregation, t.b window"),
        ("SELECT x FROM (SELECT a + 1 AS x FROM t)", "t.a transformation"),
        ("WITH q AS (SELECT sum(a) AS s FROM t GROUP BY b) SELECT s * 2 FROM q", "t.a aggregation"),
        ("WITH q(z) AS (SELECT b FROM t) SELECT z FROM q", "t.b identity"),
        ("SELECT * EXCLUDE (a) FROM t", "t.b identity"),
        ("SELECT * REPLACE (b + 1 AS a) FROM t", "t.b transformation"),
        ("SELECT a FROM t UNION ALL SELECT d FROM u", "t.a identity, u.d identity"),
        ("SELECT a FROM t EXCEPT SELECT d FROM u", "t.a identity"),
        ("SELECT (SELECT max(d) FROM u WHERE u.a = t.a) FROM t", "t.a filter, u.a filter, u.d aggregation"),
        ("SELECT a FROM t FULL JOIN u USING (a)", "t.a transformation, u.a transformation"),
        ("SELECT d FROM t RIGHT JOIN u USING (a)", "u.d identity"),
        ("SELECT list_transform(l, lambda x: x + b) FROM t", "t.b transformation, t.l transformation"),
        ("SELECT unnest(l) FROM t", "t.l transformation"),
        ("SELECT x FROM t, unnest(l) AS n(x)", "t.l transformation"),
        ("SELECT count(*) FROM t", ""),
        ("SELECT column0 FROM (VALUES (1)) AS v(column0)", ""),
        (
            "WITH RECURSIVE r(n) AS (SELECT a FROM t UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT n FROM r",
            "t.a identity+transformation"
        ),
        ("FROM t SELECT c", "t.c identity"),
        ("SELECT a AS x, x + b AS y FROM t", "t.a identity"),
    ]

    @Test(arguments: cases)
    func `a column's origins are told with their kinds`(_ sql: String, _ expected: String) throws {
        #expect(try origins(sql) == expected)
    }

    @Test func `what decides about rows is told apart from what makes their values`() throws {
        let sql = """
            SELECT t.b, count(*) AS n FROM t JOIN u ON u.a = t.a WHERE d > 1 GROUP BY t.b HAVING max(c) > 'x' ORDER BY n, b
            """
        #expect(try rows(sql) == "t.a join, t.b group_by+sort, t.c filter, u.a join, u.d filter")
        #expect(try rows("SELECT DISTINCT a FROM t") == "t.a group_by")
        #expect(try rows("SELECT a FROM t SEMI JOIN u USING (a)") == "t.a join, u.a join")
        #expect(try origins("SELECT a AS x, x + b AS y FROM t", 1) == "t.a transformation, t.b transformation")
    }

    @Test func `what there is no rule for is said, and not guessed`() throws {
        #expect(throws: UnknownLineage.self) { try QueryLineage.of("SELECT COLUMNS('a|b') FROM t", connection) }
    }

    // MARK: - sqlglot

    private static let resources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Resources")

    private static let extensionPath: String? = {
        let root = resources.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent(".deps/duckdb/extensions").path
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.first { $0.hasSuffix("/tpch.duckdb_extension") }.map { "\(folder)/\($0)" }
    }()

    /// Columns where sqlglot says less, with what it leaves out and why duet is right.
    ///
    /// Of a scalar subquery sqlglot follows only the value; duet tells the columns that decide the value too.
    private static let explained: [String: Set<String>] = [:]

    @Test(.enabled(if: extensionPath != nil, "scripts/setup tpch brings the extension"))
    func `the columns of TPC-H's 22 queries come from where sqlglot says`() throws {
        let path = try #require(Self.extensionPath)
        let tpch = try Database(configuration: ["allow_unsigned_extensions": "true"]).connect()
        try tpch.execute("LOAD \(SQL.literal(path)); CALL dbgen(sf = 0)")
        let file = Self.resources.appendingPathComponent("sqlglot-lineage.json").path
        let golden = try JSONValue(parsing: try String(contentsOfFile: file, encoding: .utf8)).array ?? []
        #expect(golden.count == 22)
        var differences: [String] = []
        for entry in golden {
            let number = try #require(entry["query"]?.integer)
            let sql = try tpch.scalar("SELECT query FROM tpch_queries() WHERE query_nr = \(number)").string ?? ""
            let text = sql.split(separator: ";").first.map(String.init) ?? ""
            let lineage = try QueryLineage.of(text, tpch)
            let columns = entry["columns"]?.array ?? []
            #expect(lineage.outputs.count == columns.count, "query \(number)")
            for (own, theirs) in zip(lineage.outputs, columns) {
                let name = "\(number).\(own.name)"
                let found = Set(
                    own.origins.columns().map { String($0.description.dropFirst("main.".count)).lowercased() }
                )
                let expected = Set((theirs["origins"]?.array ?? []).compactMap(\.string))
                    .union(Self.explained[name] ?? [])
                if found != expected { differences.append("\(name): \(found.sorted()) and not \(expected.sorted())") }
            }
        }
        #expect(differences == [])
    }
}
