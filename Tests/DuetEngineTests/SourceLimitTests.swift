import DuetFetch
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

@testable import DuetEngine

/// What a source's limits in pipeline.yml keep, seen at the server and in the errors; and how progress is told.
@Suite(.timeLimit(.minutes(3)))
struct SourceLimitTests {
    @Test func `a file beyond its source's size limit is refused at the source's line, and nothing is landed`()
        async throws
    {
        let served = try ServedFolder()
        let base = try await served.start()
        try served.folder.write("a\n" + String(repeating: "1\n", count: 2000), to: "x.csv")
        let fixture = try SourceFixture("location: \(base)/x.csv\nlimits: {size: 3 KiB}")
        let error = try #require(await fixture.error())
        #expect(error.code == .fetchFailed)
        #expect(error.location?.file.hasSuffix("pipeline.yml") == true && error.location?.line == 4, "\(error)")
        #expect(error.description.contains("3072 bytes allowed"), "\(error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(fixture.landing)/s") == [])
        await served.server.stop()
    }

    @Test func `a source is asked as often as its limits say`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        served.server.setFaults([FaultRule(.status(503, retryAfter: nil))])
        let fixture = try SourceFixture("location: \(base)/x.csv\nlimits: {attempts: 2}")
        let error = try #require(await fixture.error())
        #expect(served.server.log.entries.count == 2)
        #expect(error.description.contains("after 2 attempts"), "\(error)")
        await served.server.stop()
    }

    @Test func `a source's time is over when its attempts and waits together have used it up`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        served.server.setFaults([FaultRule(.status(503, retryAfter: "40"))])
        let fixture = try SourceFixture("location: \(base)/x.csv\nlimits: {time: 1 min, attempts: 9}")
        #expect(await fixture.error()?.code == .fetchFailed)
        // 0 s and 40 s are within the minute, 80 s is not.
        #expect(served.server.log.entries.count == 2)
        await served.server.stop()
    }

    @Test func `no more connections are open than a source's limit`() async throws {
        let open = Mutex((now: 0, most: 0))
        let server = FaultServer { _, connection in
            open.withLock { open in
                open.now += 1
                open.most = max(open.most, open.now)
            }
            // Over before it is answered: whoever has the answer may send the next before this thread goes on.
            open.withLock { $0.now -= 1 }
            connection.answer(200, body: Array("a\n1\n".utf8))
            return .keepAlive
        }
        let base = "http://127.0.0.1:\(try server.start())"
        let fixture = try SourceFixture(
            "location: \(base)/{n}.csv\neach: {n: {from: 1, to: 40}}\nlimits: {connections: 2}"
        )
        #expect(try await fixture.read().files.count == 40)
        #expect(server.peakConnections <= 2)
        #expect(open.withLock { $0.most } <= 2)
        server.stop()
    }

    @Test func `requests of a source keep to so many a second, by the times they are let go`() async throws {
        let time = Mutex(Duration.zero)
        let sent = Mutex<[Duration]>([])
        let server = FaultServer { _, connection in
            sent.withLock { $0.append(time.withLock { $0 }) }
            connection.answer(200, body: Array("a\n1\n".utf8))
            return .keepAlive
        }
        let base = "http://127.0.0.1:\(try server.start())"
        var fixture = try SourceFixture(
            "location: \(base)/{n}.csv\neach: {n: {from: 1, to: 20}}\nlimits: {requests_per_second: 4, connections: 1}"
        )
        fixture.configuration.now = { time.withLock { $0 } }
        fixture.configuration.sleep = { wait in time.withLock { $0 += wait } }
        #expect(try await fixture.read().files.count == 20)
        let seconds = sent.withLock { $0.map { $0 / .seconds(1) } }
        #expect(seconds.count == 20)
        for (index, second) in seconds.enumerated() {
            #expect(second >= Double(index) / 4 - 0.001, "request \(index + 1) came after \(second) s")
        }
        server.stop()
    }

    @Test func `progress tells bytes, rate, what is left and attempts made again`() async throws {
        let served = try ServedFolder()
        let base = try await served.start()
        let text = "a\n" + String(repeating: "12345678\n", count: 50_000)
        try served.folder.write(text, to: "x.csv")
        served.server.setFaults([FaultRule(.cut(afterBytes: 100_000), times: 1)])
        var fixture = try SourceFixture("location: \(base)/x.csv")
        fixture.configuration.progressInterval = .zero
        let told = Mutex<[SourceProgress]>([])
        _ = try await fixture.reader { progress in told.withLock { $0.append(progress) } }
            .read(fixture.source, known: [], mode: .conditional)
        let all = told.withLock { $0 }
        #expect(all.allSatisfy { $0.source == "s" && $0.filesTotal == 1 })
        #expect(all.map(\.bytes) == all.map(\.bytes).sorted())
        #expect(all.contains { $0.totalBytes == text.utf8.count && $0.bytesPerSecond > 0 && $0.secondsLeft ?? 0 > 0 })
        let last = try #require(all.last)
        #expect(last.filesDone == 1 && last.retries == 1)
        #expect(last.bytes == text.utf8.count && last.totalBytes == text.utf8.count && last.secondsLeft == 0)
        await served.server.stop()
    }
}
