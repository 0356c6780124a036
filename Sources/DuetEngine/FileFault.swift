package import DuckKit

/// What DuckDB says of a file it cannot read, in terms of the file and of duet's own options.
///
/// DuckDB's message goes over many lines, names options of its own functions, and puts the file last.
package struct FileFault: Sendable, Hashable {
    /// The file; nil when DuckDB does not name it.
    package var path: String?
    /// The line in it, from 1; nil when that is not known.
    package var line: Int?
    /// What is wrong, in one line.
    package var what: String
    /// The line of the file that could not be read.
    package var original: String?
    /// What to do.
    package var hint: String

    /// Reads an error; nil when it is not about a file.
    package init?(_ error: DuckDBError) {
        let lines = error.message.split(whereSeparator: \.isNewline).map(String.init)
        guard let first = lines.first, Self.marks.contains(where: { error.message.contains($0) }) else { return nil }
        what = first
        hint = "look at the file that is named, and at the options of read_files"
        if let rest = Self.text(first, after: "Error when sniffing file \"") {
            path = String(rest.prefix { $0 != "\"" })
            what = "its lines do not have the same number of values with these separators and quotes"
            hint =
                "correct the file, or say what it is written with (sep, quote, escape, skipRows, comment); "
                + "mode => 'DROPMALFORMED' leaves out lines that cannot be read"
        } else if first.hasPrefix("CSV Error") {
            readCSV(first, lines)
        } else if error.message.contains("between globbed files") {
            readMismatch(lines)
        } else if first.hasPrefix("JSON transform error") || first.hasPrefix("Malformed JSON") {
            readJSON(first)
        }
    }

    private static let marks = [
        "CSV Error", "Error when sniffing file", "between globbed files", "Malformed JSON", "JSON transform error",
        "not a valid JSON", "Parquet file", "read_csv", "read_json",
    ]

    /// The place and what is wrong there, as one line.
    package var description: String {
        guard let path else { return what }
        return "'\(path)'" + (line.map { ", line \($0)" } ?? "") + ": " + what
    }

    // MARK: - Forms of messages

    private mutating func readCSV(_ first: String, _ lines: [String]) {
        line = first.split(separator: " ").last.flatMap { Int($0) }
        path = lines.lazy.compactMap { Self.text($0, after: "  file = ") }.first
        original = lines.lazy.compactMap { Self.text($0, after: "Original Line: ") }.first
        let said = lines.dropFirst().first { !$0.hasPrefix("Original Line:") && !$0.hasPrefix("  ") }
        if let said { what = said }
        if what.contains("nicode") || what.contains("not utf-8") {
            what = "the file is not written in UTF-8"
            // DuckDB shows the line before, or one with the bytes that are no text.
            original = nil
            hint = "say how it is written, for example encoding => 'latin-1', or write it in UTF-8"
        } else if what.hasPrefix("Error when converting column") {
            hint =
                "correct the value; or schemaHints gives the column a type that holds it, schemaEvolutionMode => 'rescue' "
                + "keeps it beside the row"
        } else if what.hasPrefix("Expected Number of Columns") || what.contains("unterminated quote") {
            hint = "correct the line; or mode => 'DROPMALFORMED' leaves out lines that cannot be read"
        }
    }

    private mutating func readMismatch(_ lines: [String]) {
        path = lines.lazy.compactMap { Self.text($0, after: "Current file: ") }.first
        let main = lines.lazy.compactMap { Self.text($0, after: "Main file schema: ") }.first
        let missing = lines.compactMap { line -> String? in
            guard let rest = Self.text(line, after: "Column with name: \""), line.hasSuffix(" is missing") else {
                return nil
            }
            return rest.firstRange(of: "\" is missing").map { "'\(rest[..<$0.lowerBound])'" }
        }
        what =
            missing.isEmpty
            ? "its columns are not those of the other files"
            : "it has no column \(missing.joined(separator: ", "))" + (main.map { ", which '\($0)' has" } ?? "")
        hint =
            "correct the file; or schemaEvolutionMode => 'addNewColumns' reads files of other columns too, and gives rows "
            + "without a column NULL"
    }

    private mutating func readJSON(_ first: String) {
        guard let start = first.firstRange(of: "in file \""),
            let end = first[start.upperBound...].firstIndex(of: "\"")
        else { return }
        path = String(first[start.upperBound..<end])
        var rest = first[first.index(after: end)...]
        if let place = rest.firstRange(of: "line ") {
            line = Int(rest[place.upperBound...].prefix { $0.isNumber })
            rest = rest[place.upperBound...].drop { $0.isNumber }
        }
        let said = rest.drop { ":., ".contains($0) }
        if !said.isEmpty { what = String(said) }
        if what.contains("has unknown key") {
            hint =
                "the columns are found out from the first lines and files; name this one in schemaHints, for example "
                + "schemaHints => 'name STRING'"
        }
    }

    private static func text(_ line: String, after prefix: String) -> String? {
        line.hasPrefix(prefix) ? String(line.dropFirst(prefix.count)) : nil
    }
}
