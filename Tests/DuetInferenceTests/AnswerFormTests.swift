import DuetEvents
import DuetPipeline
import DuetServe
import DuetTestSupport
import Synchronization
import Testing

@testable import DuetInference

/// What a declaration says about the form of questions and answers, and about inputs that are too long.
@Suite struct AnswerFormTests {
    @Test func `a grammar goes to the server in place of a schema`() async throws {
        let fixture = try EndpointFixture { _, _, connection in connection.say("good") }
        var model = fixture.model
        model.parameters = ["grammar": "root ::= \"good\" | \"bad\"", "seed": 7]
        #expect(try await fixture.run("SELECT ai_classify('x', ['good', 'bad'])", model).rows == [["good"]])
        let body = try #require(fixture.seen.requests.withLock { $0.first?.body })
        #expect(body["grammar"]?.string == "root ::= \"good\" | \"bad\"" && body["response_format"] == nil)
        #expect(body["seed"]?.integer == 7 && body["temperature"]?.integer == 0)
    }

    @Test func `a server without chat is asked for completions, and its probabilities are read`() async throws {
        let fixture = try EndpointFixture { _, _, connection in
            let text = """
                {"choices":[{"text":" pos","finish_reason":"length","logprobs":{"tokens":[" pos"],
                "top_logprobs":[{" pos":-1.0," neg":-0.4,"the":-2}]}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}
                """
            _ = connection.answer(200, body: Array(text.utf8))
            return .keepAlive
        }
        var model = fixture.model
        model.resource = .completions
        model.usesProbabilities = true
        let result = try await fixture.run("SELECT ai_classify('x', ['positive', 'negative'])", model)
        #expect(result.rows == [["negative"]] && result.measures.tokensIn == 9)
        let seen = try #require(fixture.seen.requests.withLock { $0.first })
        #expect(seen.target == "/v1/completions" && seen.body["logprobs"]?.integer == 20)
        #expect(seen.body["prompt"]?.string?.contains("Labels: positive, negative") == true)
    }

    @Test func `a prompt is a file, and another text of it is another question`() async throws {
        let fixture = try EndpointFixture { _, _, connection in connection.say("good") }
        var model = fixture.model
        model.prompts = ["ai_classify": "mine.txt"]
        let sql = "SELECT ai_classify('x', ['good', 'bad'])"
        let missing = try await fixture.run(sql, model)
        #expect(missing.error?.code == .missingFile)
        for (text, asked) in [
            ("Is {{content}} {{labels}}?", 1), ("Is {{content}} {{labels}}?", 0), ("{{content}}!", 1),
        ] {
            try fixture.folder.write("Be brief.\n---\n\(text)", to: "mine.txt")
            #expect(try await fixture.run(sql, model).measures.calls == asked)
        }
        let messages = fixture.seen.requests.withLock { $0.map { $0.body["messages"]?.array ?? [] } }
        #expect(messages[0].map { $0["content"]?.string } == ["Be brief.", "Is x good, bad?"])
        #expect(messages[1].last?["content"]?.string == "x!")
    }

    @Test func `a server that never answers costs its rows their answers, not the update`() async throws {
        let fixture = try EndpointFixture { _, content, connection in
            guard content.contains("text 1") else { return connection.say("good") }
            connection.waitForEnd()
            return .close
        }
        var model = fixture.model
        model.timeout = 0.3
        model.attempts = 2
        let result = try await fixture.run(
            "SELECT i, ai_classify('text ' || i, ['good', 'bad']) FROM range(3) r(i) ORDER BY i",
            model
        )
        #expect(result.rows[0][1] == "good" && result.rows[2][1] == "good" && result.measures.retries == 1)
        #expect(result.failures.map(\.input) == ["text 1"])
        #expect(result.failures.first?.error.contains("(after 2 attempts)") == true)
    }

    @Test func `what is too long for an encoder is cut off, split into pieces that fit, or refused`() throws {
        var declaration = ModelDeclaration(name: "m", backend: .embedded, model: "minilm")
        declaration.maxInputTokens = 8
        let text = (0..<20).map { "word\($0)" }.joined(separator: " ")
        func pieces(_ policy: ModelDeclaration.Overlong) throws -> [PreparedText]? {
            declaration.overlong = policy
            return try EmbeddedModel(declaration, folder: "/", models: ModelFolder()).pieces(of: text)
        }
        let cut = try #require(try pieces(.truncate))
        #expect(cut.count == 1 && cut[0].tokenCount == 8 && cut[0].fullCount > 40)
        let split = try #require(try pieces(.split))
        #expect(split.count > 5 && split.allSatisfy { $0.fullCount <= 8 })
        #expect(try pieces(.quarantine) == nil)
    }
}
