import ArgumentParser
import DuetCompare
import DuetEngine
import DuetFetch
import DuetPipeline

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a pipeline once, in one style.",
        discussion: """
            Example:
              duet run pipelines/flights --style declarative
              duet run pipelines/flights --full-refresh gold.daily
            """
    )

    @OptionGroup var options: PipelineOptions
    @OptionGroup var engine: EngineOptions

    @Option(help: "procedural or declarative.")
    var style = Style.declarative

    @Option(help: "Refresh only these datasets (declarative); comma-separated, repeatable.")
    var refresh: [String] = []

    @Option(help: "Make these datasets anew (declarative); comma-separated, or 'all'.")
    var fullRefresh: [String] = []

    @Flag(help: "Print the run as JSON on standard output.")
    var json = false

    @Flag(name: .shortAndLong, help: "Show skipped steps and every statement.")
    var verbose = false

    func validate() throws {
        if style == .procedural, !refresh.isEmpty || !fullRefresh.isEmpty {
            throw ValidationError(
                "--refresh and --full-refresh are for the declarative style: a procedural run does all"
            )
        }
    }

    func run() throws {
        let pipeline = try options.load()
        let progress = Progress(verbose: verbose)
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let rebuild =
            fullRefresh == ["all"] ? Set(pipeline.datasets.map(\.name)) : try options.names(fullRefresh, of: pipeline)
        let selection = refresh.isEmpty ? nil : try options.names(refresh, of: pipeline).union(rebuild)
        let outcome = try Styles.executor(style).run(
            RunRequest(
                pipeline: pipeline,
                home: PipelineHome(pipeline: pipeline.name, root: options.home),
                settings: engine.settings,
                workers: engine.workers,
                selection: selection,
                rebuild: rebuild,
                fetcher: Fetcher(),
                control: control,
                sinks: json ? [] : [progress]
            )
        )
        progress.clear()
        Console.print(json ? RunSummary(outcome).json.text(pretty: true) : RunSummary(outcome).text)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
    }
}
