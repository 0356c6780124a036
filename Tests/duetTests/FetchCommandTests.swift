import DuetEngine
import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// `duet fetch` and `duet sources` as a user runs them, and what a kill or a full disk leaves behind.
@Suite(.timeLimit(.minutes(5)))
struct FetchCommandTests {
    private static let sql = """
        CREATE MATERIALIZED VIEW bronze.a AS SELECT count(*) AS n FROM read_files('${source.a}');
        CREATE MATERIALIZED VIEW bronze.b AS SELECT count(*) AS n FROM read_files('${source.b}');
        """

    private func fixture(_ base: String, _ more: String = "") throws -> CommandFixture {
        try CommandFixture(
            definition: """
                name: fixture
                sources:
                  a: {location: "\(base)/a.csv"\(more)}
                  b: {location: "\(base)/b.csv"}
                """,
            sql: Self.sql,
            withData: false
        )
    }

    @Test func `fetch pulls one source, sources tells what is here, and the run finds it`() async throws {
        let served = try TemporaryFolder()
        try served.write("x\n1\n2\n", to: "a.csv")
        try served.write("x\n1\n", to: "b.csv")
        let server = FileServer(root: served.path)
        let fixture = try fixture("http://127.0.0.1:\(try await server.start())")
        let command = fixture.command
        let before = try await command.run(["sources", "pipeline", "--check"], in: fixture.folder)
        #expect(before.status == 0, "\(before.errors)")
        #expect(before.output.contains("a  0 files, 0 B, to fetch: 1 file (6 B)"))
        let fetched = try await command.run(["fetch", "pipeline", "--source", "a"], in: fixture.folder)
        #expect(fetched.status == 0, "\(fetched.errors)")
        #expect(server.log.entries.filter { $0.method == "GET" }.map(\.path) == ["/a.csv"])
        let after = try await command.run(["sources", "pipeline", "--check", "--json"], in: fixture.folder)
        let json = after.output.replacing(" ", with: "").replacing("\n", with: "")
        #expect(json.contains("\"source\":\"a\""))
        #expect(json.contains("\"files\":1,\"bytes\":6,\"validators\":1"))
        #expect(json.contains("\"last_result\":\"completed\""))
        #expect(json.contains("\"pending_files\":0"))
        #expect(json.contains("\"pending_files\":1"))
        let run = try await command.run(["run", "pipeline"], in: fixture.folder)
        #expect(run.status == 0, "\(run.errors)")
        let sent = server.log.entries.filter { $0.path == "/a.csv" && $0.method == "GET" }
        #expect(sent.map(\.status) == [200, 304])
        let shown = try await command.run(["show", "pipeline", "bronze.a", "--json"], in: fixture.folder)
        #expect(shown.output.contains("{\"n\":2}"))
        let wrong = try await command.run(["fetch", "pipeline", "--source", "aa"], in: fixture.folder)
        #expect(wrong.status == 1)
        #expect(wrong.errors.contains("UNKNOWN_SOURCE"))
        // Half a line at the end of the log, as a kill leaves it, says nothing; a log that cannot be read is told.
        let log = fixture.home().events(.declarative)
        let text = try String(contentsOfFile: log, encoding: .utf8)
        try (text + "{\"step_kind\":\"transfer\",").write(toFile: log, atomically: true, encoding: .utf8)
        let cut = try await command.run(["sources", "pipeline"], in: fixture.folder)
        #expect(cut.status == 0 && cut.output.contains("checked "))
        try FileManager.default.removeItem(atPath: log)
        try FileManager.default.createDirectory(atPath: log, withIntermediateDirectories: false)
        let unreadable = try await command.run(["sources", "pipeline"], in: fixture.folder)
        #expect(unreadable.status == 1 && unreadable.errors.contains("error[UNREADABLE_FILE]"), "\(unreadable.errors)")
        await server.stop()
    }

    @Test func `kill -9 in the middle of a transfer, and the next fetch goes on from there`() async throws {
        let lines = (0..<300_000).map { "\($0)\n" }.joined()
        let content = Array("x\n\(lines)".utf8)
        let half = content.count / 2
        let ranges = Mutex<[String?]>([])
        let isFirst = Mutex(true)
        let server = FaultServer { request, connection in
            if request.target == "/b.csv" {
                connection.answer(200, body: Array("x\n1\n".utf8))
                return .keepAlive
            }
            ranges.withLock { $0.append(request.headers["range"]) }
            let start = request.rangeStart
            var head = ["ETag: \"1\"", "Content-Length: \(content.count - start)"]
            if start > 0 { head.append("Content-Range: bytes \(start)-\(content.count - 1)/\(content.count)") }
            connection.sendHead(start > 0 ? 206 : 200, head)
            let stops = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            connection.send(content[start..<(stops ? half : content.count)])
            // The rest never comes; the kill ends it.
            if stops { connection.waitForEnd() }
            return .close
        }
        let fixture = try fixture("http://127.0.0.1:\(try server.start())")
        let landing = "\(fixture.folder.path)/.duet/fixture/declarative-landing/a"
        let killed = try await fixture.command.run(
            [
                "-c",
                "\"$0\" fetch pipeline --source a & while :; do s=$(stat -c %s '\(landing)'/*.part-???????????? 2>/dev/null || echo 0); "
                    + "[ \"$s\" -ge \(half) ] && break; done; kill -9 $!; wait",
            ],
            in: fixture.folder,
            under: ["bash"],
            isScript: true
        )
        #expect(killed.status == 0 || killed.status == 137, "\(killed.errors)")
        let left = try FileManager.default.contentsOfDirectory(atPath: landing)
        #expect(left.contains { $0.contains(".part-") })
        #expect(!left.contains { $0.hasSuffix("a.csv") && !$0.hasPrefix("arriving") }, "nothing half is landed")
        let again = try await fixture.command.run(["run", "pipeline"], in: fixture.folder)
        #expect(again.status == 0, "\(again.errors)")
        #expect(ranges.withLock { $0 } == [nil, "bytes=\(half)-"])
        let shown = try await fixture.command.run(["show", "pipeline", "bronze.a", "--json"], in: fixture.folder)
        #expect(shown.output.contains("{\"n\":300000}"))
        server.stop()
    }

    @Test func `a disk that is full ends the fetch with words, and leaves nothing half`() async throws {
        let served = try TemporaryFolder()
        try served.write("x\n" + String(repeating: "123456789\n", count: 400_000), to: "a.csv")
        try served.write("x\n1\n", to: "b.csv")
        let server = FileServer(root: served.path)
        let fixture = try fixture("http://127.0.0.1:\(try await server.start())")
        // A file may have 2 MiB; the signal that comes with it is not waited for.
        let full = try await fixture.command.run(
            ["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" fetch pipeline --source a"],
            in: fixture.folder,
            under: ["bash"],
            isScript: true
        )
        #expect(full.status == 1)
        #expect(full.errors.contains("cannot be written"), "\(full.errors)")
        let landing = "\(fixture.folder.path)/.duet/fixture/declarative-landing/a"
        #expect(try FileManager.default.contentsOfDirectory(atPath: landing) == [])
        let again = try await fixture.command.run(["run", "pipeline"], in: fixture.folder)
        #expect(again.status == 0, "\(again.errors)")
        await server.stop()
    }
}
