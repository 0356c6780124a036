import DuetPipeline

/// Items of FROM that use what stands before them.
extension FromReader {
    /// A join whose right side uses columns of its left side.
    ///
    /// - Parameters:
    ///   - item: The join.
    ///   - left: Its left side.
    ///   - type: What kind of join it is.
    ///   - sides: The tables of the left side, to which those of the right are added.
    /// - Returns: The join; nil when this is no such join.
    /// - Throws: ``Unsupported`` when there is no rule.
    func lateral(
        _ item: JSONValue,
        _ left: Relation,
        _ type: String,
        _ sides: Scope
    ) throws -> Relation? {
        guard let right = item["right"], ["INNER", "LEFT"].contains(type), item["ref_type"]?.string != "NATURAL",
            (item["using_columns"]?.array ?? []).isEmpty
        else { return nil }
        switch right["type"]?.string {
        case "TABLE_FUNCTION":
            let isKept = type == "LEFT"
            let isPlain = SyntaxTree.conjuncts(item["condition"]).allSatisfy(Self.isTrue)
            // Which rows of a left join stay alone is told by the list itself, unless there is a condition.
            guard !isKept || isPlain else { return nil }
            guard let rows = try unnested(right, left, sides, into: sides, keepsEmpty: isKept) else { return nil }
            return try filtered(rows, item, sides)
        case "SUBQUERY":
            guard let query = right["subquery"]?["node"] else { return nil }
            return type == "INNER"
                ? try innerLateral(item, left, query, sides) : try leftLateral(item, left, query, sides)
        default: return nil
        }
    }

    static func isNumbered(_ item: JSONValue) -> Bool {
        item["with_ordinality"]?.string ?? "WITHOUT_ORDINALITY" != "WITHOUT_ORDINALITY"
    }

    private static func isTrue(_ tree: JSONValue) -> Bool {
        let value = tree["class"]?.string == "CAST" ? tree["child"]?["value"] : tree["value"]
        return value?["value"]?.bool == true
            || tree["cast_type"]?["id"]?.string == "BOOLEAN" && value?["value"]?.string == "t"
    }

    /// The rows of an inner join for which the conditions after ON hold.
    private func filtered(_ rows: Relation, _ item: JSONValue, _ sides: Scope) throws -> Relation {
        let conditions = try onConditions(item, sides, isInner: true).filter { !Self.isTrue($0) }
        return try withSubqueries(item, .joined([rows], conditions.map(translator.pool.intern)), sides)
    }

    private func innerLateral(
        _ item: JSONValue,
        _ left: Relation,
        _ query: JSONValue,
        _ sides: Scope
    ) throws -> Relation {
        let result = try translator.lateral(query, tables, outer: sides, over: left)
        let right = item["right"] ?? .null
        add(result.outputs, right, right["alias"]?.string ?? "", sides)
        return try filtered(result.relation, item, sides)
    }

    private func leftLateral(_ item: JSONValue, _ left: Relation, _ query: JSONValue, _ sides: Scope) throws -> Relation
    {
        let right = item["right"] ?? .null
        let dependent = try translator.dependent(query, tables, outer: sides, over: left)
        let isPlain = SyntaxTree.conjuncts(item["condition"]).allSatisfy(Self.isTrue)
        if dependent.rows == .one, isPlain {
            let result = try translator.attached(dependent, to: left)
            add(result.outputs, right, right["alias"]?.string ?? "", sides)
            return result.relation
        }
        // What is computed of a row is NULL where there is none, so it is computed below the join.
        func named(_ column: Scope.Column) -> NamedExpression {
            NamedExpression(name: translator.names.fresh(column.name), expression: translator.pool.intern(column.value))
        }
        let keys = dependent.keys.map { named(Scope.Column(name: "key", value: $0.column)) }
        let values = dependent.outputs.map(named)
        let outputs = zip(dependent.outputs, values).map {
            Scope.Column(name: $0.name, value: SyntaxTree.column($1.name))
        }
        add(outputs, right, right["alias"]?.string ?? "", sides)
        let ties = zip(dependent.keys, keys).map { Dependent.tie($0.key, SyntaxTree.column($1.name)) }
        let conditions = try onConditions(item, sides).filter { !Self.isTrue($0) }
        return .outer(
            try translator.outerJoin(.left, left, .project(dependent.relation, keys + values), ties + conditions)
        )
    }

    /// A call of UNNEST, range or generate_series that uses columns of the rows before it.
    ///
    /// - Parameters:
    ///   - item: The call.
    ///   - rows: The rows before it.
    ///   - visible: What names mean for it.
    ///   - scope: Where its columns are added.
    ///   - keepsEmpty: Whether rows with an empty list or none stay, with NULL.
    /// - Returns: The rows with the call's; nil when it uses no columns.
    /// - Throws: ``Unsupported`` for calls without a rule.
    func unnested(
        _ item: JSONValue,
        _ rows: Relation,
        _ visible: Scope,
        into scope: Scope,
        keepsEmpty: Bool = false
    ) throws -> Relation? {
        let call = try self.call(item, visible)
        let used = SyntaxTree.columns(in: call.tree)
        guard !used.isEmpty, let list = call.tree["children"]?.array?.first else { return nil }
        let known = Set(rows.columns)
        guard used.allSatisfy(known.contains) else {
            throw Unsupported("a call in FROM that uses columns from further out has no rule")
        }
        let isNumbered = Self.isNumbered(item)
        let length = SyntaxTree.call("len", [list])
        var elements = list
        if isNumbered {
            let end = SyntaxTree.call("+", [length, SyntaxTree.constant(1)])
            elements = SyntaxTree.call("range", [SyntaxTree.constant(1), end])
        }
        if keepsEmpty {
            let hasElements = SyntaxTree.comparison("COMPARE_GREATERTHAN", length, SyntaxTree.constant(0))
            let nothing = SyntaxTree.call("list_value", [SyntaxTree.null])
            elements = SyntaxTree.choice([(hasElements, elements)], otherwise: nothing)
        }
        let column = translator.names.fresh(call.column)
        let value = SyntaxTree.column(column)
        var outputs = [Scope.Column(name: call.column, value: value)]
        if isNumbered {
            outputs = [
                Scope.Column(name: call.column, value: SyntaxTree.call("list_extract", [list, value])),
                Scope.Column(name: "ordinality", value: value),
            ]
        }
        add(outputs, item, call.alias, scope)
        let tree = SyntaxTree.call("unnest", [elements])
        return .lateral(rows, call: translator.pool.intern(tree), columns: [column])
    }
}
