import DuetEngine
import DuetPipeline
import DuetTestSupport
import Testing

/// Joins that DuckDB 1.5.5 answers wrongly by itself (docs/maintenance.md), through both styles.
@Suite struct RowPickTests {
    private static func definition(_ picked: String) -> String {
        """
        CREATE OR REFRESH MATERIALIZED VIEW silver.readings AS
        SELECT CAST(i AS DOUBLE) AS id, CAST(i % 7 AS DOUBLE) AS a, CAST(i * 5 % 11 AS DOUBLE) AS b
        FROM read_files('${source.s}');
        CREATE OR REFRESH MATERIALIZED VIEW silver.kinds AS
        SELECT CAST(i AS DOUBLE) AS b, 'kind ' || i AS name
        FROM read_files('${source.s}') WHERE i < 11;
        \(picked)
        """
    }

    private static let picked = """
        SELECT DISTINCT ON (r.a) r.id, r.a, r.b FROM silver.readings r
        LEFT JOIN silver.readings o ON r.id = o.id AND o.b IS NOT NULL ORDER BY r.a, r.id
        """

    /// The first rows by `a` are those with the ids 0 to 6, and 8 is the `b` of the last of them.
    @Test(arguments: [
        """
        CREATE MATERIALIZED VIEW gold.out AS
        SELECT d.id FROM (\(picked)) d JOIN silver.kinds k ON d.b = k.b WHERE k.name LIKE '%8%';
        """,
        """
        CREATE TEMPORARY VIEW gold.picked AS \(picked);
        CREATE MATERIALIZED VIEW gold.out AS
        SELECT d.id FROM gold.picked d JOIN silver.kinds k ON d.b = k.b WHERE k.name LIKE '%8%';
        """,
    ])
    func `both styles give the right rows where a join meets DISTINCT ON`(_ sql: String) async throws {
        let fixture = try PipelineFixture("sources: {s: {location: data/*.csv}}", sql: Self.definition(sql))
        try fixture.drop("i\n" + (0..<400).map { "\($0)\n" }.joined(), "readings.csv")
        for style in [Style.declarative, .procedural] {
            try await fixture.run(style)
            #expect(try fixture.rows("SELECT id FROM gold.out", style) == [["6.0"]])
        }
        // The next update is incremental, and a full one after it finds nothing to correct.
        try fixture.drop("i\n-8\n" + (0..<400).map { "\($0)\n" }.joined(), "readings.csv")
        for style in [Style.declarative, .procedural] { try await fixture.run(style) }
        #expect(try fixture.differences().isEmpty)
        let kept = try fixture.rows("SELECT id FROM gold.out ORDER BY ALL")
        try await fixture.run(.declarative, rebuild: ["silver.readings", "silver.kinds", "gold.out"])
        #expect(try fixture.rows("SELECT id FROM gold.out ORDER BY ALL") == kept)
    }
}
