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
    /// The rows of what the rules read and keep, where they were looked up.
    private var keptRows: [String: Int] = [:]

    /// Chooses by the dataset's refresh policy, then by cost.
    ///
    /// - Parameters:
    ///   - dataset: The view.
    ///   - view: Its change rules.
    ///   - unknown: An input whose changes are not kept; nil when all are.
    ///   - changes: The changed rows of each input, by the names the rules use.
    ///   - rows: The rows of each input.
    ///   - records: What is recorded of the view.
    ///   - connection: A connection to the warehouse.
    /// - Throws: ``DuetError`` when the policy asks for what cannot be done.
    init(
        _ dataset: Dataset,
        _ view: MaintainedView,
        unknown: DatasetName?,
        changes: [String: Int],
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
                .keptRows(of: view.program, dataset.name, inputs: inputs)
        }
        let sizes = UpdateSizes(
            rows: kept,
            changes: changes,
            fullSeconds: records.fullSeconds,
            incrementalRuns: records.incrementalRuns,
            isStateCurrent: isCurrent
        )
        let choice = CostModel().choice(view.program, sizes)
        self.init(choice.isIncremental ? (isCurrent ? .incremental : .replace) : .direct, choice.reason)
        cost = choice
        keptRows = kept
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

    /// A way that nothing had to be weighed for.
    init(_ way: Way, _ reason: String?) {
        self.way = way
        self.reason = reason
    }
}
