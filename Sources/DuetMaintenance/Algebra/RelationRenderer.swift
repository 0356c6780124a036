/// What a relation needs in a FROM clause and a WHERE clause.
struct FromClause: Hashable, Sendable {
    var items: [String] = []
    var predicates: [String] = []
}

/// Writes relations as SQL over the rows after the change.
struct RelationRenderer: Sendable {
    /// The texts of the pooled expressions.
    let texts: [String]
    /// Whether leaves whose types are known are replaced by an empty row of them, so that nothing need exist.
    private let readsTypesOnly: Bool
    /// The columns that some expression uses; nil for all.
    ///
    /// Others need not be carried through SELECTs in between.
    private let needed: Set<String>?
    private var aliasCount = 0

    init(texts: [String], readsTypesOnly: Bool = false, needed: Set<String>? = nil) {
        self.texts = texts
        self.readsTypesOnly = readsTypesOnly
        self.needed = needed
    }

    /// Those of the columns that are needed.
    func carried(_ columns: [String]) -> [String] {
        guard let needed else { return columns }
        return columns.filter { needed.contains($0) || $0.hasPrefix("__") }
    }

    /// An alias no leaf has.
    mutating func freshAlias(_ stem: String = "q") -> String {
        aliasCount += 1
        return "__\(stem)\(aliasCount)"
    }

    /// An expression's text.
    func text(_ expression: Expression) -> String {
        switch expression.body {
        case .pooled(let number): texts[number]
        case .text(let text): text
        case .equality(let pair, let matchesNull):
            "\(text(pair.left)) \(matchesNull ? "IS NOT DISTINCT FROM" : "=") \(text(pair.right))"
        }
    }

    /// An expression's text for rows that it does not refuse; see `DeltaBuilder.accepted(_:_:)`.
    func accepting(_ expression: Expression) -> String {
        expression.refusal.map { texts[$0.accepting] } ?? text(expression)
    }

    /// A join's condition as text.
    func text(_ condition: JoinCondition) -> String {
        SQLText.and(condition.equal.map { text($0.condition) } + condition.residual.map(text))
    }

    /// The relation as parts of a FROM clause, inner joins laid flat so that DuckDB orders them.
    mutating func from(_ relation: Relation) -> FromClause {
        switch relation {
        case .leaf(let leaf):
            if readsTypesOnly, leaf.types.count == leaf.columns.count, !leaf.types.isEmpty {
                let nulls = leaf.types.map { "CAST(NULL AS \($0))" }.joined(separator: ", ")
                return FromClause(items: ["(SELECT \(nulls))" + SQLText.alias(leaf.alias, leaf.columns)])
            }
            return FromClause(items: [leaf.current + SQLText.alias(leaf.alias, leaf.columns)])
        case .join(let parts, let predicates):
            var clause = FromClause()
            for part in parts {
                let inner = from(part)
                clause.items += inner.items
                clause.predicates += inner.predicates
            }
            clause.predicates += predicates.map(text)
            return clause
        case .outer(let join):
            let keyword = join.kind == .left ? "LEFT JOIN" : "FULL JOIN"
            let left = item(from(join.left), join.left.columns)
            let right = item(from(join.right), join.right.columns)
            return FromClause(items: ["(\(left) \(keyword) \(right) ON \(text(join.condition)))"])
        case .semi(let join):
            let keyword = join.isAnti ? "ANTI JOIN" : "SEMI JOIN"
            let left = item(from(join.left), join.left.columns)
            let right = item(from(join.right), join.right.columns)
            return FromClause(items: ["(\(left) \(keyword) \(right) ON \(text(join.condition)))"])
        case .project(let source, let outputs):
            let clause = from(source)
            let kept = carried(outputs)
            return FromClause(items: [subselect(clause, kept.map { NamedText(text($0.expression), as: $0.name) })])
        case .union(let parts, let columns):
            let branches = parts.map { part in
                let clause = from(part)
                let outputs = unionColumns(part, columns)
                return SelectText(columns: outputs, from: clause.items, predicates: clause.predicates).text
            }
            let alias = SQLText.identifier(freshAlias())
            return FromClause(items: ["(\(branches.joined(separator: "\nUNION ALL\n"))) AS \(alias)"])
        case .lateral(let source, let call, let columns):
            var clause = from(source)
            clause.items.append(lateralItem(call, columns))
            return clause
        case .repeated(let source, let times):
            var clause = from(source)
            clause.items.append("unnest(range(\(text(times))))" + SQLText.alias(freshAlias("r"), [freshAlias("i")]))
            return clause
        }
    }

    /// The columns of a union's branch that are needed, under the union's names.
    func unionColumns(_ part: Relation, _ columns: [String]) -> [NamedText] {
        let kept = Set(carried(columns))
        let pairs = zip(part.columns, columns).filter { kept.contains($0.1) }
        return pairs.isEmpty
            ? [NamedText("1", as: "__one")] : pairs.map { NamedText(SQLText.identifier($0.0), as: $0.1) }
    }

    /// The outputs of a projection that are needed; calls that make rows are always.
    func carried(_ outputs: [NamedExpression]) -> [NamedExpression] {
        guard let needed else { return outputs }
        return outputs.filter { needed.contains($0.name) || $0.expression.multipliesRows }
    }

    /// The FROM item of a call that may use the columns of the items before it.
    mutating func lateralItem(_ call: Expression, _ columns: [String]) -> String {
        "LATERAL (SELECT \(text(call)))" + SQLText.alias(freshAlias("l"), columns)
    }

    /// One FROM item for a clause: itself if it is one, else a SELECT of the given columns.
    mutating func item(_ clause: FromClause, _ columns: [String]) -> String {
        if clause.items.count == 1, clause.predicates.isEmpty { return clause.items[0] }
        return subselect(clause, carried(columns).map { NamedText(column: $0) })
    }

    /// A SELECT in parentheses with an alias.
    mutating func subselect(_ clause: FromClause, _ columns: [NamedText], alias: String? = nil) -> String {
        let columns = columns.isEmpty ? [NamedText("1", as: "__one")] : columns
        let select = SelectText(columns: columns, from: clause.items, predicates: clause.predicates)
        return "(\(select.text)) AS \(SQLText.identifier(alias ?? freshAlias()))"
    }
}
