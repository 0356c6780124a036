import ArgumentParser
import DuetEngine
import DuetFactory
import DuetPipeline
import Foundation

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes a pipeline in another tool's form.",
        subcommands: [ADF.self]
    )

    struct ADF: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "adf",
            abstract: "Writes the derived activities as an Azure Data Factory in the git layout.",
            discussion: """
                A stand-ins.yml beside it makes the factory run here.

                Example:
                  duet export adf pipelines/flights --to flights-factory
                  duet run flights-factory
                """
        )

        @OptionGroup var options: PipelineOptions

        @Option(help: "The folder to write; made when missing, and existing files of the same names are replaced.")
        var to: String

        func run() throws {
            let count = try Self.write(try options.load(), to: to)
            Console.print("wrote \(count) resources and stand-ins.yml to \(to)")
        }

        /// Writes the factory of a pipeline's derived activities; gives the number of its resources.
        static func write(_ pipeline: Pipeline, to folder: String) throws -> Int {
            let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
            let export = try FactoryExport.files(of: pipeline, graph: graph)
            for (path, value) in export.files { try write(value.text(pretty: true) + "\n", "\(folder)/\(path)") }
            try write(export.standIns, "\(folder)/stand-ins.yml")
            return export.files.count
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
}
