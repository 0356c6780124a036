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

    private static func extensionPath(_ name: String) -> String? {
        let root = resources.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent(".deps/duckdb/extensions").path
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.first { $0.hasSuffix("/\(name).duckdb_extension") }.map { "\(folder)/\($0)" }
    }

    /// Holds all columns of a benchmark's queries against what sqlglot said of them.
    ///
    /// - Parameters:
    ///   - file: What sqlglot said, as `sqlglot-lineage.py` wrote it.
    ///   - extensionName: The extension that has the queries.
    ///   - explained: By `query.column`, what duet finds beside sqlglot's columns, or lacks of them (with a minus).
    /// - Returns: The columns that differ otherwise, and how many were compared.
    /// - Throws: What keeps the queries from being read.
    private func differences(
        _ file: String,
        _ extensionName: String,
        explained: [String: Set<String>]
    ) throws -> (found: [String], compared: Int) {
        let path = try #require(Self.extensionPath(extensionName))
        let database = try Database(configuration: ["allow_unsigned_extensions": "true"]).connect()
        let make = extensionName == "tpch" ? "dbgen" : "dsdgen"
        try database.execute("LOAD \(SQL.literal(path)); CALL \(make)(sf = 0)")
        let text = try String(contentsOfFile: Self.resources.appendingPathComponent(file).path, encoding: .utf8)
        var found: [String] = []
        var compared = 0
        for entry in try JSONValue(parsing: text).array ?? [] {
            let number = try #require(entry["query"]?.integer)
            let sql =
                try database.scalar("SELECT query FROM \(extensionName)_queries() WHERE query_nr = \(number)").string
            let lineage = try QueryLineage.of(sql?.split(separator: ";").first.map(String.init) ?? "", database)
            let columns = entry["columns"]?.array ?? []
            #expect(lineage.outputs.count == columns.count, "query \(number)")
            for (own, theirs) in zip(lineage.outputs, columns) {
                let name = "\(number).\(own.name)"
                let mine = Set(
                    own.origins.columns().map { String($0.description.dropFirst("main.".count)).lowercased() }
                )
                var expected = Set((theirs["origins"]?.array ?? []).compactMap(\.string))
                for difference in explained[name] ?? [] {
                    if difference.hasPrefix("-") {
                        expected.remove(String(difference.dropFirst()))
                    } else {
                        expected.insert(difference)
                    }
                }
                compared += 1
                if mine != expected {
                    found.append(
                        "\(name): more \(mine.subtracting(expected).sorted()), less \(expected.subtracting(mine).sorted())"
                    )
                }
            }
        }
        return (found, compared)
    }

    @Test(.enabled(if: extensionPath("tpch") != nil, "scripts/setup tpch brings the extension"))
    func `the columns of TPC-H's 22 queries come from where sqlglot says`() throws {
        let (found, compared) = try differences("sqlglot-lineage.json", "tpch", explained: [:])
        #expect(found == [] && compared > 60)
    }

    @Test(.enabled(if: extensionPath("tpcds") != nil, "scripts/setup tpcds brings the extension"))
    func `the columns of TPC-DS's 99 queries come from where sqlglot says, but for what is explained`() throws {
        // Query 9 chooses between two averages by a count over a range of quantities. sqlglot follows the averages' values
        // only; duet tells too what the count filters by, as for any scalar subquery.
        let buckets = (1...5).map { ("9.bucket\($0)", Set(["store_sales.ss_quantity"])) }
        let (found, compared) = try differences(
            "sqlglot-lineage-tpcds.json",
            "tpcds",
            explained: Dictionary(uniqueKeysWithValues: buckets)
        )
        #expect(found == [] && compared == 618)
    }
}
