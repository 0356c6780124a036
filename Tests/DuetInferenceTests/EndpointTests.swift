import DuetEvents
import DuetFetch
import DuetPipeline
import DuetServe
import Foundation
import Synchronization
import Testing

@testable import DuetInference

@Suite struct EndpointTests {
    private let classify = "SELECT ai_classify('text ' || i, ['good', 'bad']) FROM range(6) r(i)"

    @Test func `answers come in the form asked for, and are asked for once`() async throws {
        let fixture = try EndpointFixture { _, content, connection in
            connection.say(content.contains("text 3") ? "{\"label\": \"bad\"}" : "{\"label\": \"good\"}")
        }
        let sql = "SELECT i, ai_classify('text ' || (i % 6), ['good', 'bad']) FROM range(60) r(i) ORDER BY i"
        let result = try await fixture.run(sql)
        #expect(result.rows[3][1] == "bad" && result.rows[4][1] == "good" && result.rows[9][1] == "bad")
        #expect(result.measures.calls == 6 && result.measures.rows == 60 && result.measures.cacheHits == 54)
        #expect(result.measures.tokensIn == 120 && result.measures.tokensOut == 18)
        let body = try #require(fixture.seen.requests.withLock { $0.first?.body })
        #expect(body["model"]?.string == "tiny" && body["temperature"]?.integer == 0)
        #expect(
            body["response_format"]?["json_schema"]?["schema"]?["properties"]?["label"]?["enum"] == ["good", "bad"]
        )
        #expect(try await fixture.run(sql).measures.calls == 0)
        #expect(fixture.server.requestCount == 6)
    }

    @Test func `too many requests, failures and cut connections are asked again`() async throws {
        let fixture = try EndpointFixture { number, _, connection in
            switch number {
            case 1:
                _ = connection.answer(429, ["Retry-After: 7"])
                return .keepAlive
            case 2:
                _ = connection.answer(500)
                return .keepAlive
            case 3: return .reset
            case 4:
                _ = connection.answer(200, body: Array("<html>garbage".utf8))
                return .keepAlive
            default: return connection.say("{\"label\": \"good\"}")
            }
        }
        var model = fixture.model
        model.attempts = 5
        model.concurrency = 1
        let result = try await fixture.run(classify, model)
        #expect(result.rows.allSatisfy { $0 == ["good"] } && result.failures.isEmpty)
        // libcurl itself asks again on a connection that was reset before it was used.
        #expect((3...4).contains(result.measures.retries))
    }

    @Test func `half a stream is no answer, and a whole one is put together`() async throws {
        let pieces = ["{\"la", "bel\": ", "\"bad\"}"].map {
            "data: {\"choices\":[{\"delta\":{\"content\":\(JSONValue.string($0).text())}}]}\n\n"
        }
        let fixture = try EndpointFixture { number, _, connection in
            let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n"
            let text = number == 1 ? pieces[0] : pieces.joined() + usage + "data: [DONE]\n\n"
            _ = connection.answer(200, ["Content-Type: text/event-stream"], body: Array(text.utf8))
            return .keepAlive
        }
        var model = fixture.model
        model.isStreamed = true
        let result = try await fixture.run("SELECT ai_classify('x', ['good', 'bad'])", model)
        #expect(result.rows == [["bad"]] && result.measures.retries == 1)
        let body = try #require(fixture.seen.requests.withLock { $0.last?.body })
        #expect(body["stream"]?.bool == true && body["stream_options"]?["include_usage"]?.bool == true)
    }

    @Test func `an answer in the wrong form is told what is wrong, once, and then its row has none`() async throws {
        let fixture = try EndpointFixture { _, content, connection in
            if content.contains("text 2") { return connection.say("hm, maybe") }
            if content.contains("That cannot be used") { return connection.say("bad") }
            return connection.say(content.contains("text 4") ? "no idea" : "Good.")
        }
        let result = try await fixture.run(
            "SELECT i, ai_classify('text ' || i, ['good', 'bad']) AS label FROM range(6) r(i) ORDER BY i"
        )
        #expect(result.rows[0][1] == "good" && result.rows[4][1] == "bad" && result.rows[2][1] == "bad")
        #expect(result.measures.retries == 2)
        let stubborn = try EndpointFixture { _, _, connection in connection.say("perhaps") }
        let failed = try await stubborn.run("SELECT ai_classify('text', ['good', 'bad']) AS label")
        #expect(failed.rows[0][0].hasPrefix(InferenceFunction.failureMark))
        #expect(failed.failures.first?.error.contains("'perhaps' is none of the labels good, bad") == true)
        #expect(stubborn.server.requestCount == 2 && failed.measures.failed == 1)
    }

    @Test func `a refusal and a wrong question are not asked again`() async throws {
        let fixture = try EndpointFixture { _, content, connection in
            if content.contains("text 1") { return connection.say("", ending: "content_filter") }
            if content.contains("text 2") {
                _ = connection.answer(400, body: Array("{\"error\":{\"message\":\"too long\"}}".utf8))
                return .keepAlive
            }
            return connection.say("good")
        }
        let result = try await fixture.run(classify)
        #expect(result.failures.count == 2 && fixture.server.requestCount == 6)
        #expect(result.failures.contains { $0.error.contains("content filter") && $0.input == "text 1" })
        #expect(result.failures.contains { $0.error.contains("400") && $0.input == "text 2" })
        #expect(result.failures.contains { $0.error.hasSuffix("400, a success was expected: too long") })
    }

    @Test func `a server that is not there, or refuses the key, ends the statement with what to do`() async throws {
        let fixture = try EndpointFixture { _, _, connection in
            _ = connection.answer(401)
            return .keepAlive
        }
        let refused = try await fixture.run(classify)
        #expect(refused.error?.code == .inferenceFailed)
        #expect(refused.error?.message.contains("401") == true)
        fixture.server.stop()
        var model = fixture.model
        model.url = "http://127.0.0.1:1/v1"
        let gone = try await fixture.run(classify, model)
        #expect(gone.error?.code == .inferenceFailed && gone.rows.isEmpty)
    }

    @Test func `a server that always fails is given up on before every row has been tried`() async throws {
        let fixture = try EndpointFixture { _, _, connection in
            _ = connection.answer(500)
            return .keepAlive
        }
        let result = try await fixture.run("SELECT ai_classify('text ' || i, ['good', 'bad']) FROM range(1000) r(i)")
        #expect(result.error?.code == .inferenceFailed)
        #expect(fixture.server.requestCount < 100)
    }

    @Test func `URLs and keys have the forms of the services, and keys reach no text`() async throws {
        let fixture = try EndpointFixture { _, _, connection in connection.say("the answer") }
        var azure = fixture.model
        azure.dialect = .azure
        azure.url = "http://127.0.0.1:\(fixture.port)"
        azure.keyVariable = "TEST_KEY"
        var databricks = azure
        databricks.dialect = .databricks
        var plain = azure
        plain.dialect = .openai
        for model in [azure, databricks, plain] {
            let result = try await fixture.run("SELECT ai_query('m', 'q')", model, environment: ["TEST_KEY": "s3cret"])
            #expect(result.rows == [["the answer"]])
        }
        let seen = fixture.seen.requests.withLock { $0 }
        #expect(seen.count == 3)
        #expect(seen[0].target == "/openai/deployments/tiny/chat/completions?api-version=2024-10-21")
        #expect(seen[0].headers["api-key"] == "s3cret")
        #expect(seen[1].target == "/serving-endpoints/tiny/invocations")
        #expect(seen[2].target == "/chat/completions" && seen[2].headers["authorization"] == "Bearer s3cret")
        let missing = try await fixture.run("SELECT ai_query('m', 'q')", azure)
        #expect(missing.error?.message.contains("TEST_KEY") == true)
    }

    @Test func `every function makes of the answer what it promises`() async throws {
        let fixture = try EndpointFixture { _, content, connection in
            if content.contains("Labels: who, when") {
                return connection.say("```json\n{\"who\": \"Ann\", \"when\": null, \"more\": 1}\n```")
            }
            if content == "vector" {
                _ = connection.answer(200, body: Array("{\"data\":[{\"embedding\":[3,0,4]}]}".utf8))
                return .keepAlive
            }
            return connection.say(content.contains("year") ? "{\"year\": 1999}" : "short")
        }
        let result = try await fixture.run(
            """
            SELECT ai_extract('Ann came', ['who', 'when'])['who'], ai_summarize('long text', 5), ai_translate('word', 'de'),
                ai_query('m', 'which year?', '{"type": "object"}'), ai_embed('vector'), ai_analyze_sentiment(NULL)
            """
        )
        #expect(result.rows == [["Ann", "short", "short", "{\"year\":1999}", "[0.6, 0.0, 0.8]", "NULL"]])
        let bodies = fixture.seen.requests.withLock { $0.map(\.body) }
        #expect(bodies.contains { $0.text().contains("at most 5 words") })
        #expect(bodies.contains { $0.text().contains("language de") })
    }

    @Test func `labels are read off the first token's probabilities where the server tells them`() async throws {
        let fixture = try EndpointFixture { _, _, connection in
            let text = """
                {"choices":[{"message":{"content":" pos"},"finish_reason":"length","logprobs":{"content":[{"token":" pos",
                "top_logprobs":[{"token":" pos","logprob":-1.0},{"token":" neg","logprob":-1.1},{"token":"neg","logprob":-1.1},
                {"token":" the","logprob":-0.5}]}]}}]}
                """
            _ = connection.answer(200, body: Array(text.utf8))
            return .keepAlive
        }
        var model = fixture.model
        model.usesProbabilities = true
        let result = try await fixture.run("SELECT ai_classify('x', ['positive', 'negative'])", model)
        #expect(result.rows == [["negative"]])
        let body = try #require(fixture.seen.requests.withLock { $0.first?.body })
        #expect(body["logprobs"]?.bool == true && body["max_tokens"]?.integer == 1)
    }

    @Test func `counting asks nothing, keeps nothing, and knows what is known`() async throws {
        let fixture = try EndpointFixture { _, _, connection in connection.say("good") }
        _ = try await fixture.run("SELECT ai_classify('text ' || i, ['good', 'bad']) FROM range(2) r(i)")
        var model = fixture.model
        model.price.input = 1_000_000
        let counted = try await fixture.run(classify, model, mode: .count)
        #expect(counted.measures.calls == 4 && counted.measures.cacheHits == 2 && counted.measures.cost > 4)
        #expect(fixture.server.requestCount == 2)
        #expect(try await fixture.run(classify).measures.calls == 4)
    }

    @Test func `a pace lets no more at once than was asked for, and fewer when the server is busy`() async throws {
        let fixture = try EndpointFixture { number, _, connection in
            guard number % 7 != 0 else {
                _ = connection.answer(429)
                return .keepAlive
            }
            return connection.say("good")
        }
        var model = fixture.model
        model.concurrency = 3
        model.attempts = 10
        let result = try await fixture.run(
            "SELECT ai_classify('text ' || i, ['good', 'bad']) FROM range(120) r(i)",
            model
        )
        #expect(result.measures.calls == 120 && result.failures.isEmpty)
        #expect(fixture.server.peakConnections <= 3)
    }

    @Test func `a bucket lets through its rate, and time fills it again`() {
        // By a clock that stands: a tenth of a second in which the test is not let run would fill the bucket by one.
        let time = VirtualTime()
        let bucket = Bucket(perMinute: 600, now: time.clock.now)
        let waits = (0..<61).map { _ in bucket.take(1) }
        #expect(waits == Array(repeating: 0, count: 60) + [0.1])
        time.pass(.milliseconds(250))
        // 2.5 came and 1 was owed; the second of these owes half a one.
        #expect(bucket.take(1) == 0)
        #expect(abs(bucket.take(1) - 0.05) < 1e-9)
        #expect(Bucket(perMinute: nil).take(1_000_000) == 0)
    }

    /// When each of some requests came, in the order of their coming.
    private func arrivals(_ model: (inout ModelDeclaration) -> Void, questions: Int) async throws -> [Double] {
        let time = VirtualTime()
        let arrived = Mutex<[Duration]>([])
        let fixture = try EndpointFixture { _, _, connection in
            arrived.withLock { $0.append(time.now) }
            return connection.say("{\"label\": \"good\"}")
        }
        var declaration = fixture.model
        model(&declaration)
        let sql = "SELECT ai_classify('text ' || i, ['good', 'bad']) FROM range(\(questions)) r(i)"
        let result = try await fixture.run(sql, declaration, clock: time.clock)
        #expect(result.measures.calls == questions && result.failures.isEmpty)
        return arrived.withLock { $0.map { $0 / .seconds(1) } }
    }

    @Test(arguments: [1, 6]) func `a server sees no more requests in a minute than its model may send`(
        concurrency: Int
    ) async throws {
        let seconds = try await arrivals(
            { model in
                model.requestsPerMinute = 120
                model.concurrency = concurrency
            },
            questions: 100
        )
        #expect(seconds.count == 100)
        // Two a second, and room for a tenth of a minute: twelve at once at first.
        for (index, second) in seconds.enumerated() {
            let earliest = Double(index + 1 - 12) / 2
            #expect(second >= earliest - 0.001, "request \(index + 1) came after \(second) s")
        }
        // And not fewer than it may, as long as one is sent at a time.
        if concurrency == 1 { #expect(abs((seconds.last ?? 0) - 44) < 0.001) }
    }

    @Test func `a server sees no more tokens in a minute than its model may use, by what it counted itself`()
        async throws
    {
        let seconds = try await arrivals(
            { model in
                model.tokensPerMinute = 1200
                model.concurrency = 1
            },
            questions: 60
        )
        // The server says 23 for each; 20 a second, and room for 120.
        for (index, second) in seconds.enumerated() {
            let used = Double(23 * index)
            #expect(used <= 120 + 20 * second + 0.001, "\(used) tokens were used after \(second) s")
        }
        // What was estimated too high is given back, so the limit is used.
        #expect(seconds.last ?? 0 < 60 * 23 / 20 + 30)
    }
}
