import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetFetch
import DuetProcedural
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// Activities that talk to a server.
@Suite struct FactoryWebTests {
    private static func json(_ text: String, _ headers: [(String, String)] = []) -> ServedReply {
        ServedReply(headers: [("Content-Type", "application/json")] + headers, body: Array(text.utf8))
    }

    @Test(arguments: ["DELETE", "PATCH", "PUT", "POST"])
    func `a request is made with its method and body`(method: String) async throws {
        let root = try TemporaryFolder()
        let server = FileServer(
            root: root.path,
            options: .init(handler: { request in
                Self.json(
                    #"{"method": "\#(request.method)", "body": "\#(String(decoding: request.body, as: UTF8.self))"}"#
                )
            })
        )
        let base = "http://127.0.0.1:\(try await server.start())"
        let (fixture, _) = try FactoryFixture.working()
        try fixture.pipeline(
            "P",
            [activity("WebActivity", "W", #""method": "\#(method)", "url": "\#(base)/x", "body": "hello""#)]
        )
        let run = try await fixture.run()
        #expect(run.failure == nil)
        #expect(fixture.seen.run("W")?.output["method"] == .string(method))
        #expect(fixture.seen.run("W")?.output["body"] == "hello")
        await server.stop()
    }

    /// A server that calls back what it is told to, a moment after it was asked.
    private func hook(_ reply: String) async throws -> (server: FileServer, base: String) {
        let root = try TemporaryFolder()
        let server = FileServer(
            root: root.path,
            options: .init(handler: { request in
                let text = String(decoding: request.body, as: UTF8.self)
                guard let body = try? ExpressionValue(json: text), let address = body["callBackUri"]?.stringValue else {
                    return ServedReply(status: 400)
                }
                Task {
                    _ = try await Fetcher().data(
                        FetchRequest(url: address, method: .post(Array(reply.utf8)), retry: .never)
                    )
                }
                return ServedReply(status: 202)
            })
        )
        return (server, "http://127.0.0.1:\(try await server.start())")
    }

    private func real(_ fixture: FactoryFixture) throws -> FactoryRunner {
        FactoryRunner(try fixture.factory(), handlers: fixture.handlers, sinks: [fixture.seen])
    }

    @Test func `a web hook waits until it is called back, and gives what was sent`() async throws {
        let (server, base) = try await hook(#"{"n": 7}"#)
        let (fixture, _) = try FactoryFixture.working()
        try fixture.pipeline(
            "P",
            [
                activity(
                    "WebHook",
                    "H",
                    #""method": "POST", "url": "\#(base)/start", "body": {"job": 1}, "timeout": "00:01:00""#
                )
            ]
        )
        let runner = try real(fixture)
        #expect(try await offPool { try runner.run(PipelineRequest("P")) }.failure == nil)
        #expect(fixture.seen.run("H")?.output["n"] == 7)
        await server.stop()
    }

    @Test func `a web hook fails when the caller reports so`() async throws {
        let (server, base) = try await hook(
            #"{"Output": {}, "Error": {"ErrorCode": "E7", "Message": "no room"}, "StatusCode": "500"}"#
        )
        let (fixture, _) = try FactoryFixture.working()
        try fixture.pipeline(
            "P",
            [activity("WebHook", "H", #""method": "POST", "url": "\#(base)/start", "reportStatusOnCallBack": true"#)]
        )
        let runner = try real(fixture)
        let run = try await offPool { try runner.run(PipelineRequest("P")) }
        #expect(run.failure?.code == "E7")
        #expect(run.failure?.message == "no room")
        await server.stop()
    }

    @Test func `a web hook that nobody answers ends by its time limit`() async throws {
        let root = try TemporaryFolder()
        let server = FileServer(root: root.path, options: .init(handler: { _ in ServedReply(status: 200) }))
        let base = "http://127.0.0.1:\(try await server.start())"
        let (fixture, _) = try FactoryFixture.working()
        try fixture.pipeline(
            "P",
            [activity("WebHook", "H", #""method": "POST", "url": "\#(base)/start", "timeout": "00:05:00""#)]
        )
        // The clock jumps, so that five minutes take no time.
        #expect(try await fixture.run().failure?.code == "WebHookTimeout")
        await server.stop()
    }

    // MARK: - Pages

    private func pages(
        _ rules: String,
        url: String = "items",
        _ handler: @escaping @Sendable (ServedRequest) -> ServedReply
    ) async throws -> (rows: [String], asked: [String]) {
        let root = try TemporaryFolder()
        let asked = Mutex<[String]>([])
        let server = FileServer(
            root: root.path,
            options: .init(handler: { request in
                asked.withLock { $0.append(request.query) }
                return handler(request)
            })
        )
        let (fixture, warehouse) = try FactoryFixture.working(http: "http://127.0.0.1:\(try await server.start())")
        try fixture.dataset("Rest", "RestResource", #""relativeUrl": "\#(url)""#, service: "Api")
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "RestSource", "paginationRules": {\#(rules)}}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#,
                    from: reference("Rest"),
                    to: reference("Table", #"{"name": "result"}"#)
                )
            ]
        )
        let run = try await fixture.run()
        await server.stop()
        if let failure = run.failure { throw failure }
        let rows = try await offPool { try warehouse.connect().rows("SELECT n FROM sales.result ORDER BY 1") }
        return (rows.compactMap { $0.first?.description }, asked.withLock { $0 })
    }

    @Test func `pages by a range of a query parameter end with it`() async throws {
        let (rows, asked) = try await pages(#""QueryParameters.page": "RANGE:0:4:2""#) { request in
            Self.json(#"[{"n": \#(request.query.dropFirst(5))}]"#)
        }
        #expect(rows == ["0", "2", "4"])
        #expect(asked == ["page=0", "page=2", "page=4"])
    }

    @Test func `pages by a variable of the address end with an empty answer`() async throws {
        let rules = #""AbsoluteUrl.{skip}": "RANGE:0::2", "EndCondition:$": "Empty""#
        let (rows, asked) = try await pages(rules, url: "items?skip={skip}") { request in
            request.query == "skip=4" ? Self.json("[]") : Self.json(#"[{"n": \#(request.query.dropFirst(5))}]"#)
        }
        #expect(rows == ["0", "2"])
        #expect(asked == ["skip=0", "skip=2", "skip=4"])
    }

    @Test func `pages by a token of the answer's header go on while it is there`() async throws {
        let (rows, asked) = try await pages(#""QueryParameters.token": "Headers.X-Next""#) { request in
            request.query.isEmpty ? Self.json(#"[{"n": 1}]"#, [("X-Next", "abc")]) : Self.json(#"[{"n": 2}]"#)
        }
        #expect(rows == ["1", "2"])
        #expect(asked == ["", "token=abc"])
    }

    @Test func `pages by links in the header are followed`() async throws {
        let (rows, asked) = try await pages(#""supportRFC5988": "true""#) { request in
            request.query.isEmpty
                ? Self.json(#"[{"n": 1}]"#, [("Link", #"</items?p=2>; rel="next", </items?p=9>; rel="last""#)])
                : Self.json(#"[{"n": 2}]"#)
        }
        #expect(rows == ["1", "2"])
        #expect(asked == ["", "p=2"])
    }

    @Test func `pages end at the number of requests allowed`() async throws {
        let rules = #""QueryParameters.page": "RANGE:1::1", "MaxRequestNumber": "3""#
        let (rows, _) = try await pages(rules) { request in Self.json(#"[{"n": \#(request.query.dropFirst(5))}]"#) }
        #expect(rows == ["1", "2", "3"])
    }
}
