import DuetPipeline

/// Finds where each column of a query comes from, on the syntax tree that DuckDB writes.
struct ColumnResolver {
    /// A relation that queries may name.
    struct Relation: Sendable {
        /// The name it is told by.
        var name: String
        /// Its columns in order.
        var columns: [String]
    }

    /// A WITH query.
    final class CommonTable {
        let name: String
        var columns: [ColumnScope.Column]
        var rows: ColumnOrigins

        init(name: String, columns: [ColumnScope.Column], rows: ColumnOrigins) {
            self.name = name
            self.columns = columns
            self.rows = rows
        }
    }

    /// What a query comes to.
    struct Result {
        var outputs: [ColumnScope.Column]
        var rows = ColumnOrigins()
    }

    /// The names of aggregate functions, in lower case.
    let aggregates: Set<String>
    /// The name of the model that a call asks; nil for what is no call of a model.
    var model: (JSONObject) -> String? = { _ in nil }
    /// What those calls give, in words, and why it cannot be made again.
    var unrepeatable = (what: "a model's answers", why: "a look back calls no model")
    /// Looks a relation up by schema and table as written.
    let relation: (_ schema: String, _ table: String) -> Relation?

    /// The lineage of a SELECT.
    ///
    /// - Parameters:
    ///   - tree: What `json_serialize_sql` gives for it.
    ///   - names: The names of its columns as DuckDB gives them, for those that have no alias; nil when not known.
    /// - Returns: Its columns, and what decides its rows.
    /// - Throws: ``UnknownLineage`` for what this has no rule for.
    func lineage(of tree: JSONValue, names: [String]? = nil) throws(UnknownLineage) -> QueryLineage {
        guard let node = tree["statements"]?.array?.first?["node"] else {
            throw UnknownLineage(reason: "its syntax tree has no statement")
        }
        let result = try query(node, [], parent: nil)
        var outputs = result.outputs.map { QueryLineage.Output(name: $0.name, origins: $0.origins) }
        if let names, names.count == outputs.count {
            for index in outputs.indices { outputs[index].name = names[index] }
        }
        return QueryLineage(outputs: outputs, rows: result.rows)
    }

    func query(
        _ node: JSONValue,
        _ tables: [CommonTable],
        parent: ColumnScope?
    ) throws(UnknownLineage) -> Result {
        var visible = tables
        for entry in node["cte_map"]?["map"]?.array ?? [] {
            guard let name = entry["key"]?.string, let definition = entry["value"] else { continue }
            visible.append(try commonTable(name, definition, visible))
        }
        switch node["type"]?.string {
        case "SELECT_NODE": return try ColumnBlock(resolver: self, node: node, tables: visible, parent: parent).result()
        case "SET_OPERATION_NODE": return try setOperation(node, visible, parent)
        case "CTE_NODE":
            guard let name = node["cte_name"]?.string, let inner = node["query"], let child = node["child"] else {
                throw UnknownLineage(reason: "a WITH query has no body")
            }
            let result = try query(inner, visible, parent: nil)
            let table = CommonTable(name: name, columns: result.outputs, rows: result.rows)
            return try query(child, visible + [table], parent: parent)
        case "RECURSIVE_CTE_NODE": return try recursive(node, visible)
        case let type: throw UnknownLineage(reason: "a query of type \(type ?? "unknown") has no rule")
        }
    }

    private func commonTable(
        _ name: String,
        _ definition: JSONValue,
        _ visible: [CommonTable]
    ) throws(UnknownLineage) -> CommonTable {
        guard let node = definition["query"]?["node"] else {
            throw UnknownLineage(reason: "the WITH query '\(name)' has no body")
        }
        var result = try query(node, visible, parent: nil)
        let aliases = definition["aliases"]?.array?.compactMap(\.string) ?? []
        for (index, alias) in aliases.enumerated() where index < result.outputs.count {
            result.outputs[index].name = alias
        }
        return CommonTable(name: name, columns: result.outputs, rows: result.rows)
    }

    /// A recursive query: what its rows depend on grows until nothing is added.
    private func recursive(_ node: JSONValue, _ tables: [CommonTable]) throws(UnknownLineage) -> Result {
        guard let name = node["cte_name"]?.string, let left = node["left"], let right = node["right"] else {
            throw UnknownLineage(reason: "a recursive query has no body")
        }
        var result = try query(left, tables, parent: nil)
        let aliases = node["aliases"]?.array?.compactMap(\.string) ?? []
        while true {
            var columns = result.outputs
            for (index, alias) in aliases.enumerated() where index < columns.count { columns[index].name = alias }
            let own = CommonTable(name: name, columns: columns, rows: ColumnOrigins())
            let step = try query(right, tables + [own], parent: nil)
            let before = (result.outputs.map(\.origins), result.rows)
            for (index, output) in step.outputs.enumerated() where index < result.outputs.count {
                result.outputs[index].origins.add(output.origins)
            }
            result.rows.add(step.rows)
            if before == (result.outputs.map(\.origins), result.rows) { return result }
        }
    }

    private func setOperation(
        _ node: JSONValue,
        _ tables: [CommonTable],
        _ parent: ColumnScope?
    ) throws(UnknownLineage) -> Result {
        guard let left = node["left"], let right = node["right"], let type = node["setop_type"]?.string else {
            throw UnknownLineage(reason: "a set operation lacks a side")
        }
        let first = try query(left, tables, parent: parent)
        let second = try query(right, tables, parent: parent)
        var result = first
        result.rows.add(second.rows)
        switch type {
        case "UNION":
            for (index, output) in second.outputs.enumerated() where index < result.outputs.count {
                result.outputs[index].origins.add(output.origins)
            }
        case "UNION_BY_NAME":
            for output in second.outputs {
                if let index = result.outputs.firstIndex(where: { $0.name.lowercased() == output.name.lowercased() }) {
                    result.outputs[index].origins.add(output.origins)
                } else {
                    result.outputs.append(output)
                }
            }
        default:
            // Of INTERSECT and EXCEPT the values are the left side's; the right one decides which stay.
            for output in first.outputs + second.outputs { result.rows.add(output.origins.indirect(.filter)) }
        }
        if node["setop_all"]?.bool != true {
            for output in result.outputs { result.rows.add(output.origins.indirect(.groupBy)) }
        }
        return result
    }
}
