import DuetPipeline

extension Translator {
    /// Keeps rows of joins that changes of kept groups have to find again and again.
    ///
    /// Let a block join a table L with groups that are kept over L, and with a table P of which it wants few rows, each row
    /// of L having one at most, as in `L JOIN P ON L.k = P.id AND P.brand = 'x' JOIN (SELECT k, avg(q) FROM L GROUP BY k)`.
    /// Whenever L changes the groups do, and for the few that do all of L would be searched. So the rows of the join of L
    /// and P are kept, which are few, and joined with the groups.
    func keepJoins() {
        for index in nodes.indices.reversed() {
            guard let split = split(nodes[index]) else { continue }
            place(split.beneath, before: index)
            replace(at: index + 1, with: split.above)
        }
    }

    private func split(_ plan: NodePlan) -> (beneath: NodePlan, above: NodePlan)? {
        guard let relation = plan.input, case .join(let parts, let predicates) = relation else { return nil }
        let groups = parts.filter { part in
            guard case .leaf(let leaf) = part, let kept = nodes.first(where: { $0.name == leaf.source }) else {
                return false
            }
            switch kept.kind {
            case .aggregate, .partition: return true
            case .bag, .opaque: return false
            }
        }
        let others = parts.filter { !groups.contains($0) }
        let leaves = others.compactMap { part in
            if case .leaf(let leaf) = part, leaf.types.count == leaf.columns.count, !leaf.isGenerated {
                leaf
            } else {
                nil
            }
        }
        guard !groups.isEmpty, leaves.count == others.count, leaves.count > 1,
            leaves.allSatisfy({ leaf in inputs.contains { $0.name == leaf.source } })
        else { return nil }
        let columns = Set(leaves.flatMap(\.columns))
        let within = predicates.filter {
            $0.refusal == nil && !$0.columns.isEmpty && columns.isSuperset(of: $0.columns)
        }
        let sources = Set(groups.flatMap(\.leaves).compactMap(\.source)).reduce(into: Set<String>()) { found, name in
            found.formUnion(inputs(beneath: name))
        }
        let isWorthwhile = leaves.contains { large in
            large.source.map(sources.contains) == true
                && leaves.contains { Self.chooses($0, from: large, within) }
        }
        guard isWorthwhile else { return nil }
        return kept(plan, leaves, groups, within, predicates.filter { !within.contains($0) })
    }

    /// Whether a join with a leaf leaves few rows of another: it has conditions of its own, and one row at most for each.
    private static func chooses(_ leaf: Leaf, from large: Leaf, _ predicates: [Expression]) -> Bool {
        guard leaf.alias != large.alias else { return false }
        let hasCondition = predicates.contains { predicate in
            !predicate.isInequality && predicate.columns.allSatisfy(leaf.columns.contains)
        }
        return hasCondition
            && leaf.uniqueKeys.contains { key in
                key.allSatisfy { column in
                    predicates.contains { predicate in
                        predicate.equated.count == 2 && predicate.equated.contains(leaf.columns[column])
                            && predicate.equated.contains(where: large.columns.contains)
                    }
                }
            }
    }

    /// The inputs that a kept node is computed from.
    private func inputs(beneath name: String) -> Set<String> {
        guard let node = nodes.first(where: { $0.name == name }) else { return [name] }
        return node.sources.reduce(into: []) { $0.formUnion(inputs(beneath: $1)) }
    }

    private func kept(
        _ plan: NodePlan,
        _ leaves: [Leaf],
        _ groups: [Relation],
        _ within: [Expression],
        _ between: [Expression]
    ) -> (beneath: NodePlan, above: NodePlan)? {
        var above = plan
        // What is read of the rows is seen best in the plan without their own conditions.
        above.input = .join(leaves.map(Relation.leaf) + groups, between)
        guard let needed = above.neededColumns else { return nil }
        var visible: [ViewColumn] = []
        var neverNull: [Int] = []
        for leaf in leaves {
            for (index, column) in leaf.columns.enumerated() where needed.contains(column) {
                if leaf.neverNull.contains(index) { neverNull.append(visible.count) }
                visible.append(ViewColumn(name: column, type: leaf.types[index]))
            }
        }
        guard !visible.isEmpty else { return nil }
        let bag = BagPlan(
            relation: .join(leaves.map(Relation.leaf), within),
            outputs: visible.map { NamedExpression(name: $0.name, expression: .column($0.name)) }
        )
        let beneath = newNode(.bag(bag), visible, rule: "inner join, kept for the groups joined with it", issues: [])
        var leaf = leaf(of: beneath)
        leaf.neverNull = neverNull
        above.input = .join([.leaf(leaf)] + groups, between)
        return (beneath, above)
    }
}
