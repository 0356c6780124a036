import DuetEngine
import DuetPipeline
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

    /// Fetches the source `a`, and kills that as soon as a part of it has so many bytes.
    private func fetchKilled(_ fixture: CommandFixture, landing: String, half: Int) async throws {
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
        try await fetchKilled(fixture, landing: landing, half: half)
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

    @Test func `a log that grows comes by its end, run after run, and a kill in between loses nothing`() async throws {
        let content = Mutex(Array("x\n".utf8) + Self.lines(0..<200_000))
        let ranges = Mutex<[String?]>([])
        let stops = Mutex(false)
        let server = FaultServer { request, connection in
            if request.target == "/b.csv" {
                connection.answer(200, body: Array("x\n1\n".utf8))
                return .keepAlive
            }
            let bytes = content.withLock { $0 }
            let tag = "\"\(bytes.count)\""
            if request.headers["if-none-match"] == tag {
                connection.answer(304, ["ETag: \(tag)"])
                return .keepAlive
            }
            ranges.withLock { $0.append(request.headers["range"]) }
            let start = request.rangeStart
            var head = ["ETag: \(tag)", "Content-Length: \(bytes.count - start)"]
            if start > 0 { head.append("Content-Range: bytes \(start)-\(bytes.count - 1)/\(bytes.count)") }
            connection.sendHead(start > 0 ? 206 : 200, head)
            let halts = stops.withLock { $0 }
            connection.send(bytes[start..<(halts ? (start + bytes.count) / 2 : bytes.count)])
            if halts { connection.waitForEnd() }
            return .close
        }
        let fixture = try fixture("http://127.0.0.1:\(try server.start())", ", grows: true")
        let landing = "\(fixture.folder.path)/.duet/fixture/declarative-landing/a"
        func landed() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: landing).sorted() }
        func rows() async throws -> String {
            try await fixture.command.run(["show", "pipeline", "bronze.a", "--json"], in: fixture.folder).output
        }
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        #expect(try await rows().contains("{\"n\":200000}"))
        let first = try landed()
        #expect(first.count == 2 && first[1] == first[0] + ".sha256-state", "\(first)")
        let size = content.withLock { $0.count }
        let before = try Data(contentsOf: URL(fileURLWithPath: "\(landing)/\(first[0])"))

        // The end is cut off by a kill: the old file is as it was, and the next run brings the end.
        content.withLock { $0 += Self.lines(200_000..<300_000) }
        stops.withLock { $0 = true }
        let half = content.withLock { (size - 4096 + $0.count) / 2 }
        try await fetchKilled(fixture, landing: landing, half: half)
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(landing)/\(first[0])")) == before)
        #expect(try await rows().contains("{\"n\":200000}"))
        stops.withLock { $0 = false }
        let again = try await fixture.duet("run", "pipeline")
        #expect(again.status == 0, "\(again.errors)")
        #expect(try await rows().contains("{\"n\":300000}"))
        let end = "bytes=\(size - 4096)-"
        #expect(ranges.withLock { $0 } == [nil, end, end])
        let second = try landed()
        #expect(second.count == 2 && second != first && second[1] == second[0] + ".sha256-state", "\(second)")

        // A fetch alone tells what came and what did not have to; what is current is not asked for again.
        content.withLock { $0 += Self.lines(300_000..<300_010) }
        let fetched = try await fixture.duet("fetch", "pipeline", "--source", "a")
        #expect(fetched.status == 0, "\(fetched.errors)")
        #expect(
            fetched.output.contains("1 source, 1 of 1 files changed, 4.17 kB fetched, 1.98 MB spared"),
            "\(fetched.output)"
        )
        let same = try await fixture.duet("fetch", "pipeline", "--source", "a", "--json")
        let json = try JSONValue(parsing: same.output)
        let step = json["events"]?.array?.first { $0["event_type"]?.string == "step_completed" }
        let transfers = step?["details"]?["transfers"]
        #expect(transfers?["files_cached"]?.integer == 1, "\(same.output)")
        #expect(transfers?["files"]?.array?.first?["cached"]?.bool == true)
        #expect(transfers?["files"]?.array?.first?["attempts"]?.integer == 1)
        #expect(json["success"]?.bool == true)
        #expect(try await fixture.duet("run", "pipeline").status == 0)
        #expect(try await rows().contains("{\"n\":300010}"))
        server.stop()
    }

    private static func lines(_ range: Range<Int>) -> [UInt8] { Array(range.map { "\($0)\n" }.joined().utf8) }
}
