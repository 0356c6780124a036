import DuetPipeline

/// Reading and making nodes of the syntax trees that DuckDB writes as JSON.
enum Syntax {
    /// The names of a column reference as written; nil for other expressions.
    static func names(of tree: JSONValue) -> [String]? {
        guard tree["class"]?.string == "COLUMN_REF" else { return nil }
        return tree["column_names"]?.array?.compactMap(\.string)
    }

    /// A reference to a column.
    static func column(_ names: String...) -> JSONValue {
        [
            "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "",
            "column_names": .array(names.map { .string($0) }),
        ]
    }

    /// The conditions that an expression joins by AND.
    static func conjuncts(_ tree: JSONValue?) -> [JSONValue] {
        guard let tree, !tree.isNull else { return [] }
        guard tree["type"]?.string == "CONJUNCTION_AND" else { return [tree] }
        return (tree["children"]?.array ?? []).flatMap { conjuncts($0) }
    }

    /// Conditions joined by AND; null for none.
    static func conjunction(_ conditions: [JSONValue]) -> JSONValue {
        guard conditions.count > 1 else { return conditions.first ?? .null }
        return [
            "class": "CONJUNCTION", "type": "CONJUNCTION_AND", "alias": "", "children": .array(conditions),
        ]
    }

    /// A statement's text as DuckDB takes it to be turned into SQL.
    static func statement(_ node: JSONValue) -> String {
        let document: JSONValue = [
            "error": false, "statements": [["node": withoutPlaces(node), "named_param_map": []]],
        ]
        return document.text()
    }

    /// A SELECT of expressions from nothing.
    static func selection(_ items: [JSONValue]) -> JSONValue {
        [
            "type": "SELECT_NODE", "modifiers": [], "cte_map": ["map": []], "select_list": .array(items),
            "from_table": ["type": "EMPTY", "alias": "", "sample": nil], "where_clause": nil,
            "group_expressions": [], "group_sets": [], "aggregate_handling": "STANDARD_HANDLING", "having": nil,
            "sample": nil, "qualify": nil,
        ]
    }

    /// The tree without places in the text, so that equal expressions are equal trees.
    ///
    /// "No place" is a number too large for 64 signed bits, which DuckDB would not read back.
    static func withoutPlaces(_ tree: JSONValue) -> JSONValue {
        switch tree {
        case .array(let values): .array(values.map(withoutPlaces))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.filter { $0.key != "query_location" }.map { ($0.key, withoutPlaces($0.value)) }
                )
            )
        default: tree
        }
    }

    /// The expression without the name it is given.
    static func withoutAlias(_ tree: JSONValue) -> JSONValue { withAlias("", tree) }

    /// The expression with a name.
    static func withAlias(_ alias: String, _ tree: JSONValue) -> JSONValue {
        guard case .object(var object) = tree, object["alias"] != nil else { return tree }
        object["alias"] = .string(alias)
        return .object(object)
    }

    /// Replaces a member of an object.
    static func setting(_ key: String, of tree: JSONValue, to value: JSONValue) -> JSONValue {
        guard case .object(var object) = tree else { return tree }
        object[key] = value
        return .object(object)
    }

    /// Whether any object outside of subqueries satisfies the condition.
    static func contains(_ tree: JSONValue, where condition: (JSONObject) -> Bool) -> Bool {
        switch tree {
        case .array(let values): return values.contains { contains($0, where: condition) }
        case .object(let object):
            if condition(object) { return true }
            if object["class"]?.string == "SUBQUERY" { return false }
            return object.members.contains { contains($0.value, where: condition) }
        default: return false
        }
    }

    static func hasSubquery(_ tree: JSONValue) -> Bool { contains(tree) { $0["class"]?.string == "SUBQUERY" } }

    static func hasWindow(_ tree: JSONValue) -> Bool { contains(tree) { $0["class"]?.string == "WINDOW" } }

    /// All objects outside of subqueries that satisfy the condition, outermost first.
    static func all(_ tree: JSONValue, where condition: (JSONObject) -> Bool) -> [JSONValue] {
        switch tree {
        case .array(let values): return values.flatMap { all($0, where: condition) }
        case .object(let object):
            let own = condition(object) ? [tree] : []
            if object["class"]?.string == "SUBQUERY" { return own }
            return own + object.members.flatMap { all($0.value, where: condition) }
        default: return []
        }
    }

    /// The parameters that a lambda introduces, in lower case.
    static func lambdaParameters(_ object: JSONObject) -> Set<String> {
        guard object["class"]?.string == "LAMBDA", let head = object["lhs"] else { return [] }
        let heads = [head] + (head["children"]?.array ?? [])
        return Set(heads.compactMap { names(of: $0)?.first?.lowercased() })
    }
}

extension JSONValue {
    /// The value unless it is `null`; an absent clause is written as `null`.
    var present: JSONValue? { isNull ? Optional<JSONValue>.none : self }
}
