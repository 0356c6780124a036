import DuetEngine
import DuetExpression
import DuetFactory
import DuetFetch
import DuetPipeline
import DuetProcedural
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// External calls of a mapping data flow, against a server of this machine.
@Suite struct DataFlowCallTests {
    private let people =
        "source(output(id as integer, name as string, town as string, age as integer), allowSchemaDrift: true) ~> S\n"
    private let api = #"{"name": "C", "linkedService": {"referenceName": "Api", "type": "LinkedServiceReference"}}"#
    private let answer = """
        output(headers as [string,string], body as (token as string, size as integer), status as string),
            headerColumnName: 'headers', bodyColumnName: 'body', statusColumnName: 'status', addResponseCode: true,
            format: 'rest', store: 'restservice', timeout: 30, requestInterval: 0,
            requestFormat: ['type' -> 'json'], responseFormat: ['type' -> 'json', 'documentForm' -> 'singleDocument']
        """

    /// What a server was asked.
    private final class Requests: Sendable {
        let list = Mutex<[ServedRequest]>([])
        var all: [ServedRequest] { list.withLock { $0 } }

        /// Keeps a request, and gives its number, from 1.
        func note(_ request: ServedRequest) -> Int {
            list.withLock { list in
                list.append(request)
                return list.count
            }
        }
    }

    private static func json(_ text: String, status: Int = 200) -> ServedReply {
        ServedReply(
            status: status,
            headers: [("Content-Type", "application/json"), ("X-Mark", "m")],
            body: Array(text.utf8)
        )
    }

    /// Runs a body with a server, which is given each request and its number.
    private func serving(
        fetcher: Fetcher = Fetcher(),
        _ answer: @escaping @Sendable (ServedRequest, Int) async -> ServedReply,
        _ body: (DataFlowFixture, Requests) async throws -> Void
    ) async throws {
        let root = try TemporaryFolder()
        let requests = Requests()
        let server = FileServer(
            root: root.path,
            options: .init(handler: { request in await answer(request, requests.note(request)) })
        )
        let port = try await server.start()
        let result = await Result {
            try await body(try DataFlowFixture(http: "http://127.0.0.1:\(port)/base", fetcher: fetcher), requests)
        }
        await server.stop()
        try result.get()
    }

    @Test func `each row's columns are posted, and body, headers and status of the answer are columns`() async throws {
        try await serving { request, _ in
            let sent = (try? ExpressionValue(json: String(decoding: request.body, as: UTF8.self))) ?? .null
            let pii = sent["pii"]?.stringValue ?? ""
            return Self.json(#"{"token": "\#(pii.uppercased())", "size": \#(pii.count), "more": [1]}"#)
        } _: { fixture, requests in
            let lines = try await fixture.lines(
                people
                    + """
                    S call(mapColumn(
                        pii = name,
                        age
                        ),
                        skipDuplicateMapInputs: true,
                        \(answer), httpMethod: 'POST', entity: 'tokens/') ~> C
                    C derive(mark = headers['X-Mark']) ~> D
                    D select(mapColumn(id, token = body.token, size = body.size, status, mark)) ~> E
                    E sink() ~> Out

                    """,
                transformations: api
            )
            #expect(lines == ["1|ANN|3|200|m", "2|BOB|3|200|m", "3|CID|3|200|m", "4|DORA|4|200|m"])
            let all = requests.all
            #expect(Set(all.map(\.method)) == ["POST"])
            #expect(Set(all.map(\.path)) == ["/base/tokens/"])
            #expect(all.allSatisfy { $0.headers["content-type"] == "application/json" })
            let bodies = Set(all.map { String(decoding: $0.body, as: UTF8.self) })
            // A column without a value is left out, as Spark does.
            #expect(
                bodies == [
                    #"{"pii":"Ann","age":30}"#, #"{"pii":"Bob","age":40}"#, #"{"pii":"Cid"}"#,
                    #"{"pii":"Dora","age":25}"#,
                ]
            )
        }
    }

    @Test func `without a mapping all columns are posted, and a body that is not declared has the answers' structure`()
        async throws
    {
        try await serving { _, _ in
            Self.json(#"{"n": 1, "in": {"list": ["a", "b"]}}"#)
        } _: { fixture, requests in
            let lines = try await fixture.lines(
                people
                    + """
                    S filter(id == 1) ~> F
                    F call(allowSchemaDrift: true, format: 'rest', httpMethod: 'PUT') ~> C
                    C foldDown(unroll(body.in.list), mapColumn(id, x = body.in.list)) ~> D
                    D sink() ~> Out

                    """,
                transformations: api
            )
            #expect(lines == ["1|a", "1|b"])
            #expect(requests.all.map(\.method) == ["PUT"])
            #expect(
                requests.all.map { String(decoding: $0.body, as: UTF8.self) } == [
                    #"{"id":1,"name":"Ann","town":"Bern","age":30}"#
                ]
            )
        }
    }

    @Test func `a GET asks with the mapped columns, below a path that each row gives`() async throws {
        try await serving { request, _ in
            Self.json(#"{"token": "\#(request.path)?\#(request.query)", "size": 0}"#)
        } _: { fixture, _ in
            let lines = try await fixture.lines(
                people
                    + """
                    S filter(id <= 2) ~> F
                    F call(mapColumn(q = concat(name, ' & ', town)), \(answer), entity: 'p', rowRelativeUrl: 'name') ~> C
                    C select(mapColumn(token = body.token)) ~> D
                    D sink() ~> Out

                    """,
                transformations: api
            )
            #expect(lines == ["/base/p/Ann?q=Ann%20%26%20Bern", "/base/p/Bob?q=Bob%20%26%20Ulm"])
        }
    }

    @Test func `answers that are no success go on as rows when there is a status column`() async throws {
        try await serving { request, _ in
            let isAnn = String(decoding: request.body, as: UTF8.self).contains("Ann")
            return isAnn
                ? Self.json(#"{"token": "t", "size": 1}"#) : Self.json(#"{"token": "gone", "size": 0}"#, status: 404)
        } _: { fixture, _ in
            let lines = try await fixture.lines(
                people
                    + """
                    S filter(id <= 2) ~> F
                    F call(mapColumn(name), \(answer), httpMethod: 'POST') ~> C
                    C select(mapColumn(id, status, token = body.token)) ~> D
                    D sink() ~> Out

                    """,
                transformations: api
            )
            #expect(lines == ["1|200|t", "2|404|gone"])
        }
    }

    @Test func `without a status column such an answer fails the flow with its row, and no secret is told`()
        async throws
    {
        try await serving { request, _ in
            // A server that repeats the key it was given.
            Self.json(#"{"refused": "\#(request.headers["x-api-key"] ?? "")"}"#, status: 403)
        } _: { fixture, requests in
            try fixture.fixture.resource(
                "linkedService",
                "Api",
                #"{"type": "RestService", "typeProperties": {"authenticationType": "Basic", "userName": "u", "password": {"type": "SecureString", "value": "pass-never-shown"}, "authHeaders": {"X-Api-Key": {"type": "SecureString", "value": "key-never-shown"}}}}"#
            )
            let run = try await fixture.run(
                people
                    + """
                    S filter(id == 1) ~> F
                    F call(mapColumn(name), output(body as (token as string)), format: 'rest', httpMethod: 'POST') ~> C
                    C sink() ~> Out

                    """,
                transformations: api
            )
            let failure = try #require(run.failure)
            #expect(failure.message.contains("'C', row 1") && failure.message.contains("403"), "\(failure)")
            let asked = try #require(requests.all.first)
            #expect(asked.headers["x-api-key"] == "key-never-shown")
            #expect(asked.headers["authorization"] == "Basic " + Data("u:pass-never-shown".utf8).base64EncodedString())
            let told = fixture.fixture.seen.activities.map { "\($0)" } + fixture.fixture.seen.pipelines.map { "\($0)" }
            #expect(!told.joined().contains("never-shown"), "\(told)")
        }
    }

    @Test func `a busy server is asked again, and the row is neither lost nor doubled`() async throws {
        try await serving { _, number in
            number <= 3
                ? ServedReply(status: number == 2 ? 503 : 429, headers: [("Retry-After", "0")])
                : Self.json(#"{"token": "t", "size": 1}"#)
        } _: { fixture, requests in
            let lines = try await fixture.lines(
                people
                    + """
                    S call(mapColumn(id), \(answer), httpMethod: 'POST') ~> C
                    C select(mapColumn(id, token = body.token)) ~> D
                    D sink() ~> Out

                    """,
                transformations: api
            )
            #expect(lines == ["1|t", "2|t", "3|t", "4|t"])
            #expect(requests.all.count == 7)
        }
    }

    @Test func `requestInterval spaces the requests, by a clock that only waits move`() async throws {
        let clock = Clock()
        var configuration = FetchConfiguration(sleep: { clock.wait($0) })
        configuration.now = { .zero }
        try await serving(fetcher: Fetcher(configuration: configuration)) { _, _ in
            Self.json(#"{"token": "t", "size": 1}"#)
        } _: { fixture, requests in
            _ = try await fixture.lines(
                people
                    + "S call(mapColumn(id), output(body as (token as string)), requestInterval: 500, httpMethod: 'POST') ~> C\nC sink() ~> Out\n",
                transformations: api
            )
            #expect(requests.all.count == 4)
            // Three gaps of half a second between four requests.
            #expect(clock.longest >= .milliseconds(1_500), "\(clock.longest)")
        }
    }

    /// A clock that stands still, and keeps the longest wait it was asked for.
    private final class Clock: Sendable {
        private let kept = Mutex(Duration.zero)
        var longest: Duration { kept.withLock { $0 } }
        func wait(_ duration: Duration) { kept.withLock { $0 = max($0, duration) } }
    }

    @Test func `XML answers are read by the declared structure`() async throws {
        try await serving { _, number in
            ServedReply(body: Array("<r a=\"\(number)\"><x>1</x><x>2</x></r>".utf8))
        } _: { fixture, _ in
            let lines = try await fixture.lines(
                people
                    + """
                    S filter(id == 1) ~> F
                    F call(output(body as (r as ({@a} as integer, x as integer[]))), format: 'rest', responseFormat: ['type' -> 'xml']) ~> C
                    C select(mapColumn(a = body.r.{@a}, x = body.r.x)) ~> D
                    D sink() ~> Out

                    """,
                transformations: api
            )
            #expect(lines == ["1|[1, 2]"])
        }
    }

    @Test func `a row's path that leads out of the service is refused, and a flow that names no service is told`()
        async throws
    {
        try await serving { _, _ in
            Self.json("{}")
        } _: { fixture, requests in
            let out = try await fixture.run(
                people
                    + "S call(output(body as (a as string)), rowRelativeUrl: '%2e%2e/admin') ~> C\nC sink() ~> Out\n",
                transformations: api
            )
            #expect(out.failure?.code == "PathOutsideStandIn", "\(String(describing: out.failure))")
            let none = try await fixture.run(people + "S call(output(body as (a as string))) ~> C\nC sink() ~> Out\n")
            #expect(none.failure?.message.contains("names none for it") == true)
            #expect(requests.all.isEmpty)
        }
    }

    @Test func `the service of an external call needs a stand-in before the run`() async throws {
        let fixture = try DataFlowFixture()
        _ = try await fixture.run(
            people + "S call(output(body as (a as string))) ~> C\nC sink() ~> Out\n",
            transformations: api
        )
        let missing = StandInCheck.missing(
            for: "P",
            in: try fixture.fixture.factory(),
            StandIns(places: ["Sql": .schema("sales", procedures: nil)])
        )
        #expect(missing.count == 1)
        #expect(missing.first?.hint?.contains("Api: { http: http://127.0.0.1:8080 }") == true, "\(missing)")
    }
}

extension Result where Failure == any Error {
    /// The outcome of work that may wait.
    fileprivate init(_ work: () async throws -> Success) async {
        do { self = .success(try await work()) } catch { self = .failure(error) }
    }
}
