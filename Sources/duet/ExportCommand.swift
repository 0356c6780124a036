import ArgumentParser
import DuetCompare
import DuetEngine
import DuetFactory
import DuetPipeline
import DuetSpark
import Foundation

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes a pipeline in another tool's form.",
        subcommands: [ADF.self, SDP.self]
    )

    struct ADF: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "adf",
            abstract: "Writes the derived activities as an Azure Data Factory in the git layout.",
            discussion: """
                A stand-ins.yml beside it makes the factory run here. A factory reads text as text: where a
                query has types found out for it, those of the last run are written as casts.

                Example:
                  duet export adf pipelines/flights --to flights-factory
                  duet run flights-factory
                """
        )

        @OptionGroup var options: PipelineOptions

        @Option(help: "The folder to write; made when missing, and existing files of the same names are replaced.")
        var to: String

        func run() throws {
            let count = try Self.write(try options.load(), home: options.home, to: to)
            Console.print("wrote \(count) resources and stand-ins.yml to \(to)")
        }

        /// Writes the factory of a pipeline's derived activities; gives the number of its resources.
        static func write(_ pipeline: Pipeline, home: String, to folder: String) throws -> Int {
            let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
            let found = try FoundTypes(PipelineHome(pipeline: pipeline.name, root: home))
            let export = try FactoryExport.files(of: pipeline, graph: graph) { found.columns(of: $0, $1) }
            for (path, value) in export.files {
                try ExportCommand.write(value.text(pretty: true) + "\n", "\(folder)/\(path)")
            }
            try ExportCommand.write(export.standIns, "\(folder)/stand-ins.yml")
            return export.files.count
        }
    }

    struct SDP: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sdp",
            abstract: "Writes a pipeline as a project of Spark Declarative Pipelines.",
            discussion: """
                The project has spark-pipeline.yml and SQL files in Spark's dialect. What Spark's open-source
                pipelines have not (expectations, keys, ...) is listed, dataset by dataset, with what to do; what
                would change rows is refused with its place. duet reads the project back.

                Example:
                  duet export sdp pipelines/flights --to flights-spark
                  cd flights-spark && export SPARK_CONF_DIR=$PWD/conf
                  spark-sql -f schemas.sql && spark-pipelines run
                """
        )

        @OptionGroup var options: PipelineOptions

        @Option(help: "The folder to write; made when missing, and existing files of the same names are replaced.")
        var to: String

        @Flag(help: "Print what was written and left out as JSON.")
        var json = false

        func run() throws {
            let connection = try Warehouse.scratch()
            let pipeline = try options.load()
            let folder = URL(fileURLWithPath: to).standardizedFileURL.path
            let graph = try QueryAnalysis.graph(of: pipeline, connection: connection)
            let export = try SparkExport(of: pipeline, graph: graph, folder: folder) {
                try QueryAnalysis.tree(of: $0, connection)
            }
            for (path, text) in export.files { try ExportCommand.write(text, "\(folder)/\(path)") }
            if json { return Console.print(export.json.text(pretty: true)) }
            Console.print("wrote \(export.datasetCount) datasets to \(to)")
            guard !export.remarks.isEmpty else { return }
            Console.print("left out, or in another form (also in \(to)/EXPORT.md):\n\(export.text)")
        }
    }

    private static func write(_ text: String, _ path: String) throws {
        let url = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: url, options: .atomic)
    }
}
