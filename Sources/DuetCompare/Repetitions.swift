package import DuetReport

extension Comparison {
    /// How often the scenario is played from the start.
    public enum Repetitions: Sendable, Hashable {
        /// So often.
        case exactly(Int)
        /// Until the interval of every step's ratio is narrower than a part of the ratio, but no more often than so often,
        /// and no play is begun after so many seconds.
        case untilNarrow(Double, most: Int, seconds: Double)

        /// The fewest repetitions of which an interval is believed, see ``Measurement/fewestForInterval``.
        public static let fewest = Measurement.fewestForInterval

        /// Why no more repetitions are made; nil when there are to be more.
        ///
        /// - Parameters:
        ///   - played: How many were made.
        ///   - seconds: How long they took.
        ///   - ratios: The steps that were measured, with the ratio of their times.
        ///   - progress: Told how far the intervals are from narrow.
        /// - Returns: The reason, for the report.
        package func stop(
            after played: Int,
            seconds: Double,
            ratios: [(step: String, ratio: TimeRatio?)],
            _ progress: (String) -> Void = { _ in }
        ) -> String? {
            guard case .untilNarrow(let width, let most, let limit) = self else {
                guard case .exactly(let count) = self, played >= count else { return nil }
                return "as many repetitions as were asked for"
            }
            let wanted = NumberText.percent(width * 100)
            // A ratio without an interval has an endless one.
            let widths = ratios.map { (step: $0.step, width: $0.ratio?.halfWidth ?? .infinity) }
            let widest = widths.max { $0.width < $1.width }
            let isNarrow = widths.allSatisfy { $0.width <= width }
            if isNarrow, played >= Self.fewest { return "every ratio's 95 % interval is within \(wanted) of the ratio" }
            let far = widest.map { "the widest, of '\($0.step)', reaches \(Self.text($0.width)) from its ratio" }
            let unmet =
                "before every interval was within \(wanted) of its ratio; \(far ?? "nothing was measured")"
            if played >= most { return "the limit of \(most) repetitions was reached \(unmet)" }
            if seconds > limit {
                return "the limit of \(NumberText.significant(limit / 60)) minutes was reached \(unmet)"
            }
            if let widest, widest.width.isFinite {
                progress(
                    "the widest interval, of '\(widest.step)', reaches \(Self.text(widest.width)) from its ratio; wanted: "
                        + "\(wanted)"
                )
            }
            return nil
        }

        private static func text(_ width: Double) -> String {
            width.isFinite ? NumberText.percent(width * 100) : "without end"
        }
    }
}
