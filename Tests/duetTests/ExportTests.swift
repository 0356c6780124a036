import DuetEngine
import DuetPipeline
import DuetTestSupport
import Testing

/// `duet export sdp` as the command is called.
@Suite struct ExportTests {
    @Test func `export sdp writes a project that duet runs to the same rows, and says what was left out`() async throws
    {
        let fixture = try CommandFixture()
        let written = try await fixture.duet("export", "sdp", "pipeline", "--to", "spark", "--json")
        #expect(written.status == 0, "\(written)")
        let told = try JSONValue(parsing: written.output)
        #expect(told["datasets"]?.integer == 5)
        #expect(told["files"]?.array?.contains("transformations/spark/all.sql") == true)
        #expect(told["left_out"]?.array?.contains { $0["subject"]?.string == "silver.orders" } == true)
        #expect(try fixture.folder.text("spark/spark-pipeline.yml").contains("/pipeline/data/orders-*.csv"))
        for folder in ["pipeline", "spark"] {
            let run = try await fixture.duet("run", folder, "--style=declarative", "--home=home-\(folder)")
            #expect(run.status == 0, "\(run)")
        }
        var rows: [String] = []
        for folder in ["pipeline", "spark"] {
            let query = "SELECT name, amount, total FROM gold.named, gold.total ORDER BY ALL"
            rows.append(try await fixture.duet("sql", folder, query, "--home=home-\(folder)", "--json").output)
        }
        #expect(rows[0] == rows[1])
        #expect(rows[0].contains(#""name":"ann""#), "\(rows)")
    }

    @Test func `export sdp writes nothing when something has no form in Spark, and names its place`() async throws {
        let sql = "CREATE MATERIALIZED VIEW gold.t AS\nSELECT strftime(DATE '2026-01-01', '%Y') AS y;"
        let fixture = try CommandFixture(sql: sql, withData: false)
        let result = try await fixture.duet("export", "sdp", "pipeline", "--to", "spark")
        #expect(result.status == 1)
        #expect(result.errors.contains("all.sql:2:8: error[UNSUPPORTED]"), "\(result.errors)")
        #expect(!TemporaryFolder.exists("\(fixture.folder.path)/spark"))
    }
}

/// What a factory needs that a pipeline only finds out: the types of text.
@Suite struct FoundTypeTests {
    private func fixture() throws -> CommandFixture {
        let definition = """
            name: fixture
            sources:
              orders: {location: data/orders-1.csv}
              names: {location: data/names.csv}
            """
        return try CommandFixture(definition: definition)
    }

    @Test func `before a run the error says to run, and afterwards the types found are casts`() async throws {
        let fixture = try fixture()
        let early = try await fixture.duet("debug", "pipeline", "--style=procedural", "--until=gold.total")
        #expect(early.status == 1)
        #expect(early.errors.contains("hint: run the pipeline once (duet run)"), "\(early.errors)")
        #expect(try await fixture.duet("run", "pipeline", "--style=declarative").status == 0)
        let debug = try await fixture.duet("debug", "pipeline", "--style=procedural", "--until=gold.total")
        #expect(debug.output.contains("stopped before fixture/Make gold_total"), "\(debug)")
        #expect(try await fixture.duet("export", "adf", "pipeline", "--to", "factory").status == 0)
        let activities = try fixture.folder.text("factory/pipeline/fixture.json")
        #expect(activities.contains(#"CAST(\"amount\" AS BIGINT) AS \"amount\""#), "\(activities)")
        #expect(try await fixture.duet("run", "factory", "--home=home-factory").status == 0)
    }
}
