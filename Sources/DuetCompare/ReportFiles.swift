internal import DuetPipeline
public import DuetReport
internal import Foundation

/// Writes reports to files.
public struct ReportFiles: Sendable {
    private let markdown: String?
    private let appends: Bool
    private let html: String?
    private let json: String?
    private let junit: String?

    /// Names the files; nil for none.
    ///
    /// With `appends` the Markdown comes after what its file has already.
    public init(
        markdown: String? = nil,
        appends: Bool = false,
        html: String? = nil,
        json: String? = nil,
        junit: String? = nil
    ) {
        self.markdown = markdown
        self.appends = appends
        self.html = html
        self.json = json
        self.junit = junit
    }

    /// Writes a comparison's report.
    ///
    /// - Parameters:
    ///   - report: What was found.
    ///   - regressions: Times against a baseline.
    /// - Throws: ``DuetError`` when a file cannot be written, or the charts' library is missing for HTML.
    public func write(_ report: ComparisonReport, regressions: [TimeChange] = []) throws {
        if let markdown { try write(try before(markdown) + MarkdownReport.text(report), to: markdown) }
        if let json { try write(report.json.text(pretty: true) + "\n", to: json) }
        if let junit { try write(JUnitReport.text(report, changes: regressions), to: junit) }
        if let html { try write(HTMLReport.text(report, charts: try ChartLibrary.text()), to: html) }
    }

    /// What the new report comes after.
    private func before(_ path: String) throws -> String {
        guard appends, FileManager.default.fileExists(atPath: path) else { return "" }
        do {
            return try String(contentsOfFile: path, encoding: .utf8) + "\n"
        } catch {
            throw DuetError(
                .unreadableFile,
                "cannot read '\(path)', which the report is to be added to",
                hint: "check that it is a text file and that you may read it",
                cause: error.localizedDescription
            )
        }
    }

    private func write(_ text: String, to path: String) throws {
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

/// D3, which draws the charts of HTML reports; `scripts/setup` brings it.
enum ChartLibrary {
    /// The library's text.
    ///
    /// It is looked for beside the command, where a release has it, and in `.deps` of the folder duet was built in or is
    /// run in.
    static func text() throws -> String {
        let built = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var places = ["\(built.path)/.deps/d3/d3.min.js", ".deps/d3/d3.min.js"]
        do {
            let command = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            places.insert(URL(fileURLWithPath: command).deletingLastPathComponent().path + "/d3.min.js", at: 0)
        } catch {
            // Without /proc the other places are left.
        }
        for place in places {
            if let data = FileManager.default.contents(atPath: place) { return String(decoding: data, as: UTF8.self) }
        }
        throw DuetError(
            .missingFile,
            "the charts' library D3 is missing, which an HTML report needs",
            hint: "run: scripts/setup"
        )
    }
}
