internal import DuckKit
internal import DuetEngine
internal import DuetExpression

/// How the rows of a file are written, and the SQL that reads and writes it.
struct FileLayout {
    enum Kind {
        case delimitedText, json, parquet, excel, binary
    }

    let kind: Kind
    private let properties: ExpressionObject

    init(_ dataset: ResolvedDataset) {
        properties = dataset.properties
        let type = dataset.type.lowercased()
        let format = dataset.properties.value(ignoringCase: "format")?.objectValue?.value(ignoringCase: "type")?
            .stringValue
        let name = (format ?? type).lowercased()
        kind =
            if name.contains("text") || name.contains("delimited") {
                .delimitedText
            } else if name.contains("json") {
                .json
            } else if name.contains("parquet") {
                .parquet
            } else if name.contains("excel") {
                .excel
            } else { .binary }
    }

    private func text(_ name: String) -> String? {
        properties.value(ignoringCase: name)?.stringValue
            ?? properties.value(ignoringCase: "format")?.objectValue?.value(ignoringCase: name)?.stringValue
    }

    var hasHeader: Bool {
        let value =
            properties.value(ignoringCase: "firstRowAsHeader")
            ?? properties.value(ignoringCase: "format")?.objectValue?.value(ignoringCase: "firstRowAsHeader")
        if case .boolean(let isHeader)? = value { return isHeader }
        return value?.stringValue?.lowercased() == "true"
    }

    /// A table function call that reads files of this layout.
    ///
    /// Delimited text has only strings, as in the service; types come from the mapping or the sink.
    func reading(
        _ paths: [String],
        withFileName: Bool = false,
        skipsUnreadable: Bool = false
    ) throws(ActivityFailure) -> String {
        let list = "[\(paths.map(SQL.literal).joined(separator: ", "))]"
        let file = withFileName ? ", filename = true" : ""
        switch kind {
        case .delimitedText:
            // union_by_name would take files of other columns for granted; the service fails on them, and so does this.
            let rejects =
                skipsUnreadable
                ? ", store_rejects = true, rejects_table = '__duet_rejects', rejects_scan = '__duet_scans'" : ""
            return "read_csv(\(list), all_varchar = true\(textOptions)\(rejects)\(file))"
        case .json: return "read_json(\(list), format = 'auto', union_by_name = true\(file))"
        case .parquet: return "read_parquet(\(list), union_by_name = true\(file))"
        case .excel:
            let options = try excelOptions
            let parts = paths.map { "SELECT * FROM read_xlsx(\(SQL.literal($0))\(options))" }
            return "(\(parts.joined(separator: " UNION ALL BY NAME ")))"
        case .binary:
            throw ActivityFailure(
                "BinaryHasNoRows",
                "a Binary dataset has no rows to read",
                hint: "copy it to a Binary dataset, or use DelimitedText, Json or Parquet",
                isFinal: true
            )
        }
    }

    /// Readies a connection to read files of this layout.
    ///
    /// - Throws: ``DuetError`` when DuckDB's extension for it is not here, with how to get it.
    func prepare(_ connection: Connection) throws {
        if kind == .excel { try EngineExtension.load("excel", connection, at: nil) }
    }

    private var excelOptions: String {
        get throws(ActivityFailure) {
            var options = ", header = \(hasHeader), all_varchar = true"
            if let sheet = text("sheetName"), !sheet.isEmpty {
                options += ", sheet = \(SQL.literal(sheet))"
            } else if case .integer(let index)? = properties.value(ignoringCase: "sheetIndex"), index > 0 {
                throw ActivityFailure(
                    "UnsupportedSheetIndex",
                    "the sheet is given by its number (\(index)), and only the first can be",
                    hint: "give its name as \"sheetName\"",
                    isFinal: true
                )
            }
            guard let range = text("range"), !range.isEmpty, range.uppercased() != "A1" else { return options }
            guard range.contains(":") else {
                throw ActivityFailure(
                    "UnsupportedRange",
                    "the range '\(range)' has no end",
                    hint: "give both corners, such as \(range):H100",
                    isFinal: true
                )
            }
            return options + ", range = \(SQL.literal(range))"
        }
    }

    private var textOptions: String {
        var options: [(String, String)] = []
        options.append(("delim", SQL.literal(escape(text("columnDelimiter") ?? ","))))
        if let quote = text("quoteChar") { options.append(("quote", SQL.literal(quote))) }
        if let escape = text("escapeChar") {
            // The service's default is a backslash, which DuckDB takes only with a quote.
            options.append(("escape", SQL.literal(escape)))
        }
        if let null = text("nullValue") { options.append(("nullstr", SQL.literal(null))) }
        if let encoding = text("encodingName"), encoding.lowercased() != "utf-8" {
            options.append(("encoding", SQL.literal(encoding)))
        }
        options.append(("header", hasHeader ? "true" : "false"))
        if case .integer(let lines)? = properties.value(ignoringCase: "skipLineCount") {
            options.append(("skip", "\(lines)"))
        }
        return options.map { ", \($0.0) = \($0.1)" }.joined()
    }

    private func escape(_ text: String) -> String {
        switch text {
        case "\\t": "\t"
        case "\\u0001": "\u{1}"
        default: text
        }
    }

    /// The options of a COPY statement that writes a file of this layout.
    func writing(isArray: Bool) throws(ActivityFailure) -> String {
        switch kind {
        case .delimitedText:
            var options =
                "FORMAT csv, HEADER \(hasHeader), DELIMITER \(SQL.literal(escape(text("columnDelimiter") ?? ",")))"
            if let quote = text("quoteChar"), !quote.isEmpty { options += ", QUOTE \(SQL.literal(quote))" }
            if let null = text("nullValue"), !null.isEmpty { options += ", NULLSTR \(SQL.literal(null))" }
            return options
        case .json: return "FORMAT json\(isArray ? ", ARRAY true" : "")"
        case .parquet:
            let codec = text("compressionCodec").map {
                ", COMPRESSION \($0.lowercased() == "none" ? "uncompressed" : $0)"
            }
            return "FORMAT parquet\(codec ?? "")"
        case .excel, .binary:
            throw ActivityFailure(
                "FormatNotWritable",
                "the service writes no rows in this format either",
                isFinal: true
            )
        }
    }

    /// The ending of files of this layout.
    var suffix: String {
        switch kind {
        case .delimitedText: ".txt"
        case .json: ".json"
        case .parquet: ".parquet"
        case .excel: ".xlsx"
        case .binary: ""
        }
    }
}
