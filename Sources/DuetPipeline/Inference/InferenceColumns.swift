/// Finds the columns of a query that hold a model's answers as they are, by their names.
///
/// Only what plainly passes an answer on counts: the call itself, and columns that name it, through subqueries and common
/// table expressions. What is computed from an answer is not followed.
struct InferenceColumnFinder {
    private typealias Columns = [String: InferenceFunction]

    /// The columns of a statement's result, in the order of their names.
    static func columns(of syntaxTree: JSONValue) -> [InferenceColumn] {
        guard let node = syntaxTree["statements"]?.array?.first?["node"] else { return [] }
        return Self().columns(node, [:]).sorted { $0.key < $1.key }.map {
            InferenceColumn(name: $0.key, function: $0.value)
        }
    }

    private func columns(_ node: JSONValue, _ outer: [String: Columns]) -> Columns {
        var tables = outer
        for entry in node["cte_map"]?["map"]?.array ?? [] {
            guard let name = entry["key"]?.string, let query = entry["value"]?["query"]?["node"] else { continue }
            tables[name.lowercased()] = columns(query, tables)
        }
        switch node["type"]?.string {
        case "SELECT_NODE": return select(node, tables)
        // The names are the left side's; a column that only the right side fills with answers has the left one's.
        case "SET_OPERATION_NODE":
            let sides = node["children"]?.array ?? [node["left"], node["right"]].compactMap { $0 }
            return sides.first.map { columns($0, tables) } ?? [:]
        case "CTE_NODE": return node["child"].map { columns($0, tables) } ?? [:]
        default: return [:]
        }
    }

    private func select(_ node: JSONValue, _ tables: [String: Columns]) -> Columns {
        let sources = node["from_table"].map { from($0, tables) } ?? [:]
        var found: Columns = [:]
        for expression in node["select_list"]?.array ?? [] {
            let alias = expression["alias"]?.string ?? ""
            switch expression["class"]?.string {
            case "STAR":
                let gone = Set(
                    names(expression["exclude_list"]) + names(expression["qualified_exclude_list"])
                        + names(expression["replace_list"])
                )
                guard names(expression["rename_list"]).isEmpty else { continue }
                for (name, function) in sources where !gone.contains(name.lowercased()) { found[name] = function }
            case "COLUMN_REF":
                guard let name = expression["column_names"]?.array?.last?.string else { continue }
                guard let source = sources.first(where: { $0.key.lowercased() == name.lowercased() }) else { continue }
                found[alias.isEmpty ? name : alias] = source.value
            case "FUNCTION":
                guard !alias.isEmpty, let object = expression.object, let call = InferenceCall(node: object) else {
                    continue
                }
                found[alias] = call.function
            default: continue
            }
        }
        return found
    }

    private func from(_ table: JSONValue, _ tables: [String: Columns]) -> Columns {
        switch table["type"]?.string {
        case "BASE_TABLE":
            guard table["schema_name"]?.string ?? "" == "", let name = table["table_name"]?.string else { return [:] }
            return tables[name.lowercased()] ?? [:]
        case "SUBQUERY": return table["subquery"]?["node"].map { columns($0, tables) } ?? [:]
        case "JOIN":
            let left = table["left"].map { from($0, tables) } ?? [:]
            let right = table["right"].map { from($0, tables) } ?? [:]
            return left.merging(right) { first, _ in first }
        default: return [:]
        }
    }

    /// Every text in a list of columns, in whatever form DuckDB gives it.
    private func names(_ value: JSONValue?) -> [String] {
        switch value {
        case .string(let text)?: [text.lowercased()]
        case .array(let values)?: values.flatMap { names($0) }
        case .object(let object)?: object.members.flatMap { names($0.value) }
        default: []
        }
    }
}
