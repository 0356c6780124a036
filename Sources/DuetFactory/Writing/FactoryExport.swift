internal import DuetExpression
public import DuetPipeline
internal import Foundation

/// Writes a pipeline's derived activities as a data factory in the git layout.
///
/// Each source becomes a Copy into a table of the landing schema (a list of files a Lookup, and a ForEach over it), each
/// dataset a Script with its query, held to its expectations. What is written runs here as it is.
public struct FactoryExport {
    /// A column of a source's files, with the type it is read by.
    public typealias TypedColumn = (name: String, type: String)

    private let pipeline: Pipeline
    private let graph: DatasetGraph
    private let types: (DatasetName, FileRead) -> [TypedColumn]?
    private var files: [(path: String, value: JSONValue)] = []
    /// The landing tables by source and options, so that two readers alike share one.
    private var landed: [String: (table: String, activity: String, isText: Bool)] = [:]
    private var activities: [JSONValue] = []

    /// The linked service that all tables are in.
    public static let warehouse = "Warehouse"
    /// The schema of the landing tables.
    public static let schema = "landing"

    private init(
        _ pipeline: Pipeline,
        _ graph: DatasetGraph,
        _ types: @escaping (DatasetName, FileRead) -> [TypedColumn]?
    ) {
        self.pipeline = pipeline
        self.graph = graph
        self.types = types
    }

    /// The files of the factory, by path, and the stand-ins that make it run here.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets in order.
    ///   - types: The columns that an earlier run has found in text whose types are found out; nil where none has. A factory
    ///     reads text as text, so they are written as casts.
    /// - Returns: JSON by path below the factory's folder, in order, and the text of stand-ins.yml.
    /// - Throws: ``DuetError`` with `UNSUPPORTED` for what a data factory has no words for.
    public static func files(
        of pipeline: Pipeline,
        graph: DatasetGraph,
        types: @escaping (DatasetName, FileRead) -> [TypedColumn]? = { _, _ in nil }
    ) throws(DuetError) -> (files: [(path: String, value: JSONValue)], standIns: String) {
        var export = FactoryExport(pipeline, graph, types)
        try export.write()
        return (export.files, export.standIns)
    }

    private mutating func write() throws(DuetError) {
        add("linkedService", Self.warehouse, ["type": "AzurePostgreSql", "typeProperties": ["connectionString": ""]])
        add(
            "dataset",
            "Landed",
            [
                "type": "AzurePostgreSqlTable", "linkedServiceName": reference(Self.warehouse, "LinkedService"),
                "parameters": ["table": ["type": "String", "defaultValue": "none"]],
                "typeProperties": ["schema": "dbo", "table": expression("@dataset().table")],
            ]
        )
        for node in graph.nodes { try write(node) }
        add("pipeline", pipeline.name, ["activities": .array(activities), "annotations": ["duet"]])
    }

    private mutating func write(_ node: DatasetGraph.Node) throws(DuetError) {
        let dataset = node.dataset
        guard let flow = dataset.flows.first, dataset.flows.count == 1 else {
            throw DuetError(
                .unsupported,
                "'\(dataset.name)' is fed by \(dataset.flows.count) flows, which the derived activities do not have",
                hint: "write its activities by hand, in activities/",
                at: dataset.location
            )
        }
        var text = flow.query.text.text
        if let frame = dataset.columnFrame { text = frame.sql(text) }
        var before = node.inputs.map { "Make \($0.schema)_\($0.table)" }
        for read in flow.query.fileReads {
            let found = types(dataset.name, read)
            let landing = try land(read, isTyped: found != nil)
            var relation = quoted(landing.table)
            if let found, landing.isText {
                let casts = found.map { "CAST(\(quoted($0.name)) AS \($0.type)) AS \(quoted($0.name))" }
                relation = "(SELECT \(casts.joined(separator: ", ")) FROM \(relation))"
            }
            text = text.replacing("\"\(read.relation)\"", with: relation)
            before.append(landing.activity)
        }
        let name = "\(quoted(dataset.name.schema)).\(quoted(dataset.name.table))"
        var statements = ["CREATE SCHEMA IF NOT EXISTS \(quoted(dataset.name.schema))"]
        statements.append("CREATE OR REPLACE \(dataset.kind == .view ? "VIEW" : "TABLE") \(name) AS \(text)")
        for expectation in dataset.expectations where dataset.kind != .view {
            let condition = "NOT coalesce((\(expectation.condition.text)), false)"
            switch expectation.action {
            case .warn: break
            case .drop: statements.append("DELETE FROM \(name) WHERE \(condition)")
            case .fail:
                let message = "\(dataset.name): rows that violate \(expectation.name)".replacing("'", with: "''")
                statements.append(
                    "SELECT CASE WHEN count(*) > 0 THEN error('\(message)') END FROM \(name) WHERE \(condition)"
                )
            }
        }
        let scripts = statements.map { statement -> JSONValue in
            ["type": "NonQuery", "text": .string(escaped(statement))]
        }
        activities.append(
            activity(
                "Make \(dataset.name.schema)_\(dataset.name.table)",
                "Script",
                ["scripts": .array(scripts)],
                after: before,
                more: ["linkedServiceName": reference(Self.warehouse, "LinkedService")]
            )
        )
    }

    // MARK: - Sources

    private mutating func land(
        _ read: FileRead,
        isTyped: Bool
    ) throws(DuetError) -> (table: String, activity: String, isText: Bool) {
        guard let source = pipeline.source(named: read.source) else {
            throw DuetError(.unknownSource, "there is no source '\(read.source)'", at: read.location)
        }
        guard source.packing == nil, source.access == SourceAccess() else {
            throw DuetError(
                .unsupported,
                "source '\(source.name)' has credentials, limits or archives, which the export does not write",
                hint: "for the export, use a plain location or manifest",
                at: source.location
            )
        }
        let own = Set(read.options.map(\.name))
        let options = source.options.filter { !own.contains($0.name) } + read.options
        let key = source.name + options.map { " \($0.name)=\($0.value)" }.sorted().joined()
        if let known = landed[key] { return known }
        let number = landed.values.filter { $0.table.hasPrefix("files_\(source.name)") }.count
        let table = "files_\(source.name)" + (number == 0 ? "" : "_\(number + 1)")
        let format = try SourceFormat(source, options, at: read.location, hasTypes: isTyped)
        let service = "Source_\(source.name)"
        if number == 0 {
            let (base, _) = Self.split(source)
            add(
                "linkedService",
                service,
                ["type": "HttpServer", "typeProperties": ["url": .string(base), "authenticationType": "Anonymous"]]
            )
        }
        add("dataset", "Files_\(table)", format.dataset(service: reference(service, "LinkedService")))
        let activity =
            switch source.origin {
            case .location: writeFile(source, table, format)
            case .manifest: writeList(source, table, format)
            default:
                throw DuetError(
                    .unsupported,
                    "source '\(source.name)' is neither one file nor a manifest, which is all the export writes",
                    hint: "for the export, land its files under a manifest",
                    at: source.location
                )
            }
        let made = (table: table, activity: activity, isText: format.isTyped)
        landed[key] = made
        return made
    }

    private mutating func writeFile(_ source: Source, _ table: String, _ format: SourceFormat) -> String {
        let name = "Copy \(table)"
        activities.append(
            copy(
                name,
                table,
                format,
                path: .string(Self.split(source).file),
                sink: ["preCopyScript": .string("DROP TABLE IF EXISTS \(quoted(table))")]
            )
        )
        return name
    }

    private mutating func writeList(_ source: Source, _ table: String, _ format: SourceFormat) -> String {
        let file = Self.split(source).file
        add(
            "dataset",
            "List_\(table)",
            [
                "type": "DelimitedText", "linkedServiceName": reference("Source_\(source.name)", "LinkedService"),
                "typeProperties": [
                    "location": ["type": "HttpServerLocation", "relativeUrl": .string(file)],
                    "columnDelimiter": "  ", "firstRowAsHeader": false,
                ],
            ]
        )
        let clear: JSONValue = ["type": "NonQuery", "text": .string("DROP TABLE IF EXISTS \(quoted(table))")]
        activities.append(
            activity(
                "Clear \(table)",
                "Script",
                ["scripts": [clear]],
                after: [],
                more: ["linkedServiceName": reference(Self.warehouse, "LinkedService")]
            )
        )
        activities.append(
            activity(
                "List \(table)",
                "Lookup",
                [
                    "source": ["type": "DelimitedTextSource"], "dataset": reference("List_\(table)", "Dataset"),
                    "firstRowOnly": false,
                ],
                after: []
            )
        )
        let inner = copy("Copy \(table)", table, format, path: expression("@item().Prop_1"), sink: [:])
        activities.append(
            activity(
                "Copy each of \(table)",
                "ForEach",
                [
                    "items": expression("@activity('List \(table)').output.value"),
                    // The first file makes the table that the others are added to.
                    "isSequential": true, "activities": [inner],
                ],
                after: ["Clear \(table)", "List \(table)"]
            )
        )
        return "Copy each of \(table)"
    }

    private func copy(
        _ name: String,
        _ table: String,
        _ format: SourceFormat,
        path: JSONValue,
        sink more: JSONObject
    ) -> JSONValue {
        var sink: JSONObject = ["type": "AzurePostgreSqlSink", "tableOption": "autoCreate"]
        for member in more.members { sink[member.key] = member.value }
        var input = reference("Files_\(table)", "Dataset").object ?? [:]
        input["parameters"] = ["path": path]
        var output = reference("Landed", "Dataset").object ?? [:]
        output["parameters"] = ["table": .string(table)]
        return activity(
            name,
            "Copy",
            ["source": ["type": .string(format.sourceType)], "sink": .object(sink)],
            after: [],
            more: ["inputs": [.object(input)], "outputs": [.object(output)]],
            retry: 2
        )
    }

    /// Where a source is: the folder or address, and the file in it.
    private static func split(_ source: Source) -> (base: String, file: String) {
        let address = source.address
        guard let slash = address.lastIndex(of: "/") else { return (".", address) }
        return (String(address[..<slash]), String(address[address.index(after: slash)...]))
    }

    private var standIns: String {
        var text = "linkedServices:\n  \(Self.warehouse): { schema: \(Self.schema) }\n"
        for source in pipeline.sources
        where landed.values.contains(where: { $0.table.hasPrefix("files_\(source.name)") }) {
            var (base, _) = Self.split(source)
            if !source.isRemote, !base.hasPrefix("/") {
                base =
                    URL(fileURLWithPath: base, relativeTo: URL(fileURLWithPath: pipeline.folder)).standardizedFileURL
                    .path
            }
            text += "  Source_\(source.name): { at: \(JSONValue.string(base).text()) }\n"
        }
        return text
    }

    // MARK: - JSON

    private mutating func add(_ folder: String, _ name: String, _ properties: JSONValue) {
        files.append(("\(folder)/\(name).json", ["name": .string(name), "properties": properties]))
    }

    private func activity(
        _ name: String,
        _ type: String,
        _ properties: JSONValue,
        after: [String],
        more: JSONObject = [:],
        retry: Int = 0
    ) -> JSONValue {
        var object: JSONObject = ["name": .string(name), "type": .string(type)]
        object["dependsOn"] = .array(
            after.map { ["activity": .string($0), "dependencyConditions": ["Succeeded"]] }
        )
        if type != "ForEach" {
            object["policy"] = [
                "timeout": "0.12:00:00", "retry": .integer(Int64(retry)), "retryIntervalInSeconds": 30,
                "secureInput": false, "secureOutput": false,
            ]
        }
        object["typeProperties"] = properties
        for member in more.members { object[member.key] = member.value }
        return .object(object)
    }

    private func reference(_ name: String, _ kind: String) -> JSONValue {
        ["referenceName": .string(name), "type": .string("\(kind)Reference")]
    }

    private func expression(_ text: String) -> JSONValue { ["value": .string(text), "type": "Expression"] }

    private func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }

    /// Text that must not be read as an expression.
    private func escaped(_ text: String) -> String {
        let escaped = text.replacing("@{", with: "@@{")
        return escaped.hasPrefix("@") ? "@\(escaped)" : escaped
    }
}

/// How a source's files are read, in the service's terms.
private struct SourceFormat {
    let type: String
    let sourceType: String
    private var properties: JSONObject = [:]
    /// Whether the query has types found out for it in what is text.
    private(set) var isTyped = false

    init(
        _ source: Source,
        _ options: [ReadOption],
        at location: SourceLocation,
        hasTypes: Bool
    ) throws(DuetError) {
        switch source.format {
        case .json, .jsonl: (type, sourceType) = ("Json", "JsonSource")
        case .parquet: (type, sourceType) = ("Parquet", "ParquetSource")
        case .csv:
            (type, sourceType) = ("DelimitedText", "DelimitedTextSource")
            try readText(options, at: location, hasTypes: hasTypes)
        }
    }

    private mutating func readText(
        _ options: [ReadOption],
        at location: SourceLocation,
        hasTypes: Bool
    ) throws(DuetError) {
        properties = ["columnDelimiter": ",", "quoteChar": "\"", "firstRowAsHeader": true]
        isTyped = true
        for option in options {
            switch option.name {
            case "format", "mode", "schemaevolutionmode": break
            case "sep", "delimiter", "delim": properties["columnDelimiter"] = .string(option.value)
            case "quote": properties["quoteChar"] = .string(option.value)
            case "escape": properties["escapeChar"] = .string(option.value)
            case "nullvalue": properties["nullValue"] = .string(option.value)
            case "encoding": properties["encodingName"] = .string(option.value)
            case "header": properties["firstRowAsHeader"] = .bool(option.value.lowercased() == "true")
            case "infercolumntypes": isTyped = option.value.lowercased() != "false"
            case "skiprows": properties["skipLineCount"] = .integer(Int64(option.value) ?? 0)
            default:
                throw DuetError(
                    .unsupported,
                    "a data factory has nothing like the option '\(option.name)'",
                    at: option.location
                )
            }
        }
        if isTyped, !hasTypes {
            throw DuetError(
                .unsupported,
                "a data factory reads text as text, and this query has types found out for it",
                hint: "run the pipeline once (duet run), and the types it finds are written as casts; or write "
                    + "inferColumnTypes => false and cast in the query",
                at: location
            )
        }
    }

    func dataset(service: JSONValue) -> JSONValue {
        var typeProperties: JSONObject = [
            "location": [
                "type": "HttpServerLocation", "relativeUrl": ["value": "@dataset().path", "type": "Expression"],
            ]
        ]
        for member in properties.members { typeProperties[member.key] = member.value }
        return [
            "type": .string(type), "linkedServiceName": service, "parameters": ["path": ["type": "String"]],
            "typeProperties": .object(typeProperties),
        ]
    }
}
