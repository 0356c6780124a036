import DuckKit
import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import DuetTestSupport
import Testing

/// The proof of equality: exact for every type, with a tolerance for floating-point numbers only.
@Suite struct EqualityTests {
    private static let name = DatasetName(schema: "main", table: "t")

    private func compare(_ left: String, _ right: String, confirming cells: Int = 1000) throws -> DatasetComparison {
        let folder = try TemporaryFolder()
        for (name, query) in [("l", left), ("r", right)] {
            let database = try Database(path: "\(folder.path)/\(name).duckdb")
            try database.connect().execute("CREATE TABLE t AS \(query)")
        }
        return try EqualityProof.compare(
            table: Self.name,
            "\(folder.path)/l.duckdb",
            "\(folder.path)/r.duckdb",
            confirming: cells
        )
    }

    /// Values of every type that DuckDB stores, two different ones each.
    private static let types = [
        ("BOOLEAN", "true", "false"), ("TINYINT", "1", "-1"), ("SMALLINT", "300", "301"), ("INTEGER", "7", "8"),
        ("BIGINT", "5000000000", "5000000001"), ("HUGEINT", "170141183460469231731687303715884105727", "0"),
        ("UBIGINT", "18446744073709551615", "1"), ("DECIMAL(38, 9)", "1.000000001", "1.000000002"),
        ("VARCHAR", "'größe'", "'grösse'"), ("BLOB", "'\\x00\\x01'::BLOB", "'\\x00\\x02'::BLOB"),
        ("DATE", "DATE '2024-02-29'", "DATE '2024-03-01'"), ("TIME", "TIME '01:02:03.000001'", "TIME '01:02:03'"),
        ("TIMESTAMP", "TIMESTAMP '2024-01-01 00:00:00.000001'", "TIMESTAMP '2024-01-01'"),
        ("TIMESTAMPTZ", "TIMESTAMPTZ '2024-01-01 00:00:00+00'", "TIMESTAMPTZ '2024-01-01 00:00:00+01'"),
        ("INTERVAL", "INTERVAL 1 DAY", "INTERVAL 1 SECOND"),
        ("UUID", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
        ("INTEGER[]", "[1, 2]", "[2, 1]"), ("STRUCT(a INTEGER, b VARCHAR)", "{a: 1, b: 'x'}", "{a: 1, b: 'y'}"),
        ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1}", "MAP {'a': 2}"),
    ]

    @Test(arguments: types, [0, 1000])
    func `a single other value of any type is found`(type: (String, String, String), cells: Int) throws {
        let rows = { (value: String) in
            "SELECT range AS id, CASE WHEN range = 3 THEN (\(value))::\(type.0) ELSE NULL END AS v FROM range(10)"
        }
        #expect(try compare(rows(type.1), rows(type.1), confirming: cells).isEqual, "\(type.0)")
        let found = try compare(rows(type.1), rows(type.2), confirming: cells)
        #expect(!found.isEqual && found.surplus == (1, 1) && found.samples.count == 2, "\(type.0): \(found)")
    }

    @Test(arguments: [0, 1000])
    func `rows count as often as they are there, and in any order`(cells: Int) throws {
        let left = "SELECT * FROM (VALUES (1), (1), (2), (NULL)) AS v (a)"
        #expect(try compare(left, "SELECT * FROM (VALUES (NULL), (2), (1), (1)) AS v (a)", confirming: cells).isEqual)
        let found = try compare(left, "SELECT * FROM (VALUES (NULL), (2), (2), (1)) AS v (a)", confirming: cells)
        #expect(!found.isEqual && found.surplus == (1, 1) && found.rows == (4, 4))
        let doubled = try compare(left, left + " UNION ALL SELECT 1", confirming: cells)
        #expect(doubled.surplus == (0, 1) && doubled.samples == ["declarative only: 1"])
    }

    @Test func `values that change places between columns or rows are found`() throws {
        for cells in [0, 1000] {
            let columns = try compare("SELECT 1 AS a, 2 AS b", "SELECT 2 AS a, 1 AS b", confirming: cells)
            #expect(!columns.isEqual)
            let rows = try compare(
                "SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS v (a, b)",
                "SELECT * FROM (VALUES (1, 'y'), (2, 'x')) AS v (a, b)",
                confirming: cells
            )
            #expect(!rows.isEqual && rows.surplus == (2, 2))
        }
    }

    @Test func `other columns or types differ, whatever the rows`() throws {
        #expect(try compare("SELECT 1 AS a", "SELECT 1 AS b").note?.contains("the columns differ") == true)
        #expect(try compare("SELECT 1::INT AS a", "SELECT 1::BIGINT AS a").isEqual == false)
        #expect(try compare("SELECT 1 AS a WHERE false", "SELECT 1 AS a, 2 AS b WHERE false").isEqual == false)
    }

    @Test func `floating sums are equal within the tolerance, and the note says so`() throws {
        let doubles = try compare(
            "SELECT range AS id, 0.1::DOUBLE * 3 * range AS x FROM range(50)",
            "SELECT range AS id, 0.3::DOUBLE * range AS x FROM range(50)"
        )
        #expect(doubles.isEqual && doubles.note?.contains("1e-11 in x") == true, "\(doubles)")
        let far = try compare("SELECT 1.0::DOUBLE AS x", "SELECT 1.0000000001::DOUBLE AS x")
        #expect(!far.isEqual && far.surplus == (1, 1))
        #expect(try compare("SELECT 'nan'::DOUBLE AS x", "SELECT 'nan'::DOUBLE AS x").isEqual)
        #expect(try compare("SELECT 'inf'::DOUBLE AS x", "SELECT '-inf'::DOUBLE AS x").isEqual == false)
        #expect(try compare("SELECT NULL::DOUBLE AS x", "SELECT 0::DOUBLE AS x").isEqual == false)
    }

    @Test func `close floating values of different rows are paired by their exact columns`() throws {
        let left = "SELECT * FROM (VALUES (1, 0.1::DOUBLE * 3), (2, 0.7::DOUBLE)) AS v (id, x)"
        #expect(try compare(left, "SELECT * FROM (VALUES (2, 0.7::DOUBLE), (1, 0.3::DOUBLE)) AS v (id, x)").isEqual)
        #expect(
            try compare(left, "SELECT * FROM (VALUES (1, 0.7::DOUBLE), (2, 0.3::DOUBLE)) AS v (id, x)").isEqual == false
        )
    }

    @Test func `large tables are proved by fingerprints, and say so`() throws {
        let query = "SELECT range AS id, 'row ' || range AS name FROM range(5000)"
        let equal = try compare(query, query + " ORDER BY id DESC", confirming: 100)
        #expect(equal.isEqual && equal.method == "fingerprints")
        let other = try compare(
            query,
            query.replacing("'row ' || range", with: "'row ' || (range % 4999)"),
            confirming: 100
        )
        #expect(!other.isEqual && other.surplus == (1, 1))
    }
}
