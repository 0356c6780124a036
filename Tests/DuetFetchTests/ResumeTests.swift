import DuetFetch
import DuetServe
import Foundation
import Testing

@Suite(.timeLimit(.minutes(3)))
struct ResumeTests {
    @Test func `a connection cut at random bytes, 1,000 seeds, always ends in the same file`() async throws {
        let space = try await Workspace()
        for seed in UInt64(1)...1000 {
            var random = SeededBytes(seed: seed)
            let content = random.bytes(1 + Int(random.next() % 60_000))
            let cuts = (0..<3).map { _ in Int(random.next() % UInt64(content.count)) }
            let script = RangeScript(
                content: content,
                etag: "\"v\(seed)\"",
                limit: { $0 <= cuts.count ? cuts[$0 - 1] : nil },
                ending: random.next() % 2 == 0 ? .reset : .close
            )
            let (server, url) = try script.start()
            let name = "\(seed).bin"
            let response = try await space.fetcher.fetch(
                FetchRequest(url: url, destination: space.landed(name), synchronize: false)
            )
            #expect(try space.content(name) == content, "seed \(seed)")
            #expect(response.size == content.count, "seed \(seed)")
            #expect(response.bytesTotal <= content.count + cuts.count, "seed \(seed): bytes came twice")
            try FileManager.default.removeItem(atPath: space.landed(name))
            server.stop()
        }
        #expect(try space.landedNames() == [])
        await space.stop()
    }

    @Test func `only what is missing is asked for again`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.cut(afterBytes: 30_000), times: 1)]))
        var random = SeededBytes(seed: 5)
        let content = random.bytes(100_000)
        try space.serve("a.bin", content)
        let response = try await space.fetcher.fetch(space.request("a.bin"))
        #expect(try space.content("a.bin") == content)
        #expect(response.attempts == 2)
        #expect(response.resumedAt == 30_000)
        #expect(response.bytesReceived == 70_000)
        #expect(response.bytesTotal == 100_000)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("a.bin"))))
        #expect(space.server.log.entries.map(\.range) == [nil, "bytes=30000-"])
        #expect(space.server.log.entries.map(\.status) == [200, 206])
        #expect(response.retryReasons.first?.code == .truncated)
        await space.stop()
    }

    @Test func `what changes between two attempts is fetched from the start`() async throws {
        let space = try await Workspace()
        let old = [UInt8](repeating: 1, count: 50_000)
        let new = [UInt8](repeating: 2, count: 50_000)
        let server = FaultServer { request, connection in
            RangeScript(
                content: request.number == 1 ? old : new,
                etag: request.number == 1 ? "\"old\"" : "\"new\"",
                limit: { $0 == 1 ? 20_000 : nil }
            ).answer(request, connection)
        }
        let url = "http://127.0.0.1:\(try server.start())/a.bin"
        let response = try await space.fetcher.fetch(FetchRequest(url: url, destination: space.landed("a.bin")))
        #expect(try space.content("a.bin") == new)
        #expect(response.validators.etag == "\"new\"")
        #expect(response.resumedAt == 0)
        #expect(response.bytesTotal == 70_000)
        server.stop()
        await space.stop()
    }

    @Test(arguments: ["W/\"weak\"", nil])
    func `without a strong validator nothing is continued`(etag: String?) async throws {
        let space = try await Workspace()
        let content = [UInt8](repeating: 3, count: 10_000)
        let (server, url) = try RangeScript(content: content, etag: etag, limit: { $0 == 1 ? 4_000 : nil }).start()
        let response = try await space.fetcher.fetch(FetchRequest(url: url, destination: space.landed("a.bin")))
        #expect(try space.content("a.bin") == content)
        #expect(response.resumedAt == 0)
        #expect(response.bytesTotal == 14_000)
        server.stop()
        await space.stop()
    }

    @Test func `a server that ignores ranges sends the whole file, once`() async throws {
        let space = try await Workspace()
        var random = SeededBytes(seed: 9)
        let content = random.bytes(10_000)
        let script = RangeScript(content: content, etag: "\"v\"", limit: { $0 == 1 ? 4_000 : nil }, ignoresRanges: true)
        let (server, url) = try script.start()
        let response = try await space.fetcher.fetch(FetchRequest(url: url, destination: space.landed("a.bin")))
        #expect(try space.content("a.bin") == content)
        #expect(response.status == 200)
        server.stop()
        await space.stop()
    }

    @Test func `a part for other bytes than asked for is not taken`() async throws {
        let space = try await Workspace()
        let content = [UInt8]((0..<10_000).map { UInt8(truncatingIfNeeded: $0) })
        let server = FaultServer { request, connection in
            guard request.number == 2 else {
                return RangeScript(content: content, etag: "\"v\"", limit: { $0 == 1 ? 4_000 : nil })
                    .answer(request, connection)
            }
            let headers = ["Content-Range: bytes 5000-9999/10000", "ETag: \"v\""]
            connection.answer(206, headers, body: content[5_000...])
            return .keepAlive
        }
        let url = "http://127.0.0.1:\(try server.start())/a.bin"
        let request = FetchRequest(url: url, destination: space.landed("a.bin"))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .badResponse)
        #expect(try space.landedNames() == [])
        server.stop()
        await space.stop()
    }

    /// What is on disk while a transfer hangs is what a process killed at that moment leaves.
    @Test(arguments: [1, 300_000, 899_999, 900_000])
    func `a killed transfer is continued by the next process`(held: Int) async throws {
        var random = SeededBytes(seed: 11)
        let content = random.bytes(900_000)
        let first = try await Workspace(
            options: .init(faults: [FaultRule(.stall(afterBytes: held), times: 1)])
        ) {
            $0.fileSystem.noteThreshold = 1
            $0.progressInterval = .zero
        }
        try first.serve("a.bin", content)
        let second = try await Workspace { $0.fileSystem.noteThreshold = 1 }
        let reached = AsyncStream<Void>.makeStream()
        if held == content.count { reached.continuation.finish() }
        let hanging = Task {
            try await first.fetcher.fetch(first.request("a.bin")) {
                if $0.bytes >= held { reached.continuation.finish() }
            }
        }
        for await _ in reached.stream {}
        if held == content.count {
            _ = try await hanging.value
            // A kill just before the file was renamed: whole, but not yet in place.
            try await killBeforeRename(first, second, content)
        } else {
            try copyLanding(of: first, to: second)
            hanging.cancel()
            _ = await hanging.result
        }
        // The same address, as a new process would ask it.
        let response = try await second.fetcher.fetch(
            FetchRequest(url: first.url("a.bin"), destination: second.landed("a.bin"))
        )
        #expect(try second.content("a.bin") == content)
        #expect(response.resumedAt == min(held, content.count - 1))
        #expect(try second.landedNames() == ["a.bin"])
        #expect(response.sha256 == (try await sha256(ofFile: second.landed("a.bin"))))
        await first.stop()
        await second.stop()
    }

    private func copyLanding(of first: Workspace, to second: Workspace) throws {
        for name in try first.landedNames() {
            let data = try Data(contentsOf: URL(fileURLWithPath: first.landed(name)))
            try data.write(to: URL(fileURLWithPath: second.landed(name)))
        }
    }

    private func killBeforeRename(_ first: Workspace, _ second: Workspace, _ content: [UInt8]) async throws {
        let entry = try #require(first.server.log.entries.first)
        #expect(entry.status == 200)
        let etag = try await etag(of: first.url("a.bin"))
        let boot = try String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        let hash = try await run("sh", "-c", "printf %s '\(first.url("a.bin"))' | sha256sum").prefix(12)
        let part = second.landed("a.bin.part-\(hash)")
        try Data(content).write(to: URL(fileURLWithPath: part))
        let note = "\(first.url("a.bin"))\n\(etag)\n\(content.count)\n\(boot)"
        try note.write(toFile: "\(part).note", atomically: false, encoding: .utf8)
    }

    private func etag(of url: String) async throws -> String {
        let head = try await run("curl", "-sI", url)
        let line = try #require(head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("etag:") })
        return line.dropFirst(5).trimmingCharacters(in: .whitespaces)
    }

    @Test func `a part left by a failure is continued by the next request, one from before a restart is not`()
        async throws
    {
        var random = SeededBytes(seed: 13)
        let content = random.bytes(100_000)
        let space = try await Workspace(options: .init(faults: [FaultRule(.cut(afterBytes: 40_000), times: 2)]))
        try space.serve("a.bin", content)
        var request = space.request("a.bin")
        request.retry = .never
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .truncated)
        #expect(try space.landedNames().count == 2, "a part and its note")
        let note = try #require(try space.landedNames().first { $0.hasSuffix(".note") })
        let text = try String(contentsOfFile: space.landed(note), encoding: .utf8)
        let stale = text.split(separator: "\n").dropLast().joined(separator: "\n") + "\nanother-boot\n"
        try stale.write(toFile: space.landed(note), atomically: false, encoding: .utf8)
        _ = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        let response = try await space.fetcher.fetch(request)
        #expect(response.resumedAt == 40_000)
        #expect(space.server.log.entries.map(\.range) == [nil, nil, "bytes=40000-"])
        #expect(try space.content("a.bin") == content)
        #expect(try space.landedNames() == ["a.bin"])
        await space.stop()
    }

    @Test func `long bodies, which are written in larger pieces, lose nothing at a cut`() async throws {
        var random = SeededBytes(seed: 77)
        let content = random.bytes((5 << 20) + 4321)
        let space = try await Workspace()
        try space.serve("big", content)
        for seed in 0..<12 {
            let cuts = (0..<3).map { _ in
                FaultRule(.cut(afterBytes: Int.random(in: 1...(2 << 20), using: &random)), times: 1)
            }
            space.server.setFaults(cuts)
            let response = try await space.fetcher.fetch(space.request("big"))
            #expect(try space.content("big") == content, "seed \(seed)")
            #expect(response.bytesTotal == content.count, "each byte comes once; seed \(seed)")
            #expect(response.localWork.hashedBytes == content.count)
            try FileManager.default.removeItem(atPath: space.landed("big"))
        }
        await space.stop()
    }

    @Test func `room is reserved for what was announced, and the file is as long as what came`() async throws {
        let reserved = Recorder<[Int]>()
        let space = try await Workspace { configuration in
            configuration.fileSystem.reserve = { _, offset, count in reserved.add([offset, count]) }
        }
        var random = SeededBytes(seed: 78)
        let content = random.bytes((66 << 20) + 5)
        try space.serve("big", content)
        try space.serve("small", Array(content.prefix(1000)))
        _ = try await space.fetcher.fetch(space.request("small"))
        #expect(reserved.all.isEmpty)
        _ = try await space.fetcher.fetch(space.request("big"))
        #expect(try space.content("big") == content)
        #expect(reserved.all.first == [0, 64 << 20])
        #expect(reserved.all.count == 2)
        #expect(reserved.all.last.map { $0[0] >= 64 << 20 && $0[0] + $0[1] == content.count } == true)
        await space.stop()
    }
}
