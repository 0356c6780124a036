internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// The way a materialized view is brought up to date, chosen alike by an update and by a plan.
struct WayChoice {
    /// A way to bring a view up to date.
    enum Way {
        /// Change rules.
        case incremental
        /// The query alone.
        case direct
        /// The query and all tables kept for change rules.
        case replace
    }

    var way: Way
    /// Why, in words; nil when nothing had to be chosen.
    var reason: String?
    /// What both ways are expected to cost; nil when that did not decide.
    var cost: CostChoice?
    /// When a way that was slow is tried again; nil when that is not the question.
    var again: String?
    /// The rows of what the rules read and keep, where they were looked up.
    private var keptRows: [String: Int] = [:]

    /// Chooses by the dataset's refresh policy, then by cost.
    ///
    /// - Parameters:
    ///   - dataset: The view.
    ///   - view: Its change rules.
    ///   - unknown: An input whose changes are not kept; nil when all are.
    ///   - changes: The changed rows of each input, by the names the rules use.
    ///   - kinds: Whether they came or went, as far as that is known.
    ///   - rows: The rows of each input.
    ///   - records: What is recorded of the view.
    ///   - connection: A connection to the warehouse.
    /// - Throws: ``DuetError`` when the policy asks for what cannot be done.
    init(
        _ dataset: Dataset,
        _ view: MaintainedView,
        unknown: DatasetName?,
        changes: [String: Int],
        kinds: [String: ChangeKind],
        rows: (DatasetName) -> Int?,
        records: ViewRecords,
        _ connection: Connection
    ) throws {
        if let unknown {
            self.init(.direct, "it reads \(unknown), whose changes are not kept")
            return
        }
        if view.program.readsClock {
            self.init(.direct, "it reads the clock")
            return
        }
        let isCurrent = records.layout == view.layout
        // A union takes its flows' new rows as they are; nothing is cheaper.
        if isCurrent, !dataset.unitedFlows.isEmpty {
            self.init(.incremental, nil)
            return
        }
        switch dataset.refreshPolicy {
        case .full:
            self.init(.direct, "its REFRESH POLICY is FULL")
            return
        case .incrementalStrict where !view.program.isIncremental:
            throw DuetError(
                .unsupported,
                "'\(dataset.name)' has REFRESH POLICY INCREMENTAL STRICT, but cannot be kept incrementally: "
                    + (view.program.issues.first ?? "it has no rule for changes"),
                hint: "change the query, or the policy to INCREMENTAL or AUTO",
                at: dataset.location
            )
        case .incremental, .incrementalStrict:
            self.init(isCurrent ? .incremental : .replace, "its REFRESH POLICY is \(dataset.refreshPolicy.rawValue)")
            return
        case .auto: break
        }
        let inputs = view.deltas.keys.map { (name: $0, rows: rows($0) ?? 0) }
        var kept = Dictionary(inputs.map { ($0.name.key, $0.rows) }) { first, _ in first }
        if view.program.nodes.count == 1 {
            // Looking among all tables for the view's own costs more the more datasets there are.
            kept[view.program.result.name] = rows(dataset.name) ?? 0
        } else {
            kept = try CostRecords(connection: connection)
                .keptRows(of: view.program, dataset.name, inputs: inputs, isCurrent: isCurrent)
        }
        let sizes = UpdateSizes(
            rows: kept,
            changes: changes,
            kinds: kinds,
            fullSeconds: records.fullSeconds,
            incrementalRuns: records.incrementalRuns,
            isStateCurrent: isCurrent
        )
        let choice = CostModel().choice(view.program, sizes)
        let incremental = isCurrent ? Way.incremental : .replace
        if choice.isIncremental || !view.program.isIncremental {
            self.init(choice.isIncremental ? incremental : .direct, choice.reason)
        } else if isCurrent, view.program.nodes.count == 1, choice.fullSeconds <= Self.short,
            changes.values.reduce(0, +) <= Self.fewRows
        {
            self.init(.incremental, "it is so small that both ways take milliseconds, so its changes are taken in")
        } else if let left = Self.updatesUntilTried(choice, CostRecords.kind(of: changes, kinds), records) {
            let text =
                "taking changes in was slow when it was last timed, and is tried again "
                + (left > 0 ? "after \(left) more such update\(left == 1 ? "" : "s")" : "now")
            self.init(left > 0 ? .direct : incremental, "\(choice.reason); \(text)")
            again = text
        } else {
            self.init(.direct, choice.reason)
        }
        cost = choice
        keptRows = kept
    }

    /// The way for changes that are not worth a look, by what earlier looks have found; nil when a look is to be taken.
    ///
    /// The parameters are those of the initializer.
    ///
    /// - Throws: As the initializer.
    static func withoutLook(
        _ dataset: Dataset,
        _ view: MaintainedView,
        changes: [String: Int],
        kinds: [String: ChangeKind],
        rows: (DatasetName) -> Int?,
        records: ViewRecords,
        _ connection: Connection
    ) throws -> Self? {
        // Runs are recorded by what looks had left of the changes, so that one of all these inputs says that all mattered.
        let kind = CostRecords.kind(of: changes, kinds)
        let hasMattered =
            records.fullRuns[kind] != nil || records.incrementalRuns.contains { CostRecords.kind(of: $0) == kind }
        // Choosing counts rows, so it is not done here where there is no look to be spared.
        guard dataset.refreshPolicy == .auto, hasMattered, (records.fullSeconds ?? .infinity) <= CostModel.shortFull,
            kinds.contains(where: { view.program.uses[$0.key]?.look(at: $0.value) != nil })
        else { return nil }
        let choice = try Self(
            dataset,
            view,
            unknown: nil,
            changes: changes,
            kinds: kinds,
            rows: rows,
            records: records,
            connection
        )
        guard choice.way == .direct, let cost = choice.cost, !CostModel().isWorthALook(cost, hasMattered: true) else {
            return nil
        }
        return choice
    }

    /// Seconds below which times tell of statements and chance, not of rows.
    private static let short = 0.005
    /// Changed rows that are taken in about as fast as one.
    private static let fewRows = 1000
    /// The share of the time of full computations that trying the other way again may take.
    private static let triedShare = 0.1
    /// The least number of full computations between two such tries.
    private static let leastRuns = 10

    /// After how many more updates by full computation taking changes in is timed anew.
    ///
    /// A single slow update, on a busy machine or with cold files, must not rule the other way out for good. It is tried
    /// again when so many full computations have gone by that trying it costs a tenth of them, if it is still as slow.
    ///
    /// - Returns: The updates; nil when taking changes of these inputs in was never timed.
    private static func updatesUntilTried(
        _ choice: CostChoice,
        _ kind: String,
        _ records: ViewRecords
    ) -> Int? {
        guard records.incrementalRuns.contains(where: { CostRecords.kind(of: $0) == kind }),
            choice.fullSeconds > 0
        else { return nil }
        let share = choice.incrementalSeconds / choice.fullSeconds / triedShare
        guard share < 1e6 else { return nil }
        return max(0, max(leastRuns, Int(share.rounded(.up))) - (records.fullRuns[kind] ?? 0))
    }

    /// How many rows a table kept for the view has; nil where that was not looked up.
    ///
    /// - Parameters:
    ///   - node: One of the view's nodes.
    ///   - view: The view's change rules.
    ///   - rows: The view's own rows.
    /// - Returns: The rows, about.
    func stateRows(of node: NodeProgram, _ view: MaintainedView, rows: Int?) -> Int? {
        keptRows[node.name] ?? (node.name == view.program.result.name ? rows : nil)
    }

    /// What is said of inputs whose changes do not concern a view; nil when there are none.
    static func passingOver(_ inputs: [String]) -> String? {
        inputs.isEmpty ? nil : "what has changed in \(inputs.joined(separator: ", ")) makes no difference here"
    }

    /// A way that nothing had to be weighed for.
    init(_ way: Way, _ reason: String?) {
        self.way = way
        self.reason = reason
    }
}
