/// A table that duet keeps for a view: the view itself, or rows of an inner block that make updates cheap.
public struct NodeProgram: Sendable {
    /// The name under which its change is announced to `change(changedInputs:)` of the nodes after it.
    public let name: String
    /// The state table, quoted.
    public let stateTable: String
    /// The columns readers see, in order; they are the state's first columns.
    public let visible: [ViewColumn]
    /// Names of the columns after them, which only the change SQL uses.
    public let hidden: [String]
    /// What the node's SQL reads: inputs and nodes, by the names under which changes are announced.
    public let reads: [String]
    /// The rule used when everything changed may change.
    public let rule: String
    /// Why no cheaper rule is possible; empty when there is nothing to say.
    public let issues: [String]

    private let plan: NodePlan
    private let texts: [String]
    private let select: String
    private let columns: [StateColumn]

    /// Takes a plan whose expressions have texts.
    ///
    /// - Parameters:
    ///   - plan: How the node is computed.
    ///   - texts: The texts of the pooled expressions.
    ///   - columns: All columns of the state, if its table is to be defined before it is filled; else empty.
    ///   - isHidden: Whether a name is that of a hidden node.
    init(plan: NodePlan, texts: [String], columns: [StateColumn] = [], isHidden: (String) -> Bool) {
        self.plan = plan
        self.columns = columns
        self.texts = texts
        let shape = plan.shape(texts)
        name = plan.name
        stateTable = plan.table
        visible = plan.visible
        hidden = shape.hidden
        select = shape.select
        reads = plan.sources
        rule = plan.rule
        issues = plan.issues
        readsOnlyNodes = !plan.sources.isEmpty && plan.sources.allSatisfy(isHidden)
    }

    /// Statements that compute the state in full and put it in place of what was there.
    public var create: [String] {
        if columns.isEmpty { return ["CREATE OR REPLACE TABLE \(stateTable) AS\n\(select)"] }
        let list = columns.map(\.definition).joined(separator: ", ")
        return ["CREATE OR REPLACE TABLE \(stateTable) (\(list))", "INSERT INTO \(stateTable)\n\(select)"]
    }

    /// The rows a reader sees.
    public var visibleSelect: String { "SELECT \(SQLText.list(visible.map(\.name))) FROM \(stateTable)" }

    /// Whether the node can do better than compute everything anew.
    public var isIncremental: Bool {
        switch plan.kind {
        case .bag, .aggregate: true
        case .partition(let partition): !partition.keys.isEmpty || readsOnlyNodes
        case .opaque: false
        }
    }

    /// Whether every relation the node reads is a kept node, so that computing it anew does not read the inputs.
    let readsOnlyNodes: Bool

    /// What the change rule reads.
    func work(_ changed: Set<String>) -> NodeWork { plan.work(changed) }

    /// The strategy when any input may have changed in any way.
    var bestStrategy: MaintenanceStrategy {
        switch plan.kind {
        case .bag: .merge
        case .aggregate(let aggregate): aggregate.hasExtremes ? .recomputeAffected : .merge
        case .partition: isIncremental ? .recomputeAffected : .full
        case .opaque: .full
        }
    }

    /// Why the node can be kept as it is.
    var bestReason: String {
        switch plan.kind {
        case .bag: "only rows that come from changed input rows are touched"
        case .aggregate(let aggregate):
            aggregate.hasExtremes
                ? "changes are merged; groups that lose their least or greatest value are computed anew"
                : "changes are merged into the groups they touch"
        case .partition:
            readsOnlyNodes
                ? "computed from rows that are kept up to date beneath it"
                : "only the groups or partitions that a change touches are computed anew"
        case .opaque: "everything is computed anew"
        }
    }

    /// The cheapest program that is right for exactly this set of changed inputs and nodes.
    ///
    /// - Parameters:
    ///   - changedInputs: What changed, by name; a name that is not in `reads` does not matter.
    ///   - needsDelta: Whether anybody reads the rows of the node's change; see `ViewProgram.needsDelta(of:hasReaders:)`.
    ///   - stateRows: How many rows the state has, about; nil when that is not known.
    ///   - deltas: SQL for a FROM clause that stands for an input's change, where that is not the input's own; see
    ///     `InputUse`.
    /// - Returns: The program; its strategy is `.nothing` when nothing the node reads has changed.
    public func change(
        changedInputs: [String: ChangeKind],
        needsDelta: Bool = true,
        stateRows: Int? = nil,
        deltas: [String: String] = [:]
    ) -> ChangeProgram {
        let relevant = changedInputs.filter { reads.contains($0.key) }
        guard !relevant.isEmpty else {
            return ChangeProgram(
                strategy: .nothing,
                rule: "nothing to do",
                reason: "nothing it reads has changed",
                statements: [],
                deltaTable: nil,
                apply: [],
                cleanup: []
            )
        }
        var builder = DeltaBuilder(
            texts: texts,
            changed: relevant,
            deltas: deltas,
            prefix: plan.prefix,
            needed: plan.neededColumns
        )
        switch plan.kind {
        case .bag(let bag): return bagChange(bag, &builder)
        case .aggregate(var aggregate):
            aggregate.matched = aggregate.matchedKeys(relevant)
            if !needsDelta, let merge = aggregate.merge(plan, stateRows: stateRows, &builder) {
                return mergeChange(merge, builder)
            }
            let apply = aggregate.change(plan, stateRows: stateRows, &builder)
            return program(
                aggregate.hasExtremes && !builder.onlyAdds(aggregate.input) ? .recomputeAffected : .merge,
                aggregate.hasExtremes && !builder.onlyAdds(aggregate.input)
                    ? "counts and sums are merged; groups that lost their least or greatest value are computed anew"
                    : "counts, sums and extremes are merged into the groups that the change touches",
                builder,
                apply
            )
        case .partition(let partition):
            if partition.keys.isEmpty { return fullChange() }
            let apply = partition.change(plan, &builder)
            return program(
                .recomputeAffected,
                "only the groups or partitions that the change touches are computed anew",
                builder,
                apply
            )
        case .opaque: return fullChange()
        }
    }

    /// A program that computes everything anew and takes the difference, so that readers of this node stay incremental.
    ///
    /// - Parameter needsDelta: Whether anybody reads the node's change; without it the state is simply replaced.
    /// - Returns: The program; for a node that reads nothing but kept nodes its strategy is `.recomputeAffected`.
    public func fullChange(needsDelta: Bool = true) -> ChangeProgram {
        let reason =
            readsOnlyNodes
            ? "it is computed from rows that are kept up to date beneath it" : issues.first ?? "it was asked for"
        let strategy: MaintenanceStrategy = readsOnlyNodes ? .recomputeAffected : .full
        guard needsDelta else {
            return ChangeProgram(
                strategy: strategy,
                rule: plan.rule,
                reason: reason,
                statements: [],
                deltaTable: nil,
                apply: create,
                cleanup: []
            )
        }
        var builder = DeltaBuilder(texts: texts, changed: [:], prefix: plan.prefix)
        let names = visible.map(\.name)
        let new = hidden.isEmpty ? "(\(select)) AS __n" : SQLText.temporary(builder.store(select, "new"))
        builder.add(
            table: plan.deltaTable,
            SQLText.makeTemporary(plan.deltaTable, as: NodePlan.difference(names, new: new, old: stateTable))
        )
        guard hidden.isEmpty else {
            let replace = "CREATE OR REPLACE TABLE \(stateTable) AS\nSELECT * FROM \(new)"
            return program(strategy, reason, builder, [replace])
        }
        let apply = NodePlan.apply(delta: plan.deltaTable, to: stateTable, names, removes: true)
        return program(strategy, reason, builder, apply, followsDelta: true)
    }

    /// Whether the rule reads the rows of its inputs' changes, not only that there are some.
    var readsChanges: Bool {
        switch plan.kind {
        case .bag, .aggregate: true
        case .partition(let partition): !partition.keys.isEmpty
        case .opaque: false
        }
    }

    private func mergeChange(_ merge: String, _ builder: DeltaBuilder) -> ChangeProgram {
        ChangeProgram(
            strategy: .merge,
            rule: plan.rule,
            reason: "counts and sums are merged into the groups that the change touches",
            statements: builder.statements,
            deltaTable: nil,
            apply: [merge],
            reportsWrites: true,
            cleanup: builder.temporaries.map { "DROP TABLE IF EXISTS \(SQLText.temporary($0))" }
        )
    }

    private func bagChange(_ bag: BagPlan, _ builder: inout DeltaBuilder) -> ChangeProgram {
        let onlyAdds = builder.onlyAdds(bag.relation)
        let names = visible.map(\.name)
        let terms = builder.accepted(builder.terms(of: bag.relation), bag.outputs.map(\.expression))
        let columns = bag.outputs.map { NamedText(builder.renderer.accepting($0.expression), as: $0.name) }
        // Rows that are only added need not be put together with equal ones.
        let delta =
            terms.constantWeight == 1
            ? builder.union(terms, columns)
            : """
            SELECT \(SQLText.list(names)), CAST(sum(__w) AS BIGINT) AS __w FROM (
            \(builder.union(terms, columns)))
            GROUP BY ALL HAVING sum(__w) <> 0
            """
        builder.add(table: plan.deltaTable, SQLText.makeTemporary(plan.deltaTable, as: delta))
        return program(
            onlyAdds ? .append : .merge,
            onlyAdds ? "new input rows can only add rows" : "only rows that come from changed input rows are touched",
            builder,
            NodePlan.apply(delta: plan.deltaTable, to: stateTable, names, removes: !onlyAdds),
            followsDelta: true,
            deltaQuery: delta
        )
    }

    private func program(
        _ strategy: MaintenanceStrategy,
        _ reason: String,
        _ builder: DeltaBuilder,
        _ apply: [String],
        followsDelta: Bool = false,
        deltaQuery: String? = nil
    ) -> ChangeProgram {
        ChangeProgram(
            strategy: strategy,
            rule: plan.rule,
            reason: reason,
            statements: builder.statements,
            deltaTable: SQLText.temporary(plan.deltaTable),
            deltaQuery: deltaQuery,
            apply: apply,
            followsDelta: followsDelta,
            cleanup: builder.temporaries.map { "DROP TABLE IF EXISTS \(SQLText.temporary($0))" }
        )
    }
}
