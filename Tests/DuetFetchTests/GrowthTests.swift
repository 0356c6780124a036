import DuetFetch
import DuetServe
import Foundation
import Testing

@Suite(.timeLimit(.minutes(3)))
struct GrowthTests {
    private static let old: [UInt8] = {
        var random = SeededBytes(seed: 9)
        return random.bytes(100_000)
    }()

    /// The file as it was, landed; and the request for what it has become.
    private func grown(_ space: Workspace, _ now: [UInt8]) async throws -> FetchRequest {
        try space.serve("log", Self.old)
        let first = try await space.fetcher.fetch(space.request("log", as: "first"))
        try space.serve("log", now)
        var request = space.request("log", as: "second")
        request.validators = first.validators
        request.grownFrom = GrownFile(path: space.landed("first"), size: first.size, overlap: 1000)
        return request
    }

    @Test func `of a file that grew only the new end comes`() async throws {
        let space = try await Workspace()
        let now = Self.old + Array("more".utf8)
        let response = try await space.fetcher.fetch(try await grown(space, now))
        #expect(try space.content("second") == now)
        #expect(response.bytesTotal == 1004)
        #expect(response.size == now.count)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("second"))))
        #expect(space.server.log.entries.last?.range == "bytes=99000-")
        #expect(try space.landedNames() == ["first", "second"])
        await space.stop()
    }

    @Test func `a file that did not grow is not transferred`() async throws {
        let space = try await Workspace()
        let response = try await space.fetcher.fetch(try await grown(space, Self.old))
        #expect(response.outcome == .notModified)
        #expect(try space.landedNames() == ["first"])
        await space.stop()
    }

    @Test(arguments: ["changed end", "shorter", "much shorter", "empty"])
    func `a file that did not only grow comes whole`(change: String) async throws {
        let space = try await Workspace()
        var now = Self.old
        switch change {
        case "changed end":
            now[99_500] ^= 1
            now += [1, 2, 3]
        case "shorter": now.removeLast(500)
        case "much shorter": now.removeLast(50_000)
        default: now = []
        }
        let response = try await space.fetcher.fetch(try await grown(space, now))
        #expect(try space.content("second") == now)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("second"))))
        await space.stop()
    }

    @Test func `a change before the end is found by the server's digest`() async throws {
        let space = try await Workspace()
        var now = Self.old
        now[5] ^= 1
        now += [1, 2, 3]
        try space.serve("now", now)
        let digest = try await run("sh", "-c", "openssl dgst -sha256 -binary '\(space.served)/now' | base64")
        let value = "sha-256=:\(digest.trimmingCharacters(in: .whitespacesAndNewlines)):"
        let request = try await grown(space, now)
        space.server.setFaults([FaultRule(.headers([("Repr-Digest", value)]), path: "/log")])
        let response = try await space.fetcher.fetch(request)
        #expect(try space.content("second") == now)
        #expect(response.retryReasons.map(\.code) == [.checksumMismatch])
        await space.stop()
    }

    @Test func `a new end that breaks off is continued`() async throws {
        let space = try await Workspace()
        var random = SeededBytes(seed: 10)
        let now = Self.old + random.bytes(50_000)
        let request = try await grown(space, now)
        space.server.setFaults([
            FaultRule(.cut(afterBytes: 500), times: 1), FaultRule(.cut(afterBytes: 20_000), times: 2),
        ])
        let response = try await space.fetcher.fetch(request)
        #expect(try space.content("second") == now)
        #expect(response.bytesTotal == 51_000)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("second"))))
        await space.stop()
    }

    @Test func `a server that ignores ranges sends all, and that is taken`() async throws {
        let space = try await Workspace()
        let now = Self.old + [7]
        let request = try await grown(space, now)
        space.server.setFaults([FaultRule(.ignoresRanges)])
        _ = try await space.fetcher.fetch(request)
        #expect(try space.content("second") == now)
        await space.stop()
    }
}
