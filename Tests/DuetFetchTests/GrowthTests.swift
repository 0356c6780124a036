import DuetServe
import Foundation
import Glibc
import Testing

@testable import DuetFetch

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

    /// The request for what a file has become, with all that is known of what it was.
    private func remembered(_ space: Workspace, _ now: [UInt8]) async throws -> FetchRequest {
        var request = try await grown(space, now)
        let digest = SHA256()
        Self.old.withUnsafeBytes { digest.update($0) }
        request.grownFrom?.digestState = digest.state
        request.grownFrom?.sha256 = digest.finish().hexadecimal
        return request
    }

    @Test func `of a file that grew only the new end is hashed, and nothing goes through the process`() async throws {
        let space = try await Workspace()
        let now = Self.old + Array("more".utf8)
        let response = try await space.fetcher.fetch(try await remembered(space, now))
        #expect(try space.content("second") == now)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("second"))))
        // 100,000 bytes are 1562 blocks of 64 bytes, and 32 more.
        #expect(response.localWork.hashedBytes == 32 + 4)
        #expect(response.localWork.copiedBytes == 0)
        #expect(response.localWork.sharedBytes + response.localWork.systemCopiedBytes == 99_000)
        // The state it leaves is that of the whole, so the next end is as cheap.
        #expect(response.digestState?.count == 99_968)
        await space.stop()
    }

    @Test(arguments: ["none", "of other bytes", "of too few bytes"])
    func `a state that does not lead to the known digest is not believed, and all is hashed`(state: String) async throws
    {
        let space = try await Workspace()
        let now = Self.old + [1, 2, 3]
        var request = try await remembered(space, now)
        let digest = SHA256()
        switch state {
        case "of other bytes":
            [UInt8](repeating: 0, count: 99_968).withUnsafeBytes { digest.update($0) }
            request.grownFrom?.digestState = digest.state
        case "of too few bytes": request.grownFrom?.digestState = digest.state
        default: request.grownFrom?.digestState = nil
        }
        let response = try await space.fetcher.fetch(request)
        #expect(try space.content("second") == now)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("second"))))
        #expect(response.localWork.hashedBytes == now.count)
        await space.stop()
    }

    @Test func `what was changed on this machine since it came is found, and the whole is fetched`() async throws {
        let space = try await Workspace()
        let now = Self.old + [1, 2, 3]
        var request = try await remembered(space, now)
        request.grownFrom?.digestState = nil
        var damaged = Self.old
        damaged[5] ^= 1
        try Data(damaged).write(to: URL(fileURLWithPath: space.landed("first")))
        let response = try await space.fetcher.fetch(request)
        #expect(try space.content("second") == now)
        #expect(response.retryReasons.map(\.code) == [.checksumMismatch])
        #expect(response.retryReasons.first?.message.contains("when it was fetched") == true)
        await space.stop()
    }

    @Test(arguments: ["shares", "copies", "neither"])
    func `the start is taken over in the cheapest way the disk knows`(way: String) async throws {
        let space = try await Workspace { configuration in
            configuration.fileSystem.share = { to, from, count in
                guard way == "shares" else { return -1 }
                var bytes = [UInt8](repeating: 0, count: count)
                _ = pread(from, &bytes, count, 0)
                return pwrite(to, bytes, count, 0) == count ? 0 : -1
            }
            if way == "neither" {
                configuration.fileSystem.copyRange = { _, _, _, _ in
                    errno = EXDEV
                    return -1
                }
            }
        }
        let now = Self.old + [1, 2, 3]
        let response = try await space.fetcher.fetch(try await remembered(space, now))
        #expect(try space.content("second") == now)
        var work = response.localWork
        #expect(work.hashedBytes == 35)
        work.hashedBytes = 0
        switch way {
        case "shares":
            // Whole blocks of the disk; their size is the disk's own.
            #expect(work.sharedBytes > 90_000 && work.copiedBytes == 0)
            #expect(work.sharedBytes + work.systemCopiedBytes == 99_000)
        case "copies": #expect(work == LocalWork(systemCopiedBytes: 99_000))
        default: #expect(work == LocalWork(copiedBytes: 99_000))
        }
        await space.stop()
    }

    /// Whether the disk of temporary files keeps each block once, as btrfs and XFS do.
    private static let canShare: Bool = {
        let folder = FileManager.default.temporaryDirectory.path
        let paths = ["\(folder)/duet-share-\(UUID().uuidString)", "\(folder)/duet-shared-\(UUID().uuidString)"]
        defer { for path in paths { unlink(path) } }
        guard FileManager.default.createFile(atPath: paths[0], contents: Data(repeating: 1, count: 64 << 10)) else {
            return false
        }
        let files = [open(paths[0], O_RDONLY), open(paths[1], O_RDWR | O_CREAT, 0o600)]
        defer { for file in files { close(file) } }
        return FileSystem().share(files[1], files[0], 64 << 10) == 0
    }()

    @Test(.enabled(if: canShare, "TMPDIR must be on a disk that shares blocks: see docs/sources.md"))
    func `on a disk that keeps each block once the start is shared with the old file, not copied`() async throws {
        let space = try await Workspace()
        let now = Self.old + [1, 2, 3]
        let response = try await space.fetcher.fetch(try await remembered(space, now))
        #expect(try space.content("second") == now)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("second"))))
        #expect(response.localWork.sharedBytes > 90_000 && response.localWork.copiedBytes == 0)
        // What is shared is each file's own all the same: the old one stays as it was.
        #expect(try space.content("first") == Self.old)
        await space.stop()
    }

    @Test func `a disk that gets full while the start is taken over is told, and what is held stays`() async throws {
        let space = try await Workspace { configuration in
            configuration.fileSystem.share = { _, _, _ in -1 }
            configuration.fileSystem.copyRange = { _, _, _, _ in
                errno = ENOSPC
                return -1
            }
        }
        let request = try await remembered(space, Self.old + [1])
        let error = await failure { () async throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(error?.code == .diskFull)
        #expect(try space.landedNames() == ["first"])
        #expect(try space.content("first") == Self.old)
        await space.stop()
    }

    @Test func `a digest can be left and taken up at any byte`() throws {
        for count in [0, 1, 63, 64, 65, 127, 128, 1000, 4096, 99_999, 100_000] {
            let whole = Self.old + Self.old.prefix(77)
            let first = SHA256()
            Self.old.prefix(count).withUnsafeBytes { first.update($0) }
            let state = try #require(DigestState(first.state.text))
            #expect(state == first.state)
            #expect(state.count == count - count % 64)
            let second = SHA256()
            second.resume(state)
            whole[state.count...].withUnsafeBytes { second.update($0) }
            let oracle = try #require(Digest(.sha256))
            whole.withUnsafeBytes { oracle.update($0) }
            #expect(second.finish() == oracle.finish())
        }
        // More bytes than 32 bits of bits can count.
        let far = DigestState(words: Array(1...8), count: 1 << 33)
        let digest = SHA256()
        digest.resume(far)
        #expect(digest.state == far)
        for text in [
            "", ":", "64", "64:00", "63:\(String(repeating: "0", count: 64))",
            "-64:\(String(repeating: "0", count: 64))",
        ] {
            #expect(DigestState(text) == nil)
        }
    }

    @Test func `a note holds for the file as it was when it was left`() async throws {
        let space = try await Workspace()
        try space.serve("log", Self.old)
        let response = try await space.fetcher.fetch(space.request("log"))
        let path = space.landed("log")
        let state = try #require(response.digestState)
        #expect(DigestNote.read(for: path) == nil)
        DigestNote.leave(state, for: path)
        #expect(DigestNote.read(for: path) == state)
        #expect(try space.landedNames() == ["log", "log" + DigestNote.suffix])
        var changed = Self.old
        changed[5] ^= 1
        try Data(changed).write(to: URL(fileURLWithPath: path))
        #expect(DigestNote.read(for: path) == nil)
        await space.stop()
    }
}
