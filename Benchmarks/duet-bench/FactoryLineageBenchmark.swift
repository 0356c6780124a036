import DuetEngine
import DuetFetch
import DuetPipeline
import DuetProcedural
import DuetReport
import Foundation

/// What it costs a run of a hand-written factory to tell what its activities read and wrote.
///
/// Each of twenty turns of a loop copies a file into a table; a data flow sums its rows, a Script ranks the sums.
struct FactoryLineageBenchmark {
    let repetitions: Int
    /// Rows of all files together.
    let rows: Int
    /// Where the factory and its warehouses are put.
    let folder: String

    private static let files = 20

    /// Runs with and without, in turn, each on an empty warehouse.
    ///
    /// - Returns: A line of the lineage benchmark's table.
    func line() throws -> [String] {
        try prepare()
        var with: [Double] = []
        var without: [Double] = []
        for repetition in 0..<repetitions {
            for tells in repetition.isMultiple(of: 2) ? [true, false] : [false, true] {
                let seconds = try run(tells: tells, home: "factory-\(tells)-\(repetition)")
                if tells { with.append(seconds) } else { without.append(seconds) }
            }
        }
        let ratio = Statistics.median(zip(with, without).map { $0 / $1 })
        return [
            "a factory's run that tells its lineage", NumberText.seconds(Statistics.median(with)),
            NumberText.seconds(Statistics.median(without)), "\(NumberText.decimals(ratio, 3)) x", "", "",
        ]
    }

    private func run(tells: Bool, home: String) throws -> Double {
        let session = try FactorySession(
            folder: "\(folder)/factory",
            home: "\(folder)/\(home)",
            standIns: nil,
            parameters: [:]
        )
        let start = ContinuousClock.now
        let run: PipelineRun
        if tells {
            let request = session.request(
                settings: EngineSettings(),
                workers: 2,
                control: RunControl(),
                fetcher: Fetcher()
            )
            run = try session.recorded(PipelineRequest("load"), request)
        } else {
            let runner = try session.runner(
                settings: EngineSettings(),
                workers: 2,
                control: RunControl(),
                fetcher: Fetcher()
            )
            run = try runner.run(PipelineRequest("load"))
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if let error = run.error { throw error }
        try FileManager.default.removeItem(atPath: "\(folder)/\(home)")
        return seconds
    }

    private func write(_ text: String, _ path: String) throws {
        let url = URL(fileURLWithPath: "\(folder)/\(path)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    private func resource(_ kind: String, _ name: String, _ properties: String) throws {
        try write(#"{"name": "\#(name)", "properties": \#(properties)}"#, "factory/\(kind)/\(name).json")
    }

    private func prepare() throws {
        let each = max(1, rows / Self.files)
        for file in 0..<Self.files {
            let lines = (0..<each).map { "\(file * each + $0),\($0 % 997),\($0 % 100)\n" }.joined()
            try write("id,customer,amount\n\(lines)", "files/\(file).csv")
        }
        try write(
            "linkedServices: {Files: {folder: ../files}, Sql: {schema: etl}}\n",
            "factory/stand-ins.yml"
        )
        try resource("linkedService", "Files", #"{"type": "AzureBlobStorage", "typeProperties": {}}"#)
        try resource("linkedService", "Sql", #"{"type": "AzureSqlDatabase", "typeProperties": {}}"#)
        func dataset(_ name: String, _ type: String, _ service: String, _ properties: String) throws {
            try resource(
                "dataset",
                name,
                #"{"type": "\#(type)", "linkedServiceName": {"referenceName": "\#(service)", "type": "LinkedServiceReference"}, "parameters": {"name": {"type": "String"}}, "typeProperties": {\#(properties)}}"#
            )
        }
        try dataset(
            "Csv",
            "DelimitedText",
            "Files",
            #""location": {"fileName": "@dataset().name"}, "columnDelimiter": ",", "firstRowAsHeader": true"#
        )
        try dataset("Table", "AzureSqlTable", "Sql", #""table": "@dataset().name""#)
        let flow =
            #"source(output(customer as string, amount as string), allowSchemaDrift: true) ~> In\nIn aggregate(groupBy(customer), total = sum(toInteger(amount))) ~> Sum\nSum sink(allowSchemaDrift: true, recreate: true, format: 'table') ~> Out"#
        func end(_ name: String) -> String {
            #"[{"name": "\#(name)", "dataset": {"referenceName": "Table", "type": "DatasetReference"}}]"#
        }
        try resource(
            "dataflow",
            "Flow",
            #"{"type": "MappingDataFlow", "typeProperties": {"sources": \#(end("In")), "sinks": \#(end("Out")), "transformations": [], "script": "\#(flow)"}}"#
        )
        func after(_ name: String) -> String {
            #""dependsOn": [{"activity": "\#(name)", "dependencyConditions": ["Succeeded"]}]"#
        }
        func use(_ dataset: String, _ name: String) -> String {
            #"[{"referenceName": "\#(dataset)", "type": "DatasetReference", "parameters": {"name": "\#(name)"}}]"#
        }
        let land =
            #"{"name": "Land", "type": "Copy", "inputs": \#(use("Csv", "@concat(item(), '.csv')")), "outputs": \#(use("Table", "landed")), "typeProperties": {"source": {"type": "S"}, "sink": {"type": "T", "tableOption": "autoCreate"}}}"#
        let rank =
            "CREATE OR REPLACE TABLE dbo.best AS SELECT customer, total FROM dbo.sums ORDER BY total DESC LIMIT 10"
        try resource(
            "pipeline",
            "load",
            #"""
            {"activities": [
              {"name": "Each", "type": "ForEach", "typeProperties": {"items": {"value": "@range(0, \#(Self.files))", "type": "Expression"}, "isSequential": true, "activities": [\#(land)]}},
              {"name": "Sum", "type": "ExecuteDataFlow", \#(after("Each")), "typeProperties": {"dataFlow": {"referenceName": "Flow", "type": "DataFlowReference", "datasetParameters": {"In": {"name": "landed"}, "Out": {"name": "sums"}}}}},
              {"name": "Rank", "type": "Script", \#(after("Sum")), "linkedServiceName": {"referenceName": "Sql", "type": "LinkedServiceReference"}, "typeProperties": {"scripts": [{"type": "NonQuery", "text": "\#(rank)"}]}}
            ]}
            """#
        )
    }
}
