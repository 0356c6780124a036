extension DeltaBuilder {
    /// The change of an inner join.
    ///
    /// With OLD = NEW − Δ, the bilinear rule of DBSP over the rows after the change is
    /// Δ(A ⋈ B) = ΔA ⋈ B + A ⋈ ΔB − ΔA ⋈ ΔB, and in general the sum over every set S of changed inputs, not empty, of
    /// (−1)^(|S|+1) times the join of the changes of S with the rows of the others.
    mutating func joinTerms(_ parts: [Relation], _ predicates: [Expression]) -> [DeltaTerm] {
        let refusing = predicates.filter { $0.refusal != nil }
        if !refusing.isEmpty {
            let all = joinTerms(parts, predicates.filter { $0.refusal == nil })
            return accepted(all, refusing).map { term in
                var term = term
                term.clause.predicates += refusing.map { renderer.accepting($0) }
                return term
            }
        }
        var changes: [Int: DeltaTerm] = [:]
        for (index, part) in parts.enumerated() where isChanged(part) {
            let found = terms(of: part)
            if parts.count == 1 { return found.map { filtered($0, parts, predicates) } }
            changes[index] = found.count == 1 ? found[0] : stored(found, part.columns, "part")
        }
        let keys = foreignKeys(parts, predicates, changes)
        // Terms with the change of a part that nothing can refer to have no rows, so it counts as unchanged.
        let ruledOut = changes.filter { keys[$0.key].map { $0.kept == nil && $0.former == nil } ?? false }
        if ruledOut.count == changes.count, let index = ruledOut.keys.min(), let change = changes[index] {
            return [nothing(parts, change, at: index)]
        }
        for index in ruledOut.keys { changes[index] = nil }
        let indices = changes.keys.sorted()
        if indices.count > 3 { return telescoped(parts, predicates, changes) }
        var result: [DeltaTerm] = []
        masks: for mask in 1..<(1 << indices.count) {
            let chosen = Set(indices.enumerated().filter { mask & (1 << $0.offset) != 0 }.map(\.element))
            var clause = FromClause()
            var weight = Weight.one
            var asked: [SemiJoin] = []
            // The changes come first: they are small, and calls in FROM may use what stands before them.
            for (index, part) in parts.enumerated() {
                if chosen.contains(index), let change = changes[index] {
                    if let key = keys[index] {
                        guard let referred = key.clause(chosen) else { continue masks }
                        append(referred, to: &clause)
                    } else {
                        append(change.clause, to: &clause)
                    }
                    weight = weight * change.weight
                } else {
                    append(renderer.from(part.withoutQuestions(&asked)), to: &clause)
                }
            }
            if chosen.count % 2 == 0 { weight = -weight }
            let term = filtered(DeltaTerm(clause: clause, weight: weight), parts, predicates)
            result.append(answered(term, asked, parts.flatMap(\.columns)))
        }
        guard result.isEmpty, let index = indices.first, let change = changes[index] else { return result }
        return [nothing(parts, change, at: index)]
    }

    /// The rows of a term for which semi and anti joins say yes.
    ///
    /// A ⋈ (B ⋉ C) = (A ⋈ B) ⋉ C: few rows match a change, and only for those is C looked at.
    private mutating func answered(_ term: DeltaTerm, _ asked: [SemiJoin], _ columns: [String]) -> DeltaTerm {
        guard !asked.isEmpty else { return term }
        let used =
            columns + asked.flatMap { question in question.condition.columns.filter(question.left.columns.contains) }
        var seen: Set<String> = []
        var term = wrapped(
            term,
            renderer.carried(used.filter { seen.insert($0).inserted }).map { NamedText(column: $0) }
        )
        for question in asked {
            let right = renderer.item(renderer.from(question.right), question.right.columns)
            let keyword = question.isAnti ? "ANTI JOIN" : "SEMI JOIN"
            term.clause.items = [
                "(\(term.clause.items[0]) \(keyword) \(right) ON \(renderer.text(question.condition)))"
            ]
        }
        return term
    }

    /// A term with the join's columns and no rows.
    private mutating func nothing(_ parts: [Relation], _ change: DeltaTerm, at position: Int) -> DeltaTerm {
        var term = DeltaTerm(clause: FromClause(), weight: change.weight)
        for (index, part) in parts.enumerated() {
            append(index == position ? change.clause : renderer.from(part), to: &term.clause)
        }
        term.clause.predicates.append("FALSE")
        return term
    }

    /// The same change as one term for each changed input, for joins with many: what stands before it is read as it
    /// was, NEW − Δ, and what stands after it as it is now.
    private mutating func telescoped(
        _ parts: [Relation],
        _ predicates: [Expression],
        _ changes: [Int: DeltaTerm]
    ) -> [DeltaTerm] {
        changes.keys.sorted().map { position in
            var clause = FromClause()
            var weight = Weight.one
            for (index, part) in parts.enumerated() {
                guard let change = changes[index], index <= position else {
                    append(renderer.from(part), to: &clause)
                    continue
                }
                if index == position {
                    append(change.clause, to: &clause)
                    weight = weight * change.weight
                } else {
                    let before = formerRows(part, change)
                    append(before.clause, to: &clause)
                    weight = weight * before.weight
                }
            }
            return filtered(DeltaTerm(clause: clause, weight: weight), parts, predicates)
        }
    }

    private mutating func formerRows(_ part: Relation, _ change: DeltaTerm) -> DeltaTerm {
        let columns = renderer.carried(part.columns).map { NamedText(column: $0) }
        let now = renderer.from(part)
        let rows = SelectText(
            columns: columns + [NamedText("1", as: "__w")],
            from: now.items,
            predicates: now.predicates
        )
        let taken = SelectText(
            columns: columns + [NamedText((-change.weight).text, as: "__w")],
            from: change.clause.items,
            predicates: change.clause.predicates
        )
        let alias = renderer.freshAlias("o")
        let item = "(\(rows.text)\nUNION ALL\n\(taken.text)) AS \(SQLText.identifier(alias))"
        return DeltaTerm(clause: FromClause(items: [item]), weight: Weight(SQLText.column(alias, "__w")))
    }

    /// A term with the join's conditions.
    ///
    /// An inequality between tables that equalities tie is hidden from DuckDB's join by IS TRUE: it would compute both sides
    /// for every row of the larger table before it looks for equal keys, and of a change few rows have any.
    private func filtered(_ term: DeltaTerm, _ parts: [Relation], _ predicates: [Expression]) -> DeltaTerm {
        var term = term
        let tied = Self.tied(parts, predicates)
        term.clause.predicates += predicates.map { predicate in
            let text = renderer.text(predicate)
            guard predicate.isInequality else { return text }
            let groups = predicate.columns.compactMap { tied[$0] }
            let isBetween =
                Set(predicate.columns.map { name in parts.firstIndex { $0.columns.contains(name) } }).count > 1
            return isBetween && Set(groups).count == 1 ? "\(text) IS TRUE" : text
        }
        return term
    }

    /// For each column a number that it shares with those of all parts that equalities tie to its own.
    private static func tied(_ parts: [Relation], _ predicates: [Expression]) -> [String: Int] {
        var groups = Array(parts.indices)
        let places = Dictionary(
            parts.enumerated().flatMap { index, part in part.columns.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first }
        )
        for equality in predicates.map(\.equated) where equality.count == 2 {
            guard let left = places[equality[0]], let right = places[equality[1]] else { continue }
            let (from, to) = (groups[right], groups[left])
            for index in groups.indices where groups[index] == from { groups[index] = to }
        }
        return places.mapValues { groups[$0] }
    }

    private func append(_ part: FromClause, to clause: inout FromClause) {
        clause.items += part.items
        clause.predicates += part.predicates
    }
}

extension Relation {
    /// The rows of which a semi or anti join keeps some.
    ///
    /// - Parameter asked: Gets the semi and anti joins, innermost first.
    /// - Returns: The relation without them.
    fileprivate func withoutQuestions(_ asked: inout [SemiJoin]) -> Relation {
        guard case .semi(let join) = self else { return self }
        let rows = join.left.withoutQuestions(&asked)
        asked.append(join)
        return rows
    }
}
