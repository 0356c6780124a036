import DuetPipeline

/// Reading and making the nodes of DuckDB's serialised syntax trees.
enum SyntaxTree {
    /// The members that tell where something stood or repeat a default; without them equal expressions are equal
    /// trees.
    private static let dropped: Set<String> = ["query_location"]

    /// The tree without positions, so that equal expressions compare as equal.
    static func normalised(_ tree: JSONValue) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map(normalised))
        case .object(let object):
            return .object(
                JSONObject(
                    object.members.filter { !dropped.contains($0.key) }.map { ($0.key, normalised($0.value)) }
                )
            )
        default: return tree
        }
    }

    /// The names of a column reference, as written; nil for other expressions.
    static func columnNames(of tree: JSONValue) -> [String]? {
        guard tree["class"]?.string == "COLUMN_REF" else { return nil }
        return tree["column_names"]?.array?.compactMap(\.string)
    }

    /// A reference to a column by its unique name.
    static func column(_ name: String) -> JSONValue {
        [
            "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "",
            "column_names": .array([.string(name)]),
        ]
    }

    /// A string constant.
    static func constant(_ text: String) -> JSONValue {
        constant(id: "VARCHAR", value: .string(text))
    }

    /// An integer constant.
    static func constant(_ number: Int) -> JSONValue {
        constant(id: "INTEGER", value: .integer(Int64(number)))
    }

    private static func constant(id: String, value: JSONValue) -> JSONValue {
        [
            "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "",
            "value": ["type": ["id": .string(id), "type_info": nil], "is_null": false, "value": value],
        ]
    }

    /// A call of a function.
    static func call(_ name: String, _ arguments: [JSONValue]) -> JSONValue {
        [
            "class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": .string(name), "schema": "",
            "children": .array(arguments), "filter": nil,
            "order_bys": ["type": "ORDER_MODIFIER", "orders": []], "distinct": false, "is_operator": false,
            "export_state": false, "catalog": "",
        ]
    }

    /// A comparison, for example `COMPARE_EQUAL`.
    static func comparison(_ type: String, _ left: JSONValue, _ right: JSONValue) -> JSONValue {
        ["class": "COMPARISON", "type": .string(type), "alias": "", "left": left, "right": right]
    }

    /// An operator, for example `OPERATOR_IS_NULL`.
    static func op(_ type: String, _ children: [JSONValue]) -> JSONValue {
        ["class": "OPERATOR", "type": .string(type), "alias": "", "children": .array(children)]
    }

    /// AND or OR of several conditions.
    static func conjunction(_ type: String, _ children: [JSONValue]) -> JSONValue {
        ["class": "CONJUNCTION", "type": .string(type), "alias": "", "children": .array(children)]
    }

    /// CASE WHEN … THEN … ELSE … END.
    static func choice(_ branches: [(when: JSONValue, then: JSONValue)], otherwise: JSONValue) -> JSONValue {
        [
            "class": "CASE", "type": "CASE_EXPR", "alias": "",
            "case_checks": .array(branches.map { ["when_expr": $0.when, "then_expr": $0.then] }),
            "else_expr": otherwise,
        ]
    }

    /// The constant NULL.
    static let null: JSONValue = [
        "class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "",
        "value": ["type": ["id": "NULL", "type_info": nil], "is_null": true],
    ]

    /// A SELECT of expressions from nothing.
    static func selection(_ items: [JSONValue]) -> JSONValue {
        [
            "type": "SELECT_NODE", "modifiers": [], "cte_map": ["map": []], "select_list": .array(items),
            "from_table": ["type": "EMPTY", "alias": "", "sample": nil], "where_clause": nil, "group_expressions": [],
            "group_sets": [], "aggregate_handling": "STANDARD_HANDLING", "having": nil, "sample": nil, "qualify": nil,
        ]
    }

    /// A query node as the statement that `json_deserialize_sql` takes.
    static func statement(_ node: JSONValue) -> JSONValue {
        ["error": false, "statements": [["node": node, "named_param_map": []]]]
    }

    /// The columns that an expression with unique names uses, in order, each once.
    static func columns(in tree: JSONValue) -> [String] {
        var found: [String] = []
        visit(tree) { names in
            if let name = names.first, !found.contains(name) { found.append(name) }
        }
        return found
    }

    /// Replaces columns by expressions.
    static func substitute(_ tree: JSONValue, _ replacement: (String) -> JSONValue?) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map { substitute($0, replacement) })
        case .object(let object):
            if let names = columnNames(of: tree), let name = names.first, let new = replacement(name) { return new }
            return .object(object.mapValues { substitute($0, replacement) })
        default: return tree
        }
    }

    /// The tree without constants in the ORDER BY of its aggregates: they order nothing, and DuckDB refuses them where a
    /// column's constant value was put in its place.
    static func withoutConstantOrders(_ tree: JSONValue) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map(withoutConstantOrders))
        case .object(let object):
            var object = object.mapValues(withoutConstantOrders)
            if case .object(var modifier)? = object["order_bys"], let orders = modifier["orders"]?.array {
                modifier["orders"] = .array(orders.filter { $0["expression"]?["class"]?.string != "CONSTANT" })
                object["order_bys"] = .object(modifier)
            }
            return .object(object)
        default: return tree
        }
    }

    /// The conditions that an expression joins by AND.
    static func conjuncts(_ tree: JSONValue?) -> [JSONValue] {
        guard let tree, !tree.isNull else { return [] }
        if tree["type"]?.string == "CONJUNCTION_AND" {
            return (tree["children"]?.array ?? []).flatMap { conjuncts($0) }
        }
        if tree["type"]?.string == "CONJUNCTION_OR" { return factored(tree) }
        return [tree]
    }

    /// Conditions that all sides of an OR have in common, taken out of it: `(a AND b) OR (a AND c)` is `a AND (b OR c)`,
    /// with NULLs too.
    private static func factored(_ tree: JSONValue) -> [JSONValue] {
        let sides = (tree["children"]?.array ?? []).map { conjuncts($0) }
        guard let first = sides.first, sides.count > 1 else { return [tree] }
        let common = first.filter { condition in sides.dropFirst().allSatisfy { $0.contains(condition) } }
        if common.isEmpty { return [tree] }
        let rests = sides.map { side in side.filter { !common.contains($0) } }
        // A side that has nothing else makes the others say nothing more.
        if rests.contains(where: \.isEmpty) { return common }
        return common
            + [
                conjunction(
                    "CONJUNCTION_OR",
                    rests.map { $0.count == 1 ? $0[0] : conjunction("CONJUNCTION_AND", $0) }
                )
            ]
    }

    /// Whether any object of the tree satisfies the condition.
    static func contains(_ tree: JSONValue, where condition: (JSONObject) -> Bool) -> Bool {
        switch tree {
        case .array(let values): return values.contains { contains($0, where: condition) }
        case .object(let object):
            return condition(object) || object.members.contains { contains($0.value, where: condition) }
        default: return false
        }
    }

    /// Whether any object outside of subqueries satisfies the condition.
    static func containsOutsideSubqueries(_ tree: JSONValue, where condition: (JSONObject) -> Bool) -> Bool {
        switch tree {
        case .array(let values): return values.contains { containsOutsideSubqueries($0, where: condition) }
        case .object(let object):
            if condition(object) { return true }
            // What is compared with a subquery is outside of it.
            if object["class"]?.string == "SUBQUERY" {
                return object["child"].map { containsOutsideSubqueries($0, where: condition) } ?? false
            }
            return object.members.contains { containsOutsideSubqueries($0.value, where: condition) }
        default: return false
        }
    }

    static func visit(_ tree: JSONValue, _ parameters: Set<String> = [], _ body: ([String]) -> Void) {
        switch tree {
        case .array(let values): for value in values { visit(value, parameters, body) }
        case .object(let object):
            if let names = columnNames(of: tree) {
                if let name = names.first, !parameters.contains(name.folded) { body(names) }
                return
            }
            let inner = parameters.union(lambdaParameters(object))
            for member in object.members { visit(member.value, inner, body) }
        default: break
        }
    }

    /// The parameters that a lambda introduces, in lower case.
    static func lambdaParameters(_ object: JSONObject) -> Set<String> {
        guard object["class"]?.string == "LAMBDA", let head = object["lhs"] else { return [] }
        var names: Set<String> = []
        if let name = columnNames(of: head)?.first { names.insert(name.folded) }
        for child in head["children"]?.array ?? [] {
            if let name = columnNames(of: child)?.first { names.insert(name.folded) }
        }
        return names
    }
}

extension JSONValue {
    /// The value unless it is `null`; an absent clause is written as `null`.
    var present: JSONValue? { isNull ? Optional<JSONValue>.none : self }
}
