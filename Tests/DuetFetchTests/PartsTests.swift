import DuetFetch
import DuetServe
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(3)))
struct PartsTests {
    private static let content: [UInt8] = {
        var random = SeededBytes(seed: 77)
        return random.bytes(12 << 20)
    }()

    @Test func `a big file comes in parts over several connections, whole and hashed`() async throws {
        let space = try await Workspace()
        try space.serve("big.bin", Self.content)
        var request = space.request("big.bin")
        request.parallelRanges = 4
        let reports = Recorder<FetchProgress>()
        let response = try await space.fetcher.fetch(request) { reports.add($0) }
        #expect(try space.content("big.bin") == Self.content)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("big.bin"))))
        #expect(response.size == Self.content.count)
        #expect(response.bytesTotal == Self.content.count)
        #expect(response.validators.etag != nil)
        let entries = space.server.log.entries
        #expect(entries.first?.method == "HEAD")
        #expect(entries.dropFirst().allSatisfy { $0.status == 206 })
        #expect(entries.count == 13)
        #expect(Set(entries.map(\.clientPort)).count > 1)
        #expect(try space.landedNames() == ["big.bin"])
        request.validators = response.validators
        #expect(try await space.fetcher.fetch(request).outcome == .notModified)
        await space.stop()
    }

    @Test func `small files, and servers that know no ranges, are fetched in one piece`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.ignoresRanges, path: "/plain.bin")]))
        try space.serve("small.bin", [1, 2, 3])
        try space.serve("plain.bin", Array(Self.content.prefix(5 << 20)))
        for name in ["small.bin", "plain.bin"] {
            var request = space.request(name)
            request.parallelRanges = 4
            _ = try await space.fetcher.fetch(request)
            #expect(space.server.log.entries.filter { $0.path == "/\(name)" }.map(\.method) == ["HEAD", "GET"])
        }
        #expect(try space.content("plain.bin") == Array(Self.content.prefix(5 << 20)))
        await space.stop()
    }

    @Test func `parts that break off are continued where they broke, at random places of 20 seeds`() async throws {
        for seed in UInt64(1)...20 {
            let space = try await Workspace()
            var random = SeededBytes(seed: seed)
            let content = Array(Self.content.prefix(4 << 20 + Int(random.next() % 100_000)))
            let cuts = (0..<12).map { _ in Int(random.next() % UInt64(1 << 20)) }
            let server = PartServer(content: content) { request in
                request.number % 2 == 0 ? cuts[request.number / 2 % cuts.count] : nil
            }
            var request = FetchRequest(url: try server.start(), destination: space.landed("a"), synchronize: false)
            request.parallelRanges = 3
            request.retry.maximumAttempts = 20
            let response = try await space.fetcher.fetch(request)
            #expect(try space.content("a") == content, "seed \(seed)")
            #expect(response.bytesTotal == content.count, "seed \(seed): bytes came twice")
            server.stop()
            await space.stop()
        }
    }

    @Test func `a file that changes while its parts come is fetched anew`() async throws {
        let space = try await Workspace()
        let old = Array(Self.content.prefix(5 << 20))
        let new = Array(Self.content.suffix(5 << 20))
        let server = FaultServer { request, connection in
            let isNew = request.number > 3
            return PartServer.answer(request, connection, isNew ? new : old, etag: isNew ? "\"2\"" : "\"1\"", cut: nil)
        }
        let url = "http://127.0.0.1:\(try server.start())/a"
        var request = FetchRequest(url: url, destination: space.landed("a"), synchronize: false)
        request.parallelRanges = 2
        let response = try await space.fetcher.fetch(request)
        #expect(try space.content("a") == new)
        #expect(response.validators.etag == "\"2\"")
        #expect(try space.landedNames() == ["a"])
        server.stop()
        await space.stop()
    }

    @Test(arguments: [1, 3]) func `a later fetch goes on where the parts left off`(parallel: Int) async throws {
        let space = try await Workspace()
        let content = Self.content
        let server = PartServer(content: content) { $0.number > 8 && $0.number < 20 ? 0 : nil }
        var request = FetchRequest(url: try server.start(), destination: space.landed("a"), synchronize: false)
        request.parallelRanges = 3
        request.retry = .never
        #expect(await failure { () throws(FetchError) in try await space.fetcher.fetch(request) } != nil)
        #expect(try space.landedNames().contains { $0.hasSuffix(".note") })
        #expect(try !space.landedNames().contains("a"))
        request.retry = RetryPolicy(maximumAttempts: 20)
        request.parallelRanges = parallel
        let response = try await space.fetcher.fetch(request)
        #expect(try space.content("a") == content)
        #expect(response.resumedAt > 0)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("a"))))
        #expect(try space.landedNames() == ["a"])
        server.stop()
        await space.stop()
    }

    @Test func `cancelling ends all parts`() async throws {
        let space = try await Workspace()
        let server = FaultServer { request, connection in
            if request.method == "HEAD" {
                return PartServer.answer(request, connection, Self.content, etag: "\"1\"", cut: nil)
            }
            connection.sendHead(206, ["Content-Length: 1000000", "Content-Range: bytes 0-999999/12582912"])
            connection.waitForEnd()
            return .close
        }
        let url = "http://127.0.0.1:\(try server.start())/a"
        var request = FetchRequest(url: url, destination: space.landed("a"))
        request.parallelRanges = 3
        let wanted = request
        let task = Task { await failure { () throws(FetchError) in try await space.fetcher.fetch(wanted) } }
        while server.requestCount < 3 { await Task.yield() }
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        server.stop()
        await space.stop()
    }
}

/// A server of one file in parts that can break off.
struct PartServer {
    let content: [UInt8]
    private let server: FaultServer

    init(content: [UInt8], cut: @escaping @Sendable (FaultServer.Request) -> Int?) {
        self.content = content
        server = FaultServer { request, connection in
            let cut = request.method == "HEAD" ? nil : cut(request)
            return Self.answer(request, connection, content, etag: "\"1\"", cut: cut)
        }
    }

    func start() throws -> String { "http://127.0.0.1:\(try server.start())/file.bin" }
    func stop() { server.stop() }

    static func answer(
        _ request: FaultServer.Request,
        _ connection: FaultConnection,
        _ content: [UInt8],
        etag: String,
        cut: Int?
    ) -> FaultServer.Next {
        var range = 0..<content.count
        var head = ["ETag: \(etag)", "Accept-Ranges: bytes"]
        var status = 200
        if let text = request.headers["range"], request.headers["if-range"].map({ $0 == etag }) ?? true {
            let bounds = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            range = (bounds[0] ?? 0)..<(bounds.count > 1 ? (bounds[1].map { $0 + 1 } ?? content.count) : content.count)
            head.append("Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.count)")
            status = 206
        }
        connection.sendHead(status, head + ["Content-Length: \(range.count)"])
        if request.method == "HEAD" { return .keepAlive }
        guard let cut, cut < range.count else {
            connection.send(content[range])
            return .keepAlive
        }
        connection.send(content[range].prefix(cut))
        return .close
    }
}
