import DuetServe
import DuetTestSupport
import Foundation
import Glibc
import Synchronization
import Testing

/// `kill -9` while a model is asked: what was answered is not asked for again.
@Suite struct InferenceKillTests {
    private static let rows = 300
    private static let atOnce = 4

    private static func definition(_ port: Int) -> String {
        """
        name: fixture
        sources:
          texts: {location: data/texts.csv}
        models:
          judge:
            backend: endpoint
            model: tiny
            url: http://127.0.0.1:\(port)/v1
            stream: false
            concurrency: \(atOnce)
            reuse: true
            functions: [ai_classify]
        """
    }
    private static let sql = """
        CREATE STREAMING TABLE bronze.texts AS SELECT * FROM STREAM read_files('${source.texts}');
        CREATE STREAMING TABLE silver.judged AS
          SELECT id, ai_classify(text, ['even', 'odd']) AS label FROM STREAM(bronze.texts);
        CREATE MATERIALIZED VIEW gold.labels AS SELECT label, count(*) AS n FROM silver.judged GROUP BY label;
        """

    /// Ends the process whose number the fixture notes, once for every so many requests.
    private final class Killer: Sendable {
        let pidFile: String
        let left: Mutex<Int>
        let sinceLast = Mutex(0)

        init(pidFile: String, kills: Int) {
            self.pidFile = pidFile
            left = Mutex(kills)
        }

        func seen() {
            let isDue = sinceLast.withLock { count in
                count += 1
                guard count >= 14 else { return false }
                count = 0
                return true
            }
            guard isDue, left.withLock({ $0 }) > 0 else { return }
            left.withLock { $0 -= 1 }
            do {
                let text = try String(contentsOfFile: pidFile, encoding: .utf8)
                if let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)) { kill(pid, SIGKILL) }
            } catch {
                // Nothing runs that could be killed; the test counts how often it was.
                left.withLock { $0 += 1 }
            }
        }
    }

    @Test func `twenty kills cost no more calls than those that were under way`() async throws {
        let folder = try TemporaryFolder()
        let command = try BuiltCommand()
        let killer = Killer(pidFile: "\(folder.path)/pid", kills: 20)
        let server = FaultServer { request, connection in
            killer.seen()
            let body = String(decoding: request.body, as: UTF8.self)
            let digits = body.components(separatedBy: "number ").last?.prefix { $0.isNumber } ?? "0"
            let label = (Int(digits) ?? 0).isMultiple(of: 2) ? "even" : "odd"
            let answer = "{\"choices\":[{\"message\":{\"content\":\"\(label)\"},\"finish_reason\":\"stop\"}]}"
            _ = connection.answer(200, body: Array(answer.utf8))
            return .keepAlive
        }
        try folder.write(Self.definition(try server.start()), to: "pipeline/pipeline.yml")
        try folder.write(Self.sql, to: "pipeline/transformations/all.sql")
        let texts = (0..<Self.rows).map { "\($0),the number \($0)" }
        try folder.write("id,text\n\(texts.joined(separator: "\n"))\n", to: "pipeline/data/texts.csv")
        var killed = 0
        var last: BuiltCommand.Result?
        for _ in 0..<60 where last?.status != 0 {
            let result = try await command.run(
                ["run", "pipeline", "--threads", "2"],
                in: folder,
                under: ["sh", "-c", "echo $$ > pid; exec \"$0\" \"$@\""]
            )
            if result.status == 137 { killed += 1 }
            last = result
        }
        #expect(last?.status == 0, "\(last?.errors ?? "")")
        #expect(killed == 20)
        #expect(server.requestCount <= Self.rows + 20 * Self.atOnce)
        let before = server.requestCount
        let shown = try await command.run(["show", "pipeline", "gold.labels", "--json"], in: folder)
        #expect(
            Set(shown.output.split(separator: "\n")) == [
                "{\"label\":\"even\",\"n\":150}", "{\"label\":\"odd\",\"n\":150}",
            ]
        )
        // The other style finds all answers in the store, and ends in the same tables.
        let other = try await command.run(["run", "pipeline", "--style", "procedural"], in: folder)
        #expect(other.status == 0 && server.requestCount == before)
        let counted = try await command.run(
            ["show", "pipeline", "gold.labels", "--json", "--style", "procedural"],
            in: folder
        )
        #expect(Set(counted.output.split(separator: "\n")) == Set(shown.output.split(separator: "\n")))
    }
}
