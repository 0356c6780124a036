internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline
public import DuetReport

/// Measures how time grows: with the part of the largest source that changes, and with the data that are there already.
public struct Sweep: Sendable {
    /// The percentages of rows that change, in the order in which they are played.
    public static let percentages = [0, 0.01, 0.1, 1, 5, 10, 25, 50, 100]
    /// The sizes at which the same number of rows changes, as multiples of the first.
    public static let sizes = [1, 2, 4, 8]

    private var comparison: Comparison
    private let progress: @Sendable (String) -> Void

    /// Sweeps with a comparison's folder, settings, repetitions and seed; its scenario's first step is the beginning.
    public init(_ comparison: Comparison, progress: @escaping @Sendable (String) -> Void = { _ in }) {
        self.comparison = comparison
        self.progress = progress
    }

    /// Runs the sweep.
    ///
    /// - Returns: The points, both styles equal at each or said not to be.
    /// - Throws: As ``Comparison/run()``.
    public func run() throws -> SweepReport {
        let definition = try Pipeline.load(folder: comparison.folder, overrides: comparison.parameters)
        let first =
            definition.scenario?.steps.first
            ?? ScenarioStep(name: "initial load", location: SourceLocation(file: "sweep"))
        let location = SourceLocation(file: "sweep")
        var steps = [first]
        for percent in Self.percentages {
            let actions =
                percent == 0
                ? [] : [ScenarioAction(.correct, ["percent": "\(percent)"], location: location)]
            steps.append(ScenarioStep(name: "change \(percent)", actions: actions, location: location))
        }
        // A multiple's growth, and then at each size the same number of rows: one in a thousand of the first size.
        for (index, size) in Self.sizes.enumerated() {
            if index > 0 {
                let percent = (size - Self.sizes[index - 1]) * 100 / Self.sizes[index - 1]
                steps.append(
                    ScenarioStep(
                        name: "grow \(size)",
                        actions: [ScenarioAction(.append, ["percent": "\(percent)"], location: location)],
                        location: location
                    )
                )
            }
            let share = 0.1 / Double(size)
            steps.append(
                ScenarioStep(
                    name: "size \(size)",
                    actions: [ScenarioAction(.correct, ["percent": "\(share)"], location: location)],
                    location: location
                )
            )
        }
        var sweep = comparison
        sweep.givenScenario = Scenario(name: "sweep", seed: comparison.seed ?? 1, steps: steps)
        sweep.progress = { [progress] in progress("sweep, \($0)") }
        let report = try sweep.run()
        return SweepReport(source: source(report), points: points(report))
    }

    /// The source that the steps say they changed.
    private func source(_ report: ComparisonReport) -> String {
        let notes = report.steps.dropFirst().flatMap(\.notes)
        let quoted = notes.compactMap { $0.split(separator: "'").dropFirst().first }
        return quoted.first.map(String.init) ?? ""
    }

    private func points(_ report: ComparisonReport) -> [SweepReport.Point] {
        report.steps.compactMap { step in
            let words = step.name.split(separator: " ")
            guard words.count == 2, ["change", "size"].contains(words[0]), let x = Double(words[1]) else { return nil }
            return SweepReport.Point(
                series: String(words[0]),
                x: x,
                rowsBefore: step.datasets.map(\.rows.procedural).max() ?? 0,
                procedural: Statistics.median(step.procedural.map(\.seconds)),
                declarative: Statistics.median(step.declarative.map(\.seconds)),
                isEqual: step.isEqual,
                datasets: times(step)
            )
        }
    }

    private func times(_ step: ComparisonReport.Step) -> [SweepReport.DatasetTime] {
        step.datasets.compactMap { dataset in
            let seconds = { (runs: [RunMeasures], isMine: (String) -> Bool) -> [Double] in
                runs.compactMap { run in
                    run.steps.last { $0.stepKind == .dataset && isMine($0.step ?? "") }?.measures?.seconds
                }
            }
            let name = dataset.name
            let procedural = seconds(step.procedural) {
                $0.lowercased() == "make \(name.schema)_\(name.table)".lowercased()
            }
            let declarative = seconds(step.declarative) { $0.lowercased() == name.key }
            guard !procedural.isEmpty, !declarative.isEmpty else { return nil }
            let strategy = step.declarative.last?.steps.last { $0.step?.lowercased() == name.key }?.measures?.strategy
            return .init(
                dataset: name.description,
                procedural: Statistics.median(procedural),
                declarative: Statistics.median(declarative),
                strategy: strategy?.rawValue ?? ""
            )
        }
    }
}
