import DuetPipeline
import DuetTestSupport
import FlyingFox
import Foundation
import Testing

@testable import DuetStudio

@Suite struct GuardTests {
    @Test func `without the token nothing is answered`() async throws {
        let fixture = try await StudioFixture()
        for path in ["/", "/studio.js", "/api/state", "/api/events", "/api/files"] {
            #expect(try await fixture.ask(path, withToken: false).status == 401, "\(path)")
        }
        let wrong = String(repeating: "0", count: 32)
        #expect(try await fixture.ask("/?token=\(wrong)", withToken: false).status == 401)
        await fixture.studio.stop()
    }

    @Test func `the address with the token gives a cookie that scripts and other sites do not get`() async throws {
        let fixture = try await StudioFixture()
        let page = try await fixture.ask("/?token=\(fixture.token)", withToken: false)
        #expect(page.status == 200)
        let cookie = try #require(page.headers["set-cookie"])
        #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
        let pair = String(cookie.prefix { $0 != ";" })
        #expect(try await fixture.ask("/api/state", headers: ["Cookie": pair], withToken: false).status == 200)
        await fixture.studio.stop()
    }

    @Test(arguments: ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80"])
    func `a request under another name is refused`(host: String) async throws {
        let fixture = try await StudioFixture()
        #expect(try await fixture.ask("/api/state", headers: ["Host": host]).status == 421)
        await fixture.studio.stop()
    }

    @Test func `requests that another page sends are refused`() async throws {
        let fixture = try await StudioFixture()
        let port = try #require(fixture.address.port)
        let own = "http://127.0.0.1:\(port)"
        #expect(try await fixture.ask("/api/state", headers: ["Origin": "https://evil.example"]).status == 403)
        #expect(try await fixture.ask("/api/state", headers: ["Origin": "null"]).status == 403)
        #expect(try await fixture.ask("/api/state", headers: ["Origin": own]).status == 200)
        #expect(try await fixture.ask("/api/state", headers: ["Sec-Fetch-Site": "cross-site"]).status == 403)
        #expect(try await fixture.ask("/", headers: ["Sec-Fetch-Site": "cross-site"]).status == 200)
        await fixture.studio.stop()
    }

    @Test func `a form of another page cannot change anything`() async throws {
        let fixture = try await StudioFixture()
        let answer = try await fixture.ask("/api/apply", method: "POST", body: #"{"step": 0}"#)
        #expect(answer.status == 403)
        #expect(answer.body.contains("X-Duet"))
        #expect(fixture.studio.playground.applied == 0)
        await fixture.studio.stop()
    }

    @Test func `every answer forbids what is inline or from elsewhere`() async throws {
        let fixture = try await StudioFixture()
        for path in ["/", "/studio.css", "/api/state", "/nothing"] {
            let policy = try await fixture.ask(path).headers["content-security-policy"] ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(path)")
            #expect(!policy.contains("unsafe") && !policy.contains("*"), "\(path)")
        }
        let page = try await fixture.ask("/").body
        #expect(!page.contains("style=") && !page.contains("onclick") && !page.contains("//"))
        await fixture.studio.stop()
    }

    @Test(arguments: ["/../shop/pipeline.yml", "/..%2f..%2fetc/passwd", "/studio.js/../../work", "//etc/passwd"])
    func `paths lead to the page's own files only`(path: String) async throws {
        let fixture = try await StudioFixture()
        #expect(try await fixture.ask(path).status == 404)
        await fixture.studio.stop()
    }

    @Test func `what is too long or no JSON is refused`() async throws {
        let fixture = try await StudioFixture()
        let long = String(repeating: "x", count: 300 << 10)
        #expect(try await fixture.tell("/api/sql", ["style": "declarative", "sql": .string(long)]).status == 413)
        #expect(try await fixture.ask("/api/state?x=\(long.prefix(20_000))").status == 414)
        let answer = try await fixture.ask("/api/sql", method: "POST", body: "{", headers: ["X-Duet": "1"])
        #expect(answer.status == 400)
        await fixture.studio.stop()
    }

    @Test func `a flood of requests is slowed down`() throws {
        let guardian = StudioGuard(names: ["127.0.0.1"], port: 1, token: "t", perSecond: 0)
        let request = HTTPRequest(
            method: .GET,
            version: .http11,
            path: "/",
            query: [.init(name: "token", value: "t")],
            headers: [.host: "127.0.0.1:1"],
            body: Data()
        )
        for _ in 0..<200 { try guardian.check(request) }
        #expect(throws: StudioGuard.Refusal.self) { try guardian.check(request) }
    }
}
