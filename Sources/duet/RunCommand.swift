public import ArgumentParser
import DuetCompare
public import DuetEngine
import DuetEvents
import DuetFetch
import DuetLineage
import DuetPipeline

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a pipeline once, in one style.",
        discussion: """
            Example:
              duet run pipelines/flights --style declarative
              duet run pipelines/flights --full-refresh gold.daily
              duet run pipelines/flights --openlineage http://localhost:5000/api/v1/lineage
              duet run pipelines/flights --explain-analyze gold.daily
              duet run my-factory --only load --openlineage lineage.jsonl
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

    @OptionGroup var update: UpdateArguments

    @Flag(help: "Print the run as JSON on standard output.")
    var json = false

    @Flag(name: .shortAndLong, help: "Show skipped steps, and every statement with its time.")
    var verbose = false

    @OptionGroup var logging: LogOptions

    @Option(help: "Tell the run as OpenLineage while it goes: an http address or a file; repeatable.")
    var openlineage: [String] = []

    @Option(help: "Show DuckDB's own profile of these datasets' slowest statements; comma-separated, or 'all'.")
    var explainAnalyze: [String] = []

    @Option(help: "What all calls of models may cost together, in the currency of their prices.")
    var budget: Double?

    @OptionGroup var factory: FactoryOptions

    @Option(help: "For the procedural style: derived (from the definition) or activities (the hand-written ones).")
    var procedural = ProceduralForm.derived

    func validate() throws {
        if let budget, budget < 0 { throw ValidationError("--budget must not be negative") }
        if style == .procedural, !refresh.isEmpty || !fullRefresh.isEmpty || update.options != UpdateOptions() {
            throw ValidationError(
                "--refresh, --full-refresh, --downstream, --only-failed, --drop-removed and --mode are for the "
                    + "declarative style: a procedural run does all"
            )
        }
    }

    func run() throws {
        if FactoryValidation.isFactory(options.pipeline) {
            return try FactoryRunning(
                folder: options.pipeline,
                home: options.home,
                parameters: try options.overrides(),
                options: factory,
                engine: engine,
                openlineage: openlineage
            ).run()
        }
        let pipeline = try options.load()
        let progress = Progress(verbose: verbose)
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let rebuild =
            fullRefresh == ["all"]
            ? Set(pipeline.datasets.map(\.name)) : try options.names(fullRefresh, for: "--full-refresh", of: pipeline)
        let selection =
            refresh.isEmpty ? nil : try options.names(refresh, for: "--refresh", of: pipeline).union(rebuild)
        let sinks: [any EventSink] = logging.sink.map { [$0] } ?? (json ? [] : [progress])
        var request = request(pipeline, selection, rebuild, control, sinks)
        request.progress = json ? nil : progress.reporter
        request.profiled =
            explainAnalyze == ["all"]
            ? Set(pipeline.datasets.map(\.name))
            : try options.names(explainAnalyze, for: "--explain-analyze", of: pipeline)
        let told = OpenLineageStream.attached(to: &request, beside: openlineage)
        let executor = Styles.executor(procedural == .activities ? .procedural : style, procedural)
        func tell(_ outcome: RunOutcome) {
            progress.clear()
            for problem in told?.problems ?? [] { Console.note("warning: \(problem)") }
            Console.print(json ? RunSummary(outcome).json.text(pretty: true) : RunSummary(outcome).text)
        }
        guard let seconds = update.watch else {
            let outcome = try executor.run(request)
            tell(outcome)
            guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
            return
        }
        // Ctrl-C is how a watch ends; what is committed stays.
        try ContinuousRun(executor, request, every: seconds).run { outcome in
            tell(outcome)
            if !outcome.isSuccess, !control.isCancelled { Console.note("\(DuetErrors(outcome.errors))") }
        }
    }

    private func request(
        _ pipeline: Pipeline,
        _ selection: Set<DatasetName>?,
        _ rebuild: Set<DatasetName>,
        _ control: RunControl,
        _ sinks: [any EventSink]
    ) -> RunRequest {
        var request = RunRequest(
            pipeline: pipeline,
            home: PipelineHome(pipeline: pipeline.name, root: options.home),
            settings: engine.settings,
            workers: engine.workers,
            selection: selection,
            rebuild: rebuild,
            update: update.options,
            fetcher: Fetcher(),
            control: control,
            sinks: sinks
        )
        request.budget = budget
        return request
    }
}

extension UpdateOptions.Mode: ExpressibleByArgument {}

/// Options on how an update of the declarative style goes about its datasets.
struct UpdateArguments: ParsableArguments {
    @Flag(help: "Refresh what is downstream of the chosen datasets too.")
    var downstream = false

    @Flag(help: "Refresh only what the last update failed or skipped for a failure.")
    var onlyFailed = false

    @Flag(help: "Drop datasets that are no longer defined.")
    var dropRemoved = false

    @Option(help: "development, or production: a dataset that fails is tried twice more.")
    var mode = UpdateOptions.Mode.development

    @Option(help: "Run again and again, this many seconds after each end, until Ctrl-C.")
    var watch: Double?

    func validate() throws {
        if let watch, watch < 0 { throw ValidationError("--watch must not be negative") }
    }

    var options: UpdateOptions {
        UpdateOptions(
            mode: mode,
            includesDownstream: downstream,
            onlyFailed: onlyFailed,
            dropsRemoved: dropRemoved
        )
    }
}
