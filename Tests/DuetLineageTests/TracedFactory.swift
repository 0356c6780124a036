import DuckKit
import DuetEngine
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation

/// A hand-written data factory without a pipeline.yml: files in data/, tables in the schema `etl`.
struct TracedFactory {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(
            "linkedServices: {Files: {folder: ../data}, Sql: {schema: etl, procedures: ../procedures}}\n",
            to: "factory/stand-ins.yml"
        )
        try resource("linkedService", "Files", #"{"type": "AzureBlobStorage", "typeProperties": {}}"#)
        try resource("linkedService", "Sql", #"{"type": "AzureSqlDatabase", "typeProperties": {}}"#)
        try dataset(
            "Csv",
            "DelimitedText",
            "Files",
            #""location": {"type": "AzureBlobStorageLocation", "fileName": "@dataset().name"}, "columnDelimiter": ",", "firstRowAsHeader": true"#
        )
        try dataset("Table", "AzureSqlTable", "Sql", #""schema": "dbo", "table": "@dataset().name""#)
    }

    func resource(_ kind: String, _ name: String, _ properties: String) throws {
        try folder.write(#"{"name": "\#(name)", "properties": \#(properties)}"#, to: "factory/\(kind)/\(name).json")
    }

    private func dataset(_ name: String, _ type: String, _ service: String, _ properties: String) throws {
        try resource(
            "dataset",
            name,
            #"{"type": "\#(type)", "linkedServiceName": {"referenceName": "\#(service)", "type": "LinkedServiceReference"}, "parameters": {"name": {"type": "String"}}, "typeProperties": {\#(properties)}}"#
        )
    }

    /// Writes the pipeline `load`, whose activities go one after the other.
    func pipeline(_ activities: [String]) throws {
        var list: [String] = []
        for (index, activity) in activities.enumerated() {
            let before =
                index > 0
                ? #"{"activity": "\#(name(activities[index - 1]))", "dependencyConditions": ["Succeeded"]}"# : ""
            list.append(activity.dropLast() + #", "dependsOn": [\#(before)]}"#)
        }
        try resource("pipeline", "load", #"{"activities": [\#(list.joined(separator: ",\n"))]}"#)
    }

    private func name(_ activity: String) -> String {
        String(activity.dropFirst(#"{"name": ""#.count).prefix { $0 != "\"" })
    }

    static func quoted(_ text: String) -> String { JSONValue.string(text).text() }

    static func use(_ dataset: String, _ name: String) -> String {
        #"{"referenceName": "\#(dataset)", "type": "DatasetReference", "parameters": {"name": "\#(name)"}}"#
    }

    static func script(_ name: String, _ sql: String, more: String = "") -> String {
        #"{"name": "\#(name)", "type": "Script"\#(more), "linkedServiceName": {"referenceName": "Sql", "type": "LinkedServiceReference"}, "typeProperties": {"scripts": [{"type": "NonQuery", "text": \#(quoted(sql))}]}}"#
    }

    static func procedure(_ name: String, _ procedure: String) -> String {
        #"{"name": "\#(name)", "type": "SqlServerStoredProcedure", "linkedServiceName": {"referenceName": "Sql", "type": "LinkedServiceReference"}, "typeProperties": {"storedProcedureName": "\#(procedure)"}}"#
    }

    /// A Copy; tables are made when they are missing.
    static func copy(
        _ name: String,
        from: (dataset: String, name: String),
        to: (dataset: String, name: String),
        source: String = "",
        sink: String = "",
        more: String = ""
    ) -> String {
        #"{"name": "\#(name)", "type": "Copy", "inputs": [\#(use(from.dataset, from.name))], "outputs": [\#(use(to.dataset, to.name))], "typeProperties": {"source": {"type": "S"\#(source)}, "sink": {"type": "T", "tableOption": "autoCreate"\#(sink)}\#(more)}}"#
    }

    /// Writes a data flow and gives the activity that runs it: sources and sinks are tables, or files that end in .csv.
    func flow(
        _ name: String,
        _ script: [String],
        _ ends: [String: String],
        sinks: Set<String> = ["Out"]
    ) throws -> String {
        func list(_ names: [String]) -> String {
            names.sorted().map { end in
                let dataset = ends[end]?.hasSuffix(".csv") == true ? "Csv" : "Table"
                return #"{"name": "\#(end)", "dataset": {"referenceName": "\#(dataset)", "type": "DatasetReference"}}"#
            }.joined(separator: ", ")
        }
        let text = Self.quoted(script.joined(separator: "\n"))
        try resource(
            "dataflow",
            name,
            #"{"type": "MappingDataFlow", "typeProperties": {"sources": [\#(list(ends.keys.filter { !sinks.contains($0) }))], "sinks": [\#(list(Array(sinks)))], "transformations": [], "script": \#(text)}}"#
        )
        let given = ends.sorted { $0.key < $1.key }.map { #""\#($0.key)": {"name": "\#($0.value)"}"# }
        return
            #"{"name": "\#(name)", "type": "ExecuteDataFlow", "typeProperties": {"dataFlow": {"referenceName": "\#(name)", "type": "DataFlowReference", "datasetParameters": {\#(given.joined(separator: ", "))}}}}"#
    }

    func session() throws -> FactorySession {
        try FactorySession(
            folder: "\(folder.path)/factory",
            home: "\(folder.path)/home",
            standIns: nil,
            parameters: [:]
        )
    }

    /// Runs the pipeline, as `duet run FACTORY` does.
    @discardableResult
    func run(to places: [String] = []) async throws -> PipelineRun {
        let session = try session()
        var request = session.request(
            settings: EngineSettings(threads: 2),
            workers: 2,
            control: RunControl(),
            fetcher: Fetcher()
        )
        let stream = OpenLineageStream.attached(to: &request, beside: places)
        let ready = request
        return try await offPool {
            defer { withExtendedLifetime(stream) {} }
            return try session.recorded(PipelineRequest("load"), ready)
        }
    }

    func inspection() throws -> LineageInspection {
        LineageInspection(
            Pipeline(factory: "factory", folder: "\(folder.path)/factory"),
            home: PipelineHome(pipeline: "factory", root: "\(folder.path)/home"),
            style: .procedural
        )
    }

    func trace(_ table: String, where condition: String? = nil) throws -> FactoryTrace {
        try inspection().factoryTrace(table, where: condition, limit: nil)
    }

    /// The traced rows: `etl.t: 1,a | 2,b`, rows of files as `Csv: file.csv:1 1,a`, context in brackets.
    func lines(_ trace: FactoryTrace) throws -> [String] {
        try trace.steps.map { step in
            let rows = try trace.rows(of: step, limit: 100).map { row in
                let file = row.place.path.map {
                    "\(URL(fileURLWithPath: $0).lastPathComponent):\(row.place.number ?? 0) "
                }
                let text = (file ?? "") + row.values.map(\.description).joined(separator: ",")
                return row.isContext ? "(\(text))" : text
            }
            return "\(step.name): \(rows.sorted().joined(separator: " | "))"
        }
    }
}
