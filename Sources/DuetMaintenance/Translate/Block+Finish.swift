import DuetPipeline

/// An expression to order by and its direction as text.
struct OrderTree {
    var tree: JSONValue
    var direction: String
}

extension Block {
    /// The keys of ORDER BY where they decide which rows there are; none where they only sort.
    func orderKeys(
        _ outputs: [Scope.Column],
        isDistinct: Bool,
        _ value: (JSONValue) throws -> JSONValue
    ) throws -> [OrderTree] {
        let isDistinctOn = modifier("DISTINCT_MODIFIER") != nil && !isDistinct
        guard modifier("LIMIT_MODIFIER") != nil || isDistinctOn else { return [] }
        return try (modifier("ORDER_MODIFIER")?["orders"]?.array ?? []).flatMap { order -> [OrderTree] in
            let expression = Self.withoutAlias(order["expression"] ?? .null)
            let direction = Self.direction(order)
            if expression["class"]?.string == "STAR", expression["expr"]?.isNull ?? true {
                return outputs.map { OrderTree(tree: $0.value, direction: direction) }
            }
            if let position = try position(expression) {
                return [OrderTree(tree: outputs[position].value, direction: direction)]
            }
            if let name = SyntaxTree.columnNames(of: expression), name.count == 1,
                let output = outputs.first(where: { $0.name.folded == name[0].folded })
            {
                return [OrderTree(tree: output.value, direction: direction)]
            }
            return [OrderTree(tree: try value(expression), direction: direction)]
        }.filter { $0.tree["class"]?.string != "CONSTANT" }
    }

    static func direction(_ order: JSONValue) -> String {
        var words = order["type"]?.string == "DESCENDING" ? "DESC" : "ASC"
        if let nulls = order["null_order"]?.string, nulls.hasPrefix("NULLS") { words += " \(nulls)" }
        return words
    }

    /// QUALIFY, DISTINCT and LIMIT over the computed columns.
    func finished(_ result: Translated, qualify: JSONValue?, order: [OrderTree]) throws -> Translated {
        var result = result
        var order = order
        var qualify = qualify
        if let seat, seat.isRows { try refuseWholes(result, qualify, order) }
        let keys = result.outputs.suffix(result.keyCount).map(\.value)
        if !keys.isEmpty {
            // Windows are about the rows of one combination of outer values.
            for index in result.outputs.indices {
                result.outputs[index].value = Self.partitioned(result.outputs[index].value, by: keys)
            }
            for index in order.indices { order[index].tree = Self.partitioned(order[index].tree, by: keys) }
            qualify = qualify.map { Self.partitioned($0, by: keys) }
        }
        let all = result.outputs.map(\.value) + order.map(\.tree) + [qualify].compactMap(\.self)
        if all.contains(where: Self.hasWindow) {
            try translator.window(&result, qualify, &order)
        } else if let qualify {
            result.relation = .joined([result.relation], [translator.pool.intern(qualify)])
            if result.rows == .one { result.rows = .atMostOne }
        }
        if (result.outputs.map(\.value) + order.map(\.tree)).contains(where: Self.multipliesRows) {
            translator.compute(&result, &order, beside: seat.map { $0.isRows ? $0.relation.columns : [] } ?? [])
            result.rows = .many
        }
        if isDistinct {
            try translator.distinct(&result, &order)
        } else if let targets = modifier("DISTINCT_MODIFIER")?["distinct_on_targets"]?.array {
            let outputs = result.outputs
            let outer = result.outputs.suffix(result.keyCount).map(\.value)
            let keys = try targets.map { target in
                if let position = try position(target) { return outputs[position].value }
                if let name = SyntaxTree.columnNames(of: target), name.count == 1,
                    let output = outputs.first(where: { $0.name.folded == name[0].folded })
                {
                    return output.value
                }
                return try resolve(target, .columnsFirst)
            }
            try translator.distinctOn(&result, outer + keys, &order)
        }
        if let limit = modifier("LIMIT_MODIFIER") {
            try translator.limit(&result, order, limit)
        } else if modifier("LIMIT_PERCENT_MODIFIER") != nil {
            throw Unsupported("a LIMIT in percent has no rule")
        }
        return result
    }

    /// Refuses what is about all rows of one outer row, where the rows are joined with the outer rows themselves.
    private func refuseWholes(_ result: Translated, _ qualify: JSONValue?, _ order: [OrderTree]) throws {
        let trees = result.outputs.map(\.value) + order.map(\.tree) + [qualify].compactMap(\.self)
        let modifiers = ["DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"]
        guard !trees.contains(where: Self.hasWindow), modifiers.allSatisfy({ modifier($0) == nil }) else {
            throw Unsupported("a subquery in FROM that is about all rows of one outer row needs a domain")
        }
    }

    /// Windows with more to partition by.
    private static func partitioned(_ tree: JSONValue, by keys: [JSONValue]) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map { partitioned($0, by: keys) })
        case .object(let object):
            guard object["class"]?.string == "WINDOW" else {
                return .object(object.mapValues { partitioned($0, by: keys) })
            }
            var window = object
            let own = window["partitions"]?.array ?? []
            window["partitions"] = .array(keys + own.filter { !keys.contains($0) })
            return .object(window)
        default: return tree
        }
    }
}

extension Translator {
    /// Outputs and order keys as columns of their own.
    ///
    /// - Parameters:
    ///   - result: The rows and outputs.
    ///   - order: The order keys.
    ///   - others: Columns that are to be read beside them.
    func compute(_ result: inout Translated, _ order: inout [OrderTree], beside others: [String] = []) {
        let outputs = named(result, order)
        let kept = others.map { NamedExpression(name: $0, expression: .column($0)) }
        result.relation = .project(result.relation, kept + outputs)
        rename(&result, &order, outputs.map(\.name))
    }

    /// Unique names for outputs and order keys, in this order.
    private func named(_ result: Translated, _ order: [OrderTree]) -> [NamedExpression] {
        result.outputs.map { NamedExpression(name: names.fresh($0.name), expression: pool.intern($0.value)) }
            + order.map { NamedExpression(name: names.fresh("order"), expression: pool.intern($0.tree)) }
    }

    private func rename(_ result: inout Translated, _ order: inout [OrderTree], _ columns: [String]) {
        for index in result.outputs.indices { result.outputs[index].value = SyntaxTree.column(columns[index]) }
        for index in order.indices {
            order[index].tree = SyntaxTree.column(columns[result.outputs.count + index])
        }
    }

    private func visible(_ columns: [NamedExpression], over relation: Relation) throws -> [ViewColumn] {
        zip(columns, try types(columns.map(\.expression), over: relation)).map {
            ViewColumn(name: $0.name, type: $1)
        }
    }

    /// Window functions: a node that computes the partitions anew that a change touches.
    func window(_ result: inout Translated, _ qualify: JSONValue?, _ order: inout [OrderTree]) throws {
        let all = result.outputs.map(\.value) + order.map(\.tree) + [qualify].compactMap(\.self)
        var common: [JSONValue]?
        for window in all.flatMap(Self.windows) {
            let partitions = window["partitions"]?.array ?? []
            common = common.map { known in known.filter { partitions.contains($0) } } ?? partitions
        }
        var qualify = qualify
        if common?.isEmpty ?? true, let rows = try rowsBeneath(result.relation, for: all, rule: "rows beneath a window")
        {
            result.relation = rows.relation
            for index in result.outputs.indices {
                result.outputs[index].value = rows.renamed(result.outputs[index].value)
            }
            for index in order.indices { order[index].tree = rows.renamed(order[index].tree) }
            qualify = qualify.map(rows.renamed)
        }
        let inner = named(result, order)
        let keys = (common ?? []).map { tree in
            let expression = pool.intern(tree)
            let known = inner.first { $0.expression == expression }
            return known ?? NamedExpression(name: names.fresh("part"), expression: expression)
        }
        let plan = PartitionPlan(
            input: result.relation,
            keys: keys,
            inner: inner,
            qualify: qualify.map(pool.intern),
            outputs: inner.map { NamedExpression(name: $0.name, expression: .column($0.name)) }
        )
        let leaf = keep(
            .partition(plan),
            try visible(inner, over: result.relation),
            rule: keys.isEmpty ? "window over all rows" : "windows by partition",
            issues: keys.isEmpty
                ? ["its window functions have no PARTITION BY in common, so any change may move any row"] : []
        )
        result.relation = .leaf(leaf)
        rename(&result, &order, inner.map(\.name))
    }

    private static func windows(_ tree: JSONValue) -> [JSONValue] {
        switch tree {
        case .array(let values): return values.flatMap(windows)
        case .object(let object):
            if object["class"]?.string == "WINDOW" { return [tree] }
            return object.members.flatMap { windows($0.value) }
        default: return []
        }
    }

    /// DISTINCT: groups of equal rows, of which one is shown.
    func distinct(_ result: inout Translated, _ order: inout [OrderTree]) throws {
        let outputs = result.outputs.map(\.value)
        let positions = try order.map { key in
            guard let index = outputs.firstIndex(of: key.tree) else {
                throw Unsupported("ORDER BY of a DISTINCT uses what is not selected")
            }
            return index
        }
        let groups = try group(
            result.relation,
            keys: zip(result.outputs, outputs).map { ($0.name, $1) },
            calls: [],
            rule: "distinct rows"
        )
        result.relation = groups.relation
        for index in result.outputs.indices { result.outputs[index].value = SyntaxTree.column(groups.keys[index]) }
        for (index, position) in positions.enumerated() { order[index].tree = result.outputs[position].value }
        result.rows = .many
    }

    /// DISTINCT ON: as a partition for each value of its keys.
    func distinctOn(_ result: inout Translated, _ keys: [JSONValue], _ order: inout [OrderTree]) throws {
        let inner = named(result, order)
        let named = keys.map { tree in
            let expression = pool.intern(tree)
            return inner.first { $0.expression == expression }
                ?? NamedExpression(name: names.fresh("part"), expression: expression)
        }
        let plan = PartitionPlan(
            input: result.relation,
            keys: named,
            inner: inner,
            distinctOn: named.map(\.expression),
            order: order.map { PartitionPlan.OrderKey(expression: pool.intern($0.tree), direction: $0.direction) },
            outputs: inner.map { NamedExpression(name: $0.name, expression: .column($0.name)) }
        )
        let leaf = keep(.partition(plan), try visible(inner, over: result.relation), rule: "first row by key")
        result.relation = .leaf(leaf)
        rename(&result, &order, inner.map(\.name))
    }

    /// ORDER BY … LIMIT: computed anew from the rows beneath, which are kept when they are a join or more.
    func limit(_ result: inout Translated, _ order: [OrderTree], _ limit: JSONValue) throws {
        var order = order
        for part in [limit["limit"], limit["offset"]].compactMap(\.self) where !part.isNull {
            guard SyntaxTree.columns(in: part).isEmpty, !Block.hasSubquery(part) else {
                throw Unsupported("a LIMIT that is not a constant has no rule")
            }
        }
        guard result.keyCount == 0 else { return try limitEach(&result, order, limit) }
        let sources = result.relation.leaves.compactMap(\.source)
        let readsNodes = sources.allSatisfy { $0.hasPrefix("\(view)#") }
        if !readsNodes, sources.count > 1 {
            guard !result.relation.leaves.contains(where: \.isGenerated) else {
                throw Unsupported("a function may make more rows beneath the LIMIT than can be kept")
            }
            let kept = named(result, order)
            let leaf = keep(
                .bag(BagPlan(relation: result.relation, outputs: kept)),
                try visible(kept, over: result.relation),
                rule: "rows beneath a LIMIT"
            )
            result.relation = .leaf(leaf)
            rename(&result, &order, kept.map(\.name))
        }
        let inner = result.outputs.map {
            NamedExpression(name: names.fresh($0.name), expression: pool.intern($0.value))
        }
        let plan = PartitionPlan(
            input: result.relation,
            keys: [],
            inner: inner,
            order: order.map { PartitionPlan.OrderKey(expression: pool.intern($0.tree), direction: $0.direction) },
            limit: limit["limit"]?.present.map(pool.intern),
            offset: limit["offset"]?.present.map(pool.intern),
            outputs: inner.map { NamedExpression(name: $0.name, expression: .column($0.name)) }
        )
        let isKept = readsNodes || sources.count > 1
        let leaf = keep(
            .partition(plan),
            try visible(inner, over: result.relation),
            rule: "first rows in order",
            issues: isKept
                ? [] : ["a row that leaves the first rows lets another one in, which only the whole table tells"]
        )
        result.relation = .leaf(leaf)
        var none: [OrderTree] = []
        rename(&result, &none, inner.map(\.name))
        let one = SyntaxTree.constant(1)["value"]?["value"]
        result.rows = limit["limit"]?["value"]?["value"] == one ? .atMostOne : .many
    }

    /// ORDER BY … LIMIT for each combination of outer values: a partition for each.
    private func limitEach(_ result: inout Translated, _ order: [OrderTree], _ limit: JSONValue) throws {
        for part in [limit["limit"], limit["offset"]].compactMap(\.self) where !part.isNull {
            guard part["value"]?["value"]?.integer != nil else {
                throw Unsupported("a LIMIT in a correlated subquery that is not a number has no rule")
            }
        }
        let inner = result.outputs.map {
            NamedExpression(name: names.fresh($0.name), expression: pool.intern($0.value))
        }
        let known = neverNull(result.relation)
        let keys = Array(inner.suffix(result.keyCount))
        let plan = PartitionPlan(
            input: result.relation,
            keys: keys,
            inner: inner,
            order: order.map { PartitionPlan.OrderKey(expression: pool.intern($0.tree), direction: $0.direction) },
            limit: limit["limit"]?.present.map(pool.intern),
            offset: limit["offset"]?.present.map(pool.intern),
            outputs: inner.map { NamedExpression(name: $0.name, expression: .column($0.name)) },
            strictKeys: Set(keys.filter { isNeverNull($0.expression, known) }.map(\.name))
        )
        let leaf = keep(
            .partition(plan),
            try visible(inner, over: result.relation),
            rule: "first rows for each outer row"
        )
        result.relation = .leaf(leaf)
        var none: [OrderTree] = []
        rename(&result, &none, inner.map(\.name))
        result.rows = limit["limit"]?["value"]?["value"]?.integer == 1 ? .atMostOne : .many
    }
}
