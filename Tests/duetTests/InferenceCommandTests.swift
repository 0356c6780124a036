import DuckKit
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// What the command line does about models, with a server that knows all answers but those it is told to refuse.
@Suite struct InferenceCommandTests {
    /// A word whose texts are refused; nil for none.
    private final class Refusal: Sendable {
        private let value = Mutex<String?>(nil)

        var word: String? {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    /// A server of a model that says whether the number in a text is even.
    private struct Judge {
        let refusal = Refusal()
        let server: FaultServer
        let port: Int

        init() throws {
            server = FaultServer { [refusal] request, connection in
                let body = String(decoding: request.body, as: UTF8.self)
                if let word = refusal.word, body.contains(word) {
                    _ = connection.answer(400, body: Array("{\"error\": \"not today\"}".utf8))
                    return .keepAlive
                }
                let digits = body.components(separatedBy: "number ").last?.prefix { $0.isNumber } ?? "0"
                let label = (Int(digits) ?? 0).isMultiple(of: 2) ? "even" : "odd"
                let answer: JSONValue = [
                    "choices": [["message": ["content": .string(label)], "finish_reason": "stop"]],
                    "usage": ["prompt_tokens": 30, "completion_tokens": 1],
                ]
                _ = connection.answer(200, body: Array(answer.text().utf8))
                return .keepAlive
            }
            port = try server.start()
        }

        func refuse(_ word: String?) { refusal.word = word }
    }

    private static let sql = """
        CREATE STREAMING TABLE bronze.texts AS SELECT * FROM STREAM read_files('${source.texts}');
        CREATE MATERIALIZED VIEW gold.judged AS
          SELECT id, ai_classify(text, ['even', 'odd']) AS label FROM bronze.texts;
        """

    private func fixture(_ judge: Judge, more: String = "") throws -> CommandFixture {
        let definition = """
            name: fixture
            sources:
              texts: {location: data/texts-*.csv}
            models:
              judge:
                backend: endpoint
                model: tiny
                url: http://127.0.0.1:\(judge.port)/v1
                stream: false
                concurrency: 1
                functions: [ai_classify]
                price: {input: 1000, output: 1000, call: 0.5, currency: EUR}
            \(more)
            """
        let fixture = try CommandFixture(definition: definition, sql: Self.sql, withData: false)
        try fixture.drop("id,text\n" + (0..<6).map { "\($0),the number \($0)\n" }.joined(), "texts-1.csv")
        return fixture
    }

    @Test func `plan says how many calls, tokens and what money an update takes, and the update takes them`()
        async throws
    {
        let judge = try Judge()
        let fixture = try fixture(judge)
        let text = try await fixture.duet("plan", "pipeline")
        #expect(text.output.contains("tokens in") && text.output.contains("EUR"), "\(text.output)\(text.errors)")
        let plan = try JSONValue(parsing: try await fixture.duet("plan", "pipeline", "--json").output)
        let total = try #require(plan["inference"]?["total"])
        #expect(total["calls"]?.integer == 6 && plan["inference"]?["currency"]?.string == "EUR")
        let tokens = try #require(total["tokens_in"]?.integer)
        #expect(tokens > 60)
        // 6 calls at 0.5, and tokens at a thousandth each.
        guard case .double(let cost)? = total["cost"] else { throw TestFailure("no cost in \(total.text())") }
        let written = try #require(total["tokens_out"]?.integer)
        #expect(abs(cost - (3 + Double(tokens + written) / 1000)) < 1e-9)
        #expect(judge.server.requestCount == 0)
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        #expect(judge.server.requestCount == 6)
        let after = try await fixture.duet("plan", "pipeline")
        #expect(after.output.contains("No model will be called"), "\(after.output)")
    }

    @Test func `a budget ends the run before it is exceeded, and the next one goes on from there`() async throws {
        let judge = try Judge()
        let fixture = try fixture(judge)
        let stopped = try await fixture.duet("run", "pipeline", "--budget", "1.2")
        #expect(stopped.status == 1 && stopped.errors.contains("error[BUDGET_EXCEEDED]"), "\(stopped.errors)")
        #expect(stopped.errors.contains("the run may spend 1.2 EUR"))
        #expect(judge.server.requestCount == 2)
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        #expect(judge.server.requestCount == 6)
        #expect(try await fixture.duet("run", "pipeline", "--budget=-1").status == 2)
    }

    @Test func `stats counts answers, prune forgets models that nobody has, invalidate has them asked anew`()
        async throws
    {
        let judge = try Judge()
        let fixture = try fixture(judge)
        let none = try await fixture.duet("inference", "stats")
        #expect(none.status == 1 && none.errors.contains("there is no result store"))
        try await fixture.duet("run", "pipeline")
        func stats() async throws -> [JSONValue] {
            try JSONValue(parsing: try await fixture.duet("inference", "stats", "--json").output).array ?? []
        }
        let first = try await stats()
        #expect(first.count == 1 && first[0]["answers"]?.integer == 6 && first[0]["tokens_in"]?.integer == 180)
        #expect(try await fixture.duet("inference", "stats").output.contains("tiny"))
        #expect(try await fixture.duet("inference", "prune", "pipeline").output == "forgotten: 0 answers\n")

        let forgotten = try await fixture.duet("inference", "invalidate", "pipeline", "judge")
        #expect(forgotten.output.hasPrefix("forgotten: 6 answers of 'judge'"))
        let unknown = try await fixture.duet("inference", "invalidate", "pipeline", "jugde")
        #expect(unknown.status == 1 && unknown.errors.contains("judge"))
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        #expect(judge.server.requestCount == 12)

        // Another model in its place: the answers of the one before are nobody's.
        let text = try String(contentsOfFile: "\(fixture.folder.path)/pipeline/pipeline.yml", encoding: .utf8)
        try fixture.folder.write(text.replacing("model: tiny", with: "model: small"), to: "pipeline/pipeline.yml")
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        let both = try await stats().filter { $0["answers"] != 0 }
        #expect(both.count == 2)
        #expect(try await fixture.duet("inference", "prune", "pipeline").output == "forgotten: 6 answers\n")
        #expect(try await stats().count == 1 && judge.server.requestCount == 18)
    }

    @Test func `retry asks again about inputs without an answer, and about nothing else`() async throws {
        let judge = try Judge()
        let fixture = try fixture(judge)
        let nothing = try await fixture.duet("inference", "retry", "pipeline")
        #expect(nothing.status == 1 && nothing.errors.contains("run the pipeline first"))
        judge.refuse("number 3")
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        let without = try await fixture.duet("show", "pipeline", "gold.judged", "--json")
        #expect(without.output.split(separator: "\n").count == 5)
        // A run alone does not ask again.
        try await fixture.duet("run", "pipeline")
        #expect(judge.server.requestCount == 6)
        judge.refuse(nil)
        let retried = try await fixture.duet("inference", "retry", "pipeline")
        #expect(retried.status == 0 && retried.output.hasPrefix("asked again: 1 inputs\n"), "\(retried.errors)")
        #expect(judge.server.requestCount == 7)
        let all = try await fixture.duet("show", "pipeline", "gold.judged", "--json")
        #expect(all.output.contains(#"{"id":3,"label":"odd"}"#) && all.output.split(separator: "\n").count == 6)
    }

    @Test func `too many inputs without an answer fail the update`() async throws {
        let judge = try Judge()
        let fixture = try fixture(judge, more: "    max_failures: 0.05")
        try fixture.drop("id,text\n" + (6..<40).map { "\($0),the number \($0)\n" }.joined(), "texts-2.csv")
        judge.refuse("number 2")
        let failed = try await fixture.duet("run", "pipeline")
        #expect(failed.status == 1 && failed.errors.contains("error[INFERENCE_FAILED]"))
        #expect(failed.errors.contains("max_failures of 0.05") && failed.errors.contains("not today"))
    }

    @Test func `validate --as dlt points at model calls where the service would not have them`() async throws {
        let judge = try Judge()
        let fixture = try fixture(judge)
        let found = try await fixture.duet("validate", "pipeline", "--as", "dlt")
        #expect(found.status == 0, "\(found.errors)")
        let told = found.output + found.errors
        #expect(told.contains("pipeline/transformations/all.sql:2:1: note:"), "\(told)")
        #expect(told.contains("'gold.judged' calls ai_classify in the gold layer"))
        #expect(told.contains("data frame"))
        let without = try CommandFixture(withData: false)
        let clean = try await without.duet("validate", "pipeline", "--as", "dlt")
        #expect(clean.status == 0 && !clean.output.contains("note:"))
        #expect(try await fixture.duet("validate", "pipeline", "--as", "spark").status == 2)
    }
}
