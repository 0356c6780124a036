/// The change of a relation that others refer to, less the rows that a foreign key makes superfluous.
///
/// Let every row of L refer to one row of O, before and after the update. A row of L that did not change cannot refer to
/// a row that is new in O, nor to one that is gone. So of the three terms ΔO ⋈ L − ΔO ⋈ ΔL + O ⋈ ΔL, the first needs only
/// rows of ΔO whose key was there before and is there now, and the second only those whose key was there before.
struct ReferredChange {
    /// The parts that refer to this one.
    var referring: Set<Int>
    /// Rows whose key was there before and is there now; nil when there cannot be any.
    var kept: FromClause?
    /// Rows whose key was there before; nil when there cannot be any.
    var former: FromClause?

    /// What a term reads in which the given parts stand for their changes; nil when the term has no rows.
    func clause(_ chosen: Set<Int>) -> FromClause? {
        referring.isDisjoint(with: chosen) ? kept : former
    }
}

extension DeltaBuilder {
    /// The parts of an inner join that another part refers to by the join's own conditions.
    ///
    /// With several parts that refer to the same one, only the first is used: the argument is about one pair.
    mutating func foreignKeys(
        _ parts: [Relation],
        _ predicates: [Expression],
        _ changes: [Int: DeltaTerm]
    ) -> [Int: ReferredChange] {
        let equalities = Set(predicates.map { Set($0.equated) }.filter { $0.count == 2 })
        var result: [Int: ReferredChange] = [:]
        for (index, part) in parts.enumerated() {
            guard changes[index] != nil, case .leaf(let leaf) = part, let source = leaf.source,
                let delta = delta(of: leaf)
            else { continue }
            for (other, otherPart) in parts.enumerated() where other != index {
                guard result[index] == nil, case .leaf(let child) = otherPart,
                    let key = child.references.first(where: { reference in
                        reference.source == source
                            && zip(reference.columns, reference.target).allSatisfy { own, target in
                                equalities.contains([child.columns[own], leaf.columns[target]])
                                    && EqualTypes.agree(
                                        child.type(at: own) ?? "",
                                        leaf.type(at: target) ?? ""
                                    )
                            }
                    })
                else { continue }
                let own = predicates.filter { predicate in
                    !predicate.columns.isEmpty && predicate.columns.allSatisfy(leaf.columns.contains)
                }
                result[index] = referred(
                    leaf,
                    delta,
                    key.target.map { leaf.columns[$0] },
                    by: other,
                    isChanged: changes[other] != nil,
                    own.map { renderer.text($0) }
                )
            }
        }
        return result
    }

    /// - Parameters:
    ///   - leaf: What is referred to.
    ///   - delta: Its change.
    ///   - keys: The columns referred to, which are unique.
    ///   - child: The part that refers to it.
    ///   - isChanged: Whether that part has changed too.
    ///   - conditions: What the join asks of the leaf alone.
    /// - Returns: The change that terms read.
    private mutating func referred(
        _ leaf: Leaf,
        _ delta: String,
        _ keys: [String],
        by child: Int,
        isChanged: Bool,
        _ conditions: [String]
    ) -> ReferredChange {
        let item = delta + SQLText.alias(leaf.alias, leaf.columns + ["__w"])
        switch leaf.source.flatMap({ changed[$0] }) {
        case .insertsOnce, .insertsOnly: return ReferredChange(referring: [child], kept: nil, former: nil)
        case .deletesOnce, .deletesOnly:
            return ReferredChange(referring: [child], kept: nil, former: FromClause(items: [item]))
        case .mixed, nil: break
        }
        func table(_ suffix: String, _ purpose: String) -> FromClause {
            let columns = renderer.carried(leaf.columns).map { NamedText(column: $0) } + [NamedText(column: "__w")]
            let list = SQLText.list(keys)
            let wanted = "(\(list)) IN (SELECT (\(list)) FROM \(item) \(suffix))"
            let select = SelectText(columns: columns, from: [item], predicates: conditions + [wanted])
            let name = store(select.text, purpose)
            return FromClause(items: [SQLText.temporary(name) + " AS " + SQLText.identifier(leaf.alias)])
        }
        // Taken first and kept in tables, so that DuckDB knows that there are few or none. No two rows have the same key
        // at one time, so a key with two entries is one whose row was replaced.
        return ReferredChange(
            referring: [child],
            kept: table("GROUP BY \(SQLText.list(keys)) HAVING count(*) > 1", "kept"),
            former: isChanged ? table("WHERE __w < 0", "former") : nil
        )
    }
}
