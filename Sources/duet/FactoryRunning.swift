import ArgumentParser
import DuetEngine
import DuetEvents
import DuetExpression
import DuetFactory
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetProcedural
import Foundation

/// Options of `duet run` for data factories.
struct FactoryOptions: ParsableArguments {
    @Option(help: "The data factory's pipeline to run; the only one unless given.")
    var only: String?

    @Option(help: "The file that maps linked services; DIR/stand-ins.yml unless given.")
    var standIns: String?

    @Option(help: "Stop behind this activity of the pipeline's top (data factories).")
    var until: String?

    @Option(
        name: .customLong("break"),
        help: "Stop before this activity and read commands from standard input (data factories); repeatable."
    )
    var breakpoints: [String] = []

    @Flag(help: "Evaluate every expression that is reached, and move no data (data factories).")
    var dryRun = false
}

/// Runs of Azure Data Factory folders, for `duet run` and `duet rerun`.
struct FactoryRunning {
    let folder: String
    let home: String
    let parameters: [String: String]
    let options: FactoryOptions
    let engine: EngineOptions
    var openlineage: [String] = []

    func run(rerun: FactoryRerun? = nil) throws {
        let session = try FactorySession(
            folder: folder,
            home: home,
            standIns: options.standIns,
            parameters: parameters
        )
        let pipeline = try session.pipeline(options.only)
        try session.check([pipeline.name])
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let selection =
            try rerun?.selection(pipeline, log: session.log)
            ?? options.until.map { try .until($0, in: pipeline) } ?? ActivitySelection()
        let request = PipelineRequest(pipeline.name, parameters: session.values(for: pipeline), selection: selection)
        if options.dryRun { return try dryRun(session, pipeline, request, control) }
        var recording = session.request(
            settings: engine.settings,
            workers: engine.workers,
            control: control,
            fetcher: Fetcher()
        )
        let told = OpenLineageStream.attached(to: &recording, beside: openlineage)
        let run = try session.recorded(request, recording, sinks: [FactoryProgress()]) { debug(&$0) }
        for problem in told?.problems ?? [] { Console.note("warning: \(problem)") }
        Console.print(run.explanation)
        if !run.returnValue.isEmpty { Console.print("returns \(ExpressionValue.object(run.returnValue).json)") }
        let seconds = run.end.timeIntervalSince(run.start)
        Console.print("\(run.pipeline) \(run.status.rawValue.lowercased()) in \((seconds * 100).rounded() / 100) s")
        Console.print("activity runs, with input and output: \(session.log)")
        if let error = run.error { throw error }
    }

    /// Stops at the activities of `--break`.
    private func debug(_ runner: inout FactoryRunner) {
        guard !options.breakpoints.isEmpty else { return }
        let warehouse = runner.warehouse
        let ask: @Sendable (String) throws -> String = { sql in
            guard let warehouse else { return "there is no warehouse to ask" }
            return try WarehouseQuestion.answer(sql, warehouse)
        }
        runner.debugger = CommandDebugger(
            options.breakpoints,
            read: {
                Console.write("> ", to: .standardError)
                return readLine()
            },
            write: { Console.print($0) },
            ask: ask
        )
    }

    private func dryRun(
        _ session: FactorySession,
        _ pipeline: FactoryPipeline,
        _ request: PipelineRequest,
        _ control: RunControl
    ) throws {
        let collector = DryRunReport()
        let runner = try session.dryRunner(
            pipeline,
            settings: engine.settings,
            control: control,
            sinks: [collector],
            fetcher: Fetcher()
        )
        let run = try runner.run(request)
        for line in collector.lines(of: pipeline) { Console.print(line) }
        Console.print(run.explanation)
        if let error = run.error { throw error }
    }
}

/// Shows a data factory's run as it goes: a line for each activity that ended.
private struct FactoryProgress: FactorySink {
    func ended(_ run: ActivityRun) {
        let milliseconds = Int((run.end.timeIntervalSince(run.start) * 1_000).rounded())
        var line = "  \(run.status.rawValue.lowercased())  \(run.pipeline)/\(run.path) (\(milliseconds) ms)"
        if let message = run.error?["message"]?.stringValue { line += ": \(message)" }
        if let note = run.note { line += ": \(note)" }
        if run.isRetried { line += "; tried again" }
        Console.note(line)
    }

    func ended(_ run: PipelineRun) { if let note = run.note { Console.note("  \(run.pipeline) \(note)") } }
}

/// What a rerun keeps of the run before.
struct FactoryRerun {
    /// The activity to begin with; nil for those that failed.
    let from: String?

    func selection(_ pipeline: FactoryPipeline, log: String) throws -> ActivitySelection {
        let history = try ActivityHistory.last(of: pipeline.name, in: log)
        let names = from.map { [$0] } ?? history.unfinished(of: pipeline)
        if names.isEmpty {
            throw DuetError(
                .wrongValue,
                "nothing of the last run of '\(pipeline.name)' failed",
                hint: "use --from ACTIVITY"
            )
        }
        return try .from(
            Set(names),
            in: pipeline,
            results: history.results,
            variables: history.variables,
            rerunOf: history.runID
        )
    }
}

struct RerunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun",
        abstract: "Runs a data factory's pipeline again, from what failed or from an activity.",
        discussion: """
            Activities that succeeded keep their outputs, as long as those hold nothing secret.

            Example:
              duet rerun my-factory --only load --from-failed
              duet rerun my-factory --only load --from "Copy rows"
            """
    )

    @OptionGroup var options: PipelineOptions
    @OptionGroup var factory: FactoryOptions
    @OptionGroup var engine: EngineOptions

    @Flag(help: "Begin with the activities that did not succeed.")
    var fromFailed = false

    @Option(help: "Begin with this activity.")
    var from: String?

    func validate() throws {
        if fromFailed == (from != nil) { throw ValidationError("give either --from-failed or --from ACTIVITY") }
    }

    func run() throws {
        try FactoryRunning(
            folder: options.pipeline,
            home: options.home,
            parameters: try options.overrides(),
            options: factory,
            engine: engine
        ).run(rerun: FactoryRerun(from: from))
    }
}
