import ArgumentParser
import DuckKit
import DuetCompare
import DuetEngine
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetReport

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Checks a pipeline without running it.",
        discussion: """
            Reads pipeline.yml and the SQL files, finds the graph, and binds every query whose sources are known.

            Example:
              duet validate pipelines/flights

            A folder without pipeline.yml is read as an Azure Data Factory: its findings are printed, with counts.
            """
    )

    @OptionGroup var options: PipelineOptions

    @Option(name: .customLong("as"), help: "Say what a service would refuse or run slowly: dlt.")
    var service: Service?

    enum Service: String, ExpressibleByArgument, CaseIterable {
        case dlt
    }

    @Flag(name: .shortAndLong, help: "Print errors and counts only, no warnings (data factories).")
    var quiet = false

    func run() throws {
        if FactoryValidation.isFactory(options.pipeline) {
            return try FactoryValidation.run(options.pipeline, isQuiet: quiet)
        }
        let pipeline = try options.load()
        let findings = try PipelineInspection(pipeline, root: options.home).validate()
        if service == .dlt {
            for finding in try ServiceAdvice.deltaLiveTables(pipeline) { Console.print(finding.description) }
        }
        for note in findings.notes { Console.note("note: \(note)") }
        let count = findings.graph.nodes.count
        Console.print("valid: \(count) datasets, \(findings.columns.count) of them with known columns")
    }
}

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Says what a run would do, and why, without doing it.",
        discussion: """
            Example:
              duet plan pipelines/flights
              duet plan pipelines/flights --dataset gold.carriers --sql
              duet plan pipelines/flights --style procedural

            For each dataset: what is done and why, by which rule changes are taken \
            over, how many rows are read where that is known, why nothing cheaper is \
            done, and from how many changed rows on computing everything is cheaper. \
            What --sql prints runs as it stands in the warehouse, once what the dataset \
            reads has been refreshed.
            """
    )

    @OptionGroup var options: PipelineOptions

    @Option(help: "procedural or declarative.")
    var style = Style.declarative

    @Option(help: "Tell of these datasets only (declarative); comma-separated, repeatable.")
    var dataset: [String] = []

    @Flag(help: "Print the statements that compute the changes too (declarative).")
    var sql = false

    @Flag(help: "Print the plan as JSON.")
    var json = false

    func run() throws {
        let pipeline = try options.load()
        let names = dataset.isEmpty ? nil : try options.names(dataset, for: "--dataset", of: pipeline)
        let inspection = PipelineInspection(pipeline, root: options.home)
        Console.print(try inspection.plan(style, of: names, tellsSQL: sql, asJSON: json))
    }
}

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows a dataset's rows, or lists the datasets.",
        discussion: """
            Example:
              duet show pipelines/flights
              duet show pipelines/flights gold.daily --where "departures > 1000" --limit 5
              duet show pipelines/flights gold.daily --format parquet --output daily.parquet
            """
    )

    @OptionGroup var options: PipelineOptions

    @Argument(help: "The dataset; without one all are listed with their rows.")
    var dataset: String?

    @Option(help: "procedural or declarative.")
    var style = Style.declarative

    @Option(name: .customLong("where"), help: "A condition in SQL.")
    var condition: String?

    @Option(help: "The most rows to show.")
    var limit = 20

    @Option(help: "As this update left them (duet diff says which datasets can be looked back at).")
    var at: String?

    @Flag(help: "Print rows as JSON objects, one a line.")
    var json = false

    @Option(help: "Write all rows to the file that --output names: parquet, csv, json or arrow.")
    var format: TableFormat?

    @Option(help: "The file for --format.")
    var output: String?

    func validate() throws {
        if (format == nil) != (output == nil) { throw ValidationError("--format and --output belong together") }
        if format != nil, dataset == nil { throw ValidationError("--format needs a dataset") }
        if limit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() throws {
        let pipeline = try options.load()
        let inspection = PipelineInspection(pipeline, root: options.home)
        guard let dataset else { return Console.print(try inspection.list(style, asJSON: json)) }
        if let at {
            let home = PipelineHome(pipeline: pipeline.name, root: options.home)
            let look = LineageInspection(pipeline, home: home, style: style)
            return Console.print(
                try look.show(dataset, at: at, where: condition, limit: limit, asJSON: json)
            )
        }
        if let format, let output {
            let rows = try inspection.export(dataset, style, as: format, to: output, condition: condition)
            return Console.print("written: \(output), \(rows) rows")
        }
        Console.print(try inspection.show(dataset, style, condition: condition, limit: limit, asJSON: json))
    }
}
