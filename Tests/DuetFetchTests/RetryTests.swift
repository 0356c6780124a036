import DuetFetch
import DuetServe
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct RetryTests {
    @Test(arguments: [408, 429, 500, 502, 503, 504])
    func `what may pass is tried again, with waits that double`(status: Int) async throws {
        let space = try await Workspace(
            options: .init(faults: [FaultRule(.status(status, retryAfter: nil), times: 3)])
        )
        try space.serve("a.csv", Array("abc".utf8))
        let response = try await space.fetcher.fetch(space.request("a.csv"))
        #expect(response.attempts == 4)
        #expect(response.retryReasons.map(\.httpStatus) == [status, status, status])
        #expect(response.retryReasons.map(\.attempts) == [1, 2, 3])
        #expect(space.waits.all == [.milliseconds(500), .seconds(1), .seconds(2)])
        #expect(try space.landedNames() == ["a.csv"])
        await space.stop()
    }

    @Test(
        arguments: [
            (400, FetchError.Code.httpStatus), (401, .unauthorized), (403, .forbidden), (404, .notFound),
            (410, .notFound), (416, .httpStatus), (501, .serverError),
        ]
    )
    func `what does not pass is asked for once`(status: Int, code: FetchError.Code) async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.status(status, retryAfter: nil))]))
        try space.serve("a.csv", Array("abc".utf8))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == code)
        #expect(error?.httpStatus == status)
        #expect(error?.attempts == 1)
        #expect(error?.url == space.url("a.csv"))
        #expect(space.server.log.count == 1)
        #expect(try space.landedNames() == [])
        await space.stop()
    }

    @Test func `a missing file says so, with what to do`() async throws {
        let space = try await Workspace()
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("no.csv")) }
        #expect(
            error?.description
                == "\(space.url("no.csv")): error[NOT_FOUND]: the server answered 404: there is no such file\n"
                + "  hint: check the URL's path"
        )
        await space.stop()
    }

    @Test func `the attempts end, and the last failure is told`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.status(503, retryAfter: nil))]))
        var request = space.request("a.csv")
        request.retry.maximumAttempts = 3
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .serverError)
        #expect(error?.attempts == 3)
        #expect(space.server.log.count == 3)
        await space.stop()
    }

    @Test func `Retry-After in seconds is waited for`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.status(429, retryAfter: "7"), times: 1)]))
        try space.serve("a.csv", Array("abc".utf8))
        _ = try await space.fetcher.fetch(space.request("a.csv"))
        #expect(space.waits.all == [.seconds(7)])
        await space.stop()
    }

    @Test func `Retry-After as a date is waited for`() async throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let then = Date(timeIntervalSinceNow: 100)
        let date = formatter.string(from: then)
        let space = try await Workspace(options: .init(faults: [FaultRule(.status(503, retryAfter: date), times: 1)]))
        try space.serve("a.csv", Array("abc".utf8))
        _ = try await space.fetcher.fetch(space.request("a.csv"))
        let wait = try #require(space.waits.all.first)
        // However long the answer took to come, what is left until then is waited for; a header has whole seconds.
        #expect(wait > .seconds(then.timeIntervalSinceNow - 2) && wait <= .seconds(101))
        await space.stop()
    }

    @Test func `a Retry-After beyond the limit ends the transfer`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.status(429, retryAfter: "3600"))]))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == .seconds(3600))
        #expect(space.waits.all == [])
        await space.stop()
    }

    @Test func `nothing listening is tried again, then told`() async throws {
        let space = try await Workspace()
        let url = space.url("a.csv")
        await space.server.stop()
        let request = FetchRequest(url: url, retry: RetryPolicy(maximumAttempts: 3))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .connectionRefused)
        #expect(error?.attempts == 3)
        #expect(error?.curlCode == 7)
        #expect(space.waits.all.count == 2)
        await space.stop()
    }

    @Test func `a host without an address is told`() async throws {
        let space = try await Workspace()
        let request = FetchRequest(url: "http://no-such-host.invalid/a.csv", retry: .never)
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .hostNotFound)
        await space.stop()
    }

    @Test(arguments: [false, true])
    func `a POST is repeated after 500 only when asked to`(repeats: Bool) async throws {
        let space = try await Workspace(
            options: .init(
                faults: [FaultRule(.status(500, retryAfter: nil), times: 1)],
                handler: { $0.headers["x-fail"] == nil ? nil : ServedReply(status: 500) }
            )
        )
        let request = FetchRequest(
            url: space.url("model"),
            method: .post(Array("{}".utf8)),
            headers: [("X-Fail", "1")],
            retry: RetryPolicy(maximumAttempts: 2, repeatsPost: repeats)
        )
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .serverError)
        #expect(error?.attempts == (repeats ? 2 : 1))
        await space.stop()
    }
}
