import DuetPipeline

extension Block {
    /// Leaves out the rows of a correlated subquery that no row of this block asks for.
    ///
    /// A subquery is kept as groups by the columns that tie it to this block. Of all groups only those are wanted whose
    /// key some row here has; a part of this block that has the keys and conditions of its own tells most of the others.
    /// It is a superset of the keys that are wanted, since conditions that follow can only leave out more rows.
    ///
    /// - Parameters:
    ///   - inner: The subquery's block; its rows are restricted.
    ///   - pairs: The equalities between its rows and this block's.
    /// - Throws: ``Unsupported`` when the condition cannot be written.
    func restrict(_ inner: Block, to pairs: [(inner: JSONValue, outer: JSONValue)]) throws {
        let wanted = Set(pairs.flatMap { SyntaxTree.columns(in: $0.outer) })
        guard !wanted.isEmpty, let part = selectivePart(wanted) else { return }
        let copy = translator.instantiated(
            Translated(relation: part, outputs: pairs.map { Scope.Column(name: "key", value: $0.outer) })
        )
        let equalities = zip(pairs, copy.outputs).map {
            SyntaxTree.comparison("COMPARE_EQUAL", $0.inner, $1.value)
        }
        inner.relation = try translator.semiJoin(inner.relation, copy.relation, equalities, isAnti: false)
    }

    /// The part of this block's rows that has the given columns, with the conditions on it alone; nil when there are no
    /// such conditions, as then it would leave out next to nothing.
    private func selectivePart(_ columns: Set<String>) -> Relation? {
        guard case .join(let parts, let predicates) = relation else {
            if case .semi = relation, columns.isSubset(of: relation.columns) { return relation }
            return nil
        }
        for part in parts where columns.isSubset(of: part.columns) {
            let known = Set(part.columns)
            let own = predicates.filter { !$0.columns.isEmpty && known.isSuperset(of: $0.columns) }
            if case .semi = part { return .joined([part], own) }
            if case .leaf = part, !own.isEmpty { return .joined([part], own) }
        }
        return nil
    }
}
