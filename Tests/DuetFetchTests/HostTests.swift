import DuetFetch
import DuetServe
import Foundation
import Synchronization
import Testing

/// A clock that stands until it is moved.
final class StoppedClock: Sendable {
    private let time = Mutex(Duration.zero)
    var now: Duration { time.withLock { $0 } }
    func move(by duration: Duration) { time.withLock { $0 += duration } }
}

@Suite(.timeLimit(.minutes(3)))
struct HostTests {
    /// A server that fails as long as it is told to, and a fetcher that gives up on it after three failures.
    private func space(
        _ clock: StoppedClock
    ) async throws -> (space: Workspace, server: FaultServer, url: String, failing: Failing) {
        let failing = Failing()
        let space = try await Workspace { configuration in
            configuration.circuitBreaker = CircuitBreaker(failures: 3, coolDown: .seconds(10))
            configuration.now = { clock.now }
        }
        let server = FaultServer { _, connection in
            connection.answer(failing.isOn ? 503 : 200, body: "hello".utf8)
            return .keepAlive
        }
        return (space, server, "http://127.0.0.1:\(try server.start())/a", failing)
    }

    final class Failing: Sendable {
        private let value = Mutex(true)
        var isOn: Bool { value.withLock { $0 } }
        func end() { value.withLock { $0 = false } }
    }

    @Test func `a host that fails three times in a row is left alone until its cool-down is over`() async throws {
        let clock = StoppedClock()
        let (space, server, url, failing) = try await space(clock)
        let request = FetchRequest(url: url, retry: .never)
        for _ in 1...3 {
            #expect(
                await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }?.code == .serverError
            )
        }
        #expect(try space.fetcher.circuit(of: url) == .open)
        let refused = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(refused?.code == .hostUnavailable)
        #expect(refused?.retryAfter == .seconds(10))
        #expect(server.requestCount == 3, "nothing was sent")

        // Still down: one request finds out, and the circuit is open again.
        clock.move(by: .seconds(10))
        #expect(await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }?.code == .serverError)
        #expect(
            await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }?.code == .hostUnavailable
        )
        #expect(server.requestCount == 4)

        failing.end()
        clock.move(by: .seconds(10))
        _ = try await space.fetcher.fetch(request)
        #expect(try space.fetcher.circuit(of: url) == .closed)
        server.stop()
        await space.stop()
    }

    @Test func `a request under way waits out the cool-down, and other hosts are not concerned`() async throws {
        let clock = StoppedClock()
        let (space, server, url, failing) = try await space(clock)
        let patient = Fetcher(
            configuration: {
                var configuration = FetchConfiguration(proxy: "")
                configuration.circuitBreaker = CircuitBreaker(failures: 2, coolDown: .seconds(7))
                configuration.now = { clock.now }
                configuration.sleep = { wait in
                    clock.move(by: wait)
                    if wait == .seconds(7) { failing.end() }
                }
                configuration.random = { 0 }
                return configuration
            }()
        )
        let response = try await patient.fetch(FetchRequest(url: url))
        #expect(response.retryReasons.map(\.code) == [.serverError, .serverError, .hostUnavailable])
        #expect(server.requestCount == 3)
        try space.serve("b", Array("b".utf8))
        _ = try await patient.fetch(space.request("b"))
        patient.shutdown()
        server.stop()
        await space.stop()
    }

    @Test func `answers that say no, and bodies that break off, do not open a circuit`() async throws {
        let clock = StoppedClock()
        let space = try await Workspace { configuration in
            configuration.circuitBreaker = CircuitBreaker(failures: 1)
            configuration.now = { clock.now }
        }
        let server = FaultServer { request, connection in
            if request.target == "/cut" {
                connection.sendHead(200, ["Content-Length: 100"])
                return .reset
            }
            connection.answer(Int(request.target.dropFirst()) ?? 400)
            return .keepAlive
        }
        let base = "http://127.0.0.1:\(try server.start())/"
        for path in ["404", "403", "429", "416", "cut"] {
            let request = FetchRequest(url: base + path, retry: .never)
            let code = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }?.code
            #expect(code != nil && code != FetchError.Code.hostUnavailable, "\(path)")
        }
        server.stop()
        await space.stop()
    }

    @Test func `requests to one host keep to so many a second`() async throws {
        let clock = StoppedClock()
        let space = try await Workspace { configuration in
            configuration.now = { clock.now }
            configuration.requestsPerSecond = 4
        }
        try space.serve("a", [1])
        for _ in 1...3 { _ = try await space.fetcher.fetch(space.request("a")) }
        #expect(space.waits.all == [.milliseconds(250), .milliseconds(500)])
        clock.move(by: .seconds(60))
        var request = space.request("a")
        request.requestsPerSecond = 1
        _ = try await space.fetcher.fetch(request)
        _ = try await space.fetcher.fetch(request)
        #expect(space.waits.all.last == .seconds(1))
        await space.stop()
    }
}
