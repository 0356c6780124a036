public import DuetEngine
public import DuetEvents
package import DuetPipeline
public import DuetReport
internal import Foundation

/// Plays a pipeline's scenario in both styles and proves after each step that both ended in the same tables.
public struct Comparison: Sendable {
    /// The pipeline's folder.
    public var folder: String
    /// Values for the pipeline's parameters; `base` is the server's own address.
    public var parameters: [String: String]
    /// The scenario: a name or a file; nil for the pipeline's own.
    public var scenario: String?
    /// What choices by lot follow from; nil for the scenario's own seed.
    public var seed: Int?
    /// Where warehouses and data files are made; emptied at the start.
    public var workFolder: String
    /// How DuckDB may use the machine.
    public var settings: EngineSettings
    /// How many steps of a run may go on at once.
    public var workers: Int
    /// How often the scenario is played from the start.
    public var repetitions: Repetitions
    /// Whether the first step is played once, in both styles, before anything is measured.
    public var warmsUp: Bool
    /// What the procedural style runs.
    public var procedural: ProceduralForm
    /// The `duet` command's own file, which steps of the kind `kill` start and kill; nil where there is none.
    public var command: String?
    /// Stops the comparison.
    public var control: RunControl
    /// Where events go.
    public var sinks: [any EventSink]
    /// Told of each step as it begins, in words.
    public var progress: @Sendable (String) -> Void
    /// The executors; tests put broken ones in their place.
    package var executor: @Sendable (Style, ProceduralForm) -> any PipelineExecutor = { Styles.executor($0, $1) }

    /// A scenario that is played whatever ``scenario`` says.
    package var givenScenario: Scenario?

    /// Creates a comparison.
    public init(
        folder: String,
        parameters: [String: String] = [:],
        scenario: String? = nil,
        seed: Int? = nil,
        workFolder: String,
        settings: EngineSettings = EngineSettings(),
        workers: Int = 2,
        repetitions: Repetitions = .exactly(1),
        warmsUp: Bool = false,
        procedural: ProceduralForm = .derived,
        command: String? = nil,
        control: RunControl = RunControl(),
        sinks: [any EventSink] = [],
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.folder = folder
        self.parameters = parameters
        self.scenario = scenario
        self.seed = seed
        self.workFolder = workFolder
        self.settings = settings
        self.workers = workers
        self.repetitions = repetitions
        self.warmsUp = warmsUp
        self.procedural = procedural
        self.command = command
        self.control = control
        self.sinks = sinks
        self.progress = progress
    }

    /// Runs the comparison.
    ///
    /// - Returns: What was found, differences included; what was found so far, when somebody stops it after a step.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the pipeline is wrong or a run fails that no fault explains.
    public func run() throws -> ComparisonReport {
        let definition = try Pipeline.load(folder: folder, overrides: parameters)
        var scenario = try givenScenario ?? ScenarioLibrary.scenario(scenario, of: definition)
        if let seed { scenario.seed = seed }
        var method = ComparisonMethod()
        method.scenario = scenario.name ?? method.scenario
        method.seed = scenario.seed
        method.procedural = procedural.rawValue
        method.threads = settings.threads
        method.memoryLimit = settings.memoryLimit
        method.workers = workers
        method.hasWarmUp = warmsUp
        method.loadBefore = ResourceMeter.load()
        if warmsUp { try warmUp(scenario, definition) }
        var steps = scenario.steps.map {
            ComparisonReport.Step(name: $0.name, kinds: $0.kinds, isTakenBack: $0.passes)
        }
        var outline: [DatasetOutline] = []
        var lineage: LineageReport?
        let clock = ContinuousClock.now
        var (played, isEnough) = (0, false)
        repeat {
            played += 1
            switch repetitions {
            case .exactly(let count) where count > 1: progress("repetition \(played) of \(count)")
            case .untilNarrow(_, let most, _): progress("repetition \(played) of at most \(most)")
            default: break
            }
            let play = try ComparisonPlay(self, definition, scenario)
            defer { play.end() }
            method.isServed = play.isServed
            do {
                outline = try play.run(repetition: played, into: &steps)
            } catch {
                guard control.isCancelled else { throw error }
                try keepWhole(&steps, played, &method)
                if outline.isEmpty { outline = try play.outline() }
            }
            if method.isInterrupted { break }
            let stop = repetitions.stop(
                after: played,
                seconds: (ContinuousClock.now - clock) / .seconds(1),
                ratios: steps.filter { !$0.declarative.isEmpty }.map { ($0.name, $0.ratio) },
                progress
            )
            method.stop = stop ?? method.stop
            isEnough = stop != nil
            if isEnough { lineage = ColumnTable.report(play.pipeline, home: play.home) }
        } while !isEnough
        var report = ComparisonReport(
            pipeline: definition.name,
            summary: definition.summary,
            date: String(Date().formatted(.iso8601).prefix(10)),
            machine: MachineProbe.machine(),
            repetitions: played,
            datasets: outline,
            steps: steps
        )
        report.method = method
        report.lineage = lineage
        if procedural == .activities, let run = steps.last(where: { !$0.procedural.isEmpty })?.procedural.last {
            report.proceduralLineage = FactoryColumnTable.report(definition, run.steps)
        }
        return report
    }

    /// Keeps of a play that was stopped what both styles have done.
    ///
    /// - Throws: That it was stopped, when there is nothing.
    private func keepWhole(
        _ steps: inout [ComparisonReport.Step],
        _ played: Int,
        _ method: inout ComparisonMethod
    ) throws {
        for index in steps.indices {
            let whole = min(steps[index].procedural.count, steps[index].declarative.count)
            steps[index].procedural = Array(steps[index].procedural.prefix(whole))
            steps[index].declarative = Array(steps[index].declarative.prefix(whole))
        }
        // A step whose tables were not held against each other says nothing.
        let missing = steps.filter { $0.procedural.isEmpty || $0.datasets.isEmpty }.map { "'\($0.name)'" }
        steps.removeAll { $0.procedural.isEmpty || $0.datasets.isEmpty }
        if steps.isEmpty { try control.check() }
        method.isInterrupted = true
        method.stop = "stopped from outside in repetition \(played)"
        if !missing.isEmpty { method.stop += "; not played: \(missing.joined(separator: ", "))" }
    }

    /// Plays the first step in both styles, and forgets it: code and files are then where they will be.
    private func warmUp(_ scenario: Scenario, _ definition: Pipeline) throws {
        progress("warm-up, not measured")
        var first = scenario
        first.steps = Array(scenario.steps.prefix(1))
        var steps = first.steps.map { ComparisonReport.Step(name: $0.name) }
        let play = try ComparisonPlay(self, definition, first)
        defer { play.end() }
        _ = try play.run(repetition: 0, into: &steps)
    }
}

/// The two things the procedural style can run.
public enum ProceduralForm: String, Sendable, Hashable, CaseIterable {
    /// Activities derived from the definition.
    case derived
    /// The hand-written data factory in activities/.
    case activities
}
