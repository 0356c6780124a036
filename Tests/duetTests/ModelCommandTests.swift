import DuckKit
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Heads by command, and tables handed out; the former needs `scripts/setup models`.
@Suite struct ModelCommandTests {
    private static let definition = """
        name: fixture
        sources:
          texts: {location: data/texts.csv}
        models:
          mood: {backend: embedded, model: minilm, functions: [ai_analyze_sentiment], head: heads/mood.json}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.texts AS SELECT * FROM STREAM read_files('${source.texts}');
        CREATE MATERIALIZED VIEW gold.judged AS SELECT text, ai_analyze_sentiment(text) AS mood FROM bronze.texts;
        """

    @Test func `a head is trained, measured, used, and refused when it was changed`() async throws {
        let fixture = try CommandFixture(definition: Self.definition, sql: Self.sql, withData: false)
        try fixture.drop("text\nwhat a joyful day\nthis is dreadful\n", "texts.csv")
        let before = try await fixture.duet("run", "pipeline")
        #expect(before.status == 1 && before.errors.contains("duet model train"), "\(before.errors)")
        let rows = """
            SELECT * FROM (VALUES ('a lovely, happy time', 'glad'), ('it made me smile', 'glad'), ('wonderful news', 'glad'),
            ('I enjoyed it very much', 'glad'), ('an awful, sad story', 'sad'), ('it made me cry', 'sad'),
            ('terrible news', 'sad'), ('I hated every minute', 'sad')) t(text, label)
            """
        let head = "pipeline/heads/mood.json"
        let trained = try await fixture.duet("model", "train", "pipeline", "mood", "--output", head, "--query", rows)
        #expect(trained.status == 0 && trained.output.contains("8 rows, labels glad, sad"), "\(trained.errors)")
        let first = try String(contentsOfFile: "\(fixture.folder.path)/\(head)", encoding: .utf8)
        try await fixture.duet("model", "train", "pipeline", "mood", "--output", head, "--query", rows)
        #expect(try String(contentsOfFile: "\(fixture.folder.path)/\(head)", encoding: .utf8) == first)

        let measured = try await fixture.duet("model", "evaluate", "pipeline", "mood", "--query", rows)
        #expect(measured.output.contains("accuracy 1.0 on 8 rows"), "\(measured.output)")
        let json = try JSONValue(
            parsing: try await fixture.duet("model", "evaluate", "pipeline", "mood", "--json", "--query", rows).output
        )
        #expect(json["rows"]?.integer == 8 && json["confusion"]?.array?.count == 2)
        let vectors = try await fixture.duet("model", "vectors", "pipeline", "mood", "--query", "\(rows) LIMIT 2")
        let vector = try JSONValue(parsing: String(vectors.output.split(separator: "\n")[0]))
        #expect(vector["vector"]?.array?.count == 384 && vector["tokens"]?.array?.first == 101)

        #expect(try await fixture.duet("run", "pipeline").status == 0)
        let shown = try await fixture.duet("show", "pipeline", "gold.judged", "--json")
        #expect(shown.output.contains(#"{"text":"what a joyful day","mood":"glad"}"#))
        #expect(shown.output.contains(#"{"text":"this is dreadful","mood":"sad"}"#))

        let one = try await fixture.duet(
            "model",
            "train",
            "pipeline",
            "mood",
            "--output",
            head,
            "--query",
            "SELECT 'a', 'glad'"
        )
        #expect(one.status == 1 && one.errors.contains("fewer than two labels"))
        let nobody = try await fixture.duet("model", "evaluate", "pipeline", "modo", "--query", rows)
        #expect(nobody.status == 1 && nobody.errors.contains("did you mean 'mood'?"))
        try fixture.folder.write(first.replacing("glad", with: "gald"), to: head)
        let refused = try await fixture.duet("run", "pipeline")
        #expect(refused.status == 1 && refused.errors.contains("its content is not the one its version names"))
    }

    @Test func `a table is handed out as Parquet, CSV, JSON and Arrow with the same rows`() async throws {
        let fixture = try CommandFixture()
        try await fixture.duet("run", "pipeline")
        let connection = try Database().connect()
        let readers = ["parquet": "read_parquet", "csv": "read_csv", "json": "read_json"]
        for format in ["parquet", "csv", "json", "arrow"] {
            let path = "\(fixture.folder.path)/out.\(format)"
            let written = try await fixture.duet(
                "show",
                "pipeline",
                "gold.named",
                "--where",
                "amount > 0",
                "--format",
                format,
                "--output",
                path
            )
            #expect(written.status == 0 && written.output == "written: \(path), 2 rows\n", "\(written.errors)")
            if let reader = readers[format] {
                let rows = try connection.rows("SELECT * FROM \(reader)('\(path)') ORDER BY name").map {
                    $0.map(\.description)
                }
                #expect(rows == [["ann", "10"], ["bob", "7"]])
            } else {
                // What is in it is looked at by Arrow's own library in ArrowTests.
                let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                #expect(bytes.starts(with: Array("ARROW1".utf8)) && bytes.suffix(6) == Data("ARROW1".utf8))
            }
        }
        #expect(try await fixture.duet("show", "pipeline", "gold.named", "--format", "csv").status == 2)
        #expect(try await fixture.duet("show", "pipeline", "--format", "csv", "--output", "a.csv").status == 2)
        let nowhere = try await fixture.duet(
            "show",
            "pipeline",
            "gold.named",
            "--format",
            "arrow",
            "--output",
            "none/a.arrow"
        )
        #expect(nowhere.status == 1 && nowhere.errors.contains("none/a.arrow"), "\(nowhere.errors)")
    }
}
