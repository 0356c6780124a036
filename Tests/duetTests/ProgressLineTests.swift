import DuetServe
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// The line that changes while `duet fetch` transfers, as a person at a terminal sees it.
@Suite(.timeLimit(.minutes(5)))
struct ProgressLineTests {
    private static let size = 4 << 20
    private static let csv = Array(
        ("x\n" + String(repeating: "123456\n", count: size / 7 + 1)).utf8.prefix(size - 1) + [10]
    )

    /// A server that breaks off after a quarter, and then goes on from there when it is let.
    private final class SlowServer: Sendable {
        let server: FaultServer
        let gate = DispatchSemaphore(value: 0)

        init(waits: Bool) {
            let gate = gate
            let csv = ProgressLineTests.csv
            server = FaultServer { request, connection in
                let fields = ["ETag: \"1\"", "Accept-Ranges: bytes", "Connection: keep-alive"]
                guard request.method == "GET" else {
                    connection.sendHead(200, fields + ["Content-Length: \(csv.count)"])
                    return .keepAlive
                }
                let start = request.rangeStart
                let length = ["Content-Length: \(csv.count - start)"]
                if start == 0 {
                    connection.sendHead(200, fields + length)
                } else {
                    connection.sendHead(
                        206,
                        fields + length + ["Content-Range: bytes \(start)-\(csv.count - 1)/\(csv.count)"]
                    )
                }
                guard waits else {
                    connection.send(csv[start...])
                    return .keepAlive
                }
                if start == 0 {
                    connection.send(csv[..<(csv.count / 4)])
                    return .close
                }
                // Ended by what the terminal shows; the limit is for a test that fails.
                _ = gate.wait(timeout: .now() + 200)
                connection.send(csv[start...])
                return .keepAlive
            }
        }
    }

    /// What stands there when the second try goes on from a quarter of the file.
    private static func quarter() -> Regex<Substring> {
        #/a: 0 of 1 files, 1\.0 MB of 4\.2 MB, [0-9.]+ [kMG]?B\/s, [0-9]+ s left, 1 retry/#
    }

    private func fixture(_ port: Int) throws -> CommandFixture {
        try CommandFixture(
            definition: "name: fixture\nsources:\n  a: {location: \"http://127.0.0.1:\(port)/a.csv\"}\n",
            sql: "CREATE MATERIALIZED VIEW bronze.a AS SELECT count(*) AS n FROM read_files('${source.a}');",
            withData: false
        )
    }

    /// Runs `duet` with arguments on a pseudo-terminal, and gives all that came out of it.
    private func onTerminal(
        _ fixture: CommandFixture,
        _ arguments: String,
        _ onText: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> BuiltCommand.Result {
        try await fixture.command.run(
            ["-c", #"export DUET="$0"; exec script -qec '"$DUET" \#(arguments)' /dev/null >&2"#],
            in: fixture.folder,
            under: ["sh"],
            isScript: true,
            onErrors: { text, _ in onText(text) }
        )
    }

    /// What a terminal shows in the end: it knows of lines, of going back to a line's start and of clearing it.
    private func screen(_ text: String) -> [String] {
        var lines: [[Character]] = [[]]
        var column = 0
        var rest = text.replacing("\r\n", with: "\n\r")[...]
        while let character = rest.popFirst() {
            switch character {
            case "\n": lines.append([])
            case "\r": column = 0
            case "\u{1B}":
                let code = rest.prefix { $0 == "[" || $0.isNumber }
                rest = rest[code.endIndex...]
                if rest.popFirst() == "K" {
                    lines[lines.count - 1].removeSubrange(min(column, lines.last?.count ?? 0)...)
                }
            default:
                var line = lines.removeLast()
                while line.count < column { line.append(" ") }
                if column < line.count { line[column] = character } else { line.append(character) }
                lines.append(line)
                column += 1
            }
        }
        return lines.map { String($0) }.filter { !$0.isEmpty }
    }

    @Test func `a terminal shows how far a transfer is, and nothing of it stays when it has ended`() async throws {
        let slow = SlowServer(waits: true)
        let fixture = try fixture(try slow.server.start())
        let seen = Mutex<String?>(nil)
        let result = try await onTerminal(fixture, "fetch pipeline") { text in
            guard seen.withLock({ $0 }) == nil, let match = text.firstMatch(of: Self.quarter()) else { return }
            seen.withLock { $0 = String(text[match.range]) }
            slow.gate.signal()
        }
        slow.server.stop()
        #expect(result.status == 0, "\(result.errors)")
        #expect(seen.withLock { $0 } != nil, "\(result.errors.debugDescription)")
        // Each state begins by taking the one before it away.
        #expect(result.errors.contains("\r\u{1B}[K  a: "))
        let shown = screen(result.errors)
        #expect(
            !shown.contains { $0.contains("0 of 1 files") || $0.contains("s left") || $0.contains("\u{1B}") },
            "\(shown)"
        )
        #expect(
            shown.contains { $0.hasPrefix("done in ") && $0.contains("1 attempts made again, 4.19 MB fetched") },
            "\(shown)"
        )
    }

    @Test func `what is no terminal gets no changing line`() async throws {
        let server = SlowServer(waits: false)
        let fixture = try fixture(try server.server.start())
        let result = try await fixture.command.run(["fetch", "pipeline"], in: fixture.folder)
        server.server.stop()
        #expect(result.status == 0, "\(result.errors)")
        #expect(!(result.output + result.errors).contains("\u{1B}"))
        #expect(!(result.output + result.errors).contains("0 of 1 files"))
        #expect(result.output.contains("1 of 1 files changed, 4.19 MB fetched"), "\(result.output)")
    }
}
