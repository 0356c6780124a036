import DuetPipeline

/// Expressions.
extension SparkQuery {
    mutating func expression(_ node: JSONValue) -> String {
        switch node["class"]?.string {
        case "COLUMN_REF":
            return (node["column_names"]?.array ?? []).compactMap(\.string).map(SparkName.quoted).joined(separator: ".")
        case "CONSTANT": return constant(node)
        case "STAR": return star(node)
        case "CAST": return cast(node)
        case "COMPARISON": return comparison(node)
        case "CONJUNCTION":
            let word = node["type"]?.string == "CONJUNCTION_OR" ? " OR " : " AND "
            return "(\((node["children"]?.array ?? []).map { expression($0) }.joined(separator: word)))"
        case "BETWEEN":
            let parts = ["input", "lower", "upper"].map { expression(node[$0] ?? .null) }
            return "(\(parts[0]) BETWEEN \(parts[1]) AND \(parts[2]))"
        case "CASE": return choice(node)
        case "OPERATOR": return operation(node)
        case "FUNCTION": return call(node)
        case "WINDOW": return window(node)
        case "SUBQUERY": return subquery(node)
        case "LAMBDA": return refuse(node, "a lambda function")
        default:
            return refuse(node, "a \((node["class"]?.string ?? "node").lowercased())")
        }
    }

    private mutating func constant(_ node: JSONValue) -> String {
        let value = node["value"] ?? .null
        if value["is_null"]?.bool == true { return "NULL" }
        let type = value["type"]?["id"]?.string ?? ""
        switch (type, value["value"]) {
        case ("VARCHAR", .string(let text)?):
            guard !text.contains("\\") else {
                return refuse(
                    node,
                    "a text with a backslash",
                    hint: "Spark reads it as an escape; write chr(92) || '...'"
                )
            }
            return SparkName.literal(text)
        case ("BOOLEAN", .bool(let value)?): return value ? "true" : "false"
        case ("DECIMAL", let number?):
            guard let scale = value["type"]?["type_info"]?["scale"]?.integer, let digits = number.integer else {
                return refuse(node, "a number of more than 18 digits")
            }
            return Self.decimal(digits, scale)
        case (_, .integer(let number)?) where type.hasSuffix("INT") || type == "INTEGER": return "\(number)"
        case ("DOUBLE", .double(let number)?): return "CAST(\(number) AS DOUBLE)"
        case ("DOUBLE", .integer(let number)?): return "CAST(\(number) AS DOUBLE)"
        default: return refuse(node, "a constant of the type \(type)")
        }
    }

    private static func decimal(_ digits: Int, _ scale: Int) -> String {
        var text = String(digits.magnitude)
        while text.count <= scale { text = "0" + text }
        let whole = text.dropLast(scale)
        return (digits < 0 ? "-" : "") + whole + (scale == 0 ? "" : ".\(text.suffix(scale))")
    }

    private mutating func star(_ node: JSONValue) -> String {
        if node["columns"]?.bool == true { return refuse(node, "COLUMNS(...)", hint: "name the columns") }
        if node["replace_list"]?.array?.isEmpty == false || node["rename_list"]?.array?.isEmpty == false {
            return refuse(node, "* REPLACE and * RENAME", hint: "name the columns, or * EXCEPT (x) and x apart from it")
        }
        let relation = node["relation_name"]?.string ?? ""
        let excluded = (node["exclude_list"]?.array ?? []).compactMap(\.string).map(SparkName.quoted)
        return (relation.isEmpty ? "*" : "\(SparkName.quoted(relation)).*")
            + (excluded.isEmpty ? "" : " EXCEPT (\(excluded.joined(separator: ", ")))")
    }

    private mutating func cast(_ node: JSONValue) -> String {
        let child = node["child"] ?? .null
        guard let type = SparkName.type(node["cast_type"] ?? .null) else {
            let name = node["cast_type"]?["type_info"]?["name"]?.string ?? node["cast_type"]?["id"]?.string ?? ""
            return refuse(node, "the type \(name)", near: child)
        }
        if type == "BOOLEAN", let letter = child["value"]?["value"]?.string, letter == "t" || letter == "f" {
            // So the parser writes true and false.
            return letter == "t" ? "true" : "false"
        }
        return "\(node["try_cast"]?.bool == true ? "TRY_CAST" : "CAST")(\(expression(child)) AS \(type))"
    }

    private mutating func comparison(_ node: JSONValue) -> String {
        let words = [
            "COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
            "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
            "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
        ]
        guard let word = words[node["type"]?.string ?? ""] else { return refuse(node, "this comparison") }
        return "(\(expression(node["left"] ?? .null)) \(word) \(expression(node["right"] ?? .null)))"
    }

    private mutating func choice(_ node: JSONValue) -> String {
        var text = "CASE"
        for check in node["case_checks"]?.array ?? [] {
            text += " WHEN \(expression(check["when_expr"] ?? .null)) THEN \(expression(check["then_expr"] ?? .null))"
        }
        if let other = node["else_expr"], !other.isNull { text += " ELSE \(expression(other))" }
        return text + " END"
    }

    private mutating func operation(_ node: JSONValue) -> String {
        let children = (node["children"]?.array ?? []).map { expression($0) }
        let first = children.first ?? ""
        switch node["type"]?.string {
        case "OPERATOR_IS_NULL": return "(\(first) IS NULL)"
        case "OPERATOR_IS_NOT_NULL": return "(\(first) IS NOT NULL)"
        case "OPERATOR_NOT": return "(NOT \(first))"
        case "OPERATOR_COALESCE": return "coalesce(\(children.joined(separator: ", ")))"
        case "COMPARE_IN": return "(\(first) IN (\(children.dropFirst().joined(separator: ", "))))"
        case "COMPARE_NOT_IN": return "(\(first) NOT IN (\(children.dropFirst().joined(separator: ", "))))"
        case "STRUCT_EXTRACT":
            guard let field = node["children"]?.array?.last?["value"]?["value"]?.string else { break }
            return "\(first).\(SparkName.quoted(field))"
        case "ARRAY_EXTRACT":
            return refuse(
                node,
                "[...], which takes an element",
                hint: "element_at differs where there is none; unpack it before"
            )
        default: break
        }
        return refuse(node, "this operator (\((node["type"]?.string ?? "").lowercased()))")
    }

    private mutating func subquery(_ node: JSONValue) -> String {
        let inner = indented(query(node["subquery"]?["node"] ?? .null))
        switch node["subquery_type"]?.string {
        case "SCALAR": return "(\n\(inner)\n)"
        case "EXISTS": return "EXISTS (\n\(inner)\n)"
        case "NOT_EXISTS": return "NOT EXISTS (\n\(inner)\n)"
        case "ANY" where node["comparison_type"]?.string == "COMPARE_EQUAL":
            return "(\(expression(node["child"] ?? .null)) IN (\n\(inner)\n))"
        default: return refuse(node, "this form of subquery", hint: "write it with IN or EXISTS")
        }
    }

    private mutating func window(_ node: JSONValue) -> String {
        let name = node["function_name"]?.string?.lowercased() ?? ""
        guard SparkFunctions.isWindow(name) else { return refuse(node, "the window function '\(name)'") }
        guard node["arg_orders"]?.array?.isEmpty != false, node["exclude_clause"]?.string == "NO_OTHER" else {
            return refuse(node, "this form of window (EXCLUDE, or an order within the brackets)")
        }
        var arguments = (node["children"]?.array ?? []).map { expression($0) }
        for key in ["offset_expr", "default_expr"] {
            if let argument = node[key], !argument.isNull { arguments.append(expression(argument)) }
        }
        if name == "avg", let value = arguments.first { arguments = ["CAST(\(value) AS DOUBLE)"] }
        if name == "count", arguments.isEmpty { arguments = ["*"] }
        var text = "\(name)(\(node["distinct"]?.bool == true ? "DISTINCT " : "")\(arguments.joined(separator: ", ")))"
        if node["ignore_nulls"]?.bool == true { text += " IGNORE NULLS" }
        if let filter = node["filter_expr"], !filter.isNull {
            return refuse(filter, "FILTER of a window function", hint: "write CASE WHEN ... END inside it")
        }
        var parts: [String] = []
        let partitions = (node["partitions"]?.array ?? []).map { expression($0) }
        if !partitions.isEmpty { parts.append("PARTITION BY \(partitions.joined(separator: ", "))") }
        let sorting = node["orders"]?.array ?? []
        if !sorting.isEmpty { parts.append("ORDER BY \(orders(sorting))") }
        // Ranking functions take no frame in Spark, and what stands without one is the same in both.
        if let frame = frame(node), SparkFunctions.takesFrame(name) { parts.append(frame) }
        return "\(text) OVER (\(parts.joined(separator: " ")))"
    }

    /// The frame, unless it is the one that stands where none is written.
    private mutating func frame(_ node: JSONValue) -> String? {
        let bounds = ["start", "end"].map { node[$0]?.string ?? "" }
        if bounds == ["UNBOUNDED_PRECEDING", "CURRENT_ROW_RANGE"] { return nil }
        let unit = bounds.contains { $0.hasSuffix("_ROWS") } ? "ROWS" : "RANGE"
        if bounds.contains(where: { $0.hasSuffix("_GROUPS") }) { return refuse(node, "a frame of GROUPS") }
        let written = zip(bounds, ["start_expr", "end_expr"]).map { bound, key -> String in
            let value = node[key].map { $0.isNull ? "" : expression($0) } ?? ""
            if bound == "UNBOUNDED_PRECEDING" { return "UNBOUNDED PRECEDING" }
            if bound == "UNBOUNDED_FOLLOWING" { return "UNBOUNDED FOLLOWING" }
            if bound.hasPrefix("CURRENT_ROW") { return "CURRENT ROW" }
            return "\(value) \(bound.contains("PRECEDING") ? "PRECEDING" : "FOLLOWING")"
        }
        return "\(unit) BETWEEN \(written[0]) AND \(written[1])"
    }
}
