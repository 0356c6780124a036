/// One SELECT of a change: rows with a weight.
///
/// A change is the sum of its terms (a Z-set; M. Budiu and others, "DBSP: Automatic Incremental View Maintenance for
/// Rich Query Languages", VLDB 2023).
struct DeltaTerm: Hashable, Sendable {
    /// The FROM items; they show the relation's columns under their unique names.
    var clause: FromClause
    /// The weight of each row.
    var weight: Weight
}

/// Writes the change of a relation as terms over the rows after the change and the changes of its leaves.
///
/// The rules of the operators are in extensions, one file each. Intermediate results that are read more than once, or
/// whose size decides the join order, become temporary tables: DuckDB knows how many rows these have.
struct DeltaBuilder: Sendable {
    /// Writes the parts that are read as they are.
    var renderer: RelationRenderer
    /// The leaves that changed.
    let changed: [String: ChangeKind]
    /// What stands for the changes of leaves, where that is not their own.
    private let deltas: [String: String]
    /// What the names of temporary tables begin with.
    let prefix: String
    /// Statements that must run before the terms are read.
    private(set) var statements: [String] = []
    /// Temporary tables made.
    private(set) var temporaries: [String] = []

    init(
        texts: [String],
        changed: [String: ChangeKind],
        deltas: [String: String] = [:],
        prefix: String,
        needed: Set<String>? = nil
    ) {
        renderer = RelationRenderer(texts: texts, needed: needed)
        self.changed = changed
        self.deltas = deltas
        self.prefix = prefix
    }

    /// Whether any row of the relation may have changed.
    func isChanged(_ relation: Relation) -> Bool { relation.leaves.contains { isChanged($0) } }

    func isChanged(_ leaf: Leaf) -> Bool { leaf.source.map { changed[$0] != nil } ?? false }

    /// Whether the change can only add rows.
    func onlyAdds(_ relation: Relation) -> Bool {
        switch relation {
        case .leaf(let leaf): leaf.source.map { changed[$0]?.onlyAdds ?? true } ?? true
        case .join(let parts, _), .union(let parts, _): parts.allSatisfy { onlyAdds($0) }
        case .outer(let join):
            onlyAdds(join.left) && !isChanged(join.right) && (join.kind == .left || !isChanged(join.left))
        case .semi(let join): onlyAdds(join.left) && (join.isAnti ? !isChanged(join.right) : onlyAdds(join.right))
        case .project(let source, _), .lateral(let source, _, _): onlyAdds(source)
        // The count of a kept row may fall while the row's old version is taken back.
        case .repeated(let source, _): !isChanged(source)
        }
    }

    /// The terms of a relation's change; none when nothing in it changed.
    mutating func terms(of relation: Relation) -> [DeltaTerm] {
        guard isChanged(relation) else { return [] }
        switch relation {
        case .leaf(let leaf): return leafTerms(leaf)
        case .join(let parts, let predicates): return joinTerms(parts, predicates)
        case .outer(let join): return outerTerms(join)
        case .semi(let join): return semiTerms(join)
        case .project(let source, let outputs):
            let kept = renderer.carried(outputs)
            return accepted(terms(of: source), kept.map(\.expression)).map { term in
                wrapped(term, kept.map { NamedText(renderer.accepting($0.expression), as: $0.name) })
            }
        case .union(let parts, let columns):
            return parts.flatMap { part in
                let outputs = renderer.unionColumns(part, columns)
                return terms(of: part).map { wrapped($0, outputs) }
            }
        case .lateral(let source, let call, let columns):
            return terms(of: source).map { term in
                var term = term
                term.clause.items.append(renderer.lateralItem(call, columns))
                return term
            }
        case .repeated(let source, let times):
            // The weight of a row in the result is its weight times its count, so no row needs to be repeated.
            return terms(of: source).map { term in
                var term = term
                term.weight = term.weight * Weight(renderer.text(times))
                term.clause.predicates.append("\(renderer.text(times)) <> 0")
                return term
            }
        }
    }

    /// SQL for a FROM clause: the change of a leaf; nil for one that never changes.
    func delta(of leaf: Leaf) -> String? { leaf.source.flatMap { deltas[$0] } ?? leaf.delta }

    private func leafTerms(_ leaf: Leaf) -> [DeltaTerm] {
        guard let delta = delta(of: leaf) else { return [] }
        let item = delta + SQLText.alias(leaf.alias, leaf.columns + ["__w"])
        let weight: Weight =
            switch leaf.source.flatMap({ changed[$0] }) {
            case .insertsOnce: .one
            case .deletesOnce: -.one
            default: Weight(SQLText.column(leaf.alias, "__w"))
            }
        return [DeltaTerm(clause: FromClause(items: [item]), weight: weight)]
    }

    /// A term whose SELECT stands in parentheses and shows the given columns and `__w`.
    mutating func wrapped(_ term: DeltaTerm, _ columns: [NamedText]) -> DeltaTerm {
        let alias = renderer.freshAlias("d")
        let item = renderer.subselect(
            term.clause,
            columns + [NamedText(term.weight.text, as: "__w")],
            alias: alias
        )
        return DeltaTerm(
            clause: FromClause(items: [item]),
            weight: term.weight.constant == nil ? Weight(SQLText.column(alias, "__w")) : term.weight
        )
    }

    /// A term with one FROM item, as the side of an outer or semi join must be.
    mutating func single(_ term: DeltaTerm, _ columns: [String]) -> DeltaTerm {
        if term.clause.items.count == 1, term.clause.predicates.isEmpty { return term }
        return wrapped(term, renderer.carried(columns).map { NamedText(column: $0) })
    }

    /// SELECTs of all terms joined by UNION ALL, with the weight as `__w`.
    mutating func union(_ terms: [DeltaTerm], _ columns: [NamedText]) -> String {
        terms.map { term in
            SelectText(
                columns: columns + [NamedText(term.weight.text, as: "__w")],
                from: term.clause.items,
                predicates: term.clause.predicates
            ).text
        }.joined(separator: "\nUNION ALL\n")
    }

    /// The change of a relation as one term that may be read several times.
    ///
    /// Some rows of a leaf's change are found again sooner than they are kept; all else comes from a temporary table.
    mutating func readable(_ relation: Relation, _ purpose: String) -> DeltaTerm {
        let found = terms(of: relation)
        return found.count == 1 && relation.isFilteredLeaf ? found[0] : stored(found, relation.columns, purpose)
    }

    /// Several terms as one that reads a temporary table.
    mutating func stored(_ terms: [DeltaTerm], _ columns: [String], _ purpose: String) -> DeltaTerm {
        let select = union(terms, renderer.carried(columns).map { NamedText(column: $0) })
        let table = store(select, purpose)
        let alias = renderer.freshAlias("d")
        let item = SQLText.temporary(table) + " AS " + SQLText.identifier(alias)
        let constant = terms.constantWeight.map { $0 > 0 ? Weight.one : -.one }
        return DeltaTerm(
            clause: FromClause(items: [item]),
            weight: constant ?? Weight(SQLText.column(alias, "__w"))
        )
    }

    /// Makes a temporary table and gives its name.
    mutating func store(_ select: String, _ purpose: String) -> String {
        let table = "\(prefix)_\(temporaries.count + 1)_\(purpose)"
        add(table: table, SQLText.makeTemporary(table, as: select))
        return table
    }

    /// Notes a statement that makes a temporary table.
    mutating func add(table: String, _ statement: String) {
        statements.append(statement)
        temporaries.append(table)
    }
}

extension Relation {
    /// Whether these are rows of one leaf, all or some.
    fileprivate var isFilteredLeaf: Bool {
        switch self {
        case .leaf: true
        case .join(let parts, _): parts.count == 1 && parts[0].isFilteredLeaf
        default: false
        }
    }
}
