extension AggregatePlan {
    /// The keys by which a change finds its groups in the state: those that determine the others.
    ///
    /// `GROUP BY c_custkey, c_name, c_address` has no two groups of one customer, so the first key finds them all; it is
    /// also the cheapest to compare. This holds before and after the update as long as no row of the customer's table is
    /// replaced by another with the same key, for then the group of the old row and that of the new one differ in the
    /// other keys.
    ///
    /// - Parameter changed: What changed, and how.
    /// - Returns: The keys to compare, in order.
    func matchedKeys(_ changed: [String: ChangeKind]) -> [NamedExpression] {
        let plain = keys.compactMap(\.expression.columnName)
        guard plain.count > 1 else { return keys }
        let dependencies = input.dependencies { source in changed[source] != .mixed }
        guard !dependencies.isEmpty else { return keys }
        var kept = keys
        // Keys that may be NULL are compared in a way that costs more, so they go first.
        for candidate in keys.reversed().sorted(by: { !strictKeys.contains($0.name) && strictKeys.contains($1.name) }) {
            guard let column = candidate.expression.columnName else { continue }
            let others = kept.filter { $0.name != candidate.name }
            if Dependency.closure(of: others.compactMap(\.expression.columnName), dependencies).contains(column) {
                kept = others
            }
        }
        return kept
    }
}

/// Columns that follow from others: rows that agree in the one agree in the other.
struct Dependency {
    var from: Set<String>
    var to: Set<String>

    /// Everything that follows from some columns, and these themselves.
    static func closure(of columns: [String], _ dependencies: [Self]) -> Set<String> {
        var known = Set(columns)
        var grows = true
        while grows {
            grows = false
            for dependency in dependencies
            where dependency.from.isSubset(of: known) && !dependency.to.isSubset(of: known) {
                known.formUnion(dependency.to)
                grows = true
            }
        }
        return known
    }
}

extension Relation {
    /// What follows from unique keys and from equalities.
    ///
    /// - Parameter isSteady: Whether keys of an input mean the same row before and after the update.
    /// - Returns: The dependencies.
    fileprivate func dependencies(_ isSteady: (String) -> Bool) -> [Dependency] {
        switch self {
        case .leaf(let leaf):
            guard let source = leaf.source, isSteady(source) else { return [] }
            return leaf.uniqueKeys.map { key in
                Dependency(from: Set(key.map { leaf.columns[$0] }), to: Set(leaf.columns))
            }
        case .join(let parts, let predicates):
            let equalities = predicates.map(\.equated).filter { $0.count == 2 }.flatMap { pair -> [Dependency] in
                guard let first = type(of: pair[0]), let second = type(of: pair[1]), EqualTypes.agree(first, second)
                else { return [] }
                return [Dependency(from: [pair[0]], to: [pair[1]]), Dependency(from: [pair[1]], to: [pair[0]])]
            }
            return equalities + parts.flatMap { $0.dependencies(isSteady) }
        case .semi(let join): return join.left.dependencies(isSteady)
        case .outer(let join): return join.kind == .left ? join.left.dependencies(isSteady) : []
        case .repeated(let source, _), .lateral(let source, _, _): return source.dependencies(isSteady)
        case .project, .union: return []
        }
    }
}
