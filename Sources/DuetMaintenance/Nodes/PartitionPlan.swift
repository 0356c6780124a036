/// Rows computed partition by partition: aggregates that cannot be merged, windows, DISTINCT ON.
///
/// With no key there is one partition, everything.
struct PartitionPlan: Sendable {
    var input: Relation
    /// What tells partitions apart, over the input's columns.
    var keys: [NamedExpression]
    /// Columns computed over the input, in the SELECT that has the clauses below.
    var inner: [NamedExpression]
    /// GROUP BY; nil when there is none, empty for a global aggregate.
    var grouping: [Expression]?
    var qualify: Expression?
    /// `DISTINCT` or `DISTINCT ON (…)` before the columns; nil for neither, empty for a plain DISTINCT.
    var distinctOn: [Expression]?
    /// ORDER BY, which only matters with DISTINCT ON or LIMIT.
    var order: [OrderKey] = []
    /// LIMIT and OFFSET, which are about each partition.
    var limit: Expression?
    var offset: Expression?
    /// The visible columns over the inner ones.
    var outputs: [NamedExpression]
    /// Names of the keys that are never NULL.
    var strictKeys: Set<String> = []

    /// A column to order by.
    struct OrderKey: Hashable, Sendable {
        var expression: Expression
        /// `ASC NULLS LAST` and the like.
        var direction: String
    }

    /// The state's column for each key: a visible column that is the key, or a hidden one.
    var stateKeys: [String] {
        keys.map { key in
            let shown = outputs.first { output in
                guard let column = output.expression.columnName else { return false }
                return column == key.name
            }
            return shown?.name ?? "__k_\(key.name)"
        }
    }

    /// Keys that no visible column carries.
    var hiddenKeys: [(unique: String, name: String)] {
        zip(keys, stateKeys).compactMap { key, state in
            outputs.contains { $0.name == state } ? nil : (key.name, state)
        }
    }

    /// The columns of the input that anything uses.
    var neededColumns: Set<String> {
        let expressions =
            (keys + inner).map(\.expression) + (grouping ?? []) + (distinctOn ?? []) + order.map(\.expression)
            + [qualify, limit, offset].compactMap(\.self)
        return input.usedColumns.union(expressions.flatMap(\.columns))
    }

    /// The state's rows over a given input.
    func select(_ input: Relation, _ renderer: inout RelationRenderer) -> String {
        let clause = renderer.from(input)
        var suffix: [String] = []
        if let grouping, !grouping.isEmpty {
            suffix.append("GROUP BY " + grouping.map { renderer.text($0) }.joined(separator: ", "))
        }
        if let qualify { suffix.append("QUALIFY \(renderer.text(qualify))") }
        let orderText =
            order.isEmpty
            ? ""
            : "ORDER BY " + order.map { "\(renderer.text($0.expression)) \($0.direction)" }.joined(separator: ", ")
        if keys.isEmpty || limit == nil && offset == nil {
            if !order.isEmpty { suffix.append(orderText) }
            if let limit { suffix.append("LIMIT \(renderer.text(limit))") }
            if let offset { suffix.append("OFFSET \(renderer.text(offset))") }
        } else {
            suffix.append("QUALIFY " + firstRows(orderText, renderer))
        }
        var columns = inner
        for key in keys where !columns.contains(where: { $0.name == key.name }) { columns.append(key) }
        var prefix = ""
        if let distinctOn {
            prefix =
                distinctOn.isEmpty
                ? "DISTINCT " : "DISTINCT ON (\(distinctOn.map { renderer.text($0) }.joined(separator: ", "))) "
        }
        let select = SelectText(
            columns: columns.map { NamedText(renderer.text($0.expression), as: $0.name) },
            from: clause.items,
            predicates: clause.predicates,
            suffix: suffix,
            prefix: prefix
        )
        let visible = outputs.map { NamedText(renderer.text($0.expression), as: $0.name) }
        return SelectText(
            columns: visible + hiddenKeys.map { NamedText(SQLText.identifier($0.unique), as: $0.name) },
            from: ["(\(select.text)) AS __p"]
        ).text
    }

    /// The condition by which the first rows of each partition stay.
    private func firstRows(_ order: String, _ renderer: RelationRenderer) -> String {
        let partition = keys.map { renderer.text($0.expression) }.joined(separator: ", ")
        let number = "row_number() OVER (PARTITION BY \(partition) \(order))"
        let first = offset.map(renderer.text) ?? "0"
        var conditions = [offset.map { _ in "\(number) > \(first)" }].compactMap(\.self)
        if let limit { conditions.append("\(number) <= \(first) + \(renderer.text(limit))") }
        return SQLText.and(conditions)
    }

    /// The statements that compute the touched partitions anew, and those that replace them in the state.
    func change(_ node: NodePlan, _ builder: inout DeltaBuilder) -> [String] {
        let terms = builder.accepted(builder.terms(of: input), keys.map(\.expression))
        let columns = keys.map { NamedText(builder.renderer.accepting($0.expression), as: $0.name) }
        let touched = builder.store(
            "SELECT DISTINCT \(SQLText.list(keys.map(\.name)))\nFROM (\(builder.union(terms, columns)))",
            "keys"
        )
        let alias = builder.renderer.freshAlias("k")
        let names = keys.map { "\(alias)_\($0.name)" }
        let leaf = Leaf(current: SQLText.temporary(touched), alias: alias, columns: names)
        let restricted = input.restricted(
            to: leaf,
            Array(zip(keys.map(\.expression), names)),
            matchesNull: true,
            strict: Set(zip(keys, names).filter { strictKeys.contains($0.0.name) }.map(\.1))
        )
        let new = builder.store(select(restricted, &builder.renderer), "new")
        let match = SQLText.and(
            zip(stateKeys, keys).map { state, key in
                let comparison = strictKeys.contains(key.name) ? "=" : "IS NOT DISTINCT FROM"
                return "\(SQLText.column("s", state)) \(comparison) \(SQLText.column("k", key.name))"
            }
        )
        let visible = outputs.map(\.name)
        let old = builder.store(
            "SELECT s.rowid AS __rid, \(visible.map { SQLText.column("s", $0) }.joined(separator: ", "))\n"
                + "FROM \(node.table) AS s JOIN \(SQLText.temporary(touched)) AS k ON \(match)",
            "old"
        )
        let delta = NodePlan.difference(
            visible,
            new: SQLText.temporary(new),
            old: SQLText.temporary(old)
        )
        builder.add(table: node.deltaTable, SQLText.makeTemporary(node.deltaTable, as: delta))
        let all = SQLText.list(visible + hiddenKeys.map(\.name))
        return [
            "DELETE FROM \(node.table) WHERE rowid IN (SELECT __rid FROM \(SQLText.temporary(old)))",
            "INSERT INTO \(node.table) (\(all)) SELECT \(all) FROM \(SQLText.temporary(new))",
        ]
    }
}
