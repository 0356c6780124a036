internal import DuetCompare
public import DuetEngine
public import DuetEvents
internal import DuetFetch
public import DuetPipeline
public import DuetReport
internal import DuetServe
internal import Foundation
internal import Synchronization

/// A pipeline with sources that can be changed at will, and both styles to run over them.
///
/// It works on a copy of the pipeline's SQL and on warehouses of its own, so that nothing of the user's is touched. All
/// methods may be called from any thread and block until done; what happens is also told to an event sink.
public final class Playground: Sendable {
    /// One run of one style.
    public struct Run: Sendable {
        /// What it took.
        public var measures: RunMeasures
        /// What went wrong, in words; empty when nothing did.
        public var errors: [String]
        /// Whether it ended as it should.
        public var isSuccess: Bool { errors.isEmpty }
    }

    /// What was done between two changes of the sources: each style's run, and whether they agree.
    public struct Round: Sendable {
        /// What was changed before the runs.
        public var name: String
        /// The runs by style.
        public var runs: [Style: Run] = [:]
        /// Every published dataset held against its namesake; nil until both styles have run.
        public var datasets: [DatasetComparison]?
        /// How many rows of the datasets that read sources changed, in percent of those they have; nil when that is not
        /// known.
        public var changedPercent: Double?
    }

    struct State {
        var pipeline: Pipeline
        var applied = 0
        var rounds: [Round] = []
        var pending: [String] = []
        var busy: String?
        var control: RunControl?
        var port = 0
        /// What is to go wrong in the next run of each style.
        var faults: [Style: ScenarioPlayer.Played] = [:]
        /// How many changes beside the scenario's were made: part of new files' names.
        var changes = 0
    }

    /// The scenario's steps; empty when the pipeline has none.
    public let steps: [ScenarioStep]
    let home: PipelineHome
    let lanes: [Style: Lane]
    let sink: any EventSink
    let state: Mutex<State>
    let original: Pipeline
    let parameters: [String: String]
    let workFolder: String
    let settings: EngineSettings
    let workers: Int
    let server: FileServer
    /// The built command, of which a process is started to be killed; nil when there is none.
    let command: String?
    private let changed: @Sendable () -> Void

    /// Prepares a playground; ``open()`` makes its folder.
    ///
    /// - Parameters:
    ///   - folder: The pipeline's folder.
    ///   - parameters: Values for the pipeline's parameters.
    ///   - workFolder: Where copies, files and warehouses are made; emptied by ``open()``.
    ///   - settings: How DuckDB may use the machine.
    ///   - workers: How many steps of a run may go on at once.
    ///   - command: The built command, to be started and killed; nil when there is none.
    ///   - sink: Where the runs' events go.
    ///   - changed: Told when anything that ``rounds`` and the like show has changed.
    /// - Throws: ``DuetErrors`` when the pipeline is wrong.
    public init(
        folder: String,
        parameters: [String: String] = [:],
        workFolder: String,
        settings: EngineSettings = EngineSettings(),
        workers: Int = 2,
        command: String? = nil,
        sink: any EventSink,
        changed: @escaping @Sendable () -> Void = {}
    ) throws {
        original = try Pipeline.load(folder: folder, overrides: parameters)
        self.parameters = parameters
        self.workFolder = workFolder
        self.settings = settings
        self.workers = workers
        self.command = command
        self.sink = sink
        self.changed = changed
        steps = original.scenario?.steps ?? []
        home = PipelineHome(pipeline: original.name, root: workFolder)
        lanes = Dictionary(uniqueKeysWithValues: Style.allCases.map { ($0, Lane($0.rawValue)) })
        server = FileServer(root: "\(workFolder)/data")
        state = Mutex(State(pipeline: original))
    }

    /// The pipeline as it now is, edits included.
    public var pipeline: Pipeline { state.withLock { $0.pipeline } }
    /// How many of the scenario's steps have been applied.
    public var applied: Int { state.withLock { $0.applied } }
    /// What was done so far.
    public var rounds: [Round] { state.withLock { $0.rounds } }
    /// What is going on, in words; nil when nothing is.
    public var busy: String? { state.withLock { $0.busy } }

    /// The folder with the copy of the pipeline that runs.
    var copyFolder: String { "\(workFolder)/pipeline" }

    /// Empties the folder, copies the pipeline and starts serving its sources.
    ///
    /// - Throws: ``DuetError`` when the folder cannot be made or the server cannot start.
    public func open() throws {
        try clear()
        let port = try Blocking.wait(control: RunControl()) { [server] in try await server.start() }
        try state.withLock { state in
            state.port = port
            state.pipeline = try load(port: port)
        }
    }

    /// Stops serving; a run under way is cancelled.
    public func close() {
        stop()
        do {
            try Blocking.wait(control: RunControl()) { [server] in await server.stop() }
        } catch {
            // Nothing is left to be told of it: the process is about to end.
        }
    }

    /// Goes back to the start: no files, no tables, no edits.
    ///
    /// - Throws: ``DuetError`` when something runs, or the folder cannot be emptied.
    public func reset() throws {
        try exclusively("starting over") {
            for lane in lanes.values { lane.wait {} }
            try clear()
            try state.withLock { state in
                state.applied = 0
                state.rounds = []
                state.pending = []
                state.faults = [:]
                state.pipeline = try load(port: state.port)
            }
        }
    }

    /// Applies the scenario's next steps.
    ///
    /// - Parameter last: The index of the last step to apply, from 0.
    /// - Throws: ``DuetError`` when there is no such step, it has been applied, or a file cannot be written.
    public func apply(through last: Int) throws {
        try exclusively("changing the sources") {
            let first = applied
            guard steps.indices.contains(last), last >= first else {
                throw DuetError(
                    .wrongValue,
                    "step \(last + 1) cannot be applied now",
                    hint: "\(first) of \(steps.count) steps have been applied; start over to apply them again"
                )
            }
            let player = ScenarioPlayer(original, folder: "\(workFolder)/data", definition: copyFolder)
            for (number, step) in zip((first + 1)..., steps[first...last]) {
                let played = try player.play(step, number: number)
                // A step may have changed the copy's definition.
                let changed = played.hasNewDefinition ? try load(port: state.withLock { $0.port }) : nil
                state.withLock { state in
                    if let changed { state.pipeline = changed }
                    state.applied += 1
                    state.pending.append(step.name)
                }
            }
        }
    }

    /// Runs styles one after the other, so that neither slows the other down, and compares when both have run.
    ///
    /// - Parameter styles: The styles, in order.
    /// - Throws: ``DuetError`` when something runs already, or a run could not begin.
    public func run(_ styles: [Style]) throws {
        try exclusively("running") {
            beginRound(for: styles)
            for style in styles { try runOne(style) }
            try compareLast()
        }
    }

    /// Stops the run under way; what it has committed stays.
    public func stop() { state.withLock { $0.control }?.cancel() }

    /// Replaces one of the copy's SQL files.
    ///
    /// - Parameters:
    ///   - file: Its name, as ``files()`` lists it.
    ///   - text: The new text.
    /// - Throws: ``DuetErrors`` when the pipeline would be wrong; then the file stays as it was.
    public func edit(_ file: String, text: String) throws {
        try exclusively("editing") {
            guard try files().contains(file) else {
                throw DuetError(.missingFile, "the pipeline has no file '\(file)'")
            }
            let path = "\(copyFolder)/\(file)"
            let before = try String(contentsOfFile: path, encoding: .utf8)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            do {
                let port = state.withLock { $0.port }
                let pipeline = try load(port: port)
                _ = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
                state.withLock { state in
                    state.pipeline = pipeline
                    state.pending.append("edited \(file)")
                }
            } catch {
                try before.write(toFile: path, atomically: true, encoding: .utf8)
                throw error
            }
        }
    }

    /// The copy's SQL files, relative to the pipeline's folder.
    ///
    /// - Throws: An error when the folder cannot be read.
    public func files() throws -> [String] {
        let folder = "\(copyFolder)/transformations"
        return try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sql") }.sorted()
            .map { "transformations/\($0)" }
    }

    /// The rounds in which both styles ran, as the report of a comparison.
    ///
    /// - Throws: ``DuetErrors`` when the pipeline's queries cannot be read.
    public func report() throws -> ComparisonReport {
        let (pipeline, rounds) = state.withLock { ($0.pipeline, $0.rounds) }
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        return Comparison.report(
            of: pipeline,
            graph: graph,
            steps: rounds.compactMap { round in
                guard let left = round.runs[.procedural], let right = round.runs[.declarative],
                    let datasets = round.datasets
                else { return nil }
                return ComparisonReport.Step(
                    name: round.name,
                    procedural: [left.measures],
                    declarative: [right.measures],
                    datasets: datasets
                )
            }
        )
    }

    // MARK: - Parts

    /// A change of the sources, or a style that runs again, begins a new round; else the last one is completed.
    private func beginRound(for styles: [Style]) {
        state.withLock { state in
            let isGoingOn =
                state.pending.isEmpty && !(state.rounds.last?.runs.keys.contains(where: styles.contains) ?? true)
            guard !isGoingOn else { return }
            let name = state.pending.isEmpty ? "run again" : state.pending.joined(separator: ", ")
            state.rounds.append(Round(name: name))
            state.pending = []
        }
    }

    private func runOne(_ style: Style) throws {
        let control = RunControl()
        var (pipeline, faults) = state.withLock { state in
            state.busy = "the \(style.rawValue) run"
            state.control = control
            return (state.pipeline, state.faults.removeValue(forKey: style))
        }
        changed()
        if let faults {
            begin(faults, &pipeline)
            if let steps = faults.killedAfter {
                let run = try killed(style, after: steps, control)
                state.withLock { state in
                    state.rounds[state.rounds.count - 1].runs[style] = run
                    state.control = nil
                }
                return changed()
            }
        }
        defer { if faults != nil { server.setFaults([]) } }
        let request = RunRequest(
            pipeline: pipeline,
            home: home,
            settings: settings,
            workers: workers,
            // Half a minute's wait between two tries of a transfer would only keep the visitor waiting.
            copyPolicy: ProceduralPlan.Policy(retry: 2, retryIntervalInSeconds: 1),
            fetcher: Fetcher(),
            control: control,
            sinks: [sink]
        )
        let run: Run
        do {
            let outcome = try lane(style).wait { try Styles.executor(style).run(request) }
            run = Run(
                measures: RunMeasures(seconds: outcome.seconds, events: outcome.events),
                errors: outcome.errors.map(\.description)
            )
        } catch let error as DuetErrors {
            run = Run(measures: RunMeasures(seconds: 0, events: []), errors: error.errors.map(\.description))
        } catch let error as DuetError {
            run = Run(measures: RunMeasures(seconds: 0, events: []), errors: [error.description])
        }
        state.withLock { state in
            state.rounds[state.rounds.count - 1].runs[style] = run
            state.control = nil
        }
        changed()
    }

    private func compareLast() throws {
        let (pipeline, round) = state.withLock { ($0.pipeline, $0.rounds.last) }
        guard let round, round.datasets == nil, Style.allCases.allSatisfy({ round.runs[$0]?.isSuccess == true })
        else { return }
        state.withLock { $0.busy = "comparing the tables" }
        changed()
        let datasets = try lane(.procedural).wait {
            try lane(.declarative).wait { try EqualityProof.compare(pipeline, home: home) }
        }
        let percent = try changedPercent(of: round, pipeline)
        state.withLock { state in
            state.rounds[state.rounds.count - 1].datasets = datasets
            state.rounds[state.rounds.count - 1].changedPercent = percent
        }
    }

    func lane(_ style: Style) -> Lane { lanes[style] ?? Lane(style.rawValue) }

    /// One thing at a time: a second wish is refused in words rather than kept waiting.
    func exclusively(_ what: String, _ body: () throws -> Void) throws {
        let other: String? = state.withLock { state in
            guard state.busy == nil else { return state.busy }
            state.busy = what
            return nil
        }
        if let other {
            throw DuetError(.wrongValue, "not now: \(other) is going on", hint: "wait until it has ended, or stop it")
        }
        changed()
        defer {
            state.withLock { $0.busy = nil }
            changed()
        }
        try body()
    }

    private func clear() throws {
        do {
            if FileManager.default.fileExists(atPath: workFolder) {
                try FileManager.default.removeItem(atPath: workFolder)
            }
            try FileManager.default.createDirectory(
                atPath: "\(workFolder)/data",
                withIntermediateDirectories: true
            )
            try FileManager.default.createDirectory(atPath: copyFolder, withIntermediateDirectories: true)
            // What may be edited is copied; the rest, data perhaps among it, is only pointed to.
            for entry in try FileManager.default.contentsOfDirectory(atPath: original.folder) {
                let (from, to) = ("\(original.folder)/\(entry)", "\(copyFolder)/\(entry)")
                if isEditable(entry) {
                    try FileManager.default.copyItem(atPath: from, toPath: to)
                } else {
                    try FileManager.default.createSymbolicLink(atPath: to, withDestinationPath: from)
                }
            }
        } catch {
            throw DuetError(
                .warehouse,
                "cannot make the playground's folder '\(workFolder)'",
                hint: "is another studio running, or is the folder somebody else's? --home names another one",
                cause: error.localizedDescription
            )
        }
    }

    /// The copy's definition, with its sources at this playground's server where a scenario makes them.
    func load(port: Int) throws -> Pipeline {
        var values = original.parameters.merging(parameters) { $1 }
        if !steps.isEmpty { values["base"] = "http://127.0.0.1:\(port)" }
        return try Pipeline.load(folder: copyFolder, overrides: values)
    }
}
