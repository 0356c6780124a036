import DuckKit
import DuetMaintenance
import DuetTestSupport
import Foundation
import Testing

/// Equality that is not sameness, names that mean two things, and nested values.
@Suite struct AwkwardValueTests {
    /// Texts that equal the same number.
    static let numbered = "(SELECT s, b FROM u WHERE s IN ('1', '01', '2')) w"

    static let kept = [
        "SELECT t.a, w.b FROM t LEFT JOIN \(numbered) ON t.k = w.s",
        "SELECT t.a, w.b FROM t FULL JOIN \(numbered) ON t.k = w.s",
        "SELECT t.a FROM t ANTI JOIN \(numbered) ON t.k = w.s",
        "SELECT t.a FROM t WHERE EXISTS (SELECT 1 FROM \(numbered) WHERE t.k = w.s)",
        "SELECT t.a, EXISTS (SELECT 1 FROM \(numbered) WHERE t.k = w.s) AS f FROM t",
        "SELECT t.a, (SELECT sum(b) FROM \(numbered) WHERE t.k = w.s) AS n FROM t",
        "SELECT w.b, (SELECT sum(t.a) FROM t WHERE t.k = w.s) AS n FROM \(numbered)",
        "SELECT t.k, w.s, count(*) FROM t JOIN \(numbered) ON t.k = w.s GROUP BY t.k, w.s",
        "SELECT p.id, w.s, count(*) FROM p JOIN \(numbered) ON p.id = w.s GROUP BY p.id, w.s",
        "SELECT t.x, v.c FROM t LEFT JOIN v ON t.x = v.c",
        "SELECT t.x, (SELECT count(*) FROM v WHERE v.c = t.x) AS n FROM t",
        "SELECT a.x, b.x FROM t a FULL JOIN t b ON a.x = b.x",
        "SELECT a.id, b.id FROM c a FULL JOIN c b ON a.l = b.l AND a.st = b.st",
        "SELECT id, st IN (SELECT st FROM c y WHERE y.id < c.id) AS f FROM c",
        "SELECT a FROM t WHERE (k, a) IN (SELECT (k, b) FROM u)",
        "SELECT id, (SELECT sum(e * id) FROM unnest(l) AS z(e) WHERE e > id) AS m FROM c",
        "SELECT x, x > ANY (SELECT x FROM t y WHERE y.k = t.k) AS f FROM t",
        "SELECT a % 2 AS a, count(*) AS n FROM t GROUP BY a HAVING a > 0",
        "SELECT a % 2 AS a, sum(k) AS n FROM t GROUP BY 1 HAVING sum(a) > 2 AND a = 1",
        "SELECT -a AS a, t.k FROM t JOIN u ON u.k = t.k ORDER BY a + 0, t.k LIMIT 2",
        "SELECT DISTINCT ON (a + 0) a % 2 AS a, k FROM t ORDER BY a + 0, k, d, s, x",
        "SELECT a, (SELECT sum(count(*)) OVER () FROM u WHERE u.k = t.k) AS n FROM t",
        "WITH w AS (SELECT * FROM t WHERE a > 1) SELECT * FROM w x WHERE NOT EXISTS (SELECT 1 FROM w y WHERE y.a > x.a)",
        "WITH w AS (SELECT st AS x, id FROM c) SELECT x.id, (SELECT count(*) FROM w y WHERE y.id = y.x.p) AS n FROM w x",
        "SELECT \"É\", \"é\", count(*) FROM (SELECT a AS \"É\", k AS \"é\" FROM t) GROUP BY \"É\", \"é\"",
        "SELECT list_transform([t.k], A -> A + t.a) AS z FROM t",
        "SELECT k, list_transform(list(a ORDER BY a), A -> A + 1) AS z FROM t GROUP BY k",
    ]

    @Test(arguments: kept) func `awkward values and names are kept right`(query: String) async throws {
        try await check(query) { #expect($0 == []) }
    }

    static let refused = [
        "SELECT t.a, u.b FROM t LEFT JOIN u ON t.s COLLATE NOCASE = u.s",
        "SELECT a, z IN (SELECT s FROM u) AS f FROM (SELECT a, s COLLATE NOCASE AS z FROM t) q",
        "SELECT upper(z) FROM ((SELECT s COLLATE NOCASE AS z FROM t) EXCEPT (SELECT s FROM u))",
        "SELECT id, l < ANY (SELECT l FROM c y WHERE y.id <> c.id) AS f FROM c",
        "SELECT t.a, (SELECT approx_count_distinct(b) FROM u WHERE u.k < t.k) AS n FROM t",
        "SELECT x IN (SELECT c FROM v) AS f FROM t",
        "SELECT a = 1 AS x, 'e\u{301}' AS p, 'é' AS q FROM t",
    ]

    @Test(arguments: refused) func `what makes different values equal is computed in full`(query: String) async throws {
        try await check(query) { #expect(!$0.isEmpty) }
    }

    /// `DUET_TEST_QUERIES` names a file with a query on each line, to try queries out.
    @Test func `queries of a file are kept right`() async throws {
        guard let path = ProcessInfo.processInfo.environment["DUET_TEST_QUERIES"] else { return }
        for query in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
            do {
                try await check(String(query), runs: 8) { print("\($0.isEmpty ? "kept" : "full: \($0)") :: \(query)") }
            } catch {
                Issue.record("\(query)\n\(error)")
            }
        }
    }

    private func check(_ query: String, runs: UInt64 = 4, _ issues: @Sendable ([String]) -> Void) async throws {
        let found = try await offPool { () -> [String]? in
            var found: [String]?
            let database = try Database(configuration: ["threads": "1"])
            for seed in 0..<runs {
                var awkward = AwkwardCase(query, seed: seed)
                if let harness = try awkward.run(try database.connect()) { found = harness.program.issues }
            }
            return found
        }
        issues(try #require(found, "DuckDB refuses it"))
    }
}
