import DuetEngine
import DuetEvents
import DuetTestSupport
import Testing

/// Files that queries name themselves, and what is known of each row's place in them.
@Suite struct PathReadTests {
    @Test func `a folder is read file by file, hidden ones apart`() async throws {
        let fixture = try PipelineFixture(
            "",
            sql: """
                CREATE STREAMING TABLE bronze.t AS SELECT * FROM STREAM read_files('data', format => 'csv');
                CREATE TEMPORARY VIEW v AS SELECT * FROM read_files('data/sub/*.csv');
                CREATE MATERIALIZED VIEW gold.n AS SELECT (SELECT count(*) FROM bronze.t) AS t, (SELECT count(*) FROM v) AS v;
                """
        )
        try fixture.drop("id\n1\n", "a.csv")
        try fixture.drop("id\n2\n", "sub/b.csv")
        try fixture.drop("id\n3\n", "_temporary/c.csv")
        try fixture.drop("no csv", ".hidden")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(try fixture.rows("SELECT * FROM gold.n") == [["2", "1"]])
        try fixture.drop("id\n4\n", "sub/d.csv")
        let second = try await fixture.run(.declarative)
        #expect(second.measures(of: "bronze.t")?.rowsRead == 1)
        #expect(try fixture.rows("SELECT * FROM gold.n") == [["3", "2"]])
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
    }

    @Test(arguments: ["csv", "json"])
    func `rows know their number in their file`(format: String) async throws {
        let fixture = try PipelineFixture(
            "",
            sql: """
                CREATE STREAMING TABLE bronze.t AS
                  SELECT *, _metadata.file_name AS file, _metadata.row_number AS line
                  FROM STREAM read_files('data/*', format => '\(format)');
                """
        )
        let text = { (values: [String]) in
            format == "csv"
                ? "v\n\(values.joined(separator: "\n"))\n"
                : "\(values.map { "{\"v\": \"\($0)\"}" }.joined(separator: "\n"))\n"
        }
        try fixture.drop(text(["c", "a", "b"]), "1")
        try fixture.drop(text(["z"]), "2")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        try fixture.drop(text(["y", "x"]), "3")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(
            try fixture.rows("SELECT file, line, v FROM bronze.t ORDER BY file, line") == [
                ["1", "1", "c"], ["1", "2", "a"], ["1", "3", "b"], ["2", "1", "z"], ["3", "1", "y"], ["3", "2", "x"],
            ]
        )
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
    }
}
