import DuetPipeline

extension Translator {
    /// Groups that are kept as a node.
    struct Groups {
        var relation: Relation
        /// The columns of the keys and of the calls, in the order given.
        var keys: [String]
        var calls: [String]
    }

    /// Keeps the groups of a relation: merged when every aggregate can be, else computed anew where a change touches
    /// them.
    func group(
        _ input: Relation,
        keys: [(name: String, tree: JSONValue)],
        calls: [(name: String, tree: JSONValue)],
        rule: String? = nil
    ) throws -> Groups {
        let keyColumns = keys.map {
            NamedExpression(name: names.fresh($0.name), expression: pool.intern($0.tree))
        }
        let arguments = calls.map { Self.argument($0.tree) }
        // any_value tells an argument's type within the same grouped query.
        let probes = arguments.compactMap { $0.map { pool.intern(SyntaxTree.call("any_value", [$0])) } }
        let expressions = calls.map { pool.intern($0.tree) }
        let types = try types(
            keyColumns.map(\.expression) + expressions + probes,
            over: input,
            grouping: keyColumns.map(\.expression)
        )
        let callNames = calls.map { names.fresh($0.name) }
        let visible = zip(keyColumns.map(\.name) + callNames, types).map { ViewColumn(name: $0, type: $1) }
        let outputs = visible.map { NamedExpression(name: $0.name, expression: .column($0.name)) }

        let known = neverNull(input)
        let strictKeys = Set(keyColumns.filter { isNeverNull($0.expression, known) }.map(\.name))
        var builder = AccumulatorBuilder(translator: self, neverNull: known, isGrouped: !keys.isEmpty)
        var probeTypes = types.dropFirst(keys.count + calls.count).makeIterator()
        for (index, call) in calls.enumerated() {
            let argumentType = arguments[index] == nil ? nil : probeTypes.next()
            builder.add(
                call.tree,
                as: callNames[index],
                type: types[keys.count + index],
                argumentType: argumentType
            )
        }
        if keys.isEmpty, !builder.reasons.isEmpty,
            let rows = try rowsBeneath(input, for: calls.map(\.tree), rule: "rows beneath totals")
        {
            let calls = calls.map { ($0.name, rows.renamed($0.tree)) }
            return try group(rows.relation, keys: [], calls: calls, rule: rule)
        }
        let leaf: Leaf
        let plan = AggregatePlan(
            input: input,
            keys: keyColumns,
            accumulators: builder.accumulators,
            finals: builder.finals,
            rows: builder.rows,
            outputs: outputs,
            strictKeys: strictKeys
        )
        // The least and the greatest of rows that are kept are found by looking at them, sooner than a change is weighed.
        let isLookedUp = plan.hasExtremes && keys.isEmpty && readsOneNode(input)
        if builder.reasons.isEmpty, !isLookedUp {
            leaf = keep(.aggregate(plan), visible, rule: rule ?? (keys.isEmpty ? "totals" : "aggregates by group"))
        } else {
            let plan = PartitionPlan(
                input: input,
                keys: keyColumns,
                inner: keyColumns + zip(callNames, expressions).map { NamedExpression(name: $0, expression: $1) },
                grouping: keyColumns.map(\.expression),
                outputs: outputs,
                strictKeys: strictKeys
            )
            leaf = keep(
                .partition(plan),
                visible,
                rule: rule ?? (keys.isEmpty ? "totals" : "aggregates by group"),
                issues: builder.reasons
            )
        }
        return Groups(relation: .leaf(leaf), keys: keyColumns.map(\.name), calls: callNames)
    }

    /// Whether a relation is made of the rows of one kept node.
    private func readsOneNode(_ relation: Relation) -> Bool {
        let sources = relation.leaves.map(\.source)
        return sources.count == 1 && sources[0]?.hasPrefix("\(view)#") ?? false
    }

    /// The one argument of an aggregate, if it has exactly one.
    private static func argument(_ call: JSONValue) -> JSONValue? {
        guard let children = call["children"]?.array, children.count == 1 else { return nil }
        return children[0]
    }
}

/// Finds what must be kept to bring aggregates up to date from changes alone.
struct AccumulatorBuilder {
    let translator: Translator
    let rows: String
    /// Columns of the input that are never NULL.
    private let neverNull: Set<String>
    /// Whether there are keys: then every group has rows.
    private let isGrouped: Bool
    private(set) var accumulators: [AggregatePlan.Accumulator] = []
    private(set) var finals: [AggregatePlan.Final] = []
    /// Why some aggregate cannot be merged.
    private(set) var reasons: [String] = []

    init(translator: Translator, neverNull: Set<String>, isGrouped: Bool) {
        self.translator = translator
        self.isGrouped = isGrouped
        self.neverNull = neverNull
        rows = translator.names.fresh("rows")
    }

    /// Takes an aggregate in.
    mutating func add(_ call: JSONValue, as name: String, type: String, argumentType: String?) {
        let function = call["function_name"]?.string?.folded ?? ""
        let isExtreme = ["min", "max"].contains(function)
        guard call["distinct"]?.bool != true || isExtreme else {
            return reasons.append("\(function)(DISTINCT …) needs the group's rows")
        }
        guard (call["order_bys"]?["orders"]?.array ?? []).isEmpty || isExtreme else {
            return reasons.append("\(function) with ORDER BY needs the group's rows")
        }
        let filter = call["filter"]?.present.map(translator.pool.intern)
        let arguments = call["children"]?.array ?? []
        let argument = arguments.count == 1 ? translator.pool.intern(arguments[0]) : nil
        switch (function, argument) {
        case ("count_star", _) where arguments.isEmpty, ("count", _) where arguments.isEmpty:
            let count = filter == nil ? rows : accumulator(.count(nil), filter, "BIGINT", "n")
            finish(name, SQLText.identifier(count))
        case ("count", let argument?):
            finish(name, SQLText.identifier(count(argument, filter)))
        case ("sum", let argument?):
            guard let isWide = Self.isWide(argumentType) else { return inexact(function, argumentType) }
            finish(name, SQLText.identifier(sum(argument, filter, type, isWide).sum))
        case ("avg", let argument?), ("mean", let argument?):
            guard let isWide = Self.isWide(argumentType), let argumentType else {
                return inexact(function, argumentType)
            }
            let digits = Self.digits(argumentType)
            let sumType = digits.map { "DECIMAL(38,\($0.scale))" } ?? "HUGEINT"
            let parts = sum(argument, filter, sumType, isWide)
            let isNeverEmpty = isGrouped && parts.count == rows
            let isHuge = argumentType == "HUGEINT"
            finish(name, Self.average(parts, digits, isHuge: isHuge, isNeverEmpty: isNeverEmpty))
        case ("min", let argument?), ("max", let argument?):
            let kind = AggregatePlan.Accumulator.Kind.extreme(argument, isLeast: function == "min")
            finish(name, SQLText.identifier(accumulator(kind, filter, type, function)))
        case ("bool_and", let argument?), ("bool_or", let argument?):
            let count = count(argument, filter)
            let isAnd = function == "bool_and"
            var trees = [isAnd ? SyntaxTree.op("OPERATOR_NOT", [arguments[0]]) : arguments[0]]
            if let own = call["filter"], !own.isNull { trees.append(own) }
            let condition = trees.count == 1 ? trees[0] : SyntaxTree.conjunction("CONJUNCTION_AND", trees)
            let decisive = accumulator(.count(nil), translator.pool.intern(condition), "BIGINT", "n")
            finish(
                name,
                "CASE WHEN \(SQLText.identifier(count)) > 0 "
                    + "THEN \(SQLText.identifier(decisive)) \(isAnd ? "=" : ">") 0 END"
            )
        default: reasons.append("\(function) cannot be brought up to date without the group's rows")
        }
    }

    private mutating func inexact(_ function: String, _ type: String?) {
        reasons.append(
            "\(function) of \(type ?? "this type") is computed anew: adding and taking away would not give the same digits"
        )
    }

    private mutating func finish(_ name: String, _ text: String) {
        finals.append(AggregatePlan.Final(name: name, text: text))
    }

    private mutating func accumulator(
        _ kind: AggregatePlan.Accumulator.Kind,
        _ filter: Expression?,
        _ type: String,
        _ stem: String
    ) -> String {
        if let known = accumulators.first(where: { $0.kind == kind && $0.filter == filter }) { return known.name }
        let name = translator.names.fresh(stem)
        accumulators.append(AggregatePlan.Accumulator(name: name, kind: kind, filter: filter, type: type))
        return name
    }

    /// The count of the rows in which an argument has a value.
    private mutating func count(_ argument: Expression, _ filter: Expression?) -> String {
        guard translator.isNeverNull(argument, neverNull) else {
            return accumulator(.count(argument), filter, "BIGINT", "n")
        }
        return filter == nil ? rows : accumulator(.count(nil), filter, "BIGINT", "n")
    }

    private mutating func sum(
        _ argument: Expression,
        _ filter: Expression?,
        _ type: String,
        _ isWide: Bool
    ) -> (sum: String, count: String) {
        let count = count(argument, filter)
        return (accumulator(.sum(argument, count: count, isWide: isWide), filter, type, "sum"), count)
    }

    /// Whether a type's values times a weight may not fit a BIGINT; nil when sums of the type are not exact.
    private static func isWide(_ type: String?) -> Bool? {
        guard let type else { return nil }
        if type.hasPrefix("DECIMAL") { return false }
        switch type {
        case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER": return false
        case "BIGINT", "UBIGINT", "HUGEINT", "BOOLEAN": return true
        default: return nil
        }
    }

    /// The digits of a DECIMAL, all and those after the point.
    private static func digits(_ type: String) -> (all: Int, scale: Int)? {
        guard type.hasPrefix("DECIMAL("), type.hasSuffix(")") else { return nil }
        let numbers = type.dropFirst("DECIMAL(".count).dropLast().split(separator: ",").compactMap {
            Int($0.drop { $0 == " " })
        }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }

    /// AVG as DuckDB computes it: the sum of the unscaled integers over count times the power of ten, as DOUBLE.
    ///
    /// DuckDB divides in extended precision; whole part and remainder apart come to the same but for a tie in the last
    /// bit, which happens for about one average in two thousand.
    private static func average(
        _ parts: (sum: String, count: String),
        _ digits: (all: Int, scale: Int)?,
        isHuge: Bool,
        isNeverEmpty: Bool
    ) -> String {
        let sum = SQLText.identifier(parts.sum)
        let count = SQLText.identifier(parts.count)
        let scale = digits?.scale ?? 0
        let power = "1" + String(repeating: "0", count: scale)
        let divisor = scale == 0 ? count : "(\(count) * \(power))"
        let unscaled = scale == 0 ? "CAST(\(sum) AS HUGEINT)" : "CAST(\(sum) * \(power) AS HUGEINT)"
        let exact =
            "CAST(\(unscaled) // \(divisor) AS DOUBLE) + CAST(\(unscaled) % \(divisor) AS DOUBLE) / CAST(\(divisor) AS DOUBLE)"
        let small = "CAST(\(unscaled) AS DOUBLE) / CAST(\(divisor) AS DOUBLE)"
        var cases = isNeverEmpty ? [] : ["WHEN \(count) = 0 THEN NULL"]
        let roomForDigits = 36 - 2 * scale
        // The sum of 10^15 numbers has 15 digits more than they.
        if digits.map({ $0.all - $0.scale + 15 > roomForDigits }) ?? isHuge {
            let limit = String(repeating: "9", count: max(1, roomForDigits))
            cases.append("WHEN abs(\(sum)) >= \(limit) THEN CAST(\(sum) AS DOUBLE) / \(count)")
        }
        cases.append("WHEN abs(\(unscaled)) < 9007199254740992 THEN \(small)")
        return "CASE \(cases.joined(separator: " ")) ELSE \(exact) END"
    }
}
