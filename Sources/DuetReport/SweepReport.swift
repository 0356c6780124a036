internal import DuetPipeline

/// How time grows: with the part of a source that changes, and with the data that are there already.
public struct SweepReport: Sendable, Hashable {
    /// What the points of a line have in common.
    public enum Series: String, Sendable, Hashable, CaseIterable {
        /// More and more rows change, from the same beginning.
        case change
        /// The same number of rows changes, with more and more data there already.
        case size
    }

    /// How rows change.
    public enum Change: String, Sendable, Hashable, CaseIterable {
        /// Old rows all over the source get other values.
        case correct
        /// Rows are added.
        case append

        /// The change in words, as in `rows corrected`.
        var words: String {
            switch self {
            case .correct: "rows corrected"
            case .append: "rows added"
            }
        }
    }

    /// One measured point.
    public struct Point: Sendable, Hashable {
        /// The line it is part of.
        public var series: Series
        /// How rows changed.
        public var change: Change
        /// Percent of the rows that changed, or the size as a multiple of the first.
        public var x: Double
        /// Rows of the largest dataset before the change.
        public var rowsBefore: Int
        /// What was done, in words.
        public var note: String
        /// Seconds of the procedural runs, one for each repetition.
        public var procedural: [Double]
        /// Seconds of the declarative runs, one for each repetition.
        public var declarative: [Double]
        /// Whether all datasets were equal.
        public var isEqual: Bool
        /// Seconds by dataset: both styles.
        public var datasets: [DatasetTime]

        /// Creates a point.
        public init(
            series: Series,
            change: Change,
            x: Double,
            rowsBefore: Int,
            note: String = "",
            procedural: [Double],
            declarative: [Double],
            isEqual: Bool,
            datasets: [DatasetTime]
        ) {
            self.series = series
            self.change = change
            self.x = x
            self.rowsBefore = rowsBefore
            self.note = note
            self.procedural = procedural
            self.declarative = declarative
            self.isEqual = isEqual
            self.datasets = datasets
        }

        /// Both medians: of the whole run or of one dataset; nil where it was not measured.
        func seconds(of dataset: String?) -> (procedural: Double, declarative: Double)? {
            guard let dataset else { return (Statistics.median(procedural), Statistics.median(declarative)) }
            return datasets.first { $0.dataset == dataset }.map { ($0.procedural, $0.declarative) }
        }

        /// The declarative time by the procedural; nil when there is none.
        var ratio: TimeRatio? { TimeRatio(declarative: declarative, procedural: procedural) }
    }

    /// How long one dataset took in both styles: medians.
    public struct DatasetTime: Sendable, Hashable {
        /// The dataset.
        public var dataset: String
        /// Seconds of the procedural step.
        public var procedural: Double
        /// Seconds of the declarative step.
        public var declarative: Double
        /// How the declarative style did it.
        public var strategy: String

        /// Creates a time.
        public init(dataset: String, procedural: Double, declarative: Double, strategy: String) {
            self.dataset = dataset
            self.procedural = procedural
            self.declarative = declarative
            self.strategy = strategy
        }
    }

    /// Where full reprocessing becomes cheaper.
    public struct BreakEven: Sendable, Hashable {
        /// How rows change.
        public var change: Change
        /// The percentage of changed rows from which the procedural style is faster, on the line between the points on
        /// both sides; the smallest change when it is faster from there on, 0 when it is even with nothing changed, nil
        /// when it never is.
        public var percent: Double?
        /// The measured points on both sides; nil when the curves do not cross.
        public var between: ClosedRange<Double>?
        /// How often the two curves cross: with more than once they are too close together to tell.
        public var crossings: Int
        /// The largest percentage that was measured.
        public var most: Double

        /// The break-even for people.
        public var text: String {
            guard let percent else { return "never, up to \(NumberText.percent(most))" }
            guard let between else { return "at once, even with nothing changed" }
            // What a change costs however small it is has no place on a line from no change at all.
            if between.lowerBound == 0, crossings == 1 {
                return "from the smallest change on (measured at \(NumberText.percent(between.upperBound)))"
            }
            let (below, above) = (NumberText.percent(between.lowerBound), NumberText.percent(between.upperBound))
            let range = "measured at \(below.dropLast(2)) and \(above)"
            return crossings > 1
                ? "unclear: the curves cross \(crossings) times, last at about \(NumberText.percent(percent))"
                : "from about \(NumberText.percent(percent)) on (\(range))"
        }
    }

    /// By what factor times grow while the data grow.
    public struct Growth: Sendable, Hashable {
        /// How rows change.
        public var change: Change
        /// The largest size by the smallest.
        public var size: Double
        /// The procedural time at the largest size by that at the smallest.
        public var procedural: Double
        /// The declarative time at the largest size by that at the smallest.
        public var declarative: Double
    }

    /// The source that was changed.
    public var source: String
    /// The points.
    public var points: [Point]
    /// Why no more was measured.
    public var stop = "every point was measured as often as was asked for"
    /// The points that were not measured at all.
    public var leftOut: [String] = []
    /// Whether somebody stopped it from outside.
    public var isInterrupted = false

    /// Creates a report.
    public init(source: String, points: [Point]) {
        self.source = source
        self.points = points
    }

    /// Whether all datasets were equal at every point.
    public var isEqual: Bool { points.allSatisfy(\.isEqual) }

    /// The kinds of change that were measured.
    var changes: [Change] { Change.allCases.filter { change in points.contains { $0.change == change } } }

    /// The points of a line, by their place.
    func line(_ series: Series, _ change: Change) -> [Point] {
        points.filter { $0.series == series && $0.change == change }.sorted { $0.x < $1.x }
    }

    /// Where full reprocessing becomes cheaper.
    ///
    /// - Parameters:
    ///   - change: How rows change.
    ///   - dataset: A dataset; nil for the whole run.
    /// - Returns: The break-even; nil when fewer than two points were measured.
    public func breakEven(_ change: Change, of dataset: String? = nil) -> BreakEven? {
        let differences = line(.change, change).compactMap { point in
            point.seconds(of: dataset).map { (x: point.x, gain: $0.procedural - $0.declarative) }
        }
        guard differences.count > 1, let first = differences.first, let most = differences.last?.x else { return nil }
        let crossings = zip(differences, differences.dropFirst()).count { ($0.gain > 0) != ($1.gain > 0) }
        var found = BreakEven(change: change, crossings: crossings, most: most)
        guard let last = differences.lastIndex(where: { $0.gain > 0 }) else {
            found.percent = first.x
            return found
        }
        guard last + 1 < differences.count else { return found }
        let (below, above) = (differences[last], differences[last + 1])
        found.percent =
            below.x == 0 ? above.x : below.x + (above.x - below.x) * below.gain / (below.gain - above.gain)
        found.between = below.x...above.x
        return found
    }

    /// By what factor times grow from the smallest size to the largest.
    ///
    /// - Parameters:
    ///   - change: How rows change.
    ///   - dataset: A dataset; nil for the whole run.
    /// - Returns: The growth; nil when fewer than two sizes were measured.
    public func growth(_ change: Change, of dataset: String? = nil) -> Growth? {
        let sizes = line(.size, change)
        guard let first = sizes.first, let last = sizes.last, first.x > 0, last.x > first.x,
            let start = first.seconds(of: dataset), let end = last.seconds(of: dataset),
            start.procedural > 0, start.declarative > 0
        else { return nil }
        return Growth(
            change: change,
            size: last.x / first.x,
            procedural: end.procedural / start.procedural,
            declarative: end.declarative / start.declarative
        )
    }

    /// The datasets that were measured, in order.
    public var datasets: [String] {
        var seen: Set<String> = []
        return points.flatMap(\.datasets).map(\.dataset).filter { seen.insert($0).inserted }
    }
}
