import DuetFetch
import DuetServe
import Foundation
import Glibc
import Testing

@Suite(.timeLimit(.minutes(2)))
struct FaultTests {
    /// Fetches from a server that does what the script says, and gives the error.
    private func error(
        configure: (inout FetchConfiguration) -> Void = { _ in },
        change: (inout FetchRequest) -> Void = { _ in },
        script: @escaping @Sendable (FaultServer.Request, FaultConnection) -> FaultServer.Next
    ) async throws -> (error: FetchError?, requests: Int, left: [String]) {
        let space = try await Workspace(configure: configure)
        let server = FaultServer(script)
        let url = "http://127.0.0.1:\(try server.start())/a.bin"
        var request = FetchRequest(url: url, destination: space.landed("a.bin"), retry: RetryPolicy(maximumAttempts: 2))
        change(&request)
        let sent = request
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(sent) }
        let left = try space.landedNames()
        server.stop()
        await space.stop()
        return (error, server.requestCount, left)
    }

    @Test func `a body shorter than announced is truncated, not taken`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.falseLength(by: 10))]))
        try space.serve("a.csv", Array("a,b\n1,2\n".utf8))
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        #expect(error?.code == .truncated)
        #expect(error?.message == "the body ended after 8 bytes of 18")
        #expect(error?.attempts == 5)
        #expect(FileManager.default.fileExists(atPath: space.landed("a.csv")) == false)
        await space.stop()
    }

    @Test func `a server that closes without an answer is a lost connection`() async throws {
        let found = try await error(script: { _, _ in .close })
        #expect(found.error?.code == .connectionLost)
        #expect(found.error?.attempts == 2)
    }

    @Test func `what is not HTTP is told`() async throws {
        let found = try await error(script: { _, connection in
            connection.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")
            return .close
        })
        #expect(found.error?.code == .badResponse)
        #expect(found.left == [])
    }

    @Test func `a body that stops coming is stalled`() async throws {
        let found = try await error(
            configure: { $0.stallDuration = .seconds(1) },
            change: { $0.retry = .never },
            script: {
                _,
                connection in
                connection.sendHead(200, ["Content-Length: 1000"])
                connection.send("begin")
                connection.waitForEnd()
                return .close
            }
        )
        #expect(found.error?.code == .stalled)
        #expect(found.left == [])
    }

    @Test func `a body that only trickles is stalled`() async throws {
        let space = try await Workspace(
            options: .init(faults: [FaultRule(.trickle(bytes: 1, every: .milliseconds(100)))])
        ) {
            $0.stallBytesPerSecond = 1000
            $0.stallDuration = .seconds(1)
        }
        try space.serve("a.bin", [UInt8](repeating: 1, count: 1000))
        var request = space.request("a.bin")
        request.retry = .never
        let sent = request
        let error = await failure { () throws(FetchError) in try await space.fetcher.fetch(sent) }
        #expect(error?.code == .stalled)
        await space.stop()
    }

    @Test func `a deadline ends a transfer, attempts and waits together`() async throws {
        let found = try await error(
            change: { $0.deadline = .milliseconds(300) },
            script: { _, connection in
                connection.waitForEnd()
                return .close
            }
        )
        #expect(found.error?.code == .deadlineExceeded)
        // None when the machine had no time for it; what counts is that it is not tried again.
        #expect(found.requests <= 1)
    }

    @Test func `a body without end stops at the limit`() async throws {
        let found = try await error(
            change: { $0.maximumBytes = 1 << 20 },
            script: { _, connection in
                connection.sendHead(200)
                let piece = [UInt8](repeating: 0, count: 64 << 10)
                while connection.send(piece) {}
                return .close
            }
        )
        #expect(found.error?.code == .tooLarge)
        #expect(found.error?.attempts == 1)
        #expect(found.left == [])
    }

    @Test func `an announced size beyond the limit is refused before it is transferred`() async throws {
        let found = try await error(
            change: { $0.maximumBytes = 100 },
            script: { _, connection in
                connection.sendHead(200, ["Content-Length: 101"])
                connection.send("x")
                connection.waitForEnd()
                return .close
            }
        )
        #expect(found.error?.code == .tooLarge)
    }

    @Test func `a flood of header fields stops at the limit`() async throws {
        let found = try await error(script: { _, connection in
            connection.send("HTTP/1.1 200 OK\r\n")
            let line = "X-Flood: \(String(repeating: "x", count: 1000))\r\n"
            for _ in 0..<10_000 where !connection.send(line) { break }
            return .close
        })
        #expect(found.error?.code == .headersTooLarge)
    }

    @Test func `a bomb of zeros stops at the limit while it is unpacked`() async throws {
        let bomb = try Data(contentsOf: URL(fileURLWithPath: try await gzippedZeros()))
        let found = try await error(
            change: {
                $0.contentCoding = .decoded
                $0.maximumBytes = 1 << 20
            },
            script: { _, connection in
                connection.answer(200, ["Content-Encoding: gzip"], body: bomb)
                return .keepAlive
            }
        )
        #expect(bomb.count < 1 << 20)
        #expect(found.error?.code == .tooLarge)
        #expect(found.left == [])
    }

    private func gzippedZeros() async throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("zeros-\(UUID().uuidString).gz").path
        _ = try await run("sh", "-c", "head -c 20000000 /dev/zero | gzip > '\(path)'")
        return path
    }

    @Test func `a body that is not encoded as it says is refused`() async throws {
        let found = try await error(
            change: { $0.contentCoding = .decoded },
            script: { _, connection in
                connection.answer(200, ["Content-Encoding: gzip"], body: Array("plain text".utf8))
                return .keepAlive
            }
        )
        #expect(found.error?.code == .badContentEncoding)
        #expect(found.left == [])
    }

    @Test(arguments: [true, false])
    func `an encoded body is unpacked when asked for, and kept as sent otherwise`(decodes: Bool) async throws {
        let packed = try Data(contentsOf: URL(fileURLWithPath: try await gzippedZeros()))
        let space = try await Workspace()
        let server = FaultServer { request, connection in
            connection.answer(200, ["Content-Encoding: gzip"], body: packed)
            return .keepAlive
        }
        let url = "http://127.0.0.1:\(try server.start())/a.csv"
        var request = FetchRequest(url: url, destination: space.landed("a.csv"))
        request.contentCoding = decodes ? .decoded : .asSent
        let response = try await space.fetcher.fetch(request)
        #expect(response.size == (decodes ? 20_000_000 : packed.count))
        #expect(response.contentEncoding == (decodes ? nil : "gzip"))
        #expect(response.bytesReceived == packed.count)
        server.stop()
        await space.stop()
    }

    @Test(
        arguments: [
            "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==",
            "Digest: SHA-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "Repr-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:",
            "x-amz-checksum-sha256: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "x-ms-blob-content-md5: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
    )
    func `a body that is not what the server's digest says is refused`(field: String) async throws {
        let found = try await error(script: { _, connection in
            connection.answer(200, [field], body: Array("abc".utf8))
            return .keepAlive
        })
        #expect(found.error?.code == .checksumMismatch)
        #expect(found.requests == 2)
        #expect(found.left == [])
    }

    @Test(
        arguments: [
            "Content-MD5: kAFQmDzST7DWlj99KOF/cg==",
            "Digest: SHA-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
            "Repr-Digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:",
            "Content-Digest: unknown=:AAAA:, sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:",
            "x-amz-checksum-sha256: composite-7",
        ]
    )
    func `a right digest, or one that cannot be read, is no obstacle`(field: String) async throws {
        let found = try await error(script: { _, connection in
            connection.answer(200, [field], body: Array("abc".utf8))
            return .keepAlive
        })
        #expect(found.error == nil)
        #expect(found.left == ["a.bin"])
    }

    @Test func `cancelling the task ends the transfer and keeps what can be continued`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.stall(afterBytes: 300_000))])) {
            $0.progressInterval = .zero
        }
        try space.serve("a.bin", [UInt8](repeating: 1, count: 900_000))
        let reached = AsyncStream<Void>.makeStream()
        let task = Task {
            try await space.fetcher.fetch(space.request("a.bin")) {
                if $0.bytes == 300_000 { reached.continuation.finish() }
            }
        }
        for await _ in reached.stream {}
        task.cancel()
        let result = await task.result
        #expect(throws: FetchError.self) { try result.get() }
        if case .failure(let error) = result { #expect((error as? FetchError)?.code == .cancelled) }
        #expect(try space.landedNames().count == 2, "a part and its note")
        await space.stop()
    }

    @Test func `a task cancelled before it asks transfers nothing`() async throws {
        let space = try await Workspace()
        try space.serve("a.csv", Array("abc".utf8))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("a.csv")) }
        }
        #expect(await task.value?.code == .cancelled)
        #expect(try space.landedNames() == [])
        await space.stop()
    }

    @Test func `a fetcher that was shut down ends its transfers and refuses more`() async throws {
        let space = try await Workspace(options: .init(faults: [FaultRule(.stall(afterBytes: 10))])) {
            $0.progressInterval = .zero
        }
        try space.serve("a.bin", [UInt8](repeating: 1, count: 1000))
        let reached = AsyncStream<Void>.makeStream()
        let task = Task {
            await failure { () throws(FetchError) in
                try await space.fetcher.fetch(space.request("a.bin")) { _ in reached.continuation.finish() }
            }
        }
        for await _ in reached.stream {}
        space.fetcher.shutdown()
        #expect(await task.value?.code == .shutDown)
        let later = await failure { () throws(FetchError) in try await space.fetcher.fetch(space.request("b.bin")) }
        #expect(later?.code == .shutDown)
        await space.stop()
    }
}
