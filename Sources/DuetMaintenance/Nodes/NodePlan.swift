/// How a node is computed and kept.
struct NodePlan: Sendable {
    /// What the node keeps, and by which rule.
    enum Kind: Sendable {
        /// The rows of a relation as they are: every operator in it has a rule of its own.
        case bag(BagPlan)
        /// Groups whose aggregates can be merged.
        case aggregate(AggregatePlan)
        /// Rows computed partition by partition.
        case partition(PartitionPlan)
        /// A query that is run as a whole.
        case opaque(OpaquePlan)
    }

    /// The node's name, as changes of it are announced.
    var name: String
    /// The state table, quoted.
    var table: String
    /// What the names of temporary tables begin with.
    var prefix: String
    /// What is computed.
    var kind: Kind
    /// The columns a reader sees.
    var visible: [ViewColumn]
    /// The rule's name for people.
    var rule: String
    /// Why this rule and not a cheaper one; empty when there is none.
    var issues: [String]

    /// The table that holds the node's change.
    var deltaTable: String { prefix + "_delta" }

    /// What is announced as changed to make this node change.
    var sources: [String] {
        var found: [String] = []
        for source in readSources where !found.contains(source) { found.append(source) }
        return found
    }

    /// The rows that the rule computes the node from; nil for a query that is run as a whole, which stays as it is.
    var input: Relation? {
        get {
            switch kind {
            case .bag(let plan): plan.relation
            case .aggregate(let plan): plan.input
            case .partition(let plan): plan.input
            case .opaque: nil
            }
        }
        set {
            guard let newValue else { return }
            switch kind {
            case .bag(var plan):
                plan.relation = newValue
                kind = .bag(plan)
            case .aggregate(var plan):
                plan.input = newValue
                kind = .aggregate(plan)
            case .partition(var plan):
                plan.input = newValue
                kind = .partition(plan)
            case .opaque: break
            }
        }
    }

    private var readSources: [String] {
        if case .opaque(let plan) = kind { return plan.sources }
        return input?.leaves.compactMap(\.source) ?? []
    }
}

/// A bag of rows.
struct BagPlan: Sendable {
    var relation: Relation
    /// The visible columns, in order.
    var outputs: [NamedExpression]
}

/// A query run as it was written.
struct OpaquePlan: Sendable {
    var sql: String
    var sources: [String]
}

/// The SQL that computes a node in full and the columns its state has.
struct StateShape: Hashable, Sendable {
    /// The query whose columns are the state's.
    var select: String
    /// Names of the hidden columns, after the visible ones.
    var hidden: [String]
}

extension NodePlan {
    /// The columns of the input that anything in the plan uses.
    var neededColumns: Set<String>? {
        switch kind {
        case .bag(let plan): plan.relation.usedColumns.union(plan.outputs.flatMap(\.expression.columns))
        case .aggregate(let plan):
            plan.input.usedColumns.union(plan.keys.flatMap(\.expression.columns))
                .union(plan.accumulators.flatMap { ($0.argument?.columns ?? []) + ($0.filter?.columns ?? []) })
        case .partition(let plan): plan.neededColumns
        case .opaque: nil
        }
    }

    /// The state as a query over the rows as they are now.
    ///
    /// - Parameters:
    ///   - texts: The texts of the pooled expressions.
    ///   - readsTypesOnly: Whether the query is only to be asked for its columns' types.
    /// - Returns: The query, and its columns that readers do not see.
    func shape(_ texts: [String], readsTypesOnly: Bool = false) -> StateShape {
        var renderer = RelationRenderer(texts: texts, readsTypesOnly: readsTypesOnly, needed: neededColumns)
        switch kind {
        case .bag(let plan):
            let clause = renderer.from(plan.relation)
            let columns = plan.outputs.map { NamedText(renderer.text($0.expression), as: $0.name) }
            return StateShape(
                select: SelectText(columns: columns, from: clause.items, predicates: clause.predicates).text,
                hidden: []
            )
        case .aggregate(let plan): return plan.shape(&renderer)
        case .partition(let plan):
            return StateShape(select: plan.select(plan.input, &renderer), hidden: plan.hiddenKeys.map(\.name))
        case .opaque(let plan):
            // The query's own names may repeat; the state's do not.
            let columns = SQLText.list(visible.map(\.name))
            return StateShape(select: "SELECT \(columns) FROM (\(plan.sql)) AS __q(\(columns))", hidden: [])
        }
    }
}
