import DuetFetch
import DuetServe
import Foundation
import Testing

@Suite(.timeLimit(.minutes(2)))
struct FetchTests {
    @Test func `a file arrives whole, with its hash, size and validators`() async throws {
        let space = try await Workspace()
        var random = SeededBytes(seed: 1)
        let bytes = random.bytes(1_000_000)
        try space.serve("a.csv", bytes)
        let response = try await space.fetcher.fetch(space.request("a.csv"))
        #expect(try space.content("a.csv") == bytes)
        #expect(try space.landedNames() == ["a.csv"])
        #expect(response.outcome == .fetched)
        #expect(response.status == 200)
        #expect(response.size == bytes.count)
        #expect(response.bytesReceived == bytes.count)
        #expect(response.bytesTotal == bytes.count)
        #expect(response.sha256 == (try await sha256(ofFile: space.landed("a.csv"))))
        #expect(response.validators.etag?.hasPrefix("\"") == true)
        #expect(response.validators.lastModified?.hasSuffix("GMT") == true)
        #expect(response.contentType == "text/csv; charset=utf-8")
        #expect(response.attempts == 1)
        #expect(response.httpVersion == "1.1")
        #expect(response.serverAddress.hasPrefix("127.0.0.1:"))
        #expect(response.timings.total > 0)
        await space.stop()
    }

    @Test func `an empty file arrives as an empty file`() async throws {
        let space = try await Workspace()
        try space.serve("empty.csv", [])
        let response = try await space.fetcher.fetch(space.request("empty.csv"))
        #expect(try space.content("empty.csv") == [])
        #expect(response.sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        await space.stop()
    }

    @Test func `an unchanged file is not transferred again`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("a,b\n1,2\n".utf8))
        var request = space.request("a.csv")
        let first = try await space.fetcher.fetch(request)
        space.server.log.reset()
        request.validators = first.validators
        let second = try await space.fetcher.fetch(request)
        #expect(second.outcome == .notModified)
        #expect(second.status == 304)
        #expect(second.bytesReceived == 0)
        #expect(second.validators == first.validators)
        #expect(space.server.log.bytesSent == 0)
        #expect(try space.landedNames() == ["a.csv"])
        await space.stop()
    }

    @Test(arguments: [true, false])
    func `a changed file of the same size is transferred again`(usesETag: Bool) async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("a,b\n1,2\n".utf8))
        var request = space.request("a.csv")
        let first = try await space.fetcher.fetch(request)
        try space.serve("a.csv", Array("a,b\n1,3\n".utf8))
        request.validators = usesETag ? first.validators : Validators(lastModified: "Sun, 06 Nov 1994 08:49:37 GMT")
        let second = try await space.fetcher.fetch(request)
        #expect(second.outcome == .fetched)
        #expect(second.validators.etag != first.validators.etag)
        #expect(try space.content("a.csv") == Array("a,b\n1,3\n".utf8))
        await space.stop()
    }

    @Test func `a small body comes into memory, a large one is refused`() async throws {
        let space = try await Workspace()
        try space.serve("list.json", Array("[1]".utf8))
        let (response, bytes) = try await space.fetcher.data(FetchRequest(url: space.url("list.json")))
        #expect(bytes == Array("[1]".utf8))
        #expect(response.contentType == "application/json")
        let error = await failure { () throws(FetchError) in
            try await space.fetcher.data(FetchRequest(url: space.url("list.json"), maximumBytes: 2))
        }
        #expect(error?.code == .tooLarge)
        await space.stop()
    }

    @Test func `HEAD tells the size and transfers nothing`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array(repeating: 65, count: 5000))
        let response = try await space.fetcher.fetch(FetchRequest(url: space.url("a.csv"), method: .head))
        #expect(response.announcedSize == 5000)
        #expect(response.bytesReceived == 0)
        #expect(space.server.log.entries.map(\.method) == ["HEAD"])
        await space.stop()
    }

    @Test func `three hundred files arrive, never more than five at once`() async throws {
        let space = try await Workspace { $0.maximumConnectionsPerHost = 5 }
        var random = SeededBytes(seed: 3)
        var contents: [[UInt8]] = []
        for index in 0..<300 {
            contents.append(random.bytes(Int(random.next() % 20_000)))
            try space.serve("\(index).bin", contents[index])
        }
        let results = await space.fetcher.fetchAll((0..<300).map { space.request("\($0).bin") })
        for (index, result) in results.enumerated() {
            #expect(try result.get().size == contents[index].count)
            #expect(try space.content("\(index).bin") == contents[index])
        }
        #expect(space.server.log.count == 300)
        #expect(space.server.log.peakConcurrency <= 5)
        #expect(Set(space.server.log.entries.map(\.clientPort)).count <= 5)
        await space.stop()
    }

    @Test func `progress grows to the whole size`() async throws {
        let space = try await Workspace { $0.progressInterval = .zero }
        try space.serve("a.bin", Array(repeating: 7, count: 400_000))
        let seen = Recorder<FetchProgress>()
        _ = try await space.fetcher.fetch(space.request("a.bin")) { seen.add($0) }
        let bytes = seen.all.map(\.bytes)
        #expect(bytes == bytes.sorted())
        #expect(bytes.last == 400_000)
        #expect(seen.all.allSatisfy { $0.totalBytes == 400_000 && $0.attempt == 1 })
        await space.stop()
    }

    @Test func `a wrong expected hash or size leaves nothing behind`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("abc".utf8))
        var request = space.request("a.csv")
        request.expectedSHA256 = String(repeating: "0", count: 64)
        let wrongHash = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(wrongHash?.code == .checksumMismatch)
        #expect(wrongHash?.attempts == 2)
        request.expectedSHA256 = nil
        request.expectedSize = 4
        let wrongSize = await failure { () throws(FetchError) in try await space.fetcher.fetch(request) }
        #expect(wrongSize?.code == .sizeMismatch)
        #expect(try space.landedNames() == [])
        request.expectedSize = 3
        request.expectedSHA256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
        #expect(try await space.fetcher.fetch(request).size == 3)
        await space.stop()
    }
}
