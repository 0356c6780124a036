/// What was measured before an update: how many rows there are and how many changed.
public struct UpdateSizes: Hashable, Sendable {
    /// Rows of each input and kept node, by the names under which changes are announced.
    public var rows: [String: Int]
    /// Rows of each change, by the same names; nodes need not be listed.
    public var changes: [String: Int]
    /// Whether rows came or went, by the same names, as far as that is known.
    public var kinds: [String: ChangeKind]
    /// Seconds the view last took to compute in full; nil if it was not measured.
    public var fullSeconds: Double?
    /// Seconds earlier incremental updates took, with the rows of the changes they took in; the latest last.
    public var incrementalRuns: [Run]
    /// Whether the kept rows are up to date; if not, an incremental update must first compute all of them in full.
    public var isStateCurrent: Bool

    /// An earlier incremental update.
    public struct Run: Hashable, Sendable {
        /// Rows of the changes that were taken in, by input; only runs of the same changed inputs are compared.
        public var changes: [String: Int]
        /// Whether rows came or went, by input, as far as that is known.
        public var kinds: [String: ChangeKind]
        /// How long it took.
        public var seconds: Double

        /// Creates a record of a run.
        public init(changes: [String: Int], kinds: [String: ChangeKind] = [:], seconds: Double) {
            self.changes = changes
            self.kinds = kinds
            self.seconds = seconds
        }
    }

    /// Creates a record of sizes.
    public init(
        rows: [String: Int],
        changes: [String: Int],
        kinds: [String: ChangeKind] = [:],
        fullSeconds: Double? = nil,
        incrementalRuns: [Run] = [],
        isStateCurrent: Bool = true
    ) {
        self.rows = rows
        self.changes = changes
        self.kinds = kinds
        self.fullSeconds = fullSeconds
        self.incrementalRuns = incrementalRuns
        self.isStateCurrent = isStateCurrent
    }
}

/// Which way is cheaper, and why.
public struct CostChoice: Hashable, Sendable {
    /// Whether to take the changes in (`ViewProgram.nodes`); if not, compute the query (`ViewProgram.direct`).
    public var isIncremental: Bool
    /// Estimated seconds of an incremental update.
    public var incrementalSeconds: Double
    /// Estimated seconds of computing the query and replacing the view's rows.
    public var fullSeconds: Double
    /// The number of changed rows at which the other way becomes cheaper; nil when no number does.
    public var flipsAt: Int?
    /// The choice in words.
    public var reason: String
}

/// Estimates what an update costs in both ways.
///
/// Until something was measured, costs follow from rows read, joined and written, with weights that were measured with
/// DuckDB on two threads. Once a full computation or an incremental run was timed, the times replace the weights: a scan
/// that an incremental rule cannot avoid costs the same however small the change is, and only a measurement tells it from
/// one that the rows' order makes cheap.
public struct CostModel: Hashable, Sendable {
    /// Seconds to read a row of an input in a full computation, with its share of joining and grouping.
    public var fullRow = 1.2e-8
    /// Seconds to read a row only to look for matches of a change.
    public var probedRow = 3.5e-9
    /// Seconds to look for a touched group in a row of a state.
    public var stateRow = 4e-9
    /// Seconds for a row of a change, with its share of joining, grouping and writing.
    public var changedRow = 1.5e-6
    /// Seconds to write a row of a result.
    public var writtenRow = 6e-8
    /// Seconds a statement takes that does nothing.
    public var statement = 6e-4
    /// The share of a full computation's cost below which taking changes in is chosen; less than 1 because estimates err.
    public var margin = 0.95

    /// A model with the weights measured by this project.
    public init() {}

    /// The cheaper way to bring a view up to date.
    ///
    /// - Parameters:
    ///   - program: The view.
    ///   - sizes: What was measured.
    /// - Returns: The choice; incremental when there is nothing to do.
    public func choice(_ program: ViewProgram, _ sizes: UpdateSizes) -> CostChoice {
        let changed = Set(sizes.changes.filter { $0.value > 0 }.keys).intersection(program.inputs)
        let full = sizes.fullSeconds ?? modelledFull(program, sizes)
        guard !changed.isEmpty else {
            return CostChoice(
                isIncremental: true,
                incrementalSeconds: 0,
                fullSeconds: full,
                flipsAt: nil,
                reason: "nothing it reads has changed"
            )
        }
        let total = changed.reduce(0) { $0 + (sizes.changes[$1] ?? 0) }
        let line = incremental(program, sizes, changed, total: total)
        var cost = line.fixed + line.perRow * Double(total)
        if !sizes.isStateCurrent { cost += rebuild(program, sizes, full) }
        // One time, slower than it need be on a busy machine, with cold files or with a checkpoint in its commit, is not enough
        // to give a way up; least of all where the sizes speak for it.
        let expected = modelledIncremental(program, sizes, changed)
        let isLikely = expected.fixed + expected.perRow * Double(total) <= full * margin
        let isTriedAgain = line.times == 1 && cost <= full * (isLikely ? Self.slowOnceThoughLikely : Self.slowOnce)
        let isIncremental = program.isIncremental && (cost <= full * margin || isTriedAgain)
        let flip = line.perRow > 0 && full * margin > line.fixed ? Int((full * margin - line.fixed) / line.perRow) : nil
        return CostChoice(
            isIncremental: isIncremental,
            incrementalSeconds: cost,
            fullSeconds: full,
            flipsAt: flip,
            reason: reason(program, isIncremental, cost, full, total, flip, line.times)
        )
    }

    /// Whether to look first which part of a change concerns a view; see `InputUse`.
    ///
    /// A look costs milliseconds. Where that is much of a full computation, and one is chosen for a change of inputs that a
    /// look has found to matter before, looking once more is the dearest way of all.
    ///
    /// - Parameters:
    ///   - choice: What is chosen for the change as it is.
    ///   - hasMattered: Whether all that changed has mattered when the same inputs changed before.
    /// - Returns: Whether a look is worth while.
    public func isWorthALook(_ choice: CostChoice, hasMattered: Bool) -> Bool {
        choice.isIncremental || !hasMattered || choice.fullSeconds > Self.shortFull
    }

    /// Seconds of a full computation of which a look is a small part.
    public static let shortFull = 0.06

    private func reason(
        _ program: ViewProgram,
        _ isIncremental: Bool,
        _ cost: Double,
        _ full: Double,
        _ total: Int,
        _ flip: Int?,
        _ measured: Int
    ) -> String {
        guard program.isIncremental else {
            return "computed in full: \(program.issues.first ?? "it has no rule for changes")"
        }
        let times =
            "taking in \(total) changed rows \(measured > 0 ? "is expected to take" : "is estimated at") \(Self.text(cost)), "
            + "computing it in full \(Self.text(full))"
        if isIncremental, measured == 1, cost > full * margin {
            return times + "; it was timed only once, so it is tried again"
        }
        guard let flip else { return times + "; no size of change makes the other way cheaper" }
        return times + "; from \(flip) changed rows on, computing it in full is cheaper"
    }

    private static func text(_ seconds: Double) -> String {
        let microseconds = Int(seconds * 1e6)
        return microseconds < 10_000 ? "\(microseconds) µs" : "\(microseconds / 1_000) ms"
    }

    /// Reading everything, and writing the result.
    private func modelledFull(_ program: ViewProgram, _ sizes: UpdateSizes) -> Double {
        let read = program.inputs.reduce(0.0) { $0 + Double(sizes.rows[$1] ?? 0) }
        return statement + read * fullRow + Double(sizes.rows[program.view] ?? 0) * writtenRow
    }

    private struct Line {
        var fixed: Double
        var perRow: Double
        /// How many runs it was measured by.
        var times: Int
    }

    /// A way that was timed once is tried again up to this multiple of the other way's cost.
    private static let slowOnce = 1.5
    /// The same where the sizes say that it is the cheaper way.
    private static let slowOnceThoughLikely = 4.0

    /// What an incremental update costs before the first changed row, and for each.
    private func incremental(
        _ program: ViewProgram,
        _ sizes: UpdateSizes,
        _ changed: Set<String>,
        total: Int
    ) -> Line {
        let modelled = modelledIncremental(program, sizes, changed)
        let runs = sizes.incrementalRuns.filter { Set($0.changes.filter { $0.value > 0 }.keys) == changed }
        // Rows that come go another way through the rules than rows that are replaced, and may cost far less.
        let alike = runs.filter { run in
            changed.allSatisfy { run.kinds[$0]?.direction == sizes.kinds[$0]?.direction }
        }
        guard let (rows, seconds, times) = measured((alike.isEmpty ? runs : alike).suffix(3), near: Double(total))
        else {
            return modelled
        }
        if rows > Double(total) * Self.alike {
            // Only larger changes were timed. What they cost beyond the model may be due to each of their rows: taken for a
            // cost of every update, one backfill would rule out small changes for good, and nothing would ever be timed.
            let expected = modelled.fixed + modelled.perRow * rows
            let factor = expected > 0 ? seconds / expected : 1
            return Line(fixed: modelled.fixed * factor, perRow: modelled.perRow * factor, times: times)
        }
        // What the model gives for the rows is part of the time, and the rest comes with every update.
        let perRow = min(changedRow, seconds / max(rows, 1))
        return Line(fixed: max(0, seconds - perRow * rows), perRow: perRow, times: times)
    }

    /// Changes count as alike in size up to this factor.
    private static let alike = 4.0

    /// The middle one by time (of two the quicker) of those runs that are alike in size to a change; else the run that is
    /// nearest to it.
    private func measured(
        _ runs: ArraySlice<UpdateSizes.Run>,
        near total: Double
    ) -> (rows: Double, seconds: Double, times: Int)? {
        let sized = runs.map { (rows: Double($0.changes.values.reduce(0, +)), seconds: $0.seconds) }
        let apart = { (rows: Double) in max(rows, total, 1) / max(min(rows, total), 1) }
        let near = sized.filter { apart($0.rows) <= Self.alike }.sorted { $0.seconds < $1.seconds }
        if !near.isEmpty {
            let middle = near[(near.count - 1) / 2]
            return (middle.rows, middle.seconds, near.count)
        }
        return sized.min { apart($0.rows) < apart($1.rows) }.map { ($0.rows, $0.seconds, 1) }
    }

    private func modelledIncremental(_ program: ViewProgram, _ sizes: UpdateSizes, _ changed: Set<String>) -> Line {
        var touched = changed
        var fixed = 0.0
        var perRow = 0.0
        for node in program.nodes where node.reads.contains(where: touched.contains) {
            touched.insert(node.name)
            let work = node.work(touched)
            fixed += Double(work.statements) * statement
            fixed += work.probed.reduce(0.0) { $0 + Double(sizes.rows[$1] ?? 0) * probedRow }
            fixed += Double(sizes.rows[node.name] ?? 0) * (work.readsState ? stateRow : 0)
            fixed += work.recomputed.reduce(0.0) { $0 + Double(sizes.rows[$1] ?? 0) * fullRow }
            perRow += changedRow
        }
        return Line(fixed: fixed, perRow: perRow, times: 0)
    }

    /// Making all kept rows anew.
    private func rebuild(_ program: ViewProgram, _ sizes: UpdateSizes, _ full: Double) -> Double {
        let hidden = program.nodes.dropLast().reduce(0.0) { $0 + Double(sizes.rows[$1.name] ?? 0) * writtenRow }
        return full * (program.nodes.count > 1 ? 1.5 : 1) + hidden
    }
}
