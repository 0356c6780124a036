internal import DuckKit
internal import DuetPipeline

/// The options of a `read_files` call, and the table function they come to.
struct ReadOptions {
    private(set) var format: FileFormat
    /// The columns as declared.
    private(set) var schema: FileSchema?
    /// What is done about what does not fit; nil when the call does not say.
    private(set) var evolution: FileSchema.Evolution?
    /// Which files are read, by their names.
    private(set) var glob: String?
    /// The column that gets what does not fit, as JSON; nil where nothing is kept beside the rows.
    private(set) var rescueColumn: String?
    /// Times between which the files must have changed last, as written.
    private(set) var changedBetween: (after: String?, before: String?) = (nil, nil)
    /// Whether the first line holds values.
    private(set) var hasNoHeader = false
    private var arguments: [(name: String, value: String)] = []
    private var hints: [FileSchema.Column] = []
    private var isAllText = false
    private var arePrimitivesText = false

    private static let csvText = [
        "sep": "delim", "delimiter": "delim", "delim": "delim", "quote": "quote", "escape": "escape",
        "nullvalue": "nullstr", "comment": "comment", "dateformat": "dateformat",
        "timestampformat": "timestampformat", "encoding": "encoding", "charset": "encoding",
    ]
    /// Options of the service that say how fast and where it notes things, not what is read.
    private static let withoutEffect: Set<String> = [
        "allowoverwrites", "maxfilespertrigger", "maxbytespertrigger", "usenotifications",
        "schemalocation", "inferschema", "multiline", "usemanagedfileevents", "backfillinterval",
        "useincrementallisting", "validateoptions", "maxfileage", "maxcolumns", "maxcharspercolumn", "samplingratio",
        "fetchparallelism", "usestrictglobber", "ignoremissingfiles", "readercasesensitive",
    ]
    /// Options that may be written when they say what is done here anyhow, and why nothing else is.
    private static let asHere: [String: (value: String, hint: String)] = [
        "includeexistingfiles": (
            "true", "files that are there are read; name those that are not to be in pathGlobFilter or modifiedAfter"
        ),
        "recursivefilelookup": ("true", "a folder stands for all files below it; write 'folder/*' for those in it"),
        "mergeschema": ("true", "schemaEvolutionMode says what is done about other columns"),
        "ignorecorruptfiles": ("false", "mode => 'DROPMALFORMED' leaves out rows that cannot be read"),
        "enforceschema": ("true", "csv columns go by their names; by place with header => false and schema"),
        "cleansource": ("off", "files stay where they are"),
        "partitioncolumns": (
            "", "a folder's name is in _metadata.file_path: regexp_extract(_metadata.file_path, 'day=([^/]*)', 1)"
        ),
    ]
    private static let known =
        csvText.keys + [
            "format", "header", "infercolumntypes", "skiprows", "mode", "schema", "schemahints", "schemaevolutionmode",
            "pathglobfilter", "filenamepattern", "rescueddatacolumn", "primitivesasstring", "modifiedafter",
            "modifiedbefore",
        ]

    /// Reads the call's options, and the source's where the call has none.
    init(source: Source, read: FileRead) throws {
        format = source.format
        for option in source.options where !read.options.contains(where: { $0.name == option.name }) {
            try self.read(option)
        }
        for option in read.options { try self.read(option) }
        if rescueColumn == nil, evolution == .rescue { rescueColumn = "_rescued_data" }
        // A column for what does not fit says what to do about it.
        if rescueColumn != nil, schema == nil, evolution == nil { evolution = .rescue }
        // Hints may name columns that files lack, so the columns are no longer simply the files'.
        if schema == nil, evolution == nil, !hints.isEmpty { evolution = .failOnNewColumns }
    }

    /// Columns with the types that `schemaHints` gives them; hints for columns that are not there come last.
    func hinted(_ columns: [FileSchema.Column]) -> [FileSchema.Column] {
        let named = columns.map { column in
            hints.first { $0.name.lowercased() == column.name.lowercased() }
                .map { FileSchema.Column(name: column.name, type: $0.type) } ?? column
        }
        return named + hints.filter { hint in !columns.contains { $0.name.lowercased() == hint.name.lowercased() } }
    }

    /// Whether `schemaHints` gives a column its type.
    func isHinted(_ name: String) -> Bool { hints.contains { $0.name.lowercased() == name.lowercased() } }

    /// How many lines come before the one with the columns; nil where lines may be remarks.
    var linesBeforeColumns: Int? {
        if arguments.contains(where: { $0.name == "comment" }) { return nil }
        return arguments.last { $0.name == "skip" }.flatMap { Int($0.value) } ?? 0
    }

    /// The type that a column is read as, of the one that is found in the files.
    func type(found type: String) -> String {
        guard format == .json || format == .jsonl, isAllText || arePrimitivesText else { return type }
        let isNested = type.hasPrefix("STRUCT") || type.hasPrefix("MAP") || type.hasSuffix("[]")
        return isNested && !isAllText ? type : "VARCHAR"
    }

    /// The table function that reads files.
    ///
    /// - Parameters:
    ///   - paths: The files, at least one.
    ///   - typed: Columns that the files have, with the types to read them by; those of Parquet files have their own.
    ///   - untyped: Columns to read as text, or as JSON.
    ///   - named: Columns by place, for files without names.
    ///   - unites: Whether files may have different columns.
    /// - Returns: A table function call.
    func function(
        _ paths: [String],
        typed: [FileSchema.Column] = [],
        untyped: [String] = [],
        named: [FileSchema.Column] = [],
        unites: Bool = false
    ) -> String {
        var arguments = ["[\(paths.map(SQL.literal).joined(separator: ", "))]"]
        arguments += self.arguments.map { "\($0.name) = \($0.value)" }
        if unites { arguments.append("union_by_name = true") }
        let types = { (columns: [FileSchema.Column]) in
            "{\(columns.map { "\(SQL.literal($0.name)): \(SQL.literal($0.type))" }.joined(separator: ", "))}"
        }
        switch format {
        case .csv:
            // What is found out from a file's first lines differs from file to file: a file without a quoted value would
            // be read as one in which quotes mean nothing, and its rows differ with the files it is read beside.
            for (name, value) in [("header", "true"), ("delim", "','"), ("quote", "'\"'"), ("escape", "'\"'")]
            where !self.arguments.contains(where: { $0.name == name }) {
                arguments.append("\(name) = \(value)")
            }
            if !named.isEmpty {
                arguments += ["names = [\(named.map { SQL.literal($0.name) }.joined(separator: ", "))]"]
                arguments += ["types = [\(named.map { SQL.literal($0.type) }.joined(separator: ", "))]"]
            } else if !isAllText, !untyped.isEmpty {
                arguments.append("all_varchar = true")
            } else if !isAllText, !typed.isEmpty {
                arguments.append("types = \(types(typed))")
            }
        case .json, .jsonl:
            arguments.append("format = '\(format == .json ? "auto" : "newline_delimited")'")
            let columns = typed + untyped.map { FileSchema.Column(name: $0, type: "JSON") }
            if !columns.isEmpty { arguments.append("columns = \(types(columns))") }
        case .parquet: break
        }
        let name = format == .jsonl ? "json" : format.rawValue
        return "read_\(name)(\(arguments.joined(separator: ", ")))"
    }

    private mutating func read(_ option: ReadOption) throws {
        switch option.name {
        case "format": format = try choice(option)
        case "schemaevolutionmode": evolution = try choice(option)
        case "schema": schema = FileSchema(columns: try FileSchema.columns(of: option))
        case "schemahints": hints = try FileSchema.columns(of: option)
        case "pathglobfilter", "filenamepattern": glob = option.value
        case "rescueddatacolumn": rescueColumn = option.value.isEmpty ? nil : option.value
        case "modifiedafter": changedBetween.after = option.value
        case "modifiedbefore": changedBetween.before = option.value
        case "primitivesasstring": arePrimitivesText = try flag(option)
        case "header":
            hasNoHeader = try !flag(option)
            arguments.append(("header", hasNoHeader ? "false" : "true"))
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
            default:
                throw error(
                    option,
                    "must be FAILFAST (the default here) or DROPMALFORMED",
                    hint: "schemaEvolutionMode => 'rescue' keeps what is not of its column's type beside the rows"
                )
            }
        case let name where Self.withoutEffect.contains(name): break
        case let name where Self.asHere[name] != nil: try readAsHere(option)
        default: try readText(option)
        }
    }

    private func readAsHere(_ option: ReadOption) throws {
        guard let way = Self.asHere[option.name], option.value.lowercased() != way.value else { return }
        throw error(option, "can only be '\(way.value)'", hint: way.hint)
    }

    private mutating func readText(_ option: ReadOption) throws {
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

    private func choice<T: RawRepresentable & CaseIterable>(_ option: ReadOption) throws -> T
    where T.RawValue == String {
        if let value = T(rawValue: option.value.lowercased()) { return value }
        throw error(option, "must be one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
    }

    private func flag(_ option: ReadOption) throws -> Bool {
        switch option.value.lowercased() {
        case "true": return true
        case "false": return false
        default: throw error(option, "must be true or false")
        }
    }

    private func error(_ option: ReadOption, _ message: String, hint: String? = nil) -> DuetError {
        DuetError(
            .wrongValue,
            "the option '\(option.name)' \(message); found '\(option.value)'",
            hint: hint,
            at: option.location
        )
    }
}
