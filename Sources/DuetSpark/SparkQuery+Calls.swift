import DuetPipeline

/// Calls of functions and operators.
extension SparkQuery {
    mutating func call(_ node: JSONValue) -> String {
        let name = node["function_name"]?.string?.lowercased() ?? ""
        let children = node["children"]?.array ?? []
        if let text = special(name, children, node) { return text }
        let values = children.map { expression($0) }
        if SparkFunctions.operators.contains(name) {
            if values.count == 1 { return "(\(name)\(values[0]))" }
            return "(\(values.joined(separator: " \(name) ")))"
        }
        guard let written = SparkFunctions.same.contains(name) ? name : SparkFunctions.renamed[name] else {
            let hint = SparkFunctions.hints[name] ?? "write it with functions that docs/export.md lists"
            return refuse(node, "the function '\(name)'", hint: hint)
        }
        return aggregate(node, written, values)
    }

    private mutating func aggregate(_ node: JSONValue, _ name: String, _ values: [String]) -> String {
        if node["order_bys"]?["orders"]?.array?.isEmpty == false {
            return refuse(node, "ORDER BY within the brackets of '\(name)'")
        }
        let distinct = node["distinct"]?.bool == true ? "DISTINCT " : ""
        let arguments = name == "count" && values.isEmpty ? "*" : values.joined(separator: ", ")
        var text = "\(name)(\(distinct)\(arguments))"
        if let filter = node["filter"], !filter.isNull { text += " FILTER (WHERE \(expression(filter)))" }
        return text
    }

    /// Functions whose rule is more than a name; nil for others.
    private mutating func special(_ name: String, _ children: [JSONValue], _ node: JSONValue) -> String? {
        switch name {
        case "count_star": return aggregate(node, "count", [])
        case "avg", "mean":
            // Spark's mean of decimals is a decimal, DuckDB's a double.
            return aggregate(node, "avg", children.prefix(1).map { "CAST(\(expression($0)) AS DOUBLE)" })
        case "/" where children.count == 2:
            return "(CAST(\(expression(children[0])) AS DOUBLE) / \(expression(children[1])))"
        case "//" where children.count == 2: return "(\(expression(children[0])) div \(divisor(children[1])))"
        case "%" where children.count == 2, "mod" where children.count == 2:
            return "(\(expression(children[0])) % \(divisor(children[1])))"
        case "-" where children.count == 2 && children.allSatisfy(Self.isDate):
            return refuse(
                node,
                "the difference of two dates",
                hint: "it is a number of days in DuckDB and an interval in Spark"
            )
        case "+" where children.contains(where: Self.isInterval), "-" where children.last.map(Self.isInterval) == true:
            // A date with an interval is a time in DuckDB, and a date again in Spark.
            let values = children.map { child in
                Self.isInterval(child) ? expression(child) : "CAST(\(expression(child)) AS TIMESTAMP)"
            }
            return "(\(values.joined(separator: " \(name) ")))"
        case "~~", "!~~", "~~*", "!~~*", "like_escape", "not_like_escape": return like(name, children, node)
        case "concat":
            return "concat_ws('', \(children.map { expression($0) }.joined(separator: ", ")))"
        case "date_part", "datepart":
            guard children.count == 2, let part = children[0]["value"]?["value"]?.string?.lowercased() else {
                return nil
            }
            guard let function = SparkFunctions.parts[part] else {
                return refuse(node, "the part '\(part)' of a date")
            }
            return "\(function)(\(expression(children[1])))"
        case "substring", "substr":
            guard children.count > 1, (children[1]["value"]?["value"]?.integer ?? 0) > 0 else {
                return refuse(
                    node,
                    "a \(name) that does not begin at a fixed place from 1 on",
                    hint: "places below 1 mean other letters in Spark"
                )
            }
            return "substring(\(children.map { expression($0) }.joined(separator: ", ")))"
        case "trim", "ltrim", "rtrim":
            return children.count == 1 ? nil : refuse(node, "\(name) of other letters than spaces")
        case "left", "right":
            guard children.count == 2, (children[1]["value"]?["value"]?.integer ?? -1) >= 0 else {
                return refuse(
                    node,
                    "\(name) with a length that is not written out",
                    hint: "negative ones differ in Spark"
                )
            }
            return nil
        case "struct_pack":
            let fields = children.map { "\(expression($0)) AS \(SparkName.quoted($0["alias"]?.string ?? ""))" }
            return "struct(\(fields.joined(separator: ", ")))"
        case "struct_extract":
            guard children.count == 2, let field = children[1]["value"]?["value"]?.string else { return nil }
            return "\(expression(children[0])).\(SparkName.quoted(field))"
        case "regexp_matches" where children.count == 2:
            return "regexp_like(\(children.map { expression($0) }.joined(separator: ", ")))"
        case "date_trunc":
            let units = ["year", "quarter", "month", "week", "day", "hour", "minute", "second"]
            guard let unit = children.first?["value"]?["value"]?.string?.lowercased(), units.contains(unit) else {
                return refuse(node, "date_trunc to what is no fixed unit")
            }
            return nil
        default: return interval(name, children, node)
        }
    }

    /// What divides: nothing comes of a division by zero in DuckDB, where Spark stops.
    private mutating func divisor(_ node: JSONValue) -> String {
        let value = expression(node)
        if let number = node["value"]?["value"]?.integer, number != 0 { return value }
        return "nullif(\(value), 0)"
    }

    private mutating func like(_ name: String, _ children: [JSONValue], _ node: JSONValue) -> String {
        guard children.count == 2 else {
            return refuse(node, "LIKE with ESCAPE", hint: "write it with contains, starts_with or ends_with")
        }
        let isNegated = name.hasPrefix("!")
        let word = name.hasSuffix("*") ? "ILIKE" : "LIKE"
        return "(\(expression(children[0])) \(isNegated ? "NOT " : "")\(word) \(expression(children[1])))"
    }

    /// `INTERVAL 3 DAY`, which the parser makes a function of.
    private mutating func interval(_ name: String, _ children: [JSONValue], _ node: JSONValue) -> String? {
        guard let unit = SparkFunctions.units[name] else { return nil }
        var value = children.first ?? .null
        while value["class"]?.string == "CAST" || value["function_name"]?.string == "trunc" {
            value = value["child"] ?? value["children"]?.array?.first ?? .null
        }
        let text = value["value"]?["value"]?.integer.map(String.init) ?? value["value"]?["value"]?.string
        guard let text, let number = Int(text) else {
            return refuse(node, "an interval whose length is computed", hint: "write it as INTERVAL 3 DAY")
        }
        return "INTERVAL '\(number)' \(unit)"
    }

    private static func isInterval(_ node: JSONValue) -> Bool {
        SparkFunctions.units[node["function_name"]?.string?.lowercased() ?? ""] != nil
    }

    /// Whether an expression is a date for all that can be seen of it.
    private static func isDate(_ node: JSONValue) -> Bool {
        if node["class"]?.string == "CAST" { return node["cast_type"]?["id"]?.string == "DATE" }
        return ["make_date", "current_date", "today"].contains(node["function_name"]?.string?.lowercased())
    }
}
