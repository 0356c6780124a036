import DuckKit
import DuetEngine
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Columns and rows through calls of models.
///
/// Needs `scripts/setup models`.
@Suite struct ModelLineageTests {
    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            """
            sources:
              reviews: {location: data/*.csv}
            models:
              judge:
                backend: embedded
                model: minilm
                functions: [ai_classify]
                prototypes: {good: [a good film, I love it], bad: [a bad film, I hate it]}
            """,
            sql: """
                CREATE STREAMING TABLE bronze.reviews AS SELECT * FROM STREAM read_files('${source.reviews}');
                CREATE MATERIALIZED VIEW silver.labelled AS
                  WITH t AS (SELECT id, text, ai_classify(text, ['good', 'bad']) AS label FROM bronze.reviews)
                  SELECT *, upper(label) AS shout FROM t WHERE length(text) > 3;
                CREATE MATERIALIZED VIEW gold.counts AS
                  SELECT label, count(*) AS n FROM silver.labelled GROUP BY label;
                CREATE MATERIALIZED VIEW gold.direct AS
                  SELECT ai_classify(text, ['good', 'bad'], 'judge') AS label, count(*) AS n FROM bronze.reviews GROUP BY 1;
                """
        )
        try fixture.drop("id,text\n1,I love it\n2,I hate it\n3,ok\n4,I love it\n", "a.csv")
        return fixture
    }

    @Test func `an answer's column comes from what was asked about, and from the model by name`() async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(.declarative).isSuccess)
        let lineage = try RowLineageTests.inspection(fixture, .declarative).lineage()
        let silver = DatasetName(schema: "silver", table: "labelled")
        let output = try #require(lineage.output("shout", of: silver))
        #expect(output.origins.models == ["judge"])
        #expect(output.origins.direct.map(\.description) == ["bronze.reviews.text", "model judge.ai_classify"])
        let gold = try #require(lineage.sourceOrigins(of: "label", in: DatasetName(schema: "gold", table: "counts")))
        #expect(gold.models == ["judge"])
        #expect(try #require(lineage.output("id", of: silver)).origins.models == [])
    }

    @Test(arguments: Style.allCases)
    func `rows are traced through a model's answers without asking it`(style: Style) async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(style).isSuccess)
        let look = try RowLineageTests.inspection(fixture, style)
        let trace = try look.trace("gold.counts", where: "label = 'good'", limit: nil)
        #expect(trace.wholes.isEmpty)
        let bronze = try #require(trace.steps.first { $0.dataset.description == "bronze.reviews" })
        let ids = try trace.rows(of: bronze, limit: 9).map { $0.values.first?.description }
        #expect(ids == ["1", "4"])
        #expect(try Recomputation(trace).agrees(row: 1) == true)
        let row = try look.trace("silver.labelled", where: "id = 2", limit: nil)
        #expect(row.steps.map(\.rows) == [1, 1])
        #expect(try Recomputation(row).agrees(row: 1) == true)
        let fate = try look.fate("bronze.reviews", where: "id <= 3", limit: nil)
        let silver = try #require(fate.steps.first { $0.dataset.description == "silver.labelled" })
        #expect(silver.taken == 2 && silver.left == 1)
        // Groups that only the model could tell apart are not told apart.
        let direct = try look.trace("gold.direct", where: "label = 'bad'", limit: nil)
        #expect(direct.wholes.first?.reason.contains("a model's answers") == true)
        let verdict = try look.whyNot("gold.counts", where: "label = 'odd'").verdict
        #expect(verdict.contains("asks a model"))
    }
}
