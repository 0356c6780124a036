import DuetPipeline

/// Aggregates of a subquery that depends on the rows around it.
extension GroupedBlock {
    /// The one value of a correlated scalar subquery: groups by the inner sides of its equalities.
    ///
    /// - Parameters:
    ///   - inner: The inner sides.
    ///   - outer: The outer sides.
    /// - Returns: The groups, the columns of their keys, and the value, right also for keys without a group.
    /// - Throws: ``Unsupported`` when there is no rule for it.
    func correlatedValue(
        by inner: [JSONValue],
        outer: [JSONValue]
    ) throws -> (relation: Relation, keys: [String], value: JSONValue) {
        guard let item = block.items.first, block.items.count == 1 else {
            throw Unsupported("a correlated scalar subquery of several columns has no rule")
        }
        guard isAggregate(item.tree) else { return try correlatedRow(item, by: inner, outer: outer) }
        guard !Block.hasWindow(item.tree), !Block.multipliesRows(item.tree) else {
            throw Unsupported("a window in a correlated scalar subquery has no rule here")
        }
        block.isGrouping = true
        let value = try lifted(try block.value(of: item))
        let own = Set(block.relation.columns)
        guard calls.allSatisfy({ SyntaxTree.columns(in: $0.tree).allSatisfy(own.contains) }) else {
            throw Unsupported("an aggregate of outer columns has no rule here")
        }
        guard block.besideGroups.isEmpty, block.deferred.isEmpty, groupings.isEmpty else {
            throw Unsupported("a subquery in a correlated subquery's aggregate has no rule")
        }
        let groups = try translator.group(
            block.relation,
            keys: inner.map { ("key", $0) },
            calls: calls,
            rule: "aggregate by the columns that tie the subquery to its outer query"
        )
        var empty: [String: JSONValue] = [:]
        for (call, name) in zip(calls, groups.calls) {
            let function = call.tree["function_name"]?.string?.folded ?? ""
            empty[call.name] = try Self.ofNothing(function, SyntaxTree.column(name))
        }
        return (groups.relation, groups.keys, SyntaxTree.substitute(value) { empty[$0] })
    }

    /// The value of the one row that a correlated scalar subquery is held to.
    private func correlatedRow(
        _ item: Block.Item,
        by inner: [JSONValue],
        outer: [JSONValue]
    ) throws -> (relation: Relation, keys: [String], value: JSONValue) {
        let tree = try block.value(of: item)
        let own = Set(block.relation.columns)
        guard SyntaxTree.columns(in: tree).allSatisfy(own.contains), !Block.hasWindow(tree),
            !Block.multipliesRows(tree)
        else { throw Unsupported("a correlated scalar subquery that selects more than columns of its own has no rule") }
        let groups = try translator.group(
            block.relation,
            keys: inner.map { ("key", $0) },
            calls: Translator.calls(for: tree, isDistinct: block.isDistinct),
            rule: "the row that a subquery finds, by the columns that tie it to its outer query"
        )
        let ties = zip(outer, groups.keys).map {
            SyntaxTree.comparison("COMPARE_EQUAL", $0, SyntaxTree.column($1))
        }
        let value = Translator.value(of: groups.calls, isDistinct: block.isDistinct, ties: ties)
        return (groups.relation, groups.keys, value)
    }

    /// An aggregate's value where there may be no rows, of which the column is then NULL.
    private static func ofNothing(_ function: String, _ column: JSONValue) throws -> JSONValue {
        if emptyIsNull.contains(function) { return column }
        guard emptyIsZero.contains(function) else {
            throw Unsupported("'\(function)' in a correlated subquery has no rule")
        }
        return SyntaxTree.op("OPERATOR_COALESCE", [column, SyntaxTree.constant(0)])
    }

    /// Aggregates that are NULL over no rows.
    private static let emptyIsNull: Set<String> = [
        "sum", "avg", "mean", "min", "max", "bool_and", "bool_or", "stddev", "stddev_samp", "stddev_pop", "variance",
        "var_samp", "var_pop", "median", "any_value", "first", "string_agg", "list", "array_agg", "arg_min", "arg_max",
        "mode", "quantile_cont", "quantile_disc", "product", "bit_and", "bit_or", "bit_xor", "last", "arbitrary", "mad",
        "kurtosis", "skewness", "corr", "max_by", "min_by", "histogram", "fsum", "favg", "group_concat", "listagg",
        "geomean", "approx_quantile", "count_if", "countif",
    ]
    /// Aggregates that are zero over no rows.
    ///
    /// Of other aggregates that are zero DuckDB 1.5.5 makes NULL where a correlated subquery finds no rows.
    private static let emptyIsZero: Set<String> = ["count", "count_star"]

    /// Refuses aggregates of nothing but outer columns, as those are aggregates of the outer query.
    func refuseOuterAggregates() throws {
        guard let seat = block.seat else { return }
        let outer = Set(seat.columns)
        for call in calls {
            let columns = SyntaxTree.columns(in: call.tree)
            guard columns.isEmpty || !columns.allSatisfy(outer.contains) else {
                throw Unsupported("an aggregate of nothing but outer columns belongs to the outer query")
            }
        }
    }

    /// Totals for each combination of outer values, also for those that find no rows.
    func outerTotals() throws -> Translated {
        guard let seat = block.seat else { throw Unsupported("totals of this form have no rule") }
        // Every combination is there, whether or not it has a group.
        let all = translator.instantiated(
            Translated(
                relation: seat.relation,
                outputs: seat.columns.map { Scope.Column(name: $0, value: SyntaxTree.column($0)) }
            )
        )
        keyNames = all.outputs.compactMap { SyntaxTree.columnNames(of: $0.value)?.first }
        var values = try block.items.map { Scope.Column(name: $0.name, value: try lifted(try block.value(of: $0))) }
        var having = try SyntaxTree.conjuncts(block.node["having"]).map {
            try lifted(try block.resolve($0, .groupsFirst))
        }
        guard block.node["qualify"]?.isNull ?? true else {
            throw Unsupported("QUALIFY over the totals of a correlated subquery has no rule")
        }
        guard groupings.isEmpty, block.deferred.isEmpty else {
            throw Unsupported("a subquery that depends on another one's totals has no rule")
        }
        try refuseOuterAggregates()
        let groups = try translator.group(
            block.relation,
            keys: keys,
            calls: calls,
            rule: "totals of a subquery for each outer row"
        )
        var found: [String: JSONValue] = [:]
        for (call, name) in zip(calls, groups.calls) {
            let function = call.tree["function_name"]?.string?.folded ?? ""
            found[call.name] = try Self.ofNothing(function, SyntaxTree.column(name))
        }
        for index in values.indices { values[index].value = SyntaxTree.substitute(values[index].value) { found[$0] } }
        having = having.map { SyntaxTree.substitute($0) { found[$0] } }
        let known = translator.neverNull(seat.relation)
            .union(block.requiredKeys.map { seat.columns[$0] })
        let ties = zip(all.outputs, zip(seat.columns, groups.keys)).map { output, names in
            Dependent.tie(
                Domain.Key(outer: output.value, isRequired: known.contains(names.0)),
                SyntaxTree.column(names.1)
            )
        }
        let totals = Relation.outer(try translator.outerJoin(.left, all.relation, groups.relation, ties))
        let relation = Relation.joined([totals] + block.besideGroups, having.map { translator.pool.intern($0) })
        var result = Translated(relation: relation, outputs: values + all.outputs)
        result.keyCount = outerCount
        result.rows = having.isEmpty ? .one : .atMostOne
        result = try block.finished(result, qualify: nil, order: [])
        if result.relation == totals {
            result.totals = Translated.Totals(
                groups: groups.relation,
                keys: groups.keys,
                required: block.requiredKeys,
                seat: keyNames
            )
        }
        return result
    }
}
