internal import DuetEngine
internal import DuetEvents
internal import DuetFetch
internal import DuetPipeline
internal import DuetReport
internal import DuetServe
internal import Foundation

/// One play of a scenario on fresh warehouses: the data folder, its server, the definition and both styles.
final class ComparisonPlay {
    let comparison: Comparison
    private let scenario: Scenario
    private let original: Pipeline
    let data: String
    private var definition: String
    private let server: FileServer?
    private let base: String
    private(set) var pipeline: Pipeline
    let home: PipelineHome

    /// Whether the sources come over HTTP; a pattern of files cannot.
    var isServed: Bool { server != nil }

    init(_ comparison: Comparison, _ original: Pipeline, _ scenario: Scenario) throws {
        self.comparison = comparison
        self.scenario = scenario
        self.original = original
        let work = URL(fileURLWithPath: comparison.workFolder).standardizedFileURL.path
        data = "\(work)/data"
        definition = comparison.folder
        home = PipelineHome(pipeline: original.name, root: work)
        try Self.empty(work)
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try Self.layInitialFiles(original, scenario, data)
        if Self.hasPattern(original) {
            server = nil
            base = data
        } else {
            let server = FileServer(root: data)
            self.server = server
            let port = try Blocking.wait(control: comparison.control) { try await server.start() }
            base = "http://127.0.0.1:\(port)"
        }
        pipeline = try Pipeline.load(
            folder: definition,
            overrides: comparison.parameters.merging(["base": base]) { $1 }
        )
    }

    /// Stops the server.
    func end() {
        guard let server else { return }
        do {
            try Blocking.wait(control: RunControl()) { await server.stop() }
        } catch {
            comparison.progress("the server did not stop: \(error)")
        }
    }

    private static func hasPattern(_ pipeline: Pipeline) -> Bool {
        pipeline.sources.contains { source in
            if case .location(let address) = source.origin {
                address.contains("*") || address.contains("?")
            } else {
                false
            }
        }
    }

    /// Without files of the scenario's own first step, the play begins with those that lie where `base` says.
    private static func layInitialFiles(_ pipeline: Pipeline, _ scenario: Scenario, _ data: String) throws {
        guard scenario.steps.first?.writes.isEmpty ?? true, let base = pipeline.parameters["base"],
            !base.contains("://")
        else { return }
        let folder = base.hasPrefix("/") ? base : "\(pipeline.folder)/\(base)"
        let files = FileManager.default
        guard let names = files.enumerator(atPath: folder) else { return }
        for case let name as String in names {
            let (from, to) = ("\(folder)/\(name)", "\(data)/\(name)")
            if try files.attributesOfItem(atPath: from)[.type] as? FileAttributeType == .typeDirectory {
                try files.createDirectory(atPath: to, withIntermediateDirectories: true)
            } else {
                try files.copyItem(atPath: from, toPath: to)
            }
        }
    }

    private static func empty(_ path: String) throws {
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

    // MARK: - Steps

    /// Plays all steps.
    func run(repetition: Int, into steps: inout [ComparisonReport.Step]) throws -> [DatasetOutline] {
        var outline: [DatasetOutline] = []
        for (index, step) in scenario.steps.enumerated() {
            // Whoever runs second finds the operating system's caches warm; taking turns shares that out.
            let isFirstFirst = (index + repetition).isMultiple(of: 2)
            let order: [Style] = isFirstFirst ? [.declarative, .procedural] : [.procedural, .declarative]
            try play(step, number: index + 1, order, &steps[index])
            // A dataset that a step adds stays in the outline when the step is taken back.
            let now = try self.outline()
            let names = Set(now.map(\.name))
            outline = now + outline.filter { !names.contains($0.name) }
        }
        return outline
    }

    /// The graph as it is now.
    func outline() throws -> [DatasetOutline] {
        try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch()).nodes.map(DatasetOutline.init)
    }

    /// Plays one step and adds what came of it to a result.
    func play(
        _ step: ScenarioStep,
        number: Int,
        _ order: [Style],
        _ result: inout ComparisonReport.Step
    ) throws {
        if comparison.procedural == .activities, step.actions.contains(where: { $0.kind.changesDefinition }) {
            result.notes = ["not played: the activities are written by hand, and do not follow the definition"]
            result.kinds += " (not played)"
            return
        }
        let snapshot = step.passes ? try FolderSnapshot(data, in: "\(comparison.workFolder)/kept") : nil
        let definitionBefore = definition
        if step.actions.contains(where: { $0.kind.changesDefinition }) { try copyDefinition(number) }
        let player = ScenarioPlayer(
            try Pipeline.load(folder: definition, overrides: comparison.parameters).inFolder(original.folder),
            folder: data,
            definition: definition,
            seed: scenario.seed
        )
        let played = try player.play(step, number: number)
        result.notes = played.notes
        try load()
        let faulted = try runBoth(step, played, order, &result)
        let areBothDone = faulted.allSatisfy { $0.ending == .held || $0.ending == .missed }
        if areBothDone { merge(try EqualityProof.compare(pipeline, home: home), into: &result) }
        guard step.passes else { return }
        // Taken back: what the folder was, unless only the world around it failed. Data that arrived stay.
        let onlyAround = step.actions.allSatisfy {
            !$0.kind.isFault || [.outage, .slow, .kill, .modelDown].contains($0.kind)
        }
        if let snapshot, !onlyAround || step.isLasting == false { try snapshot.restore() }
        definition = definitionBefore
        try load()
        result.faults = []
        for (style, outcome) in zip(order, faulted) {
            comparison.progress("\(step.name), taken back: \(style.rawValue)")
            let run = try run(style)
            guard run.outcome.isSuccess else { throw DuetErrors(run.outcome.errors) }
            result.faults.append(outcome.recovered(by: run.measures))
        }
        let proof = try EqualityProof.compare(pipeline, home: home)
        for index in result.faults.indices {
            let isProcedural = result.faults[index].style == Style.procedural.rawValue
            result.faults[index].rowsLost = proof.reduce(0) {
                $0 + (isProcedural ? $1.surplus.declarative : $1.surplus.procedural)
            }
            result.faults[index].rowsDoubled = proof.reduce(0) {
                $0 + (isProcedural ? $1.surplus.procedural : $1.surplus.declarative)
            }
        }
        result.faults.sort { $0.style > $1.style }
        merge(proof, into: &result)
    }

    /// A dataset that differed once stays different.
    private func merge(_ proof: [DatasetComparison], into result: inout ComparisonReport.Step) {
        let earlier = Dictionary(result.datasets.map { ($0.name, $0) }) { $1 }
        let names = Set(proof.map(\.name))
        result.datasets =
            proof.map { found in
                if let before = earlier[found.name], !before.isEqual { before } else { found }
            } + result.datasets.filter { !names.contains($0.name) }
    }

    private func load() throws {
        pipeline = try Pipeline.load(
            folder: definition,
            overrides: comparison.parameters.merging(["base": base]) { $1 }
        ).inFolder(original.folder)
        guard definition != comparison.folder else { return }
        // Prompts are read where steps may have changed them.
        for index in pipeline.models.indices {
            pipeline.models[index].prompts = pipeline.models[index].prompts.mapValues { path in
                let copy = "\(definition)/\(path)"
                return !path.hasPrefix("/") && FileManager.default.fileExists(atPath: copy) ? copy : path
            }
        }
    }

    /// Copies the SQL files to a folder beside, where steps may change them; everything else is linked to.
    private func copyDefinition(_ number: Int) throws {
        let files = FileManager.default
        let copy = "\(URL(fileURLWithPath: comparison.workFolder).standardizedFileURL.path)/definition-\(number)"
        try files.createDirectory(atPath: copy, withIntermediateDirectories: true)
        let from = URL(fileURLWithPath: definition).standardizedFileURL.path
        for name in try files.contentsOfDirectory(atPath: from).sorted() where name != "data" && name != ".duet" {
            try files.copyItem(atPath: "\(from)/\(name)", toPath: "\(copy)/\(name)")
        }
        definition = copy
    }

    // MARK: - Runs

    private func runBoth(
        _ step: ScenarioStep,
        _ played: ScenarioPlayer.Played,
        _ order: [Style],
        _ result: inout ComparisonReport.Step
    ) throws -> [FaultedRun] {
        var runs: [FaultedRun] = []
        for style in order {
            comparison.progress("\(step.name): \(style.rawValue)")
            let before = step.passes ? try StateProbe(pipeline, warehouse: home.warehouse(style)) : nil
            set(played)
            let models = pipeline.models
            silence(played.silentModels)
            defer {
                server?.setFaults([])
                pipeline.models = models
            }
            var faulted: FaultedRun
            if let after = played.killedAfter {
                faulted = try killed(style, after: after)
            } else {
                let run = try run(style)
                guard run.outcome.isSuccess || step.passes else { throw DuetErrors(run.outcome.errors) }
                faulted = FaultedRun(style: style, ending: run.outcome.isSuccess ? .held : .failed, run.measures)
                faulted.error = run.outcome.errors.first?.description
            }
            if let before {
                faulted.state = try StateProbe(pipeline, warehouse: home.warehouse(style)).compared(with: before)
            }
            runs.append(faulted)
            if style == .procedural {
                result.procedural.append(faulted.measures)
            } else {
                result.declarative.append(faulted.measures)
            }
        }
        return runs
    }

    /// Lets the server fail as the step says, from now on.
    private func set(_ played: ScenarioPlayer.Played) {
        var rules: [FaultRule] = []
        if let tries = played.failingRequests {
            if let name = played.failingSource, let source = pipeline.source(named: name) {
                for path in paths(of: source) {
                    rules.append(FaultRule(.status(503, retryAfter: nil), path: path, times: tries))
                }
            } else {
                rules.append(FaultRule(.status(503, retryAfter: nil), times: tries))
            }
        }
        if let speed = played.bytesPerSecond {
            let piece = max(1, Int(speed / 20))
            rules.append(FaultRule(.trickle(bytes: piece, every: .milliseconds(50))))
        }
        server?.setFaults(rules)
    }

    /// The source that steps change which name none: the one with the most bytes.
    func largestSource() throws -> String {
        let player = ScenarioPlayer(
            try Pipeline.load(folder: definition, overrides: comparison.parameters).inFolder(original.folder),
            folder: data
        )
        let action = ScenarioAction(.correct, location: SourceLocation(file: "sweep"))
        return try player.sourceFolder(of: action).source.name
    }

    /// Gives models an address of this machine at which nothing can listen.
    private func silence(_ names: [String]?) {
        guard let names else { return }
        for index in pipeline.models.indices where names.contains(pipeline.models[index].name) {
            pipeline.models[index].url = "http://127.0.0.1:1"
        }
    }

    private func paths(of source: Source) -> [String] {
        guard let folder = SourceFolder(source, base: base, root: data) else { return [] }
        let address = source.address
        return Set(folder.files.map { "/\($0)" } + [String(address.dropFirst(base.count))]).sorted()
    }

    private func run(_ style: Style) throws -> (outcome: RunOutcome, measures: RunMeasures) {
        let request = RunRequest(
            pipeline: pipeline,
            home: home,
            settings: comparison.settings,
            workers: comparison.workers,
            // As many tries as by default, but half a minute's wait between two would measure nothing.
            copyPolicy: ProceduralPlan.Policy(retry: 2, retryIntervalInSeconds: 1),
            fetcher: Fetcher(),
            control: comparison.control,
            sinks: comparison.sinks
        )
        let meter = ResourceMeter()
        let outcome = try comparison.executor(style, comparison.procedural).run(request)
        // A run that the user stopped is no fault of the scenario's.
        try comparison.control.check()
        let measures = RunMeasures(seconds: outcome.seconds, events: outcome.events, resources: meter.measured())
        return (outcome, measures)
    }

    private func killed(_ style: Style, after steps: Int) throws -> FaultedRun {
        guard let command = comparison.command else {
            throw DuetError(
                .unsupported,
                "a step of the kind 'kill' needs the built command to start and kill",
                hint: "run the comparison by 'duet compare'"
            )
        }
        var arguments = ["run", definition, "--style", style.rawValue, "--home", comparison.workFolder]
        for (name, value) in comparison.parameters.merging(["base": base], uniquingKeysWith: { $1 }).sorted(by: {
            $0.key < $1.key
        }) { arguments += ["--parameter", "\(name)=\(value)"] }
        arguments += ["--workers", "\(comparison.workers)", "--procedural", comparison.procedural.rawValue]
        if let threads = comparison.settings.threads { arguments += ["--threads", "\(threads)"] }
        if let memory = comparison.settings.memoryLimit { arguments += ["--memory", "\(memory >> 20)"] }
        return try KilledRun(
            command: command,
            arguments: arguments,
            style: style,
            events: home.events(style),
            control: comparison.control
        ).run(after: steps)
    }
}

extension Pipeline {
    /// The same pipeline, whose relative paths start from another folder.
    fileprivate func inFolder(_ folder: String) -> Pipeline {
        var copy = self
        copy.folder = folder
        return copy
    }
}
