import DuetTestSupport
import Foundation
import Testing

/// The document docs/maintenance.md shows the SQL that the rules really write.
///
/// `DUET_RECORD=1` writes it anew.
@Suite struct DocumentTests {
    @Test func `the worked examples in the document are what the rules write`() async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/maintenance.md")
        let examples = try await offPool { try WorkedExample.all.map { try $0.markdown() }.joined(separator: "\n") }
        let text = try String(contentsOf: file, encoding: .utf8)
        let marker = "<!-- written by DocumentTests from here on -->\n"
        let parts = text.components(separatedBy: marker)
        try #require(parts.count == 2, "docs/maintenance.md lacks the line \(marker)")
        if ProcessInfo.processInfo.environment["DUET_RECORD"] == "1" {
            try (parts[0] + marker + "\n" + examples).write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(parts[1].trimmingCharacters(in: .newlines) == examples.trimmingCharacters(in: .newlines))
    }
}
