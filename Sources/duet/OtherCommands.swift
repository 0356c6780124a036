import ArgumentParser
import DuckKit
import DuetCompare
import DuetEngine
import DuetFetch
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

            For each dataset: what is done and why, by which rule changes are taken over, how many rows are read where
            that is known, why nothing cheaper is done, and from how many changed rows on computing everything is cheaper.
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
        let names = dataset.isEmpty ? nil : try options.names(dataset, of: pipeline)
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

    @Flag(help: "Print rows as JSON objects, one a line.")
    var json = false

    @Option(help: "Write all rows to the file that --output names: parquet, csv or json.")
    var format: TableFormat?

    @Option(help: "The file for --format.")
    var output: String?

    func validate() throws {
        if (format == nil) != (output == nil) { throw ValidationError("--format and --output belong together") }
        if format != nil, dataset == nil { throw ValidationError("--format needs a dataset") }
        if limit < 0 { throw ValidationError("--limit must not be negative") }
    }

    func run() throws {
        let inspection = PipelineInspection(try options.load(), root: options.home)
        guard let dataset else { return Console.print(try inspection.list(style, asJSON: json)) }
        if let format, let output {
            let rows = try inspection.export(dataset, style, as: format, to: output, condition: condition)
            return Console.print("written: \(output), \(rows) rows")
        }
        Console.print(try inspection.show(dataset, style, condition: condition, limit: limit, asJSON: json))
    }
}

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Plays a pipeline's scenario in both styles and proves that the tables are equal.",
        discussion: """
            The scenario's files are served over HTTP from this machine. After every step both styles run, and every
            published dataset is compared. Ends with exit code 3 when any differs.

            Example:
              duet compare pipelines/flights --report REPORT.md --json-report report.json
            """
    )

    @OptionGroup var options: PipelineOptions
    @OptionGroup var engine: EngineOptions

    @Option(name: .customLong("repeat"), help: "How often to play the scenario; times are then medians.")
    var repetitions = 1

    @Option(help: "For the procedural style: derived (from the definition) or activities (the hand-written ones).")
    var procedural = ProceduralForm.derived

    @Option(help: "Write the report as Markdown to this file.")
    var report: String?

    @Option(help: "Write the report as JSON to this file.")
    var jsonReport: String?

    @Flag(help: "Print the report as JSON on standard output instead of the summary.")
    var json = false

    @Flag(name: .shortAndLong, help: "Show every step of every run.")
    var verbose = false

    func validate() throws {
        if repetitions < 1 { throw ValidationError("--repeat must be at least 1") }
    }

    func run() throws {
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let result = try Comparison(
            folder: options.pipeline,
            parameters: try options.overrides(),
            workFolder: "\(options.home)/compare",
            settings: engine.settings,
            workers: engine.workers,
            repetitions: repetitions,
            procedural: procedural,
            control: control,
            sinks: verbose ? [Progress(verbose: true)] : [],
            progress: { Console.note("compare: \($0)") }
        ).run()
        try ReportFiles.write(result, markdown: report, json: jsonReport)
        Console.print(json ? result.json.text(pretty: true) : MarkdownReport.summary(result))
        guard result.isEqual else { throw ExitCode(Console.Code.differs) }
    }
}

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "The flights pipeline in both styles, from a server on this machine, with a report.",
        discussion: """
            Example:
              duet demo
              duet demo --studio
            """
    )

    @OptionGroup var engine: EngineOptions

    @Option(help: "The pipeline's folder.")
    var pipeline = "pipelines/flights"

    @Option(help: "Where warehouses and fetched files are kept.")
    var home = ".duet"

    @Option(help: "Where the report is written.")
    var report = "REPORT.md"

    @Option(name: .customLong("repeat"), help: "How often to play the scenario; times are then medians.")
    var repetitions = 1

    @Flag(help: "Show the pipeline in a web page instead; see 'duet serve'.")
    var studio = false

    func run() throws {
        if studio { return try ServeCommand.parse([pipeline, "--home", "\(home)/studio"]).run() }
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let result = try Comparison(
            folder: pipeline,
            workFolder: "\(home)/demo",
            settings: engine.settings,
            workers: engine.workers,
            repetitions: repetitions,
            control: control,
            progress: { Console.note("demo: \($0)") }
        ).run()
        try ReportFiles.write(result, markdown: report, json: "\(home)/demo/report.json")
        Console.print(MarkdownReport.summary(result))
        let datasets = Set(result.steps.flatMap(\.datasets).map(\.name)).count
        Console.print("")
        Console.print(
            result.isEqual
                ? "Both styles ended in the same tables: \(datasets) datasets, compared after each of "
                    + "\(result.steps.count) steps. The report is in \(report)."
                : "The styles differ; \(report) shows where."
        )
        guard result.isEqual else { throw ExitCode(Console.Code.differs) }
    }
}

struct ScenarioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario",
        abstract: "Lists a pipeline's scenario, or makes its files.",
        subcommands: [List.self, Apply.self]
    )

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the steps.",
            discussion: "Example:\n  duet scenario list pipelines/flights"
        )

        @OptionGroup var options: PipelineOptions

        func run() throws {
            for (index, step) in try ScenarioPlayer.scenario(of: try options.load()).steps.enumerated() {
                let files = step.writes.map(\.file).joined(separator: ", ")
                Console.print("\(index + 1)  \(step.name)\(files.isEmpty ? "" : ": writes \(files)")")
            }
        }
    }

    struct Apply: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the files of the first steps in the pipeline's own data folder.",
            discussion: """
                The files go where the parameter 'base' says, so that 'duet run' finds them.

                Example:
                  duet scenario apply pipelines/flights --steps 1
                  duet run pipelines/flights
                """
        )

        @OptionGroup var options: PipelineOptions

        @Option(help: "How many steps to apply, from the first.")
        var steps = 1

        @Option(help: "Apply only from this step on (the earlier ones have been applied).")
        var from = 1

        func validate() throws {
            if from < 1 || steps < from { throw ValidationError("--from must be at least 1 and at most --steps") }
        }

        func run() throws {
            let pipeline = try options.load()
            for name in try PipelineInspection(pipeline, root: options.home).applyScenario(from: from, through: steps) {
                Console.print("applied: \(name)")
            }
        }
    }
}
