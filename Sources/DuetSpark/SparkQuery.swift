import DuetPipeline

/// Writes a query's syntax tree, as DuckDB gives it, in Spark's SQL.
///
/// A library that translates SQL is not to be had in Swift. So nothing is passed through: each kind of node, function, type
/// and clause has a rule here, or is refused with its place. What is written is, as far as the two dialects allow, SQL that
/// duet reads back as the same query; see `docs/export.md` for what types would have to be known for.
struct SparkQuery {
    /// The query, for the places of what is refused.
    let text: MappedText
    /// How a table is named in Spark, by its name in the query, and the offset where it stands.
    let relation: (_ schema: String, _ table: String, _ offset: Int?) -> String
    private(set) var errors: [DuetError] = []
    /// The names that WITH clauses have given.
    var commonTables: Set<String> = []

    init(_ text: MappedText, relation: @escaping (_ schema: String, _ table: String, _ offset: Int?) -> String) {
        self.text = text
        self.relation = relation
    }

    /// The query that a tree of one statement is.
    mutating func statement(_ tree: JSONValue) -> String {
        guard let node = tree["statements"]?.array?.first?["node"] else { return refuse(tree, "this statement") }
        return query(node)
    }

    /// The expression that the tree of `SELECT expression` holds.
    mutating func condition(_ tree: JSONValue) -> String {
        guard let item = tree["statements"]?.array?.first?["node"]?["select_list"]?.array?.first else {
            return refuse(tree, "this condition")
        }
        return expression(item)
    }

    /// Notes that something has no form in Spark's SQL; gives text to go on with.
    mutating func refuse(_ node: JSONValue, _ what: String, hint: String? = nil, near other: JSONValue? = nil) -> String
    {
        let offset = Self.place(node) ?? other.flatMap(Self.place) ?? 0
        errors.append(text.error(.unsupported, "the export to Spark has no rule for \(what)", hint: hint, at: offset))
        return "NULL"
    }

    /// The first place that a node, or what is below it, has.
    static func place(_ node: JSONValue) -> Int? {
        // What the parser made up by itself has the largest number as its place, which is no integer here.
        if let own = node["query_location"]?.integer, own >= 0 { return own }
        switch node {
        case .array(let values):
            for value in values { if let place = place(value) { return place } }
        case .object(let object):
            for member in object.members { if let place = place(member.value) { return place } }
        default: break
        }
        return nil
    }

    // MARK: - Queries

    mutating func query(_ node: JSONValue) -> String {
        let outer = commonTables
        defer { commonTables = outer }
        var parts: [String] = []
        let tables = node["cte_map"]?["map"]?.array ?? []
        let written = tables.map { entry -> String in
            let name = entry["key"]?.string ?? ""
            let columns = entry["value"]?["aliases"]?.array?.compactMap(\.string) ?? []
            let inner = entry["value"]?["query"]?["node"] ?? .null
            let body = query(inner)
            commonTables.insert(name.lowercased())
            return SparkName.quoted(name) + list(columns) + " AS (\n\(indented(body))\n)"
        }
        if !written.isEmpty { parts.append("WITH \(written.joined(separator: ",\n"))") }
        switch node["type"]?.string {
        case "SELECT_NODE": parts.append(select(node))
        case "SET_OPERATION_NODE": parts.append(setOperation(node))
        default:
            let kind = (node["type"]?.string ?? "").replacing("_", with: " ").lowercased()
            return refuse(node, kind.hasPrefix("recursive") ? "WITH RECURSIVE" : "a \(kind)")
        }
        parts += modifiers(node)
        return parts.joined(separator: "\n")
    }

    private func list(_ columns: [String]) -> String {
        columns.isEmpty ? "" : " (\(columns.map(SparkName.quoted).joined(separator: ", ")))"
    }

    private mutating func setOperation(_ node: JSONValue) -> String {
        let isAll = node["setop_all"]?.bool == true
        let word: String
        switch node["setop_type"]?.string {
        case "UNION": word = "UNION"
        case "EXCEPT": word = "EXCEPT"
        case "INTERSECT": word = "INTERSECT"
        default:
            return refuse(
                node,
                "UNION BY NAME",
                hint: "name the columns in both queries, in one order, and write UNION ALL"
            )
        }
        // The operations of a chain are a list in some versions of the tree, and nested pairs in others.
        let sides = node["children"]?.array ?? [node["left"], node["right"]].compactMap { $0 }
        let written = sides.map { side -> String in
            let body = query(side)
            let isPlain = side["type"]?.string == "SELECT_NODE" && (side["modifiers"]?.array ?? []).isEmpty
            return isPlain && side["cte_map"]?["map"]?.array?.isEmpty != false ? body : "(\n\(indented(body))\n)"
        }
        return written.joined(separator: "\n\(word)\(isAll ? " ALL" : "")\n")
    }

    private mutating func modifiers(_ node: JSONValue) -> [String] {
        var parts: [String] = []
        for modifier in node["modifiers"]?.array ?? [] {
            switch modifier["type"]?.string {
            case "ORDER_MODIFIER": parts.append("ORDER BY \(orders(modifier["orders"]?.array ?? []))")
            case "LIMIT_MODIFIER":
                if let limit = modifier["limit"], !limit.isNull { parts.append("LIMIT \(expression(limit))") }
                if let offset = modifier["offset"], !offset.isNull { parts.append("OFFSET \(expression(offset))") }
            case "DISTINCT_MODIFIER":
                if let targets = modifier["distinct_on_targets"]?.array, !targets.isEmpty {
                    parts.append(
                        refuse(
                            modifier,
                            "DISTINCT ON",
                            hint:
                                "number the rows with row_number() OVER (PARTITION BY ... ORDER BY ...) and keep the first"
                        )
                    )
                }
            default: parts.append(refuse(modifier, "LIMIT as a percentage", near: node))
            }
        }
        return parts
    }

    mutating func orders(_ orders: [JSONValue]) -> String {
        orders.map { order in
            let isDescending = order["type"]?.string == "DESCENDING"
            // Where NULLs go by themselves differs, so it is always written.
            let isFirst = order["null_order"]?.string == "NULLS_FIRST"
            let value = expression(order["expression"] ?? .null)
            return "\(value)\(isDescending ? " DESC" : "") NULLS \(isFirst ? "FIRST" : "LAST")"
        }
        .joined(separator: ", ")
    }

    private mutating func select(_ node: JSONValue) -> String {
        guard node["sample"]?.isNull != false else { return refuse(node, "USING SAMPLE") }
        let items = node["select_list"]?.array ?? []
        let isDistinct = (node["modifiers"]?.array ?? []).contains {
            $0["type"]?.string == "DISTINCT_MODIFIER" && $0["distinct_on_targets"]?.array?.isEmpty != false
        }
        var columns = items.map { item in
            let alias = item["alias"]?.string ?? ""
            return expression(item) + (alias.isEmpty ? "" : " AS \(SparkName.quoted(alias))")
        }
        var names: [String]?
        if let qualify = node["qualify"], !qualify.isNull {
            // Spark has no QUALIFY: the condition becomes a column of a query within.
            names = items.compactMap(Self.name)
            if names?.count != items.count {
                return refuse(
                    qualify,
                    "QUALIFY beside a column without a name",
                    hint: "give every column a name with AS"
                )
            }
            let condition = expression(Self.substituting(qualify, aliases: items))
            columns.append("\(condition) AS __qualified")
        }
        var lines = [
            "SELECT\(isDistinct && names == nil ? " DISTINCT" : "")\n\(indented(columns.joined(separator: ",\n")))"
        ]
        if let table = node["from_table"], table["type"]?.string != "EMPTY" { lines.append("FROM \(from(table))") }
        if let condition = node["where_clause"], !condition.isNull { lines.append("WHERE \(expression(condition))") }
        lines += groups(node)
        if let condition = node["having"], !condition.isNull { lines.append("HAVING \(expression(condition))") }
        let body = lines.joined(separator: "\n")
        guard let names else { return body }
        let outer = names.map(SparkName.quoted).joined(separator: ", ")
        return
            "SELECT\(isDistinct ? " DISTINCT" : "") \(outer)\nFROM (\n\(indented(body))\n) AS __all\nWHERE __qualified"
    }

    private mutating func groups(_ node: JSONValue) -> [String] {
        if node["aggregate_handling"]?.string == "FORCE_AGGREGATES" { return ["GROUP BY ALL"] }
        let groups = (node["group_expressions"]?.array ?? []).map { expression($0) }
        let sets = (node["group_sets"]?.array ?? []).map { $0.array?.compactMap(\.integer) ?? [] }
        guard sets.count > 1 else { return groups.isEmpty ? [] : ["GROUP BY \(groups.joined(separator: ", "))"] }
        let written = sets.map { set in
            "(\(set.compactMap { groups.indices.contains($0) ? groups[$0] : nil }.joined(separator: ", ")))"
        }
        return ["GROUP BY GROUPING SETS (\(written.joined(separator: ", ")))"]
    }

    /// The name a column of a select list has; nil for stars and for expressions without one.
    private static func name(_ item: JSONValue) -> String? {
        if let alias = item["alias"]?.string, !alias.isEmpty { return alias }
        return item["column_names"]?.array?.last?.string
    }

    /// An expression in which names that the select list gives are what they stand for.
    private static func substituting(_ tree: JSONValue, aliases items: [JSONValue]) -> JSONValue {
        if let names = tree["column_names"]?.array, names.count == 1, let name = names.first?.string {
            let item = items.first { $0["alias"]?.string?.lowercased() == name.lowercased() }
            guard case .object(var object)? = item else { return tree }
            object["alias"] = .string("")
            return .object(object)
        }
        switch tree {
        case .array(let values): return .array(values.map { substituting($0, aliases: items) })
        case .object(let object):
            return .object(JSONObject(object.members.map { ($0.key, substituting($0.value, aliases: items)) }))
        default: return tree
        }
    }

    // MARK: - Tables

    private mutating func from(_ table: JSONValue) -> String {
        guard table["sample"]?.isNull != false else { return refuse(table, "TABLESAMPLE") }
        let alias = table["alias"]?.string ?? ""
        let columns = list(table["column_name_alias"]?.array?.compactMap(\.string) ?? [])
        let named =
            alias.isEmpty
            ? "" : " AS \(SparkName.quoted(alias))" + columns.replacing(" (", with: "(", maxReplacements: 1)
        switch table["type"]?.string {
        case "BASE_TABLE":
            guard table["at_clause"]?.isNull != false else { return refuse(table, "AT (...)") }
            let schema = table["schema_name"]?.string ?? ""
            let name = table["table_name"]?.string ?? ""
            if schema.isEmpty, commonTables.contains(name.lowercased()) { return SparkName.quoted(name) + named }
            return relation(schema, name, table["query_location"]?.integer) + named
        case "SUBQUERY":
            return "(\n\(indented(query(table["subquery"]?["node"] ?? .null)))\n)\(named)"
        case "EXPRESSION_LIST":
            let rows = (table["values"]?.array ?? []).map { row in
                "(\((row.array ?? []).map { expression($0) }.joined(separator: ", ")))"
            }
            return "(VALUES \(rows.joined(separator: ", ")))" + (alias == "valueslist" ? "" : named)
        case "JOIN": return join(table)
        case "TABLE_FUNCTION":
            return refuse(
                table,
                "the table function '\(table["function"]?["function_name"]?.string ?? "")'",
                hint: "make its rows a source, or write them as VALUES"
            )
        default:
            return refuse(
                table,
                "a \((table["type"]?.string ?? "relation").replacing("_", with: " ").lowercased()) here"
            )
        }
    }

    private mutating func join(_ table: JSONValue) -> String {
        let left = from(table["left"] ?? .null)
        let inner = table["right"] ?? .null
        var right = from(inner)
        if inner["type"]?.string == "JOIN" { right = "(\(right))" }
        let words = [
            "INNER": "", "LEFT": "LEFT ", "RIGHT": "RIGHT ", "OUTER": "FULL ", "FULL": "FULL ", "SEMI": "LEFT SEMI ",
            "ANTI": "LEFT ANTI ",
        ]
        guard let word = words[table["join_type"]?.string ?? ""] else {
            return refuse(table, "a \((table["join_type"]?.string ?? "").lowercased()) join", near: inner)
        }
        switch table["ref_type"]?.string {
        case "CROSS": return "\(left)\nCROSS JOIN \(right)"
        case "NATURAL": return "\(left)\nNATURAL \(word)JOIN \(right)"
        case "REGULAR": break
        default: return refuse(table, "an \((table["ref_type"]?.string ?? "").lowercased()) join", near: inner)
        }
        let using = table["using_columns"]?.array?.compactMap(\.string) ?? []
        if !using.isEmpty {
            return "\(left)\n\(word)JOIN \(right) USING (\(using.map(SparkName.quoted).joined(separator: ", ")))"
        }
        guard let condition = table["condition"], !condition.isNull else { return "\(left)\nCROSS JOIN \(right)" }
        return "\(left)\n\(word)JOIN \(right) ON \(expression(condition))"
    }

    func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(separator: "\n")
    }
}
