internal import DuckKit
internal import DuetEngine
internal import DuetExpression

/// How the rows of a file are written, and the SQL that reads and writes it.
struct FileLayout {
    enum Kind {
        case delimitedText, json, parquet, excel, binary
    }

    let kind: Kind
    private var properties: ExpressionObject

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

    /// A dataset that has no format of its own, read as JSON.
    init(json dataset: ResolvedDataset) {
        kind = .json
        properties = ExpressionObject()
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
        fileColumn: String? = nil,
        skipsUnreadable: Bool = false
    ) throws(ActivityFailure) -> String {
        let list = "[\(paths.map(SQL.literal).joined(separator: ", "))]"
        let file = fileColumn.map { ", filename = \(SQL.literal($0))" } ?? ""
        switch kind {
        case .delimitedText:
            // union_by_name would take files of other columns for granted; the service fails on them, and so does this.
            let rejects =
                skipsUnreadable
                ? ", store_rejects = true, rejects_table = '__duet_rejects', rejects_scan = '__duet_scans'" : ""
            return "read_csv(\(list), all_varchar = true\(textOptions)\(try compression)\(rejects)\(file))"
        case .json: return "read_json(\(list), format = 'auto', union_by_name = true\(try compression)\(file))"
        case .parquet: return "read_parquet(\(list), union_by_name = true\(file))"
        case .excel:
            let parts = try paths.map { path throws(ActivityFailure) in
                let own = fileColumn.map { ", \(SQL.literal(path)) AS \(SQL.identifier($0))" } ?? ""
                return "SELECT *\(own) FROM read_xlsx(\(SQL.literal(path))\(try excelOptions(path)))"
            }
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

    /// Whether text is compressed; Parquet has its own codecs.
    private var isCompressed: Bool {
        get throws(ActivityFailure) {
            let codec =
                text("compressionCodec")
                ?? properties.value(ignoringCase: "compression")?.objectValue?.value(ignoringCase: "type")?.stringValue
                ?? ""
            switch codec.lowercased() {
            case "", "none": return false
            case "gzip": return true
            default:
                throw ActivityFailure(
                    "UnsupportedCompression",
                    "text compressed with '\(codec)' is not read or written here",
                    hint: "gzip is",
                    isFinal: true
                )
            }
        }
    }

    private var compression: String {
        get throws(ActivityFailure) { try isCompressed ? ", compression = 'gzip'" : "" }
    }

    /// The layout with what an activity's own reading settings say.
    func reading(with settings: ExpressionObject?) -> FileLayout {
        var layout = self
        if let lines = settings?.value(ignoringCase: "skipLineCount"), LookupHandler.count(lines) != nil {
            layout.properties["skipLineCount"] = lines
        }
        return layout
    }

    /// Readies a connection to read files of this layout.
    ///
    /// - Throws: ``DuetError`` when DuckDB's extension for it is not here, with how to get it.
    func prepare(_ connection: Connection) throws {
        if kind == .excel { try EngineExtension.load("excel", connection, at: nil) }
    }

    /// The options for one workbook; a sheet by its number and a range without an end need a look into it.
    private func excelOptions(_ path: String) throws(ActivityFailure) -> String {
        var options = ", header = \(hasHeader), all_varchar = true"
        var sheet = text("sheetName").flatMap { $0.isEmpty ? nil : $0 }
        if sheet == nil, let index = LookupHandler.count(properties.value(ignoringCase: "sheetIndex")), index != 0 {
            let sheets = try Workbook(path).sheets
            guard sheets.indices.contains(index) else {
                throw ActivityFailure(
                    "SheetNotFound",
                    "the workbook has \(sheets.count) sheets, so none has the index \(index)",
                    hint: "sheets are counted from 0: \(sheets.map { "'\($0.name)'" }.joined(separator: ", "))",
                    isFinal: true
                )
            }
            sheet = sheets[index].name
        }
        if let sheet { options += ", sheet = \(SQL.literal(sheet))" }
        guard let range = text("range"), !range.isEmpty, range.uppercased() != "A1" else { return options }
        guard let cells = CellRange(range) else {
            throw ActivityFailure(
                "InvalidRange",
                "'\(range)' is no range of cells",
                hint: "write A3 for all from there on, A3:H5, or A3:A3 for one cell",
                isFinal: true
            )
        }
        // What begins at a cell goes as far as the sheet does.
        var end = cells.start
        if let last = cells.end { end = last } else { end = try Workbook(path).lastCell(of: sheet, from: cells.start) }
        return options + ", range = \(SQL.literal("\(cells.start.name):\(end.name)"))"
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
        if let lines = LookupHandler.count(properties.value(ignoringCase: "skipLineCount")), lines > 0 {
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

    /// The options of a COPY statement that writes a file of this layout, with the sink's own settings.
    func writing(_ settings: ExpressionObject = ExpressionObject()) throws(ActivityFailure) -> String {
        switch kind {
        case .delimitedText:
            let compressed = try isCompressed ? ", COMPRESSION gzip" : ""
            var options =
                "FORMAT csv, HEADER \(hasHeader), DELIMITER \(SQL.literal(escape(text("columnDelimiter") ?? ",")))"
            if let quote = text("quoteChar"), !quote.isEmpty { options += ", QUOTE \(SQL.literal(quote))" }
            if let null = text("nullValue"), !null.isEmpty { options += ", NULLSTR \(SQL.literal(null))" }
            if LookupHandler.flag(settings.value(ignoringCase: "quoteAllText")) == true { options += ", FORCE_QUOTE *" }
            return options + compressed
        case .json:
            let compressed = try isCompressed ? ", COMPRESSION gzip" : ""
            let pattern = settings.value(ignoringCase: "filePattern")?.stringValue?.lowercased()
            return "FORMAT json\(pattern == "arrayofobjects" ? ", ARRAY true" : "")\(compressed)"
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
