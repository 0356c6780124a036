import DuetEngine
import DuetEvents
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(3)))
struct SourceCredentialTests {
    /// What a server was asked, with the header fields.
    private final class Asked: Sendable {
        private let list = Mutex<[ServedRequest]>([])
        var all: [ServedRequest] { list.withLock { $0 } }
        func add(_ request: ServedRequest) { list.withLock { $0.append(request) } }
    }

    private func server(
        _ asked: Asked,
        _ answer: @escaping @Sendable (ServedRequest) -> ServedReply?
    ) throws -> ServedFolder {
        try ServedFolder { request in
            asked.add(request)
            return answer(request)
        }
    }

    private static let rows = ServedReply(body: Array("a\n1\n".utf8))

    @Test(arguments: [
        ("bearer: {env: SECRET}", "authorization", "Bearer s3cr3t-value"),
        ("basic: {user: ann, password: {file: secret}}", "authorization", "Basic YW5uOnMzY3IzdC12YWx1ZQ=="),
        ("header: {name: X-Key, value: {env: SECRET}}", "x-key", "s3cr3t-value"),
    ])
    func `who asks is told as pipeline.yml says`(credentials: String, field: String, value: String) async throws {
        let asked = Asked()
        let served = try server(asked) { _ in Self.rows }
        let base = try await served.start()
        let fixture = try SourceFixture(
            "location: \(base)/a.csv\ncredentials: {\(credentials)}\nheaders: {X-Own: {env: SECRET}, X-Plain: hello}",
            environment: ["SECRET": "s3cr3t-value"]
        )
        try fixture.folder.write("s3cr3t-value\n", to: "secret")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(fixture.folder.path)/secret")
        _ = try await fixture.read()
        #expect(asked.all.first?.headers[field] == value)
        #expect(asked.all.first?.headers["x-own"] == "s3cr3t-value")
        #expect(asked.all.first?.headers["x-plain"] == "hello")
        await served.server.stop()
    }

    @Test func `a secret that is not there, or open to others, is told before anything is sent`() async throws {
        let asked = Asked()
        let served = try server(asked) { _ in Self.rows }
        let base = try await served.start()
        let missing = try SourceFixture("location: \(base)/a.csv\ncredentials: {bearer: {env: NOT_SET}}")
        #expect(await missing.error()?.code == .missingSecret)
        let open = try SourceFixture("location: \(base)/a.csv\ncredentials: {bearer: {file: secret}}")
        #expect(await open.error()?.code == .missingSecret)
        try open.folder.write("abc", to: "secret")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(open.folder.path)/secret")
        let error = await open.error()
        #expect(error?.code == .unsafeSecret)
        #expect(error?.hint?.hasPrefix("chmod 600") == true)
        #expect(asked.all.isEmpty)
        await served.server.stop()
    }

    @Test func `an OAuth 2 client gets a token once, and a new one when it is taken back`() async throws {
        let asked = Asked()
        let served = try server(asked) { request in
            if request.path == "/token" {
                // id and secret, form-encoded: my%20id : s%3Acret
                guard request.headers["authorization"] == "Basic bXklMjBpZDpzJTNBY3JldA==",
                    request.body == Array("grant_type=client_credentials&scope=read%20all".utf8)
                else { return ServedReply(status: 400) }
                let number = asked.all.filter { $0.path == "/token" }.count
                return ServedReply(body: Array("{\"access_token\": \"t\(number)\", \"expires_in\": 3600}".utf8))
            }
            // The first token is taken back after three files.
            let token = request.headers["authorization"]
            let served = asked.all.filter { $0.path != "/token" }.count
            return token == "Bearer t2" || token == "Bearer t1" && served <= 3 ? Self.rows : ServedReply(status: 401)
        }
        let base = try await served.start()
        let fixture = try SourceFixture(
            """
            location: \(base)/{n}.csv
            each: {n: {from: 1, to: 6}}
            limits: {connections: 1}
            credentials: {oauth2: {token_url: \(base)/token, client_id: my id, client_secret: {env: S}, scope: read all}}
            """,
            environment: ["S": "s:cret"]
        )
        #expect(try await fixture.read().files.count == 6)
        #expect(asked.all.filter { $0.path == "/token" }.count == 2)
        await served.server.stop()
    }

    @Test func `a manifest that names another host gets no secrets for it`() async throws {
        let asked = Asked()
        let other = try server(asked) { _ in Self.rows }
        let otherBase = try await other.start()
        let first = Asked()
        let sum = try await shell("printf 'a\\n1\\n' | sha256sum", in: "/").prefix(64)
        let served = try server(first) { request in
            ServedReply(
                body: request.path == "/SUMS"
                    ? Array("\(sum)  \(otherBase)/a.csv\n\(sum)  b.csv\n".utf8) : Array("a\n1\n".utf8)
            )
        }
        let base = try await served.start()
        let fixture = try SourceFixture(
            "manifest: \(base)/SUMS\nformat: csv\ncredentials: {bearer: {env: S}}\nheaders: {X-Key: {env: S}}",
            environment: ["S": "s3cr3t-value"]
        )
        _ = try await fixture.read()
        #expect(first.all.allSatisfy { $0.headers["authorization"] == "Bearer s3cr3t-value" })
        #expect(asked.all.count == 1)
        #expect(asked.all.allSatisfy { $0.headers["authorization"] == nil && $0.headers["x-key"] == nil })
        await served.server.stop()
        await other.server.stop()
    }

    @Test func `no secret is in events, log, report, warehouse or errors, whether it goes well or not`() async throws {
        let isFailing = Mutex(false)
        let served = try ServedFolder { request in
            request.path == "/a.csv" && !isFailing.withLock({ $0 }) ? Self.rows : ServedReply(status: 403)
        }
        let base = try await served.start()
        let secret = "s3cr3t-value-1234"
        let fixture = try PipelineFixture(
            """
            sources:
              a:
                location: "\(base)/a.csv?token=\(secret)&day=2024-01-01"
                format: csv
                credentials: {bearer: {file: secret}}
                headers: {X-Key: {file: secret}}
            """,
            sql:
                "CREATE MATERIALIZED VIEW bronze.a AS SELECT *, _metadata.file_path AS f FROM read_files('${source.a}');"
        )
        try fixture.folder.write(secret, to: "secret")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(fixture.folder.path)/secret")
        for style in Style.allCases {
            let good = try await fixture.run(style)
            #expect(good.errors.map(\.description) == [])
            isFailing.withLock { $0 = true }
            let bad = try await fixture.run(style)
            isFailing.withLock { $0 = false }
            #expect(bad.errors.first?.code == .fetchFailed)
            #expect(!bad.errors.map(\.description).joined().contains(secret))
            #expect(!(good.events + bad.events).map { $0.json.text() }.joined().contains(secret))
            #expect(try fixture.rows("SELECT f FROM bronze.a", style).joined().joined().contains("day=2024-01-01"))
        }
        let found = try await shell("grep -rl '\(secret)' . || true", in: fixture.folder.path)
        let files = found.split(separator: "\n").filter { $0 != "./secret" && $0 != "./pipeline.yml" }
        #expect(files == [])
        await served.server.stop()
    }

    @Test func `what is not verified is repeated in the events`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        try served.folder.write("a\n1\n", to: "a.csv")
        let fixture = try PipelineFixture(
            "sources:\n  a: {location: \(base)/a.csv, tls: {unverified: the gateway has no certificate}}",
            sql: "CREATE MATERIALIZED VIEW bronze.a AS SELECT * FROM read_files('${source.a}');"
        )
        let outcome = try await fixture.run(.declarative)
        let event = try #require(outcome.end(of: "source a"))
        #expect(event.json.text().contains("\"tls_unverified\":\"the gateway has no certificate\""))
        #expect(event.json.text().contains("\"http\":\"1.1\""))
        await served.server.stop()
    }
}
