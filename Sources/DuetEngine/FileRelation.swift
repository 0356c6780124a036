internal import DuckKit
package import DuetPipeline

/// Writes the SQL that reads a source's files, from options named as `read_files` names them.
package enum FileRelation {
    /// The table function that reads the files.
    ///
    /// - Parameters:
    ///   - source: The source, for its format and options.
    ///   - read: The call, whose options win over the source's.
    ///   - paths: The files, at least one.
    ///   - columns: Names and types to read by, from an earlier read; nil to find them out.
    /// - Returns: A table function call.
    /// - Throws: ``DuetError`` for an option that is unknown or has a wrong value.
    package static func function(
        source: Source,
        read: FileRead,
        paths: [String],
        columns: [(name: String, type: String)]? = nil
    ) throws -> String {
        var arguments = ["[\(paths.map(SQL.literal).joined(separator: ", "))]"]
        var options = OptionReader(format: source.format)
        for option in source.options where !read.options.contains(where: { $0.name == option.name }) {
            try options.read(option)
        }
        for option in read.options { try options.read(option) }
        var function = "read_\(options.format == .jsonl ? "json" : options.format.rawValue)"
        switch options.format {
        case .csv: break
        case .json: options.arguments.append(("format", "'auto'"))
        case .jsonl: options.arguments.append(("format", "'newline_delimited'"))
        case .parquet: function = "read_parquet"
        }
        if options.format == .csv, !options.isAllText, let columns {
            let types = columns.map { "\(SQL.literal($0.name)): \(SQL.literal($0.type))" }
            options.arguments.append(("types", "{\(types.joined(separator: ", "))}"))
        }
        arguments += options.arguments.map { "\($0.name) = \($0.value)" }
        return "\(function)(\(arguments.joined(separator: ", ")))"
    }
}

private struct OptionReader {
    var format: FileFormat
    var arguments: [(name: String, value: String)] = []
    var isAllText = false

    private static let csvText = [
        "sep": "delim", "delimiter": "delim", "delim": "delim", "quote": "quote", "escape": "escape",
        "nullvalue": "nullstr", "comment": "comment", "dateformat": "dateformat",
        "timestampformat": "timestampformat", "encoding": "encoding",
    ]
    private static let known = csvText.keys + ["format", "header", "infercolumntypes", "skiprows", "mode"]

    init(format: FileFormat) { self.format = format }

    mutating func read(_ option: ReadOption) throws {
        switch option.name {
        case "format":
            guard let format = FileFormat(rawValue: option.value.lowercased()) else {
                let known = FileFormat.allCases.map(\.rawValue)
                throw error(option, "must be one of \(known.joined(separator: ", "))")
            }
            self.format = format
        case "header": arguments.append(("header", try flag(option) ? "true" : "false"))
        case "infercolumntypes":
            isAllText = try !flag(option)
            if format == .csv, isAllText { arguments.append(("all_varchar", "true")) }
        case "skiprows":
            guard let rows = Int(option.value), rows >= 0 else { throw error(option, "must be a number of rows") }
            arguments.append(("skip", String(rows)))
        case "mode":
            switch option.value.uppercased() {
            case "FAILFAST": break
            case "DROPMALFORMED": arguments.append(("ignore_errors", "true"))
            default: throw error(option, "must be FAILFAST (the default here) or DROPMALFORMED")
            }
        default:
            guard let name = Self.csvText[option.name] else {
                throw DuetError(
                    .wrongValue,
                    "read_files has no option '\(option.name)'",
                    hint: Suggestion.hint(for: option.name, among: Self.known, noun: "options"),
                    at: option.location
                )
            }
            guard format == .csv else { throw error(option, "applies to csv files only, these are \(format.rawValue)") }
            arguments.append((name, SQL.literal(option.value)))
        }
    }

    private func flag(_ option: ReadOption) throws -> Bool {
        switch option.value.lowercased() {
        case "true": return true
        case "false": return false
        default: throw error(option, "must be true or false")
        }
    }

    private func error(_ option: ReadOption, _ message: String) -> DuetError {
        DuetError(
            .wrongValue,
            "the option '\(option.name)' \(message); found '\(option.value)'",
            at: option.location
        )
    }
}
