import DuetPipeline

/// The part of a block that groups: GROUP BY, aggregates and HAVING.
final class GroupedBlock {
    private let block: Block
    private var keys: [(name: String, tree: JSONValue)] = []
    private var calls: [(name: String, tree: JSONValue)] = []
    private var groupings: [(name: String, tree: JSONValue)] = []
    private var keyNames: [String] = []
    /// How many of the last keys are those of the block's domain.
    private var outerCount = 0

    init(block: Block) { self.block = block }

    private var translator: Translator { block.translator }

    /// Whether the block groups at all.
    func isNeeded() throws -> Bool {
        if !(block.node["group_expressions"]?.array ?? []).isEmpty { return true }
        if block.node["aggregate_handling"]?.string == "FORCE_AGGREGATES" { return true }
        if let having = block.node["having"], !having.isNull { return true }
        let others = [block.node["qualify"], block.modifier("ORDER_MODIFIER")].compactMap(\.self)
        return (block.items.map(\.tree) + others).contains { isAggregate($0) }
    }

    private func isAggregate(_ tree: JSONValue) -> Bool {
        SyntaxTree.containsOutsideSubqueries(tree) { object in
            object["class"]?.string == "FUNCTION"
                && translator.functions.aggregates.contains(object["function_name"]?.string?.lowercased() ?? "")
        }
    }

    /// The block as a query over its groups.
    func translated() throws -> Translated {
        if let seat = block.seat, seat.isRows {
            throw Unsupported("a subquery in FROM that is about all rows of one outer row needs a domain")
        }
        block.isGrouping = true
        try readKeys()
        if outerCount > 0 {
            if keys.count == outerCount { return try outerTotals() }
            guard sets.allSatisfy({ $0.count > outerCount }) else {
                throw Unsupported("a grouping set of nothing in a correlated subquery has no rule")
            }
        }
        let outputs = try block.items.map { item in
            Scope.Column(name: item.name, value: try lifted(try block.value(of: item)))
        }
        let having = try SyntaxTree.conjuncts(block.node["having"]).map {
            try lifted(try block.resolve($0, .aliasesFirst))
        }
        let qualify = try block.node["qualify"]?.present.map {
            try lifted(try block.resolve($0, .columnsFirst))
        }
        let order = try block.orderKeys(outputs, isDistinct: block.isDistinct) {
            try self.lifted(try self.block.resolve($0, .aliasesFirst))
        }
        try refuseOuterAggregates()
        let groups = try relationOfGroups()
        let relation = Relation.joined(
            [groups] + block.besideGroups,
            having.map { translator.pool.intern($0) }
        )
        var result = Translated(relation: relation, outputs: outputs)
        if keys.isEmpty, sets.count == 1 { result.rows = having.isEmpty ? .one : .atMostOne }
        result.outputs += keyNames.suffix(outerCount).map {
            Scope.Column(name: $0, value: SyntaxTree.column($0))
        }
        result.keyCount = outerCount
        return try block.finished(result, qualify: qualify, order: order)
    }

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
        block.isGrouping = true
        let value = try lifted(try block.value(of: item))
        let own = Set(block.relation.columns)
        guard calls.allSatisfy({ SyntaxTree.columns(in: $0.tree).allSatisfy(own.contains) }) else {
            throw Unsupported("an aggregate of outer columns has no rule here")
        }
        guard block.besideGroups.isEmpty, groupings.isEmpty else {
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
            let function = call.tree["function_name"]?.string?.lowercased() ?? ""
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
    private static let emptyIsZero: Set<String> = ["count", "count_star", "regr_count", "approx_count_distinct"]

    /// Refuses aggregates of nothing but outer columns, as those are aggregates of the outer query.
    private func refuseOuterAggregates() throws {
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
    private func outerTotals() throws -> Translated {
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
            try lifted(try block.resolve($0, .aliasesFirst))
        }
        guard block.node["qualify"]?.isNull ?? true else {
            throw Unsupported("QUALIFY over the totals of a correlated subquery has no rule")
        }
        guard groupings.isEmpty else { throw Unsupported("GROUPING of what is not grouped") }
        try refuseOuterAggregates()
        let groups = try translator.group(
            block.relation,
            keys: keys,
            calls: calls,
            rule: "totals of a subquery for each outer row"
        )
        var found: [String: JSONValue] = [:]
        for (call, name) in zip(calls, groups.calls) {
            let function = call.tree["function_name"]?.string?.lowercased() ?? ""
            found[call.name] = try Self.ofNothing(function, SyntaxTree.column(name))
        }
        for index in values.indices { values[index].value = SyntaxTree.substitute(values[index].value) { found[$0] } }
        having = having.map { SyntaxTree.substitute($0) { found[$0] } }
        let known = translator.neverNull(seat.relation)
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
            result.totals = Translated.Totals(groups: groups.relation, keys: groups.keys, seat: keyNames)
        }
        return result
    }

    private func readKeys() throws {
        let expressions = block.node["group_expressions"]?.array ?? []
        for expression in expressions {
            var name = "key"
            let tree: JSONValue
            if let position = try block.position(expression) {
                name = block.items[position].name
                tree = try block.value(of: block.items[position])
            } else {
                if Block.hasSubquery(expression) { throw Unsupported("a subquery in GROUP BY has no rule") }
                name = SyntaxTree.columnNames(of: expression)?.last ?? name
                tree = Block.withoutAlias(try block.resolve(Block.withoutAlias(expression), .columnsFirst))
            }
            keys.append((name, tree))
        }
        if expressions.isEmpty, block.node["aggregate_handling"]?.string == "FORCE_AGGREGATES" {
            for item in block.items where !isAggregate(item.tree) && !Block.hasWindow(item.tree) {
                keys.append((item.name, try block.value(of: item)))
            }
        }
        if let seat = block.seat {
            keys += seat.columns.map { ($0, SyntaxTree.column($0)) }
            outerCount = seat.columns.count
        }
        keyNames = keys.map { translator.names.fresh($0.name) }
    }

    /// The grouping sets, as positions of keys.
    private var sets: [[Int]] {
        let written = (block.node["group_sets"]?.array ?? []).map { $0.array?.compactMap(\.integer) ?? [] }
        return written.isEmpty ? [Array(keys.indices)] : written.map { $0 + keys.indices.suffix(outerCount) }
    }

    /// An expression over the rows as one over the groups.
    private func lifted(_ tree: JSONValue) throws -> JSONValue {
        let bare = Block.withoutAlias(tree)
        if let index = keys.firstIndex(where: { $0.tree == bare }) { return SyntaxTree.column(keyNames[index]) }
        switch tree {
        case .array(let values): return .array(try values.map { try lifted($0) })
        case .object(let object):
            if let names = SyntaxTree.columnNames(of: tree) {
                let name = names.first ?? ""
                if block.besideGroups.contains(where: { $0.columns.contains(name) }) { return tree }
                throw Unsupported("column '\(name)' is neither grouped nor aggregated")
            }
            if object["class"]?.string == "FUNCTION",
                translator.functions.aggregates.contains(object["function_name"]?.string?.lowercased() ?? "")
            {
                return noted(bare, in: &calls, stem: object["function_name"]?.string ?? "value")
            }
            if object["type"]?.string == "GROUPING_FUNCTION" { return noted(bare, in: &groupings, stem: "grouping") }
            if object["class"]?.string == "LAMBDA" { return tree }
            return .object(try object.mapValues { try lifted($0) })
        default: return tree
        }
    }

    private func noted(
        _ tree: JSONValue,
        in list: inout [(name: String, tree: JSONValue)],
        stem: String
    ) -> JSONValue {
        if let known = list.first(where: { $0.tree == tree }) { return SyntaxTree.column(known.name) }
        let name = translator.names.fresh(stem)
        list.append((name, tree))
        return SyntaxTree.column(name)
    }

    /// The groups with their keys and aggregates under the names that the outputs use.
    private func relationOfGroups() throws -> Relation {
        let sets = sets
        if sets.count == 1, groupings.isEmpty, sets[0] == Array(keys.indices) {
            if keys.isEmpty, let totals = try distinctTotals(calls) { return totals }
            let groups = try translator.group(
                block.relation,
                keys: zip(keyNames, keys).map { ($0, $1.tree) },
                calls: calls
            )
            return groups.renamed(keys: keyNames, calls: calls.map(\.name))
        }
        guard Set(keys.map(\.tree)).count == keys.count else {
            // Where one of them is left out, what is selected does not tell which one it means.
            throw Unsupported("grouping sets of two columns that are the same have no rule")
        }
        // Each grouping set is a GROUP BY of its own.
        let types = try translator.types(keys.map { translator.pool.intern($0.tree) }, over: block.relation)
        let columns = keyNames + calls.map(\.name) + groupings.map(\.name)
        let branches = try sets.map { set in
            let source = sets.count > 1 ? instantiatedInput() : Source(relation: block.relation) { $0 }
            let fresh = calls.map { (name: translator.names.fresh($0.name), tree: $0.tree) }
            let totals = set.isEmpty ? try distinctTotals(fresh) : nil
            let groups =
                try totals.map { Translator.Groups(relation: $0, keys: [], calls: fresh.map(\.name)) }
                ?? translator.group(
                    source.relation,
                    keys: set.map { (keyNames[$0], source.rename(keys[$0].tree)) },
                    calls: calls.map { ($0.name, source.rename($0.tree)) },
                    rule: "one grouping set"
                )
            var outputs = keys.indices.map { index -> NamedExpression in
                let expression =
                    set.firstIndex(of: index).map { Expression.column(groups.keys[$0]) }
                    ?? Expression(body: .text("CAST(NULL AS \(types[index]))"), columns: [])
                return NamedExpression(name: translator.names.fresh("key"), expression: expression)
            }
            outputs += groups.calls.map {
                NamedExpression(name: translator.names.fresh("value"), expression: .column($0))
            }
            outputs += try groupings.map { grouping in
                let bits = try groupingBits(grouping.tree, set)
                return NamedExpression(
                    name: translator.names.fresh("grouping"),
                    expression: Expression(body: .text("CAST(\(bits) AS BIGINT)"), columns: [])
                )
            }
            return Relation.project(groups.relation, outputs)
        }
        return .union(branches, columns)
    }

    /// The one group over everything, where aggregates of DISTINCT values are among the calls; else nil.
    private func distinctTotals(_ calls: [(name: String, tree: JSONValue)]) throws -> Relation? {
        try DistinctTotals(calls)?.relation(translator) {
            let source = instantiatedInput()
            return (source.relation, source.rename)
        }
    }

    /// GROUPING(a, b): a bit for each argument, set when the grouping set leaves it out.
    private func groupingBits(_ tree: JSONValue, _ set: [Int]) throws -> Int {
        try (tree["children"]?.array ?? []).reduce(0) { bits, argument in
            let bare = Block.withoutAlias(argument)
            guard let index = keys.firstIndex(where: { $0.tree == bare }) else {
                throw Unsupported("GROUPING of what is not grouped")
            }
            return bits * 2 + (set.contains(index) ? 0 : 1)
        }
    }

    private struct Source {
        var relation: Relation
        var rename: (JSONValue) -> JSONValue
    }

    /// The input under new names, so that each grouping set reads it on its own.
    private func instantiatedInput() -> Source {
        let columns = block.relation.columns
        let copy = translator.instantiated(
            Translated(
                relation: block.relation,
                outputs: columns.map { Scope.Column(name: $0, value: SyntaxTree.column($0)) }
            )
        )
        let new = Dictionary(
            zip(columns, copy.outputs.map(\.value)),
            uniquingKeysWith: { first, _ in first }
        )
        return Source(relation: copy.relation) { tree in SyntaxTree.substitute(tree) { new[$0] } }
    }
}
