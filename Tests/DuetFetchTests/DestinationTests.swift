import DuetFetch
import DuetServe
import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DestinationTests {
    @Test func `a full disk is told, and the part removed`() async throws {
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        let space = try await Workspace {
            // The first bytes find room, the rest meets the device that is always full.
            $0.fileSystem.write = { file, bytes, count in
                lseek(file, 0, SEEK_CUR) < 50_000 ? write(file, bytes, count) : write(full, bytes, count)
            }
        }
        try space.serve("a.bin", [UInt8](repeating: 1, count: 200_000))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.bin")) }
        #expect(error?.code == .diskFull)
        #expect(error?.attempts == 1)
        #expect(error?.message == "'\(space.landed("a.bin"))' cannot be written: No space left on device")
        #expect(error?.hint?.contains(space.landing) == true)
        #expect(try space.landedNames() == [])
        await space.stop()
    }

    @Test func `a missing folder, a file as folder and a folder as file are told`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("abc".utf8))
        try Data().write(to: URL(fileURLWithPath: space.landed("file")))
        try FileManager.default.createDirectory(atPath: space.landed("folder"), withIntermediateDirectories: false)
        for (name, words) in [
            ("missing/a.csv", "No such file or directory"), ("file/a.csv", "Not a directory"),
            ("folder", "Is a directory"),
        ] {
            let request = space.request("a.csv", as: name)
            let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
            #expect(error?.code == .destinationUnwritable)
            #expect(error?.message.hasSuffix(words) == true, "\(error?.message ?? "no error")")
        }
        #expect(try space.landedNames() == ["file", "folder"])
        await space.stop()
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may write everywhere"))
    func `a folder that may not be written is told`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("abc".utf8))
        chmod(space.landing, 0o500)
        defer { chmod(space.landing, 0o700) }
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == .destinationUnwritable)
        await space.stop()
    }

    @Test func `two transfers to one destination do not mix`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.stall(afterBytes: 10), times: 1)])) {
            $0.progressInterval = .zero
        }
        try space.serve("a.bin", [UInt8](repeating: 1, count: 1000))
        let reached = AsyncStream<Void>.makeStream()
        let first = Task {
            await failure { () throws(FetchError) in
                try await space.fetcher.fetch(space.request("a.bin")) { _ in reached.continuation.finish() }
            }
        }
        for await _ in reached.stream {}
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.bin")) }
        #expect(error?.code == .destinationBusy)
        first.cancel()
        #expect(await first.value?.code == .cancelled)
        await space.stop()
    }

    @Test func `what was at the destination stays until the new file is whole`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.cut(afterBytes: 0))]))
        try space.serve("a.csv", Array("new".utf8))
        try Data("old".utf8).write(to: URL(fileURLWithPath: space.landed("a.csv")))
        _ = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(try space.content("a.csv") == Array("old".utf8))
        space.server.setFaults([])
        _ = try await space.fetcher.fetch(space.request("a.csv"))
        #expect(try space.content("a.csv") == Array("new".utf8))
        await space.stop()
    }

    @Test func `a link in the part's place is not followed`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.cut(afterBytes: 2), times: 1)]))
        try space.serve("a.csv", Array("new".utf8))
        let victim = space.landed("victim")
        try Data("mine".utf8).write(to: URL(fileURLWithPath: victim))
        let hash = try await run("sh", "-c", "printf %s '\(space.url("a.csv"))' | sha256sum").prefix(12)
        try FileManager.default.createSymbolicLink(
            atPath: space.landed("a.csv.part-\(hash)"),
            withDestinationPath: victim
        )
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == .destinationUnwritable)
        #expect(try space.content("victim") == Array("mine".utf8))
        await space.stop()
    }

    @Test func `a synchronised file and folder are on disk`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("abc".utf8))
        var request = space.request("a.csv")
        request.synchronize = true
        _ = try await space.fetcher.fetch(request)
        try await space.fetcher.synchronize(folder: space.landing)
        let error = await failure { () throws(FetchError) in
            try await space.fetcher.synchronize(folder: space.landed("none"))
        }
        #expect(error?.code == .destinationUnwritable)
        #expect(try space.content("a.csv") == Array("abc".utf8))
        await space.stop()
    }
}
