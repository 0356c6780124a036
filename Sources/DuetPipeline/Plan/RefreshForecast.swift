/// What an update is expected to do to one dataset, and why; the same words stand in the event log afterwards.
public struct RefreshForecast: Sendable, Hashable {
    /// The way a dataset is brought up to date.
    public enum Strategy: String, Sendable, Hashable, Codable {
        /// Nothing is done.
        case nothing
        /// New rows are added, none is touched.
        case append
        /// The changes of the inputs are turned into changes of the dataset.
        case incremental
        /// The query runs over everything.
        case full
    }

    /// The rule for one block of a query: a piece that is kept up to date by itself.
    public struct Block: Sendable, Hashable {
        /// The table that keeps the block's rows: the dataset, or a hidden one beside it.
        public var name: String
        /// The rule's name.
        public var rule: String
        /// How the rule works on a change.
        public var strategy: String
        /// Why this rule, or why no cheaper one.
        public var reason: String

        /// Creates a block.
        public init(name: String, rule: String, strategy: String, reason: String) {
            self.name = name
            self.rule = rule
            self.strategy = strategy
            self.reason = reason
        }

        /// The block for machines.
        public var json: JSONValue {
            [
                "name": .string(name), "rule": .string(rule), "strategy": .string(strategy), "reason": .string(reason),
            ]
        }
    }

    /// The way that is expected.
    public var strategy: Strategy
    /// Why this way, in words.
    public var why: String
    /// Why nothing cheaper is done; nil when nothing is cheaper.
    public var whyNotCheaper: String?
    /// The rows that will be read, as far as it is known before.
    public var rowsToRead: Int?
    /// The changed rows of each input that wait to be taken over, where they are known.
    public var changes: [String: Int] = [:]
    /// The number of changed rows from which computing everything is cheaper; nil when there is none or nobody knows.
    public var flipsAt: Int?
    /// The rules by which changes are taken over, now or later.
    public var blocks: [Block] = []
    /// Why a block cannot be kept up to date from changes; empty when all can.
    public var issues: [String] = []
    /// Bytes of the change log and of hidden tables that are kept for this dataset; nil when it was not looked at.
    public var keptBytes: Int?
    /// The statements by which the change is computed.
    public var statements: [String] = []

    /// Creates a forecast.
    public init(_ strategy: Strategy, why: String, whyNotCheaper: String? = nil) {
        self.strategy = strategy
        self.why = why
        self.whyNotCheaper = whyNotCheaper
    }

    /// The forecast for machines; what is not known is left out.
    public var json: JSONObject {
        var object: JSONObject = ["strategy": .string(strategy.rawValue), "why": .string(why)]
        object["why_not_cheaper"] = whyNotCheaper.map { .string($0) }
        object["rows_to_read"] = rowsToRead.map { .integer(Int64($0)) }
        if !changes.isEmpty {
            let sorted = changes.sorted { $0.key < $1.key }
            object["changed_rows"] = .object(JSONObject(sorted.map { ($0.key, .integer(Int64($0.value))) }))
        }
        object["full_from_changed_rows"] = flipsAt.map { .integer(Int64($0)) }
        if !blocks.isEmpty { object["blocks"] = .array(blocks.map(\.json)) }
        if !issues.isEmpty { object["issues"] = .array(issues.map { .string($0) }) }
        object["kept_bytes"] = keptBytes.map { .integer(Int64($0)) }
        if !statements.isEmpty { object["statements"] = .array(statements.map { .string($0) }) }
        return object
    }
}
