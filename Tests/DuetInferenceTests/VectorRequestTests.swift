import DuetEvents
import DuetFetch
import DuetPipeline
import DuetServe
import Synchronization
import Testing

@testable import DuetInference

/// Vectors from a server, which are asked for in lists, and inputs that are too long for it.
@Suite struct VectorRequestTests {
    private let sql = "SELECT i, ai_embed('text ' || i) FROM range(6) r(i) ORDER BY i"

    /// A server that makes of each text a vector of its last word's number.
    private func server(
        refusing word: String = "nothing",
        lists: Bool = true
    ) throws -> EndpointFixture {
        try EndpointFixture { _, content, connection in
            let texts = content.split(separator: "|")
            if texts.contains(where: { $0.hasSuffix(word) }) {
                let body = "{\"error\": {\"message\": \"no \(word) here, key s3cret-key\"}}"
                _ = connection.answer(400, body: Array(body.utf8))
                return .keepAlive
            }
            let vectors = texts.enumerated().map { place, text -> JSONValue in
                let number = Int64(text.split(separator: " ").last ?? "") ?? 0
                return ["index": .integer(Int64(place)), "embedding": [3, .integer(number)]]
            }
            let value: JSONValue = [
                "data": .array(lists ? vectors.reversed() : Array(vectors.prefix(1))),
                "usage": ["prompt_tokens": .integer(Int64(10 * texts.count + 1))],
            ]
            _ = connection.answer(200, ["Content-Type: application/json"], body: Array(value.text().utf8))
            return .keepAlive
        }
    }

    private func expected(_ number: Int) -> [Float] { Vector.normalized([3, Float(number)]) }

    @Test func `texts go together in one request, and the answer's order does not matter`() async throws {
        let fixture = try server()
        var model = fixture.model
        model.batchSize = 4
        model.concurrency = 1
        model.price.call = 1
        let result = try await fixture.run(sql, model)
        for row in 0..<6 { #expect(result.rows[row][1] == "\(expected(row))") }
        #expect(fixture.server.requestCount == 2 && result.measures.calls == 6 && result.measures.retries == 0)
        // 41 and 21 tokens as the server counted them; a price for calls is for requests.
        #expect(result.measures.tokensIn == 62 && result.measures.cost == 2)
        // Each has its own place in the store.
        let counted = try await fixture.run(
            "SELECT ai_embed('text ' || i) FROM range(10) r(i)",
            model,
            mode: .count
        )
        #expect(counted.measures.calls == 4 && counted.measures.cost == 1)
    }

    @Test func `a text that the server refuses does not cost the others their answers`() async throws {
        let fixture = try server(refusing: "text 3")
        var model = fixture.model
        model.keyVariable = "TEST_KEY"
        let result = try await fixture.run(sql, model, environment: ["TEST_KEY": "s3cret-key"])
        for row in [0, 1, 2, 4, 5] { #expect(result.rows[row][1] == "\(expected(row))") }
        #expect(result.rows[3][1] == "[nan]" && result.failures.count == 1)
        let failure = try #require(result.failures.first)
        #expect(failure.input == "text 3" && failure.error.contains("no text 3 here, key ***"))
        // 6, 3 and 3, 2 and 1 of those, 1 and 1.
        #expect(fixture.server.requestCount <= 7)
    }

    @Test func `a server that takes one text at a time gets one at a time`() async throws {
        let fixture = try server(lists: false)
        var model = fixture.model
        model.concurrency = 1
        model.batchSize = 3
        let result = try await fixture.run(sql, model)
        for row in 0..<6 { #expect(result.rows[row][1] == "\(expected(row))") }
        #expect(fixture.server.requestCount == 7 && result.measures.retries == 1)
    }

    @Test func `what is too long for a server is cut off, split or refused, as declared`() async throws {
        let long = "'" + (0..<40).map { "word\($0)" }.joined(separator: " ") + "'"
        let fixture = try server()
        var model = fixture.model
        model.maxInputTokens = 20
        let cut = try await fixture.run("SELECT ai_embed(\(long))", model)
        #expect(cut.failures.isEmpty)
        let sent = try #require(fixture.seen.requests.withLock { $0.last?.body["input"]?.string })
        #expect(sent.hasPrefix("word0 word1") && sent.utf8.count <= 51 && long.contains(sent))
        model.overlong = .split
        let pieces = try await fixture.run("SELECT ai_embed(\(long))", model)
        #expect(pieces.failures.isEmpty && pieces.measures.calls > 1)
        let all = try #require(fixture.seen.requests.withLock { $0.last?.body["input"]?.array?.compactMap(\.string) })
        // In no certain order: they are asked for by their keys.
        #expect(Set(all.flatMap { $0.split(separator: " ") }).count == 40 && all.allSatisfy { $0.utf8.count <= 48 })
        model.overlong = .quarantine
        let refused = try await fixture.run("SELECT ai_embed(\(long))", model)
        #expect(refused.failures.first?.error.contains("tokens, more than 20") == true && refused.measures.calls == 0)
    }

    @Test func `a question that is too long is cut where its text is, not where the prompt is`() async throws {
        let fixture = try EndpointFixture { _, _, connection in connection.say("good") }
        var model = fixture.model
        model.maxInputTokens = 60
        let sql = "SELECT ai_classify(repeat('word ', 100), ['good', 'bad'])"
        #expect(try await fixture.run(sql, model).rows == [["good"]])
        let body = try #require(fixture.seen.requests.withLock { $0.last?.body })
        let asked = try #require(body["messages"]?.array?.last?["content"]?.string)
        #expect(asked.hasPrefix("Labels: good, bad\nText: word") && asked.hasSuffix("\nLabel:"))
        model.maxInputTokens = 5
        let hopeless = try await fixture.run(sql, model)
        #expect(hopeless.failures.first?.error.contains("more than 5") == true)
        model.overlong = .split
        #expect(try await fixture.run(sql, model).failures.count == 1)
    }
}
