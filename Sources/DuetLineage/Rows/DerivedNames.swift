import DuetPipeline

/// Names for subqueries and VALUES in FROM that have none: rows are traced by adding columns, which are written with their
/// relation's name.
enum DerivedNames {
    /// The tree with a name for each such relation, the ones that DuckDB itself would give them.
    static func given(_ tree: JSONValue) -> JSONValue {
        var counts: [String: Int] = [:]
        return given(tree, &counts)
    }

    private static func given(_ tree: JSONValue, _ counts: inout [String: Int]) -> JSONValue {
        switch tree {
        case .array(let values):
            var named: [JSONValue] = []
            for value in values { named.append(given(value, &counts)) }
            return .array(named)
        case .object(var object):
            // An expression has a class besides its type.
            if object["class"] == nil, object["alias"]?.string == "", let stem = stems[object["type"]?.string ?? ""] {
                counts[stem, default: 0] += 1
                let number = counts[stem, default: 1]
                object["alias"] = .string(number == 1 ? stem : "\(stem)\(number)")
            }
            for member in object.members { object[member.key] = given(member.value, &counts) }
            return .object(object)
        default: return tree
        }
    }

    private static let stems = ["SUBQUERY": "unnamed_subquery", "EXPRESSION_LIST": "valueslist"]
}
