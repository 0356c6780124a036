import DuetFetch
import DuetServe
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RedirectTests {
    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is followed to the file`(status: Int) async throws {
        let space = try await Workspace(
            options: .init(faults: [FaultRule(.redirect(to: "a.csv?page=2#top", status: status), path: "/old.csv")])
        )
        try space.serve("a.csv", Array("abc".utf8))
        let response = try await space.fetcher.fetch(space.request("old.csv"))
        #expect(try space.content("old.csv") == Array("abc".utf8))
        #expect(response.redirects == 1)
        #expect(response.attempts == 1)
        #expect(response.url == space.url("a.csv?page=2"))
        await space.stop()
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a circle of redirects ends`(status: Int) async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.redirect(to: "/a.csv", status: status))]))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == .tooManyRedirects)
        #expect(error?.attempts == 1)
        #expect(space.server.log.count == 11)
        await space.stop()
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "javascript:alert(1)"])
    func `a redirect to anything but http is refused`(target: String) async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.redirect(to: target, status: 302))]))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == .redirectRefused)
        #expect(try space.landedNames() == [])
        await space.stop()
    }

    @Test(
        arguments: [
            Credentials.basic(user: "ada", password: "s3cret"), .bearer("s3cret"), .header("X-API-Key", "s3cret"),
        ]
    )
    func `credentials go to their own host, not to another`(credentials: Credentials) async throws {
        let seen = Recorder<[String: String]>()
        let other = FaultServer { request, connection in
            seen.add(request.headers)
            connection.answer(200, body: Array("abc".utf8))
            return .keepAlive
        }
        let otherPort = try other.start()
        let own = FaultServer { request, connection in
            seen.add(request.headers)
            let target = request.target == "/a" ? "/b" : "http://127.0.0.1:\(otherPort)/c"
            connection.answer(302, ["Location: \(target)"])
            return .keepAlive
        }
        let space = try await Workspace()
        _ = try await space.fetcher.data(
            FetchRequest(
                url: "http://127.0.0.1:\(try own.start())/a",
                headers: [("X-Own", "s3cret"), ("Cookie", "s3cret"), ("Accept", "text/csv")],
                credentials: credentials
            )
        )
        #expect(seen.all.count == 3)
        let name = credentials.description == "header X-API-Key" ? "x-api-key" : "authorization"
        #expect(seen.all[0][name] != nil && seen.all[0]["x-own"] != nil)
        #expect(seen.all[1][name] != nil && seen.all[1]["x-own"] != nil)
        #expect(seen.all[2].values.contains { $0.contains("s3cret") } == false)
        #expect(seen.all[2][name] == nil)
        #expect(seen.all[2]["accept"] == "text/csv")
        own.stop()
        other.stop()
        await space.stop()
    }

    @Test func `a POST becomes a GET after 303 and stays a POST after 307`() async throws {
        let seen = Recorder<String>()
        let server = FaultServer { request, connection in
            seen.add("\(request.method) \(request.target) \(request.body.count)")
            switch request.target {
            case "/303": connection.answer(303, ["Location: /end"])
            case "/307": connection.answer(307, ["Location: /end"])
            default: connection.answer(200)
            }
            return .keepAlive
        }
        let base = "http://127.0.0.1:\(try server.start())"
        let space = try await Workspace()
        for path in ["303", "307"] {
            _ = try await space.fetcher.data(FetchRequest(url: "\(base)/\(path)", method: .post([1, 2, 3])))
        }
        #expect(seen.all == ["POST /303 3", "GET /end 0", "POST /307 3", "POST /end 3"])
        server.stop()
        await space.stop()
    }
}
