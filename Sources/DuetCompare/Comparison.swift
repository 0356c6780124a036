internal import DuckKit
internal import DuetDeclarative
public import DuetEngine
public import DuetEvents
internal import DuetFetch
internal import DuetPipeline
internal import DuetProcedural
public import DuetReport
internal import DuetServe
internal import Foundation

/// Plays a pipeline's scenario in both styles and proves after each step that both ended in the same tables.
public struct Comparison: Sendable {
    /// The pipeline's folder.
    public var folder: String
    /// Values for the pipeline's parameters; `base` is the server's own address.
    public var parameters: [String: String]
    /// Where warehouses and data files are made; emptied at the start.
    public var workFolder: String
    /// How DuckDB may use the machine.
    public var settings: EngineSettings
    /// How many steps of a run may go on at once.
    public var workers: Int
    /// How often the scenario is played from the start.
    public var repetitions: Int
    /// What the procedural style runs.
    public var procedural: ProceduralForm
    /// Stops the comparison.
    public var control: RunControl
    /// Where events go.
    public var sinks: [any EventSink]
    /// Told of each step as it begins, in words.
    public var progress: @Sendable (String) -> Void

    /// Creates a comparison.
    public init(
        folder: String,
        parameters: [String: String] = [:],
        workFolder: String,
        settings: EngineSettings = EngineSettings(),
        workers: Int = 2,
        repetitions: Int = 1,
        procedural: ProceduralForm = .derived,
        control: RunControl = RunControl(),
        sinks: [any EventSink] = [],
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.folder = folder
        self.parameters = parameters
        self.workFolder = workFolder
        self.settings = settings
        self.workers = workers
        self.repetitions = repetitions
        self.procedural = procedural
        self.control = control
        self.sinks = sinks
        self.progress = progress
    }

    /// Runs the comparison.
    ///
    /// - Returns: What was found, differences included.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the pipeline is wrong or a run fails.
    public func run() throws -> ComparisonReport {
        let definition = try Pipeline.load(folder: folder, overrides: parameters)
        let scenario = try ScenarioPlayer.scenario(of: definition)
        var steps = scenario.steps.map { ComparisonReport.Step(name: $0.name) }
        var outline: [DatasetOutline] = []
        for repetition in 1...max(1, repetitions) {
            if repetitions > 1 { progress("repetition \(repetition) of \(repetitions)") }
            outline = try play(scenario, definition, repetition: repetition, into: &steps)
        }
        return ComparisonReport(
            pipeline: definition.name,
            summary: definition.summary,
            date: String(Date().formatted(.iso8601).prefix(10)),
            machine: MachineProbe.machine(),
            repetitions: max(1, repetitions),
            datasets: outline,
            steps: steps
        )
    }

    /// Plays the scenario once on fresh warehouses.
    private func play(
        _ scenario: Scenario,
        _ definition: Pipeline,
        repetition: Int,
        into steps: inout [ComparisonReport.Step]
    ) throws -> [DatasetOutline] {
        let data = "\(workFolder)/data"
        try empty(workFolder)
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        let server = FileServer(root: data)
        let port = try Blocking.wait(control: control) { try await server.start() }
        defer {
            do {
                try Blocking.wait(control: RunControl()) { await server.stop() }
            } catch {
                progress("the server did not stop: \(error)")
            }
        }
        let player = ScenarioPlayer(definition, folder: data)
        let pipeline = try Pipeline.load(
            folder: folder,
            overrides: parameters.merging(["base": "http://127.0.0.1:\(port)"]) { $1 }
        )
        let home = PipelineHome(pipeline: pipeline.name, root: workFolder)
        let request = RunRequest(
            pipeline: pipeline,
            home: home,
            settings: settings,
            workers: workers,
            fetcher: Fetcher(),
            control: control,
            sinks: sinks
        )
        for (index, step) in scenario.steps.enumerated() {
            try player.play(step)
            // Whoever runs second finds the operating system's caches warm; taking turns shares that out.
            let isFirstFirst = (index + repetition).isMultiple(of: 2)
            for style in isFirstFirst ? [Style.declarative, .procedural] : [.procedural, .declarative] {
                progress("\(step.name): \(style.rawValue)")
                let measures = try run(style, request)
                if style == .procedural {
                    steps[index].procedural.append(measures)
                } else {
                    steps[index].declarative.append(measures)
                }
            }
            steps[index].datasets = merge(steps[index].datasets, try EqualityProof.compare(pipeline, home: home))
        }
        let connection = try Warehouse.scratch()
        return try QueryAnalysis.graph(of: pipeline, connection: connection).nodes.map(DatasetOutline.init)
    }

    private func run(_ style: Style, _ request: RunRequest) throws -> RunMeasures {
        let outcome = try Styles.executor(style, procedural).run(request)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
        return RunMeasures(seconds: outcome.seconds, events: outcome.events)
    }

    /// A dataset that differed in any repetition stays different.
    private func merge(_ before: [DatasetComparison], _ now: [DatasetComparison]) -> [DatasetComparison] {
        guard !before.isEmpty else { return now }
        return zip(before, now).map { $0.isEqual ? $1 : $0 }
    }

    private func empty(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw DuetError(
                .warehouse,
                "cannot empty the comparison's folder '\(path)'",
                hint: "is another comparison running, or is the folder somebody else's?",
                cause: error.localizedDescription
            )
        }
    }
}

/// The two things the procedural style can run.
public enum ProceduralForm: String, Sendable, Hashable, CaseIterable {
    /// Activities derived from the definition.
    case derived
    /// The hand-written data factory in activities/.
    case activities
}

/// The executors by style.
public enum Styles {
    /// The executor of a style.
    public static func executor(_ style: Style, _ form: ProceduralForm = .derived) -> any PipelineExecutor {
        switch style {
        case .procedural where form == .activities: ActivitiesExecutor()
        case .procedural: ProceduralExecutor()
        case .declarative: DeclarativeExecutor()
        }
    }
}
