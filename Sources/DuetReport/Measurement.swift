internal import DuetPipeline

/// Repeated measurements in numbers: the median with its interval, and what stands out.
public struct Measurement: Sendable, Hashable {
    /// The values as measured, in order.
    public var values: [Double]
    /// The middle value.
    public var median: Double
    /// The interval that holds the median in 95 of 100 resamples; nil for fewer than three values.
    public var interval: ClosedRange<Double>?
    /// The fewest values of which the interval is one, and not only a spread.
    ///
    /// All of n values lie on one side of the true median with a chance of 2 / 2^n. Of fewer than six not even the interval
    /// from the least to the greatest, beyond which no resample reaches, holds it in 95 of 100 cases.
    public static let fewestForInterval = 6
    /// The places in ``values`` of those that lie more than 1.5 interquartile ranges outside the quartiles.
    public var outliers: [Int]

    /// Measures values.
    ///
    /// The interval is the percentile bootstrap of the median (Efron 1979) with 2,000 resamples from a fixed seed, so that
    /// equal values give equal intervals; outliers are Tukey's (1977), shown and never dropped.
    public init(_ values: [Double]) {
        self.values = values
        median = Statistics.median(values)
        interval =
            values.count < 3 ? nil : Statistics.interval(of: values.count) { Statistics.median($0.map { values[$0] }) }
        outliers = Statistics.outliers(values)
    }

    /// The measurement as JSON.
    var json: JSONValue {
        [
            "values": .array(values.map { .double($0) }), "median": .double(median),
            "low": interval.map { .double($0.lowerBound) } ?? .null,
            "high": interval.map { .double($0.upperBound) } ?? .null,
            "outliers": .array(outliers.map { .integer(Int64($0)) }),
        ]
    }
}

/// How two ways compare in time: declarative by procedural.
public struct TimeRatio: Sendable, Hashable {
    /// The ratio of the medians.
    public var value: Double
    /// The interval of the ratio; nil for fewer than three repetitions.
    public var interval: ClosedRange<Double>?
    /// Whether the interval is too wide for the ratio to mean anything.
    public var isTooNoisy: Bool

    /// The widest interval for which a ratio is given: its upper end by its lower.
    public static let widest = 2.0

    /// Compares two lists of times, of which those at the same place were measured in the same repetition.
    ///
    /// - Returns: Nil when there is nothing to divide by.
    public init?(declarative: [Double], procedural: [Double]) {
        let below = Statistics.median(procedural)
        guard below > 0, !declarative.isEmpty else { return nil }
        value = Statistics.median(declarative) / below
        let count = min(declarative.count, procedural.count)
        guard count >= 3 else {
            interval = nil
            isTooNoisy = false
            return
        }
        // Both lists are resampled together: what disturbed a repetition disturbed both styles in it.
        let interval = Statistics.interval(of: count) {
            let below = Statistics.median($0.map { procedural[$0] })
            return below > 0 ? Statistics.median($0.map { declarative[$0] }) / below : 0
        }
        self.interval = interval
        isTooNoisy = interval.lowerBound <= 0 || interval.upperBound / interval.lowerBound > Self.widest
    }

    /// How far the interval reaches from the ratio, as a part of it: the farther end counts; nil without an interval.
    public var halfWidth: Double? {
        guard let interval, value > 0 else { return nil }
        return max(interval.upperBound - value, value - interval.lowerBound) / value
    }

    /// The ratio for people: a number, or that there is too much noise for one.
    public var text: String { isTooNoisy ? "too noisy" : NumberText.significant(value) }

    /// The ratio as JSON.
    var json: JSONValue {
        [
            "value": isTooNoisy ? .null : .double(value), "too_noisy": .bool(isTooNoisy),
            "low": interval.map { .double($0.lowerBound) } ?? .null,
            "high": interval.map { .double($0.upperBound) } ?? .null,
        ]
    }
}

extension Statistics {
    /// The middle 95 % of a statistic over resamples with replacement.
    static func interval(of count: Int, _ statistic: ([Int]) -> Double) -> ClosedRange<Double> {
        // SplitMix64 (Steele and others 2014) from a fixed seed: a report made again from the same values is the same.
        var state: UInt64 = 0x5EED
        func next() -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ (mixed >> 31)) % UInt64(count))
        }
        let found = (0..<2000).map { _ in statistic((0..<count).map { _ in next() }) }.sorted()
        return found[50]...found[1949]
    }

    /// The places of values beyond 1.5 interquartile ranges from the quartiles; none of fewer than four values.
    static func outliers(_ values: [Double]) -> [Int] {
        guard values.count >= 4 else { return [] }
        let sorted = values.sorted()
        let quartile = { (share: Double) -> Double in
            let place = share * Double(sorted.count - 1)
            let low = Int(place)
            let high = min(low + 1, sorted.count - 1)
            return sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))
        }
        let range = quartile(0.75) - quartile(0.25)
        let allowed = (quartile(0.25) - 1.5 * range)...(quartile(0.75) + 1.5 * range)
        return values.indices.filter { !allowed.contains(values[$0]) }
    }
}
