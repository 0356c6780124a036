import DuetFetch
import DuetServe
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct BytesTests {
    @Test func `a body can be read while it arrives`() async throws {
        let space = try await Workspace()
        var random = SeededBytes(seed: 21)
        let content = random.bytes(5_000_000)
        try space.serve("a.bin", content)
        let stream = try space.fetcher.bytes(FetchRequest(url: space.url("a.bin")))
        var read: [UInt8] = []
        for try await bytes in stream { read += bytes }
        #expect(read == content)
        #expect(stream.response?.size == content.count)
        await space.stop()
    }

    @Test func `the first piece comes before the last is sent`() async throws {
        let space = try await Workspace()
        let mayEnd = DispatchSemaphore(value: 0)
        let server = FaultServer { request, connection in
            connection.sendHead(200, ["Content-Length: 8"])
            connection.send("one,")
            mayEnd.wait()
            connection.send("two.")
            return .keepAlive
        }
        let url = "http://127.0.0.1:\(try server.start())/"
        let request = FetchRequest(url: url, method: .post(Array("{}".utf8)))
        var iterator = try space.fetcher.bytes(request).makeAsyncIterator()
        #expect(try await iterator.next() == Array("one,".utf8))
        mayEnd.signal()
        #expect(try await iterator.next() == Array("two.".utf8))
        #expect(try await iterator.next() == nil)
        server.stop()
        await space.stop()
    }

    @Test func `a reader that does not read holds the server back`() async throws {
        let space = try await Workspace { $0.stallDuration = .seconds(1) }
        let sent = Recorder<Int>()
        let server = FaultServer { _, connection in
            connection.sendHead(200, ["Content-Length: \(64 << 20)"])
            let piece = [UInt8](repeating: 1, count: 1 << 20)
            for number in 0..<64 where connection.send(piece) { sent.add(number) }
            return .keepAlive
        }
        let stream = try space.fetcher.bytes(FetchRequest(url: "http://127.0.0.1:\(try server.start())/"))
        var iterator = stream.makeAsyncIterator()
        var count = try await iterator.next()?.count ?? 0
        // Another transfer runs its whole course meanwhile, so the first has had every chance to run ahead.
        try space.serve("a.bin", [UInt8](repeating: 2, count: 30_000_000))
        _ = try await space.fetcher.fetch(space.request("a.bin"))
        #expect(sent.all.count < 32, "the sockets' buffers and one mebibyte, not the body")
        while let bytes = try await iterator.next() { count += bytes.count }
        #expect(count == 64 << 20)
        server.stop()
        await space.stop()
    }

    @Test func `a failure before the first byte is tried again, one after it is told`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.status(503, retryAfter: nil), times: 2)]))
        try space.serve("a.bin", [UInt8](repeating: 1, count: 100))
        let stream = try space.fetcher.bytes(FetchRequest(url: space.url("a.bin")))
        var count = 0
        for try await bytes in stream { count += bytes.count }
        #expect(count == 100)
        #expect(stream.response?.attempts == 3)
        let mayEnd = DispatchSemaphore(value: 0)
        let server = FaultServer { _, connection in
            connection.sendHead(200, ["Content-Length: 10"])
            connection.send("1234")
            mayEnd.wait()
            return .close
        }
        let cut = try space.fetcher.bytes(FetchRequest(url: "http://127.0.0.1:\(try server.start())/"))
        var iterator = cut.makeAsyncIterator()
        #expect(try await iterator.next() == Array("1234".utf8))
        mayEnd.signal()
        let error = await failure { () throws(FetchError) in try await iterator.next() }
        #expect(error?.code == .truncated)
        #expect(server.requestCount == 1)
        server.stop()
        await space.stop()
    }

    @Test func `a status that is no success is thrown`() async throws {
        let space = try await Workspace()
        let stream = try space.fetcher.bytes(FetchRequest(url: space.url("none")))
        var iterator = stream.makeAsyncIterator()
        let error = await failure { () throws(FetchError) in try await iterator.next() }
        #expect(error?.code == .notFound)
        await space.stop()
    }

    @Test func `letting go of a stream ends its transfer`() async throws {
        let space = try await Workspace()
        let ended = AsyncStream<Void>.makeStream()
        let server = FaultServer { _, connection in
            connection.sendHead(200)
            connection.send("1")
            connection.waitForEnd()
            ended.continuation.finish()
            return .close
        }
        let url = "http://127.0.0.1:\(try server.start())/"
        do {
            var iterator = try space.fetcher.bytes(FetchRequest(url: url)).makeAsyncIterator()
            #expect(try await iterator.next() == Array("1".utf8))
        }
        for await _ in ended.stream {}
        server.stop()
        await space.stop()
    }
}
