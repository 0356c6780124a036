public import DuetPipeline

/// What the models that a step called took and gave.
public struct InferenceMeasures: Sendable, Hashable {
    /// Rows for which an answer was wanted, equal inputs counted as often as they came.
    public var rows: Int = 0
    /// Inputs that a model was given: what has to be paid for.
    public var calls: Int = 0
    /// Rows that were answered from the result store, or by an equal input of the same run.
    public var cacheHits: Int = 0
    /// Tokens that went into the models, prompts included.
    public var tokensIn: Int = 0
    /// Tokens that the models wrote.
    public var tokensOut: Int = 0
    /// The time during which at least one of the step's calls was under way, in seconds.
    public var seconds: Double = 0
    /// What the calls cost by the prices that the pipeline declares, in their currency.
    public var cost: Double = 0
    /// Calls that were made again after a failure that may pass.
    public var retries: Int = 0
    /// Inputs that have no answer; their rows are quarantined.
    public var failed: Int = 0

    /// Creates measures of nothing.
    public init() {}

    /// Whether nothing was asked.
    public var isEmpty: Bool { rows == 0 && calls == 0 }

    /// Adds another step's measures.
    public static func += (total: inout Self, other: Self) {
        total.rows += other.rows
        total.calls += other.calls
        total.cacheHits += other.cacheHits
        total.tokensIn += other.tokensIn
        total.tokensOut += other.tokensOut
        total.seconds += other.seconds
        total.cost += other.cost
        total.retries += other.retries
        total.failed += other.failed
    }

    /// The measures as a JSON object.
    public var json: JSONValue {
        [
            "rows": .integer(Int64(rows)), "calls": .integer(Int64(calls)),
            "cache_hits": .integer(Int64(cacheHits)), "tokens_in": .integer(Int64(tokensIn)),
            "tokens_out": .integer(Int64(tokensOut)), "seconds": .double(seconds), "cost": .double(cost),
            "retries": .integer(Int64(retries)), "failed": .integer(Int64(failed)),
        ]
    }
}
