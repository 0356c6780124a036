import DuetPipeline

/// The part of a block that groups: GROUP BY, aggregates and HAVING.
final class GroupedBlock {
    let block: Block
    private(set) var keys: [(name: String, tree: JSONValue)] = []
    private(set) var calls: [(name: String, tree: JSONValue)] = []
    private(set) var groupings: [(name: String, tree: JSONValue)] = []
    var keyNames: [String] = []
    /// How many of the last keys are those of the block's domain.
    private(set) var outerCount = 0

    init(block: Block) { self.block = block }

    var translator: Translator { block.translator }

    /// Whether the block groups at all.
    func isNeeded() throws -> Bool {
        if !(block.node["group_expressions"]?.array ?? []).isEmpty { return true }
        if block.node["aggregate_handling"]?.string == "FORCE_AGGREGATES" { return true }
        if let having = block.node["having"], !having.isNull { return true }
        let others = [block.node["qualify"], block.modifier("ORDER_MODIFIER")].compactMap(\.self)
        return (block.items.map(\.tree) + others).contains { isAggregate($0) }
    }

    func isAggregate(_ tree: JSONValue) -> Bool {
        SyntaxTree.containsOutsideSubqueries(tree) { object in
            object["class"]?.string == "FUNCTION"
                && translator.functions.aggregates.contains(object["function_name"]?.string?.folded ?? "")
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
            try lifted(try block.resolve($0, .groupsFirst))
        }
        let qualify = try block.node["qualify"]?.present.map {
            try lifted(try block.resolve($0, .columnsFirst))
        }
        let order = try block.orderKeys(outputs, isDistinct: block.isDistinct) {
            try self.lifted(try self.block.resolve($0, .columnsFirst))
        }
        // Aggregates that are compared with a subquery are to be kept too.
        for subquery in block.deferred {
            guard let child = subquery.tree["child"] else { continue }
            _ = try lifted(try block.resolve(child, subquery.clause))
        }
        try refuseOuterAggregates()
        let rows = try withSubqueries(.joined([try relationOfGroups()] + block.besideGroups))
        let relation = Relation.joined([rows.relation], having.map { translator.pool.intern(rows.value($0)) })
        var result = Translated(
            relation: relation,
            outputs: outputs.map { Scope.Column(name: $0.name, value: rows.value($0.value)) }
        )
        if keys.isEmpty, sets.count == 1 { result.rows = having.isEmpty ? .one : .atMostOne }
        result.outputs += keyNames.suffix(outerCount).map {
            Scope.Column(name: $0, value: SyntaxTree.column($0))
        }
        result.keyCount = outerCount
        result.requiredKeys = block.requiredKeys
        return try block.finished(
            result,
            qualify: qualify.map(rows.value),
            order: order.map { OrderTree(tree: rows.value($0.tree), direction: $0.direction) }
        )
    }

    /// The groups with what subqueries that depend on them need.
    ///
    /// - Parameter groups: The groups.
    /// - Returns: The rows, and what turns expressions that name a subquery's value into ones over them.
    /// - Throws: ``Unsupported`` for subqueries without a rule.
    private func withSubqueries(_ groups: Relation) throws -> (relation: Relation, value: (JSONValue) -> JSONValue) {
        guard !block.deferred.isEmpty else { return (groups, { $0 }) }
        let scope = Scope { names in try self.block.scope.resolve(names).map { try self.lifted($0) } }
        var clause = Block.Clause.columnsFirst
        let upper = Block(over: groups, translator: translator, tables: block.tables, scope: scope) { tree in
            try self.lifted(try self.block.resolve(tree, clause))
        }
        var values: [String: JSONValue] = [:]
        for subquery in block.deferred {
            clause = subquery.clause
            values[subquery.name] = try upper.subqueryValue(subquery.tree)
        }
        return (upper.relation, { SyntaxTree.substitute($0) { values[$0] } })
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
                if Block.hasSubquery(item.tree) { throw Unsupported("a subquery in GROUP BY has no rule") }
                keys.append((item.name, try block.value(of: item)))
            }
        }
        if let seat = block.seat {
            keys += seat.columns.map { ($0, SyntaxTree.column($0)) }
            outerCount = seat.columns.count
        }
        keyNames = keys.map { translator.names.fresh($0.name) }
        block.groupKeys = keys.map(\.tree)
    }

    /// The grouping sets, as positions of keys.
    private var sets: [[Int]] {
        let written = (block.node["group_sets"]?.array ?? []).map { $0.array?.compactMap(\.integer) ?? [] }
        return written.isEmpty ? [Array(keys.indices)] : written.map { $0 + keys.indices.suffix(outerCount) }
    }

    /// An expression over the rows as one over the groups.
    func lifted(_ tree: JSONValue) throws -> JSONValue {
        let bare = Block.withoutAlias(tree)
        if let index = keys.firstIndex(where: { $0.tree == bare }) { return SyntaxTree.column(keyNames[index]) }
        switch tree {
        case .array(let values): return .array(try values.map { try lifted($0) })
        case .object(let object):
            if let names = SyntaxTree.columnNames(of: tree) {
                let name = names.first ?? ""
                if block.besideGroups.contains(where: { $0.columns.contains(name) }) { return tree }
                if block.deferred.contains(where: { $0.name == name }) { return tree }
                throw Unsupported("column '\(name)' is neither grouped nor aggregated")
            }
            if object["class"]?.string == "FUNCTION",
                translator.functions.aggregates.contains(object["function_name"]?.string?.folded ?? "")
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
