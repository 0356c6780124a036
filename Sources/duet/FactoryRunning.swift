import ArgumentParser
import DuetEngine
import DuetEvents
import DuetExpression
import DuetFactory
import DuetFetch
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
}

/// Runs of Azure Data Factory folders, for `duet run` and `duet rerun`.
struct FactoryRunning {
    let folder: String
    let home: String
    let parameters: [String: String]
    let options: FactoryOptions
    let engine: EngineOptions

    func run(rerun: FactoryRerun? = nil) throws {
        let factory = try Factory.load(folder)
        let pipeline = try chosen(factory)
        let standIns = try loadStandIns()
        let blocking = factory.findings.filter { $0.severity == .error && $0.pipeline == pipeline.name }.map(\.error)
        let errors = blocking + StandInCheck.missing(for: pipeline.name, in: factory, standIns)
        if !errors.isEmpty { throw DuetErrors(errors) }
        let place = "\(home)/\(factory.name)"
        let control = RunControl()
        let signals = StopSignals(control)
        defer { withExtendedLifetime(signals) {} }
        let log = "\(place)/activity-runs.jsonl"
        let selection = try selection(pipeline, log: log, rerun)
        let warehouse = try Warehouse(path: "\(place)/procedural.duckdb", settings: engine.settings)
        let environment = FactoryEnvironment(
            warehouse: warehouse,
            standIns: standIns,
            fetcher: Fetcher(),
            workFolder: "\(place)/work"
        )
        let runner = FactoryRunner(
            factory,
            handlers: environment.handlers,
            control: control,
            sinks: [try ActivityRunFile(log), FactoryProgress()],
            workers: max(2, engine.workers)
        )
        let run = try runner.run(
            PipelineRequest(pipeline.name, parameters: values(for: pipeline), selection: selection)
        )
        Console.print(run.explanation)
        if !run.returnValue.isEmpty { Console.print("returns \(ExpressionValue.object(run.returnValue).json)") }
        let seconds = run.end.timeIntervalSince(run.start)
        Console.print("\(run.pipeline) \(run.status.rawValue.lowercased()) in \((seconds * 100).rounded() / 100) s")
        Console.print("activity runs, with input and output: \(log)")
        if let error = run.error { throw error }
    }

    private func chosen(_ factory: Factory) throws -> FactoryPipeline {
        if let only = options.only {
            if let pipeline = factory.pipeline(named: only) { return pipeline }
            throw DuetError(
                .unknownPipeline,
                "'\(folder)' has no pipeline '\(only)'",
                hint: Suggestion.hint(for: only, among: factory.pipelines.map(\.name), noun: "pipelines")
            )
        }
        let called = Set(
            factory.pipelines.flatMap(\.allActivities).compactMap {
                $0.typeProperties["pipeline"].flatMap(FactoryReference.init)?.name.lowercased()
            }
        )
        let free = factory.pipelines.filter { !called.contains($0.name.lowercased()) }
        if free.count == 1, let first = free.first { return first }
        throw DuetError(
            .wrongValue,
            "'\(folder)' has \(factory.pipelines.count) pipelines, and none is said to be the one to run",
            hint: "add --only NAME, with one of: "
                + factory.pipelines.prefix(10).map { "'\($0.name)'" }.joined(separator: ", ")
        )
    }

    private func loadStandIns() throws -> StandIns {
        if let file = options.standIns { return try StandIns.load(file, parameters: parameters) }
        for file in ["\(folder)/stand-ins.yml", "\(folder)/../stand-ins.yml"]
        where FileManager.default.fileExists(atPath: file) {
            return try StandIns.load(file, parameters: parameters)
        }
        return StandIns()
    }

    private func values(for pipeline: FactoryPipeline) -> ExpressionObject {
        var values = ExpressionObject()
        for (name, text) in parameters.sorted(by: { $0.key < $1.key }) {
            // A parameter may be for stand-ins.yml alone.
            guard let parameter = pipeline.parameters.first(where: { $0.name.lowercased() == name.lowercased() }) else {
                continue
            }
            let isNested = ["array", "object"].contains(parameter.type.lowercased())
            if isNested, case .success(let value) = Result(catching: { try ExpressionValue(json: text) }) {
                values[parameter.name] = value
            } else {
                values[parameter.name] = .string(text)
            }
        }
        return values
    }

    private func selection(_ pipeline: FactoryPipeline, log: String, _ rerun: FactoryRerun?) throws -> ActivitySelection
    {
        if let rerun { return try rerun.selection(pipeline, log: log) }
        return try options.until.map { try .until($0, in: pipeline) } ?? ActivitySelection()
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

    func ended(_ run: PipelineRun) {}
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
        return try .from(Set(names), in: pipeline, results: history.results, variables: history.variables)
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
