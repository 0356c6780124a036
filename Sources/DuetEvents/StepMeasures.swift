public import DuetPipeline

/// What a step took and gave.
public struct StepMeasures: Sendable, Hashable {
    /// How a dataset was brought up to date.
    public enum Strategy: String, Sendable, Hashable, Codable {
        /// Nothing had changed.
        case nothing
        /// New rows were added, none touched.
        case append
        /// The changes of the inputs were turned into changes of the dataset.
        case incremental
        /// The query ran over everything.
        case full
    }

    /// Rows passed and failed for one expectation.
    public struct ExpectationCount: Sendable, Hashable {
        /// The constraint's name.
        public var name: String
        /// What a violation leads to.
        public var action: Expectation.Action
        /// Rows for which the condition is true.
        public var passed: Int
        /// Rows for which it is false or NULL.
        public var failed: Int
        /// Of all rows the dataset has now, those for which the condition is true; nil when that was not counted.
        public var totalPassed: Int?
        /// Of all rows the dataset has now, those for which it is false or NULL.
        public var totalFailed: Int?

        /// Creates a count.
        public init(
            name: String,
            action: Expectation.Action,
            passed: Int,
            failed: Int,
            totalPassed: Int? = nil,
            totalFailed: Int? = nil
        ) {
            self.totalPassed = totalPassed
            self.totalFailed = totalFailed
            self.name = name
            self.action = action
            self.passed = passed
            self.failed = failed
        }
    }

    /// From the step's start to its end, in seconds.
    public var seconds: Double = 0
    /// From the run's start to the step's, in seconds: where its bar begins in a Gantt chart.
    public var startedAt: Double = 0
    /// How a dataset was refreshed.
    public var strategy: Strategy?
    /// Why in this way, in words.
    public var reason: String?
    /// The rule by which a change was computed.
    public var rule: String?
    /// Bytes kept beside datasets for later updates, by the dataset's name.
    public var kept: [String: Int] = [:]
    /// Why nothing cheaper was done; nil when nothing is cheaper.
    public var whyNotCheaper: String?
    /// The number of changed rows from which the other way is cheaper; nil when there is none or nobody knows.
    public var flipsAt: Int?
    /// The rule of each block of the query.
    public var blocks: [RefreshForecast.Block] = []
    /// Rows of the inputs that were read as changes; nil when the inputs were read whole.
    public var rowsRead: Int?
    /// Rows the dataset has afterwards.
    public var rowsTotal: Int?
    /// Rows added.
    public var rowsInserted: Int = 0
    /// Rows taken away.
    public var rowsDeleted: Int = 0
    /// Rows that came and were kept out by a rule.
    public var rowsDropped: Int = 0
    /// Bytes that came over the network.
    public var bytesTransferred: Int = 0
    /// Requests made, conditional ones that brought nothing included.
    public var requests: Int = 0
    /// Files that are there now.
    public var filesTotal: Int = 0
    /// Files that were new or changed.
    public var filesChanged: Int = 0
    /// What a source's transfers took and spared, one by one.
    public var transfers = TransferMeasures()
    /// Tries, the last one included.
    public var attempts: Int = 1
    /// What tells one definition of a dataset from another.
    public var definition: String?
    /// The version of the dataset's rows that the step left; it rises when they change (declarative style).
    public var version: Int?
    /// Processor time of the whole process so far, in seconds; told at a run's end.
    public var cpuSeconds: Double?
    /// The most memory the process has had, in bytes; told at a run's end.
    public var peakMemory: Int?
    /// The rules the rows were held to.
    public var expectations: [ExpectationCount] = []
    /// What models took and gave; nil for steps that call none.
    public var inference: InferenceMeasures?
    /// The statements that did the work.
    public var statements: [String] = []
    /// How long those of the ``statements`` took that were timed, in seconds, by their place in the list.
    public var statementSeconds: [Int: Double] = [:]

    /// What an activity of a data factory read and wrote; nil for all other steps.
    public var movement: Movement?

    /// DuckDB's profile of the slowest statement, where it was asked for.
    public var profile: String?

    /// Creates measures with nothing measured.
    public init() {}

    /// Runs a statement, and notes it with its time; also when it fails.
    public mutating func time(_ statement: String, _ body: () throws -> Void) rethrows {
        let start = ContinuousClock.now
        statements.append(statement)
        let place = statements.count - 1
        defer { statementSeconds[place] = (ContinuousClock.now - start) / .seconds(1) }
        try body()
    }

    /// The measures that apply, as a JSON object; zeros and absent values are left out.
    public var json: JSONValue {
        var object: JSONObject = ["seconds": .double(seconds), "started_at": .double(startedAt)]
        object["strategy"] = strategy.map { .string($0.rawValue) }
        object["rule"] = rule.map { .string($0) }
        object["reason"] = reason.map { .string($0) }
        object["why_not_cheaper"] = whyNotCheaper.map { .string($0) }
        object["full_from_changed_rows"] = flipsAt.map { .integer(Int64($0)) }
        if !blocks.isEmpty { object["blocks"] = .array(blocks.map(\.json)) }
        if !kept.isEmpty {
            let sorted = kept.sorted { $0.key < $1.key }
            object["kept_bytes"] = .object(JSONObject(sorted.map { ($0.key, .integer(Int64($0.value))) }))
        }
        object["definition"] = definition.map { .string($0) }
        object["version"] = version.map { .integer(Int64($0)) }
        object["cpu_seconds"] = cpuSeconds.map { .double($0) }
        object["peak_memory"] = peakMemory.map { .integer(Int64($0)) }
        object["rows_read"] = rowsRead.map { .integer(Int64($0)) }
        object["rows_total"] = rowsTotal.map { .integer(Int64($0)) }
        let counts = [
            ("rows_inserted", rowsInserted), ("rows_deleted", rowsDeleted),
            ("rows_dropped", rowsDropped), ("bytes_transferred", bytesTransferred),
            ("requests", requests), ("files_total", filesTotal), ("files_changed", filesChanged),
        ]
        for (name, count) in counts where count != 0 { object[name] = .integer(Int64(count)) }
        if !transfers.isEmpty { object["transfers"] = transfers.json }
        if attempts > 1 { object["attempts"] = .integer(Int64(attempts)) }
        if !expectations.isEmpty {
            object["expectations"] = .array(
                expectations.map { count in
                    var object: JSONObject = [
                        "name": .string(count.name), "action": .string(count.action.rawValue),
                        "passed": .integer(Int64(count.passed)), "failed": .integer(Int64(count.failed)),
                    ]
                    object["total_passed"] = count.totalPassed.map { .integer(Int64($0)) }
                    object["total_failed"] = count.totalFailed.map { .integer(Int64($0)) }
                    return .object(object)
                }
            )
        }
        object["inference"] = inference?.json
        if !statements.isEmpty { object["statements"] = .array(statements.map { .string($0) }) }
        if !statementSeconds.isEmpty {
            object["statement_seconds"] = .array(
                statements.indices.map { statementSeconds[$0].map { .double($0) } ?? .null }
            )
        }
        object["movement"] = movement?.json
        object["profile"] = profile.map { .string($0) }
        return .object(object)
    }
}
