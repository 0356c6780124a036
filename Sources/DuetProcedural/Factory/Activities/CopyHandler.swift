internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// Copy: rows or files from one dataset to another.
struct CopyHandler: ActivityHandler {
    let environment: FactoryEnvironment

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        answer {
            guard let input = call.inputs.first, let output = call.outputs.first else {
                throw ActivityFailure("DatasetNotFound", "Copy names no input or no output", isFinal: true)
            }
            let start = Date()
            var report = CopyReport()
            let sink = try DatasetPlace(output, environment)
            if FileLayout(output).kind == .binary, case .files(let target) = sink {
                try FileCopy(call, environment).run(from: input, to: target, &report)
            } else {
                do {
                    try copyRows(call, input, output, sink, &report)
                } catch is NothingChanged {
                    report.rowsRead = 0
                    report.rowsCopied = 0
                }
            }
            return report.json(seconds: Date().timeIntervalSince(start))
        }
    }

    private func copyRows(
        _ call: ActivityCall,
        _ input: ResolvedDataset,
        _ output: ResolvedDataset,
        _ sink: DatasetPlace,
        _ report: inout CopyReport
    ) throws {
        let settings = call["source"]?.objectValue ?? ExpressionObject()
        let source = try SourceRelation(settings, input, call, environment)
        report.filesRead = source.files.count
        report.dataRead = source.byteCount
        let mapping = try ColumnMapping(call["translator"]?.objectValue)
        let columns = try source.connection.describe(source.sql)
        let extra = settings.value(ignoringCase: "additionalColumns")?.arrayValue ?? []
        let query = try mapping.query(
            over: source,
            columns: columns,
            additional: extra
        )
        switch sink {
        case .table(let schema, let name):
            guard let name else {
                throw ActivityFailure("NoTable", "the dataset '\(output.name)' names no table", isFinal: true)
            }
            let effect = try call.control.interruptible(source.connection) {
                try TableSink(call, environment, schema: schema, table: name)
                    .write(query, connection: source.connection, service: output.linkedService, &report)
            }
            environment.recipes?.note(call.activityRunID, "\(schema).\(name)", effect) {
                try recipe(source, mapping, columns, extra)
            }
        case .files(let set):
            try call.control.interruptible(source.connection) {
                let paths = try write(query, to: set, call, source, &report)
                for path in paths {
                    environment.recipes?.note(call.activityRunID, path, .replace) {
                        try recipe(source, mapping, columns, extra)
                    }
                }
            }
        case .http: throw ActivityFailure("UnsupportedSink", "rows cannot be sent to a server", isFinal: true)
        }
    }

    /// The query for looks back.
    private func recipe(
        _ source: SourceRelation,
        _ mapping: ColumnMapping,
        _ columns: [ColumnDescription],
        _ extra: [ExpressionValue]
    ) throws -> Recipe {
        let (recorded, scans) = try source.recorded()
        let query = try mapping.query(over: recorded, columns: columns, additional: extra)
        return Recipe(query: query, schema: source.schema, scans: scans)
    }

    /// Writes files, and gives their paths.
    private func write(
        _ query: String,
        to set: FileSet,
        _ call: ActivityCall,
        _ source: SourceRelation,
        _ report: inout CopyReport
    ) throws -> [String] {
        let settings = call["sink"]?.objectValue?.value(ignoringCase: "formatSettings")?.objectValue
        let parts = try parts(of: query, to: set, call, source, settings ?? ExpressionObject())
        try FileManager.default.createDirectory(atPath: set.folderPath, withIntermediateDirectories: true)
        let options = try set.format.writing(settings ?? ExpressionObject())
        var rows = 0
        for part in parts {
            // Written beside and renamed, so that nobody reads half a file.
            let temporary = "\(set.folderPath)/.\(part.name).\(call.activityRunID)"
            rows += try source.connection.execute("COPY (\(part.query)) TO \(SQL.literal(temporary)) (\(options))")
            let path = "\(set.folderPath)/\(part.name)"
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            try FileManager.default.moveItem(atPath: temporary, toPath: path)
        }
        let paths = parts.map { "\(set.folderPath)/\($0.name)" }
        report.rowsRead = rows
        report.rowsCopied = rows
        let log = SkippedRows(call, environment, source.connection)
        if log.isOn {
            try log.takeUnreadable(&report)
            try log.write(&report)
        }
        if LookupHandler.flag(call["validateDataConsistency"]) == true {
            let read = "SELECT count(*) FROM \(try set.format.reading(paths))"
            let found = try source.connection.scalar(read).int
            guard found == rows else {
                throw ActivityFailure(
                    "DataInconsistency",
                    "\(rows) rows were written and \(found ?? 0) are in the file",
                    kind: .system
                )
            }
            report.consistency = "Verified"
        }
        report.filesWritten = paths.count
        report.dataWritten = paths.reduce(0) { $0 + SourceRelation.size($1) }
        return paths
    }

    /// The files that are written: one, or several of so many rows.
    ///
    /// Source: format-delimited-text, "Delimited text as sink": `maxRowsPerFile` is for sinks that are folders and sources
    /// that are no files; the names are `prefix_00000.ending`.
    private func parts(
        of query: String,
        to set: FileSet,
        _ call: ActivityCall,
        _ source: SourceRelation,
        _ settings: ExpressionObject
    ) throws -> [(name: String, query: String)] {
        if let name = set.name { return [(name, query)] }
        let ending = settings.value(ignoringCase: "fileExtension")?.stringValue ?? ""
        let suffix = ending.isEmpty ? set.format.suffix : ending.hasPrefix(".") ? ending : ".\(ending)"
        // Without a name of its own a file is called after what it comes from.
        let stem = source.files.count == 1 ? source.files[0].relative.split(separator: "/").last.map(String.init) : nil
        var name = stem.map(Self.stem) ?? "data_\(call.activityRunID)"
        guard source.files.isEmpty, let most = LookupHandler.count(settings.value(ignoringCase: "maxRowsPerFile")),
            most > 0
        else {
            try set.check(name + suffix)
            return [(name + suffix, query)]
        }
        let prefix = settings.value(ignoringCase: "fileNamePrefix")?.stringValue ?? ""
        if !prefix.isEmpty { name = prefix }
        try set.check(name + suffix)
        let connection = source.connection
        try connection.execute("CREATE OR REPLACE TEMP TABLE __duet_parts AS \(query)")
        let rows = try connection.scalar("SELECT count(*) FROM __duet_parts").int ?? 0
        return (0..<max(1, (rows + most - 1) / most)).map { number in
            let digits = String(number)
            let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
            let first = number * most
            return (
                "\(name)_\(padded)\(suffix)",
                "SELECT * FROM __duet_parts WHERE rowid >= \(first) AND rowid < \(first + most) ORDER BY rowid"
            )
        }
    }

    private static func stem(_ name: String) -> String {
        name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }
}

/// What a Copy did, in the service's terms.
///
/// Source: copy-activity-monitoring, "Monitor programmatically".
struct CopyReport {
    var dataRead = 0
    var dataWritten = 0
    var filesRead = 0
    var filesWritten = 0
    var rowsRead: Int?
    var rowsCopied: Int?
    var rowsSkipped = 0
    var logFilePath: String?
    var consistency: String?

    func json(seconds: Double) -> ExpressionValue {
        let duration = max(1, Int(seconds.rounded(.up)))
        var object: ExpressionObject = [
            "dataRead": .integer(Int64(dataRead)), "dataWritten": .integer(Int64(dataWritten)),
            "filesRead": .integer(Int64(filesRead)), "filesWritten": .integer(Int64(filesWritten)),
        ]
        object["rowsRead"] = rowsRead.map { .integer(Int64($0)) }
        object["rowsCopied"] = rowsCopied.map { .integer(Int64($0)) }
        if rowsSkipped > 0 || logFilePath != nil { object["rowsSkipped"] = .integer(Int64(rowsSkipped)) }
        object["copyDuration"] = .integer(Int64(duration))
        object["throughput"] = .float(Double(dataRead) / 1_024 / Double(duration))
        object["errors"] = []
        object["logFilePath"] = logFilePath.map { .string($0) }
        object["effectiveIntegrationRuntime"] = "duet (local)"
        object["usedDataIntegrationUnits"] = 4
        object["usedParallelCopies"] = 1
        if let consistency {
            object["dataConsistencyVerification"] = [
                "VerificationResult": .string(consistency),
                "InconsistentData": .string(rowsSkipped > 0 ? "Skipped" : "None"),
            ]
        }
        return .object(object)
    }
}
