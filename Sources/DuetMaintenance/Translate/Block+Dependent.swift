import DuetPipeline

/// Subqueries that depend on the rows around them in ways that their own columns alone do not tell: tied by more than
/// equalities, with groups, windows or a LIMIT of their own, or using columns from further out.
extension Block {
    /// A condition of WHERE that consists of such a subquery.
    func addDependent(_ tree: JSONValue, isNegated: Bool) throws {
        let kind = tree["subquery_type"]?.string
        if kind == "ANY", isNegated {
            let value = try dependentMembership(tree)
            let condition = translator.pool.intern(SyntaxTree.op("OPERATOR_NOT", [value]))
            relation = .joined([relation], [condition])
            return
        }
        let dependent = try dependent(tree)
        var conditions = dependent.ties
        if kind == "ANY" {
            let left = try comparedValues(tree, count: dependent.outputs.count)
            let comparison = tree["comparison_type"]?.string ?? "COMPARE_EQUAL"
            guard left.count == 1 || comparison == "COMPARE_EQUAL" else {
                throw Unsupported("a comparison of several columns with ANY or ALL has no rule")
            }
            conditions += zip(left, dependent.outputs).map { SyntaxTree.comparison(comparison, $0, $1.value) }
        }
        relation = try translator.semiJoin(
            relation,
            dependent.relation,
            conditions,
            isAnti: kind == "NOT_EXISTS" ? !isNegated : isNegated
        )
    }

    /// The values on the left side of IN or of a comparison with ANY.
    func comparedValues(_ tree: JSONValue, count: Int) throws -> [JSONValue] {
        guard let child = tree["child"] else { throw Unsupported("a comparison with a subquery needs a left side") }
        if count == 1 { return [try resolveCompared(child)] }
        let values = try (child["children"]?.array ?? []).map { try resolveCompared($0) }
        guard child["function_name"]?.string == "row", values.count == count else {
            throw Unsupported("this form of IN has no rule")
        }
        return values
    }

    /// What such a subquery inside an expression stands for.
    func dependentValue(_ tree: JSONValue) throws -> JSONValue {
        switch tree["subquery_type"]?.string {
        case "SCALAR": return try dependentScalar(tree)
        case "EXISTS": return try dependentMark(try dependent(tree))
        case "NOT_EXISTS": return SyntaxTree.op("OPERATOR_NOT", [try dependentMark(try dependent(tree))])
        case "ANY": return try dependentMembership(tree)
        default: throw Unsupported("this kind of subquery has no rule")
        }
    }

    private func dependent(_ tree: JSONValue) throws -> Dependent {
        guard !isGrouping else { throw Unsupported("a correlated subquery over groups has no rule") }
        guard let query = tree["subquery"]?["node"] else { throw Unsupported("a subquery without a body") }
        return try translator.dependent(query, tables, outer: scope, over: relation)
    }

    private func dependentScalar(_ tree: JSONValue) throws -> JSONValue {
        let dependent = try dependent(tree)
        guard dependent.outputs.count == 1 else { throw Unsupported("a scalar subquery of several columns") }
        let mayLoseNull = rejectsNull > 0 && Self.isNullWithoutRows(tree["subquery"]?["node"]?["select_list"])
        switch dependent.rows {
        case .one:
            let result = try translator.attached(dependent, to: relation, isKept: !mayLoseNull)
            relation = result.relation
            return result.outputs[0].value
        case .atMostOne:
            // What is computed of the row is NULL where there is none.
            let keys = dependent.keys.map { named("key", $0.column) }
            let value = named("scalar", dependent.outputs[0].value)
            relation = .outer(
                try translator.outerJoin(
                    .left,
                    relation,
                    .project(dependent.relation, keys + [value]),
                    zip(dependent.keys, keys).map { Dependent.tie($0.key, SyntaxTree.column($1.name)) }
                )
            )
            return SyntaxTree.column(value.name)
        case .many:
            let found = try groups(
                of: dependent,
                Translator.calls(for: dependent.outputs[0].value, isDistinct: false),
                rule: "the row that a subquery finds for each outer row"
            )
            return Translator.value(of: found.calls, isDistinct: false, ties: found.ties)
        }
    }

    private func named(_ stem: String, _ tree: JSONValue) -> NamedExpression {
        NamedExpression(name: translator.names.fresh(stem), expression: translator.pool.intern(tree))
    }

    /// Groups of a subquery's rows by the outer values they are for, joined to the block's rows, which all stay.
    private func groups(
        of dependent: Dependent,
        by others: [JSONValue] = [],
        _ calls: [(name: String, tree: JSONValue)],
        rule: String,
        comparing values: [JSONValue] = []
    ) throws -> (calls: [String], ties: [JSONValue]) {
        let groups = try translator.group(
            dependent.relation,
            keys: dependent.keys.map { ("key", $0.column) } + others.map { ("value", $0) },
            calls: calls,
            rule: rule
        )
        var ties = zip(dependent.keys, groups.keys).map { Dependent.tie($0.key, SyntaxTree.column($1)) }
        ties += zip(values, groups.keys.dropFirst(dependent.keys.count)).map {
            SyntaxTree.comparison("COMPARE_EQUAL", $0, SyntaxTree.column($1))
        }
        relation = .outer(try translator.outerJoin(.left, relation, groups.relation, ties))
        return (groups.calls, ties)
    }

    /// Whether there are rows: a left join with the outer values for which there are.
    private func dependentMark(_ dependent: Dependent) throws -> JSONValue {
        let found = try groups(
            of: dependent,
            [("rows", SyntaxTree.call("count_star", []))],
            rule: "outer values for which a subquery has rows"
        )
        return SyntaxTree.op("OPERATOR_IS_NOT_NULL", [SyntaxTree.column(found.calls[0])])
    }

    /// IN and comparisons with ANY, which may be true, false or unknown; ALL is written as NOT … ANY.
    ///
    /// `x < ANY (…)` is true if x is less than the greatest value, false if there are no values, unknown if x is NULL or,
    /// where it is not true, if one of the values is; likewise for the other comparisons but `=`.
    private func dependentMembership(_ tree: JSONValue) throws -> JSONValue {
        let value = try comparedValues(tree, count: 1)[0]
        let dependent = try dependent(tree)
        guard dependent.outputs.count == 1 else {
            throw Unsupported("this form of IN has no rule within an expression")
        }
        let element = dependent.outputs[0].value
        let comparison = tree["comparison_type"]?.string ?? "COMPARE_EQUAL"
        try refuseNested(element, dependent.relation, comparison)
        let facts = try groups(
            of: dependent,
            Self.membershipCalls(element, comparison),
            rule: "values that a subquery has for each outer row"
        )
        let columns = facts.calls.map(SyntaxTree.column)
        var isTrue = Self.isTrue(value, comparison, columns)
        if comparison == "COMPARE_EQUAL" {
            try translator.requireIdentity([(value, element)], relation, dependent.relation)
            let matched = try groups(
                of: dependent,
                by: [element],
                [("rows", SyntaxTree.call("count_star", []))],
                rule: "distinct values a subquery looks for",
                comparing: [value]
            )
            isTrue = SyntaxTree.op("OPERATOR_IS_NOT_NULL", [SyntaxTree.column(matched.calls[0])])
        }
        let isEmpty = SyntaxTree.op("OPERATOR_IS_NULL", [columns[0]])
        return Self.answer(isEmpty: isEmpty, isTrue: isTrue, isUnknown: Self.isUnknown(value, columns))
    }

    /// A comparison with ANY of a query that stands on its own; see ``dependentMembership(_:)``.
    func comparison(_ tree: JSONValue, with translated: Translated) throws -> JSONValue {
        guard translated.outputs.count == 1, !Self.multipliesRows(translated.outputs[0].value) else {
            throw Unsupported("a comparison of several columns with ANY or ALL has no rule")
        }
        guard !translated.relation.leaves.contains(where: \.isGenerated) else {
            throw Unsupported("a function may make more rows than can be counted for a subquery")
        }
        let value = try comparedValues(tree, count: 1)[0]
        let comparison = tree["comparison_type"]?.string ?? ""
        try refuseNested(translated.outputs[0].value, translated.relation, comparison)
        let groups = try translator.group(
            translated.relation,
            keys: [],
            calls: Self.membershipCalls(translated.outputs[0].value, comparison),
            rule: "values that a subquery has"
        )
        try attach(groups.relation)
        let columns = groups.calls.map(SyntaxTree.column)
        return Self.answer(
            isEmpty: SyntaxTree.comparison("COMPARE_EQUAL", columns[0], SyntaxTree.constant(0)),
            isTrue: Self.isTrue(value, comparison, columns),
            isUnknown: Self.isUnknown(value, columns)
        )
    }

    /// Refuses to compare nested values with the least and the greatest, which are found in another order.
    private func refuseNested(_ element: JSONValue, _ rows: Relation, _ comparison: String) throws {
        guard comparison != "COMPARE_EQUAL" else { return }
        let type = try translator.type(of: translator.pool.intern(element), over: rows)
        guard !EqualTypes.isNested(type) else { throw Unsupported("ANY or ALL over nested values has no rule") }
    }

    private static func isUnknown(_ value: JSONValue, _ columns: [JSONValue]) -> JSONValue {
        SyntaxTree.conjunction(
            "CONJUNCTION_OR",
            [
                SyntaxTree.op("OPERATOR_IS_NULL", [value]),
                SyntaxTree.comparison("COMPARE_LESSTHAN", columns[1], columns[0]),
            ]
        )
    }

    /// What is kept of a set of values: how many there are, how many are not NULL, and for comparisons other than `=` the
    /// least and the greatest.
    static func membershipCalls(_ element: JSONValue, _ comparison: String) -> [(name: String, tree: JSONValue)] {
        var calls = [("rows", SyntaxTree.call("count_star", [])), ("known", SyntaxTree.call("count", [element]))]
        guard comparison != "COMPARE_EQUAL" else { return calls }
        if !["COMPARE_LESSTHAN", "COMPARE_LESSTHANOREQUALTO"].contains(comparison) {
            calls.append(("least", SyntaxTree.call("min", [element])))
        }
        if !["COMPARE_GREATERTHAN", "COMPARE_GREATERTHANOREQUALTO"].contains(comparison) {
            calls.append(("greatest", SyntaxTree.call("max", [element])))
        }
        return calls
    }

    /// Whether a comparison holds for one of the values whose extremes are kept.
    static func isTrue(_ value: JSONValue, _ comparison: String, _ columns: [JSONValue]) -> JSONValue {
        let tests = columns.dropFirst(2).map { SyntaxTree.comparison(comparison, value, $0) }
        return tests.count == 1 ? tests[0] : SyntaxTree.conjunction("CONJUNCTION_OR", tests)
    }

    /// True, false or unknown.
    static func answer(isEmpty: JSONValue, isTrue: JSONValue, isUnknown: JSONValue) -> JSONValue {
        let no = SyntaxTree.op("OPERATOR_IS_NULL", [SyntaxTree.constant(0)])
        return SyntaxTree.choice(
            [(isEmpty, no), (isTrue, SyntaxTree.op("OPERATOR_NOT", [no])), (isUnknown, SyntaxTree.null)],
            otherwise: no
        )
    }

    /// Whether what is selected is an aggregate that is NULL where there are no rows, or NULL with it.
    private static func isNullWithoutRows(_ items: JSONValue?) -> Bool {
        guard let items = items?.array, items.count == 1, isStrict(items[0]) else { return false }
        return SyntaxTree.containsOutsideSubqueries(items[0]) { object in
            strictAggregates.contains(object["function_name"]?.string?.folded ?? "")
        }
    }
}
