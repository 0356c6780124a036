internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline
public import DuetReport

/// Measures how time grows: with the part of the largest source that changes, and with the data that are there already.
///
/// Each point begins from the same state: both styles load the data once, and what that leaves is put back before each
/// point. So no point pays for another's changes, and a limit of time costs only the points that are left.
public struct Sweep: Sendable {
    /// The percentages of rows that change, in the order in which they are measured: the ends first, then between.
    public static let percentages = [0, 100, 1, 10, 0.1, 50, 5, 25, 0.01]
    /// The sizes at which the same number of rows changes, as multiples of the first.
    public static let sizes = [1, 2, 4, 8]
    /// How many rows change at each size, in percent of the first size's.
    public static let percentAtSizes = 0.1
    /// How long a sweep may take, in seconds, unless told otherwise.
    public static let limit = 900.0

    private let comparison: Comparison
    private let repetitions: Int
    private let limit: Double
    private let percentages: [Double]
    private let sizes: [Int]
    private let progress: @Sendable (String) -> Void

    /// Sweeps with a comparison's folder, settings and seed; its scenario's first step is the beginning.
    ///
    /// - Parameters:
    ///   - comparison: What to compare, and how.
    ///   - repetitions: How often each point is measured, if the limit leaves time for it.
    ///   - limit: No point begins that would probably end after so many seconds.
    ///   - percentages: The percentages of rows that change, in the order in which they are measured.
    ///   - sizes: The sizes, growing, as multiples of what is there at first.
    ///   - progress: Told of each point.
    public init(
        _ comparison: Comparison,
        repetitions: Int = 3,
        limit: Double = Self.limit,
        percentages: [Double] = Self.percentages,
        sizes: [Int] = Self.sizes,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.comparison = comparison
        self.repetitions = repetitions
        self.limit = limit
        self.percentages = percentages
        self.sizes = sizes
        self.progress = progress
    }

    /// Runs the sweep.
    ///
    /// - Returns: The points, both styles equal at each or said not to be; those that were measured so far when somebody
    ///   stops the comparison.
    /// - Throws: As ``Comparison/run()``.
    public func run() throws -> SweepReport {
        let definition = try Pipeline.load(folder: comparison.folder, overrides: comparison.parameters)
        let location = SourceLocation(file: "sweep")
        let first = definition.scenario?.steps.first ?? ScenarioStep(name: "initial load", location: location)
        let scenario = Scenario(name: "sweep", seed: comparison.seed ?? definition.scenario?.seed ?? 1, steps: [first])
        var quiet = comparison
        quiet.progress = { _ in }
        let play = try ComparisonPlay(quiet, definition, scenario)
        defer { play.end() }
        var walk = SweepWalk(
            play: play,
            control: comparison.control,
            limit: limit,
            progress: progress,
            points: percentages.flatMap { percent in
                SweepReport.Change.allCases.map { SweepPoint(series: .change, change: $0, x: percent) }
            },
            sizes: sizes
        )
        do {
            try walk.load(first)
            try walk.measureChanges()
            try walk.measureSizes(repetitions: repetitions)
            for _ in 1..<max(repetitions, 2) where repetitions > 1 { try walk.measureChanges() }
        } catch {
            guard comparison.control.isCancelled else { throw error }
            walk.isInterrupted = true
        }
        return walk.report(repetitions: repetitions)
    }
}

/// A point that is to be measured.
struct SweepPoint: Hashable {
    var series: SweepReport.Series
    var change: SweepReport.Change
    var x: Double

    /// The point in words.
    var title: String {
        let word = change == .correct ? "corrected" : "added"
        if series == .change, x == 0 { return "nothing changed" }
        return series == .change ? "\(NumberText.percent(x)) of the rows \(word)" : "size × \(Int(x)), rows \(word)"
    }

    /// The step that makes the change.
    ///
    /// - Parameter percent: How many rows, in percent of those that are there.
    /// - Returns: The step.
    func step(percent: Double) -> ScenarioStep {
        let location = SourceLocation(file: "sweep")
        let kind: ScenarioActionKind = change == .correct ? .correct : .append
        let actions = percent > 0 ? [ScenarioAction(kind, ["percent": "\(percent)"], location: location)] : []
        return ScenarioStep(name: title, actions: actions, location: location)
    }
}
