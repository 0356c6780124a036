import DuetCompare
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Needs `scripts/setup models`.
@Suite struct InferenceTests {
    private static let sql = """
        CREATE OR REFRESH STREAMING TABLE bronze.reviews AS SELECT * FROM STREAM read_files('${source.reviews}');
        CREATE OR REFRESH MATERIALIZED VIEW silver.labelled AS
        SELECT id, text, ai_classify(text, ['good', 'bad']) AS label FROM bronze.reviews WHERE length(text) > 3;
        CREATE OR REFRESH MATERIALIZED VIEW gold.counts AS SELECT label, count(*) AS n FROM silver.labelled GROUP BY label;
        """

    private static func model(_ more: String = "") -> String {
        """
        sources:
          reviews: {location: data/*.csv}
        models:
          judge:
            backend: embedded
            model: minilm
            prototypes: {good: [a good film, I love it], bad: [a bad film, I hate it]}
        \(more)
        """
    }

    private func fixture(_ sql: String = sql, more: String = "") throws -> PipelineFixture {
        let fixture = try PipelineFixture(Self.model(more), sql: sql)
        try fixture.drop(
            "id,text\n1,I love it\n2,I hate it\n3,a waste of time\n4,excellent\n5,ok\n6,I love it\n",
            "a.csv"
        )
        return fixture
    }

    private func inference(_ outcome: RunOutcome, _ step: String = "silver.labelled") -> InferenceMeasures {
        outcome.measures(of: step)?.inference ?? InferenceMeasures()
    }

    @Test func `only inputs that are new and differ are given to the model`() async throws {
        let fixture = try fixture()
        let first = inference(try await fixture.run(.declarative))
        #expect(first.calls == 4 && first.rows == 5 && first.cacheHits == 1 && first.tokensIn > 0 && first.failed == 0)
        let idle = try await fixture.run(.declarative)
        #expect(idle.end(of: "silver.labelled")?.kind == .stepSkipped)
        try fixture.drop("id,text\n7,awful\n8,excellent\n", "b.csv")
        #expect(inference(try await fixture.run(.declarative)).calls == 1)
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `a procedural run asks for everything again, unless the model says reuse`() async throws {
        let fixture = try fixture()
        let step = "Make silver_labelled"
        #expect(inference(try await fixture.run(.procedural), step).calls == 4)
        #expect(inference(try await fixture.run(.procedural), step).calls == 4)
        let reusing = try self.fixture(more: "    reuse: true")
        #expect(inference(try await reusing.run(.procedural), step).calls == 4)
        #expect(inference(try await reusing.run(.procedural), step).calls == 0)
    }

    @Test func `answers are shared between datasets that ask the same`() async throws {
        let more = """
            CREATE OR REFRESH MATERIALIZED VIEW silver.again AS
            SELECT id, upper(text) AS text, ai_classify(text, ['good', 'bad', 'odd']) AS label FROM bronze.reviews
            WHERE length(text) > 3;
            """
        let fixture = try fixture(Self.sql + "\n" + more)
        let outcome = try await fixture.run(.declarative)
        let both = ["silver.labelled", "silver.again"].map { inference(outcome, $0) }
        #expect(both.reduce(0) { $0 + $1.calls } == 4 && both.allSatisfy { $0.rows == 5 && $0.failed == 0 })
    }

    @Test func `a changed model makes what calls it anew, and nothing else`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        let other = Self.model().replacing("I hate it]", with: "I hate it, dreadful]")
        try fixture.folder.write("name: fixture\n\(other)", to: "pipeline.yml")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.end(of: "bronze.reviews")?.kind == .stepSkipped)
        #expect(outcome.measures(of: "silver.labelled")?.strategy == .full)
        // The vectors are the same, so that other labels cost nothing.
        #expect(inference(outcome).calls == 0 && inference(outcome).rows == 5)
    }

    @Test func `an input that is too long is quarantined with its error in both styles`() async throws {
        let fixture = try fixture(more: "    max_input_tokens: 8\n    too_long: quarantine")
        try fixture.drop("id,text\n9,this text is clearly longer than the eight tokens that are allowed\n", "b.csv")
        for style in Style.allCases {
            let outcome = try await fixture.run(style)
            #expect(outcome.isSuccess)
            let step = style == .declarative ? "silver.labelled" : "Make silver_labelled"
            #expect(inference(outcome, step).failed == 1)
            let rule = outcome.measures(of: step)?.expectations.first
            #expect(rule?.name == "has_answer" && rule?.failed == 1 && rule?.passed == 5)
            let kept = try fixture.rows("SELECT id, label FROM duet_quarantine.\"silver.labelled\"", style)
            #expect(kept.count == 1 && kept[0][0].contains("9") && kept[0][1].contains("more than 8 tokens"))
        }
        #expect(try fixture.differences().isEmpty)
        // Taken back, the row goes out of the quarantine too.
        try fixture.drop("id,text\n10,short\n", "b.csv")
        #expect(try await fixture.run(.declarative).isSuccess)
        #expect(try fixture.rows("SELECT count(*) FROM duet_quarantine.\"silver.labelled\"") == [["0"]])
    }

    @Test func `an answer that is missing where it is computed with fails the update and names the input`() async throws
    {
        let sql = Self.sql.replacing(
            "ai_classify(text, ['good', 'bad']) AS",
            with: "upper(ai_classify(text, ['good', 'bad'])) AS"
        )
        let fixture = try fixture(sql, more: "    max_input_tokens: 8\n    too_long: quarantine")
        try fixture.drop("id,text\n9,this text is clearly longer than the eight tokens that are allowed\n", "b.csv")
        for style in Style.allCases {
            let outcome = try await fixture.run(style)
            #expect(outcome.errors.first?.code == .inferenceFailed)
            #expect(outcome.errors.first?.message.contains("this text is clearly longer") == true)
        }
    }

    @Test func `a call of a model that is not declared is told at its place`() async throws {
        let sql = Self.sql.replacing("['good', 'bad'])", with: "['good', 'bad'], 'jugde')")
        let error = try await #require(throws: DuetErrors.self) { try await fixture(sql).run(.declarative) }
        let first = try #require(error.errors.first)
        #expect(first.code == .unknownModel && first.location?.line == 3)
        #expect(first.hint?.contains("judge") == true)
    }

    @Test func `a budget stops a run before it is exceeded, and what came is kept`() async throws {
        let fixture = try fixture(more: "    batch_size: 1\n    concurrency: 1\n    price: {call: 1}")
        let pipeline = try fixture.pipeline()
        let home = fixture.home
        let fetcher = fixture.fetcher
        let run = { (budget: Double?) in
            var request = RunRequest(pipeline: pipeline, home: home, fetcher: fetcher)
            request.budget = budget
            let ready = request
            return try await offPool { try Styles.executor(.declarative).run(ready) }
        }
        let stopped = try await run(2)
        #expect(stopped.errors.first?.code == .budgetExceeded)
        #expect(inference(stopped).cost == 2)
        let finished = try await run(2)
        #expect(finished.isSuccess && inference(finished).calls == 2)
    }
}
