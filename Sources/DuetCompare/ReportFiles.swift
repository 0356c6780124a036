internal import DuetPipeline
public import DuetReport
internal import Foundation

/// Writes reports to files.
public enum ReportFiles {
    /// Writes a comparison's report.
    ///
    /// - Parameters:
    ///   - report: What was found.
    ///   - markdown: The file for Markdown; nil for none.
    ///   - json: The file for JSON; nil for none.
    /// - Throws: ``DuetError`` when a file cannot be written.
    public static func write(_ report: ComparisonReport, markdown: String?, json: String?) throws {
        if let markdown { try write(try MarkdownReport.text(report), to: markdown) }
        if let json { try write(report.json.text(pretty: true) + "\n", to: json) }
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw DuetError(
                .unreadableFile,
                "cannot write the report to '\(path)'",
                hint: "check that the folder exists and that you may write there",
                cause: error.localizedDescription
            )
        }
    }
}
