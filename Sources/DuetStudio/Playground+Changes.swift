internal import DuetCompare
internal import DuetEngine
internal import DuetEvents
public import DuetPipeline
internal import DuetReport
internal import DuetServe
internal import Foundation
internal import Synchronization

/// Changes beside the scenario's own steps: everything that the generator can do, at the press of a button.
extension Playground {
    /// Makes one change of the sources or the definition, or lets something go wrong in each style's next run.
    ///
    /// - Parameters:
    ///   - kind: What to do.
    ///   - options: Its options, as in a scenario; what is not given takes the kind's default.
    /// - Throws: ``DuetError`` when there is nothing of the kind to change.
    public func change(_ kind: ScenarioActionKind, _ options: [String: String] = [:]) throws {
        try exclusively("changing the sources") {
            guard !steps.isEmpty || kind.changesDefinition else {
                throw DuetError(
                    .unsupported,
                    "this pipeline has no scenario: its sources are what they are",
                    hint: "changes of queries can be made; for the others give pipeline.yml a 'scenario'"
                )
            }
            guard steps.isEmpty || applied > 0 else {
                throw DuetError(
                    .wrongValue,
                    "there is nothing to change yet",
                    hint: "apply '\(steps[0].name)' first, which lays the sources down"
                )
            }
            let known = Set(kind.options.map(\.name))
            if let wrong = options.keys.sorted().first(where: { !known.contains($0) }) {
                throw DuetError(
                    .wrongValue,
                    "'\(kind.rawValue)' has no option '\(wrong)'",
                    hint: Suggestion.hint(for: wrong, among: known.sorted(), noun: "options")
                )
            }
            let place = SourceLocation(file: "studio")
            let name = kind.rawValue.replacingOccurrences(of: "_", with: " ")
            let step = ScenarioStep(
                name: name,
                actions: [ScenarioAction(kind, options, location: place)],
                location: place
            )
            let (number, base) = state.withLock { state in
                state.changes += 1
                // Numbers far from the scenario's own, so that no new file has the name of one of its.
                return (1000 + state.changes, state.pipeline)
            }
            // The folder's files are what the parameter 'base' of the original stands for.
            var source = original
            source.models = base.models
            let played = try ScenarioPlayer(source, folder: "\(workFolder)/data", definition: copyFolder)
                .play(step, number: number)
            let pipeline = played.hasNewDefinition ? try load(port: state.withLock { $0.port }) : nil
            let note = played.notes.first.map { "\(name) (\($0))" } ?? name
            state.withLock { state in
                if let pipeline { state.pipeline = pipeline }
                if kind.isFault, played.isFault { for style in Style.allCases { state.faults[style] = played } }
                state.pending.append(note)
            }
        }
    }

    /// Whether an entry of the pipeline's folder is copied, since a change may be made in it; the rest is pointed to.
    func isEditable(_ entry: String) -> Bool {
        let prompts = original.models.flatMap(\.prompts.values).compactMap {
            $0.split(separator: "/").first.map(String.init)
        }
        return entry == "transformations" || prompts.contains(entry)
            || ["yml", "yaml"].contains(URL(fileURLWithPath: entry).pathExtension)
    }

    /// Lets the server and the models fail as a change says, from now on.
    func begin(_ played: ScenarioPlayer.Played, _ pipeline: inout Pipeline) {
        var rules: [FaultRule] = []
        if let tries = played.failingRequests { rules.append(FaultRule(.status(503, retryAfter: nil), times: tries)) }
        if let speed = played.bytesPerSecond {
            rules.append(FaultRule(.trickle(bytes: max(1, Int(speed / 20)), every: .milliseconds(50))))
        }
        server.setFaults(rules)
        for name in played.silentModels ?? [] {
            for index in pipeline.models.indices where pipeline.models[index].name == name {
                pipeline.models[index].url = "http://127.0.0.1:1"
            }
        }
    }

    /// A run in a process of its own, ended by kill -9; what it had committed stays.
    func killed(_ style: Style, after steps: Int, _ control: RunControl) throws -> Run {
        guard let command else {
            throw DuetError(
                .unsupported,
                "a kill needs the built command to start and kill",
                hint: "start the page by 'duet serve'"
            )
        }
        var values = parameters
        if !self.steps.isEmpty { values["base"] = "http://127.0.0.1:\(state.withLock { $0.port })" }
        var arguments = ["run", copyFolder, "--style", style.rawValue, "--home", workFolder]
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            arguments += ["--parameter", "\(name)=\(value)"]
        }
        let run = try lane(style).wait {
            try KilledRun(
                command: command,
                arguments: arguments,
                style: style,
                events: home.events(style),
                control: control
            ).run(after: steps)
        }
        for event in run.measures.events { sink.record(event) }
        let ended = run.ending == .killed
        return Run(
            measures: run.measures,
            errors: ended ? ["killed after \(steps) steps; run again to see what each style does anew"] : []
        )
    }

    /// How many rows of the datasets that read sources a round changed, in percent of those they have.
    func changedPercent(of round: Round, _ pipeline: Pipeline) throws -> Double? {
        guard let run = round.runs[.declarative] else { return nil }
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        let names = Set(graph.nodes.filter { !$0.sources.isEmpty }.map(\.dataset.name.description))
        var changed = 0
        var total = 0
        for step in run.measures.steps where step.step.map(names.contains) == true {
            guard let measures = step.measures else { continue }
            changed += max(measures.rowsInserted, measures.rowsDeleted)
            total += measures.rowsTotal ?? 0
        }
        return total > 0 ? min(100, 100 * Double(changed) / Double(total)) : nil
    }
}

extension ScenarioPlayer.Played {
    /// Whether something is to go wrong while the styles run.
    fileprivate var isFault: Bool {
        failingRequests != nil || bytesPerSecond != nil || killedAfter != nil || silentModels != nil
    }
}
