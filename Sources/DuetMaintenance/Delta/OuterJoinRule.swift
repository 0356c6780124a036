extension DeltaBuilder {
    /// The change of a left or full join.
    ///
    /// With an unchanged right side a left join is linear: Δ(A ⟕ B) = ΔA ⟕ B. Otherwise it is taken as the rows that
    /// match and those that do not, A ⟕ B = (A ⋈ B) + (A ▷ B) × NULL, and a full join as these and the unmatched rows of
    /// the right side; the part that does not match changes by the rule of the anti join.
    mutating func outerTerms(_ join: OuterJoin) -> [DeltaTerm] {
        if join.kind == .left, !isChanged(join.right) {
            let change = readable(join.left, "left")
            var term = single(change, join.left.columns)
            let reduced = reduced(join.right, to: change, join.condition)
            let right = renderer.item(renderer.from(reduced), join.right.columns)
            let on = renderer.text(join.condition)
            term.clause = FromClause(items: ["(\(term.clause.items[0]) LEFT JOIN \(right) ON \(on))"])
            return [term]
        }
        let condition =
            join.condition.equal.map(\.condition) + join.condition.residual
        var result = joinTerms([join.left, join.right], condition)
        result += unmatched(join.left, without: join.right, join.condition, join.rightKeys)
        if join.kind == .full { result += unmatched(join.right, without: join.left, join.condition.swapped) }
        return result
    }

    /// The change of the rows of one side that match nothing, with NULL in the other side's columns.
    private mutating func unmatched(
        _ side: Relation,
        without other: Relation,
        _ condition: JoinCondition,
        _ keys: KeptKeys? = nil
    ) -> [DeltaTerm] {
        let join = SemiJoin(isAnti: true, left: side, right: other, condition: condition)
        return semiTerms(keys.map(join.asking) ?? join).map { term in
            var term = single(term, side.columns)
            // A join with no rows gives NULLs of the right types; that there are none is told to DuckDB where it looks.
            var nothing = renderer.from(other)
            nothing.predicates.append("FALSE")
            let nulls = renderer.item(nothing, other.columns)
            term.clause = FromClause(items: ["(\(term.clause.items[0]) LEFT JOIN \(nulls) ON TRUE)"])
            return term
        }
    }
}
