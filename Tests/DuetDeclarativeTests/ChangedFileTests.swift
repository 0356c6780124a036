import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// What a streaming table does about files that change, by policy.
@Suite struct ChangedFileTests {
    private func fixture(_ policy: String, _ options: String = "{}") throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources:\n  x: {location: data/x-*.csv, changed_files: \(policy), options: \(options)}",
            sql: """
                CREATE STREAMING TABLE bronze.x AS SELECT * FROM STREAM read_files('${source.x}');
                CREATE STREAMING TABLE silver.x AS SELECT a, b + 1 AS b FROM STREAM(bronze.x);
                CREATE MATERIALIZED VIEW gold.x AS SELECT count(*) AS n, sum(b) AS total FROM silver.x;
                """
        )
        try fixture.drop("a,b\n1,10\n2,20\n", "x-1.csv")
        try fixture.drop("a,b\n3,30\n", "x-2.csv")
        return fixture
    }

    private func rows(_ fixture: PipelineFixture) throws -> [[String]] {
        try fixture.rows("SELECT a, b FROM silver.x ORDER BY ALL")
    }

    /// Each policy, and what the table holds after one file has changed and then gone.
    static let policies: [(String, changed: [[String]], gone: [[String]])] = [
        ("replace", [["1", "11"], ["2", "23"], ["3", "31"]], [["3", "31"]]),
        (
            "append",
            [["1", "11"], ["1", "11"], ["2", "21"], ["2", "23"], ["3", "31"]],
            [["1", "11"], ["1", "11"], ["2", "21"], ["2", "23"], ["3", "31"]]
        ),
        ("ignore", [["1", "11"], ["2", "21"], ["3", "31"]], [["1", "11"], ["2", "21"], ["3", "31"]]),
    ]

    @Test(arguments: policies)
    func `a changed file is treated as its source says`(
        _ policy: String,
        _ changed: [[String]],
        _ gone: [[String]]
    ) async throws {
        let fixture = try fixture(policy)
        try await fixture.run(.declarative)
        try fixture.drop("a,b\n1,10\n2,22\n", "x-1.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try rows(fixture) == changed)
        #expect(try fixture.rows("SELECT n FROM gold.x") == [["\(changed.count)"]])
        // Nothing is taken twice.
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try rows(fixture) == changed)
        try fixture.folder.remove("data/x-1.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try rows(fixture) == gone)
        #expect(try fixture.rows("SELECT n FROM gold.x") == [["\(gone.count)"]])
    }

    @Test func `a changed file fails the update where the source says so`() async throws {
        let fixture = try fixture("fail")
        try await fixture.run(.declarative)
        let before = try fixture.content(.declarative)
        try fixture.drop("a,b\n1,10\n2,22\n", "x-1.csv")
        let error = try #require(try await fixture.run(.declarative).errors.first)
        #expect(error.code == .badFormat && error.message.contains("x-1.csv") && error.location?.line == 3)
        #expect(try fixture.content(.declarative) == before)
        try fixture.folder.remove("data/x-1.csv")
        try fixture.drop("a,b\n9,90\n", "x-3.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try rows(fixture).last == ["9", "91"])
    }

    @Test func `a file that is written again with the same rows changes nothing downstream`() async throws {
        let fixture = try fixture("replace")
        try await fixture.run(.declarative)
        try fixture.drop("a,b\n2,20\n1,10\n", "x-1.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "bronze.x")?.rowsDeleted == 2)
        #expect(outcome.measures(of: "silver.x")?.rowsInserted ?? 0 == 0)
        #expect(try fixture.rows("SELECT n, total FROM gold.x") == [["3", "63"]])
    }

    /// Types that are guessed from files may be other with one file more.
    private func widened() async throws -> [[Style: [[String]]]] {
        let fixture = try fixture("replace")
        for style in Style.allCases { try await fixture.run(style) }
        try fixture.drop("a,b\n4,4.5\n", "x-3.csv")
        for style in Style.allCases { try await fixture.run(style) }
        return try [
            "SELECT * FROM bronze.x ORDER BY a", "SELECT a, b FROM silver.x ORDER BY a", "SELECT total FROM gold.x",
        ].map { sql in
            try Dictionary(uniqueKeysWithValues: Style.allCases.map { ($0, try fixture.rows(sql, $0)) })
        }
    }

    @Test func `a later file of another type loses nothing`() async throws {
        for rows in try await widened() { #expect(rows[.declarative] == rows[.procedural]) }
    }
}
