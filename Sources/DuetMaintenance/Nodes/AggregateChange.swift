extension AggregatePlan {
    /// The statements that merge the input's change into the groups, and those that apply the result.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - stateRows: How many groups there are; nil when that is not known.
    ///   - builder: Takes the statements that must run before.
    /// - Returns: The statements that apply the result.
    func change(_ node: NodePlan, stateRows: Int?, _ builder: inout DeltaBuilder) -> [String] {
        let changes = changeByGroup(&builder).select
        let repairs = hasExtremes && !builder.onlyAdds(input)
        let isSmall = keys.isEmpty || (stateRows ?? .max) <= Self.mostRows
        // DuckDB knows how many groups a table has and so looks for them in the state, not for the state's in them.
        let groups = isSmall && !repairs ? "(\(changes))" : SQLText.temporary(builder.store(changes, "groups"))
        let repaired = repairs ? repairedExtremes(node, groups, &builder) : nil
        let merged = MergedSource(changes: "\(groups) AS d", repaired: repaired, readsWholeState: isSmall)
        let table = builder.store(mergedGroups(node, merged, builder.renderer), "merged")
        return finish(node, table, &builder)
    }

    /// The change of the input summed by group: counts and sums of weights, and the extremes added and taken away.
    ///
    /// - Returns: The SELECT, and the weight of every row of the input's change if it is the same for all.
    func changeByGroup(_ builder: inout DeltaBuilder) -> (select: String, weight: Int?) {
        let used = keys.map(\.expression) + accumulators.flatMap { [$0.argument, $0.filter].compactMap(\.self) }
        let terms = builder.accepted(builder.terms(of: input), used)
        let keyColumns = keys.map { NamedText(builder.renderer.accepting($0.expression), as: $0.name) }
        var arguments = ArgumentColumns()
        let operands = accumulators.map { accumulator in
            (
                argument: accumulator.argument.map { arguments.name(of: builder.renderer.accepting($0)) },
                filter: accumulator.filter.map { arguments.name(of: builder.renderer.accepting($0)) }
            )
        }
        let columns = keyColumns + arguments.columns
        let weight = terms.constantWeight
        var source = builder.union(terms, columns)
        if hasExtremes, weight == nil {
            // Terms of a change may take away rows that other terms add; only what is left of both counts as gone.
            let list = SQLText.list(columns.map(\.name) + ["__w"])
            let names = columns.map { SQLText.identifier($0.name) }.joined(separator: ", ")
            source = """
                SELECT \(names.isEmpty ? "" : names + ", ")sum(__w) AS __w FROM (SELECT \(list) FROM (\(source)))
                GROUP BY ALL HAVING sum(__w) <> 0
                """
        }
        var outputs = keys.map { NamedText(column: $0.name) }
        outputs.append(NamedText(Self.counted(weight), as: rows))
        for (index, accumulator) in accumulators.enumerated() {
            outputs += changeOutputs(accumulator, index, operands[index].argument, operands[index].filter, weight)
        }
        let select = SelectText(
            columns: outputs,
            from: ["(\(source)) AS __c"],
            suffix: keys.isEmpty ? [] : ["GROUP BY \(SQLText.list(keys.map(\.name)))"]
        )
        return (select.text, weight)
    }

    private func changeOutputs(
        _ accumulator: Accumulator,
        _ index: Int,
        _ argument: String?,
        _ filter: String?,
        _ weight: Int?
    ) -> [NamedText] {
        func filtered(_ call: String, _ conditions: [String?]) -> String {
            let conditions = conditions.compactMap(\.self)
            return conditions.isEmpty ? call : "\(call) FILTER (WHERE \(SQLText.and(conditions)))"
        }
        let value = argument ?? "1"
        switch accumulator.kind {
        case .count:
            let conditions = [filter, argument.map { "\($0) IS NOT NULL" }].compactMap(\.self)
            return [NamedText(Self.counted(weight, conditions), as: accumulator.name)]
        case .sum(_, _, let isWide):
            // A product of BIGINTs may not fit; a wider type costs time, so only wide arguments get it.
            let factor = isWide ? "CAST(\(value) AS HUGEINT)" : value
            guard let weight else {
                return [NamedText(filtered("sum(\(factor) * __w)", [filter]), as: accumulator.name)]
            }
            return [NamedText((weight < 0 ? "-" : "") + filtered("sum(\(factor))", [filter]), as: accumulator.name)]
        case .extreme(_, let isLeast):
            let call = "\(isLeast ? "min" : "max")(\(value))"
            func signed(_ sign: Int) -> String? {
                guard let weight else { return "__w \(sign > 0 ? ">" : "<") 0" }
                return weight == sign ? nil : "FALSE"
            }
            return [
                NamedText(filtered(call, [signed(1), filter]), as: accumulator.name),
                NamedText(filtered(call, [signed(-1), filter]), as: "__gone\(index)"),
            ]
        }
    }

    /// The weights of the rows that meet some conditions, added up.
    private static func counted(_ weight: Int?, _ conditions: [String] = []) -> String {
        let filter = conditions.isEmpty ? "" : " FILTER (WHERE \(SQLText.and(conditions)))"
        guard let weight else { return "CAST(coalesce(sum(__w)\(filter), 0) AS BIGINT)" }
        return (weight < 0 ? "-" : "") + "count(*)\(filter)"
    }

    /// The sum after the change; NULL where nothing is left to sum.
    ///
    /// - Parameters:
    ///   - old: The state's sum.
    ///   - change: The change's.
    ///   - count: The values that are left, as SQL; nil when it cannot be zero here.
    ///   - type: The type of the state's column.
    /// - Returns: The sum, as SQL.
    static func total(_ old: String, _ change: String, count: String?, type: String) -> String {
        // Whatever is added to NULL is NULL, so one side alone counts where the other has nothing.
        let sum = "CAST(coalesce(\(old) + \(change), \(old), \(change)) AS \(type))"
        return count.map { "CASE WHEN \($0) > 0 THEN \(sum) END" } ?? sum
    }

    /// Extremes computed anew for the groups that lost theirs; nothing is read when there are none.
    ///
    /// A group needs it when the value taken away is as good as the kept one and no value added is.
    private func repairedExtremes(_ node: NodePlan, _ changes: String, _ builder: inout DeltaBuilder) -> String {
        let names = stateNames
        func state(_ name: String) -> String { SQLText.column("s", names[name] ?? name) }
        let lost = accumulators.enumerated().compactMap { index, accumulator -> String? in
            guard case .extreme(_, let isLeast) = accumulator.kind else { return nil }
            let kept = state(accumulator.name)
            let comparison = isLeast ? "<=" : ">="
            let added = SQLText.column("d", accumulator.name)
            return "(d.__gone\(index) \(comparison) \(kept) AND NOT coalesce(\(added) \(comparison) \(kept), FALSE))"
        }
        let on = keys.isEmpty ? "TRUE" : keyMatch("s", "d")
        let select = SelectText(
            columns: keys.isEmpty
                ? [NamedText("1", as: "__one")]
                : keys.map { NamedText(SQLText.column("d", $0.name), as: $0.name) },
            from: ["\(changes) AS d JOIN \(node.table) AS s ON \(on)"],
            predicates: [
                "(\(lost.joined(separator: " OR ")))",
                "\(state(rows)) + \(SQLText.column("d", rows)) > 0",
            ]
        )
        let groups = builder.store(select.text, "lost")
        let alias = builder.renderer.freshAlias("k")
        let columns = (keys.isEmpty ? ["__one"] : keys.map(\.name)).map { "\(alias)_\($0)" }
        let leaf = Leaf(current: SQLText.temporary(groups), alias: alias, columns: columns)
        var plan = self
        plan.accumulators = accumulators.filter {
            if case .extreme = $0.kind { true } else { false }
        }
        plan.finals = []
        let restricted =
            keys.isEmpty
            ? Relation.join([input, .leaf(leaf)], [])
            : input.restricted(
                to: leaf,
                Array(zip(keys.map(\.expression), columns)),
                matchesNull: true,
                strict: Set(zip(keys, columns).filter { strictKeys.contains($0.0.name) }.map(\.1))
            )
        return builder.store(plan.grouped(restricted, &builder.renderer).text, "repaired")
    }

    /// What the groups' new rows are made of.
    struct MergedSource {
        var changes: String
        var repaired: String?
        /// Whether the state is so small that it is read whole.
        var readsWholeState = false
        /// Whether the old visible values are asked for.
        var showsOld = true
    }

    /// The rows that the state has of the groups touched.
    ///
    /// An inner join on plain equality lets DuckDB build on the few groups touched, and pass over the parts of the state
    /// that cannot hold them; NULL, which equals nothing, is looked for apart, which costs nothing where it is not.
    private func touchedGroups(_ node: NodePlan, _ changes: String) -> String {
        let names = stateNames
        let pairs = matchingKeys.map {
            (SQLText.column("s", names[$0.name] ?? $0.name), SQLText.column("d", $0.name), strictKeys.contains($0.name))
        }
        let select = "SELECT s.rowid AS __rid, s.* FROM \(changes), \(node.table) AS s WHERE "
        let equal = select + SQLText.and(pairs.map { "\($0.0) = \($0.1)" })
        if pairs.allSatisfy(\.2) { return equal }
        let isNull = pairs.filter { !$0.2 }.map { "\($0.1) IS NULL" }.joined(separator: " OR ")
        return equal + "\nUNION ALL\n" + select + "(\(isNull)) AND \(keyMatch("s", "d"))"
    }

    /// One row for each group touched: where its old row is, the old visible values, and its new row.
    func mergedGroups(
        _ node: NodePlan,
        _ source: MergedSource,
        _ renderer: RelationRenderer
    ) -> String {
        let names = stateNames
        func state(_ name: String) -> String { SQLText.column("s", names[name] ?? name) }
        func change(_ name: String) -> String { SQLText.column("d", name) }
        func count(_ name: String) -> String { "(coalesce(\(state(name)), 0) + \(change(name)))" }

        var from = source.changes
        if keys.isEmpty || source.readsWholeState {
            let on = keys.isEmpty ? "TRUE" : keyMatch("s", "d")
            from += " LEFT JOIN (SELECT rowid AS __rid, * FROM \(node.table)) AS s ON \(on)"
        } else {
            from += " LEFT JOIN (\(touchedGroups(node, source.changes))) AS s ON \(keyMatch("s", "d"))"
        }
        var columns = [NamedText("s.__rid", as: "__rid")]
        let old = source.showsOld ? outputs.indices.map { "__old\($0)" } : []
        columns += zip(outputs, old).map { NamedText(SQLText.column("s", $0.name), as: $1) }
        columns += keys.map { NamedText(change($0.name), as: $0.name) }
        columns.append(NamedText(count(rows), as: rows))
        if let repaired = source.repaired {
            let on =
                keys.isEmpty
                ? "TRUE"
                : keys.map { key in
                    let column = SQLText.identifier(key.name)
                    return "r.\(column) IS NOT DISTINCT FROM d.\(column)"
                }.joined(separator: " AND ")
            from += " LEFT JOIN \(SQLText.temporary(repaired)) AS r ON \(on)"
        }
        for accumulator in accumulators {
            let old = state(accumulator.name)
            let new = change(accumulator.name)
            switch accumulator.kind {
            case .count: columns.append(NamedText(count(accumulator.name), as: accumulator.name))
            case .sum(_, let counter, _):
                let left = isNeverEmpty(counter) ? nil : count(counter)
                let sum = Self.total(old, new, count: left, type: accumulator.type)
                columns.append(NamedText(sum, as: accumulator.name))
            case .extreme(_, let isLeast):
                let merged = "\(isLeast ? "least" : "greatest")(\(old), \(new))"
                guard source.repaired != nil else {
                    columns.append(NamedText(merged, as: accumulator.name))
                    continue
                }
                let repaired = SQLText.column("r", accumulator.name)
                let text = """
                    CASE WHEN \(count(rows)) = 0 THEN NULL \
                    WHEN \(SQLText.column("r", rows)) > 0 THEN \(repaired) ELSE \(merged) END
                    """
                columns.append(NamedText(text, as: accumulator.name))
            }
        }
        let merged = SelectText(columns: columns, from: [from]).text
        let kept = ["__rid"] + old
        let alive = keys.isEmpty ? "TRUE" : "\(SQLText.identifier(rows)) > 0"
        let with = SelectText(columns: [.all] + finalColumns, from: ["(\(merged)) AS __g"]).text
        return SelectText(
            columns: kept.map { NamedText(column: $0) } + [NamedText(alive, as: "__alive")]
                + stateColumns(renderer),
            from: ["(\(with)) AS __f"]
        ).text
    }

    /// The change of the visible columns, and the statements that replace the touched groups.
    private func finish(_ node: NodePlan, _ table: String, _ builder: inout DeltaBuilder) -> [String] {
        let visible = outputs.map(\.name)
        let merged = SQLText.temporary(table)
        let old = visible.indices.map { "__old\($0)" }
        let unchanged = SQLText.same(zip(visible, old).map { (SQLText.identifier($0), $1) })
        let rows = """
            SELECT \(SQLText.list(visible)), CAST(1 AS BIGINT) AS __w FROM \(merged)
            WHERE __alive AND NOT (__rid IS NOT NULL AND \(unchanged))
            UNION ALL
            SELECT \(old.joined(separator: ", ")), CAST(-1 AS BIGINT) FROM \(merged)
            WHERE __rid IS NOT NULL AND NOT (__alive AND \(unchanged))
            """
        // Rows of different groups can only be equal when a key is not shown.
        let showsKeys = keys.allSatisfy { key in outputs.contains { $0.expression.columnName == key.name } }
        let delta =
            showsKeys
            ? rows
            : """
            SELECT \(SQLText.list(visible)), CAST(sum(__w) AS BIGINT) AS __w FROM (\(rows))
            GROUP BY ALL HAVING sum(__w) <> 0
            """
        builder.add(table: node.deltaTable, SQLText.makeTemporary(node.deltaTable, as: delta))
        let columns = SQLText.list(visible + hiddenColumns.map(\.state))
        return [
            "DELETE FROM \(node.table) WHERE rowid IN (SELECT __rid FROM \(merged) WHERE __rid IS NOT NULL)",
            "INSERT INTO \(node.table) (\(columns)) SELECT \(columns) FROM \(merged) WHERE __alive",
        ]
    }

    private var matchingKeys: [NamedExpression] { matched ?? keys }

    /// Whether a count is that of a group's rows, of which every kept group has some.
    func isNeverEmpty(_ counter: String) -> Bool { counter == rows && !keys.isEmpty }

    func keyMatch(_ state: String, _ change: String) -> String {
        let names = stateNames
        return SQLText.and(
            matchingKeys.map { key in
                let comparison = strictKeys.contains(key.name) ? "=" : "IS NOT DISTINCT FROM"
                let own = SQLText.column(state, names[key.name] ?? key.name)
                return "\(own) \(comparison) \(SQLText.column(change, key.name))"
            }
        )
    }
}

extension AggregatePlan.Accumulator {
    /// What is counted, summed or compared.
    var argument: Expression? {
        switch kind {
        case .count(let argument): argument
        case .sum(let argument, _, _), .extreme(let argument, _): argument
        }
    }
}
