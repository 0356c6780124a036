internal import DuckKit
internal import DuetPipeline

/// A query in which every row of its stream becomes rows on its own, whatever the stream's other rows are.
///
/// For such a query Q and a change Δ of its stream, the change of the result is Q(Δ): it is linear over Z-sets (DBSP,
/// Budiu and others 2023). Extra columns of the stream, such as a weight or a file's number, can be carried through.
struct RowwiseQuery {
    private let tree: SyntaxTree
    private let stream: JSONObject
    /// What the dataset's list of columns makes of the query; it treats each row by itself too.
    private let frame: ColumnFrame?

    /// Looks at a query.
    ///
    /// - Parameters:
    ///   - query: The query, with the offsets of its streams.
    ///   - aggregates: The names of aggregate functions, in lower case.
    ///   - connection: A connection to parse with.
    /// - Returns: The query, or in words why it is not row by row.
    /// - Throws: ``DuckDBError`` for a query that DuckDB does not parse.
    static func analyse(
        _ query: Query,
        aggregates: Set<String>,
        _ connection: Connection
    ) throws -> Result<RowwiseQuery, NotRowwise> {
        let tree = try SyntaxTree(of: (query.unframed ?? query.text).text, connection)
        guard query.streamOffsets.count == 1, let offset = query.streamOffsets.first else {
            return .failure(NotRowwise(reason: "it reads \(query.streamOffsets.count) streams"))
        }
        if let reason = reasonAgainst(tree.node, aggregates: aggregates) { return .failure(NotRowwise(reason: reason)) }
        guard let from = tree.node["from_table"], let stream = stream(at: offset, in: from) else {
            return .failure(NotRowwise(reason: "its stream is not on the side of the join that keeps every row"))
        }
        return .success(RowwiseQuery(tree: tree, stream: stream, frame: query.frame))
    }

    private static func reasonAgainst(_ node: JSONValue, aggregates: Set<String>) -> String? {
        guard node["type"]?.string == "SELECT_NODE" else { return "it combines several SELECTs" }
        if node["modifiers"]?.array?.isEmpty == false { return "it has DISTINCT, ORDER BY or LIMIT" }
        if node["cte_map"]?["map"]?.array?.isEmpty == false { return "it has a WITH clause" }
        if node["group_expressions"]?.array?.isEmpty == false || node["having"]?.isNull == false {
            return "it groups rows"
        }
        if node["qualify"]?.isNull == false || node["sample"]?.isNull == false { return "it has QUALIFY or a sample" }
        let list = node["select_list"] ?? .null
        if SyntaxTree.contains(list, { $0["class"]?.string == "WINDOW" }) { return "it has a window function" }
        if SyntaxTree.contains(list, { $0["class"]?.string == "SUBQUERY" }) { return "it has a subquery" }
        let aggregate = { (object: JSONObject) in
            object["class"]?.string == "FUNCTION" && aggregates.contains(object["function_name"]?.string ?? "")
        }
        if SyntaxTree.contains(list, aggregate) { return "it aggregates rows" }
        let nested = (list.array ?? []).contains { item in
            item["class"]?.string != "STAR" && SyntaxTree.contains(item, { $0["class"]?.string == "STAR" })
        }
        if nested || SyntaxTree.contains(list, { $0["columns"]?.bool == true }) { return "it has a COLUMNS expression" }
        return nil
    }

    /// Finds the stream where each of its rows is joined on its own: alone, in inner joins, on the left of left joins.
    private static func stream(at offset: Int, in from: JSONValue) -> JSONObject? {
        guard let object = from.object else { return nil }
        if object["type"]?.string == "BASE_TABLE" {
            return object["query_location"]?.integer == offset ? object : nil
        }
        guard object["type"]?.string == "JOIN", object["ref_type"]?.string != "POSITIONAL",
            let left = object["left"], let right = object["right"]
        else { return nil }
        switch object["join_type"]?.string {
        case "INNER": return stream(at: offset, in: left) ?? stream(at: offset, in: right)
        case "LEFT": return stream(at: offset, in: left)
        default: return nil
        }
    }

    /// The name by which the query's expressions call the stream.
    private var streamAlias: String {
        let alias = stream["alias"]?.string ?? ""
        return alias.isEmpty ? stream["table_name"]?.string ?? "" : alias
    }

    /// Whether the stream is joined with anything; a static side may have changed since a row was joined.
    var hasStaticSide: Bool { tree.node["from_table"]?["type"]?.string != "BASE_TABLE" }

    /// The query over another relation, with columns of it carried along.
    ///
    /// - Parameters:
    ///   - relation: A table or view of the temporary schema, with the stream's columns and those to carry.
    ///   - carrying: Columns that the result gets at its end.
    ///   - connection: A connection to write SQL with.
    /// - Returns: A SELECT.
    /// - Throws: ``DuckDBError`` when DuckDB does not write the tree.
    func sql(over relation: String, carrying: [String], _ connection: Connection) throws -> String {
        let location = stream["query_location"]
        let table = stream["table_name"]?.string ?? ""
        var copy = tree
        copy.node = SyntaxTree.map(copy.node) { object in
            var object = object
            if object["type"]?.string == "BASE_TABLE", object["query_location"] == location {
                object["alias"] = .string(streamAlias)
                object["schema_name"] = "main"
                object["catalog_name"] = "temp"
                object["table_name"] = .string(relation)
            } else if let names = object["column_names"]?.array, names.count == 3, names[1].string == table {
                // `schema.table.column` no longer names the relation; `table.column` does.
                object["column_names"] = .array(Array(names.dropFirst()))
            }
            return object
        }
        guard !carrying.isEmpty, var node = copy.node.object, var list = node["select_list"]?.array else {
            let sql = try copy.sql(connection)
            return frame?.sql(sql) ?? sql
        }
        list = list.map { item in
            guard var star = item.object, star["class"]?.string == "STAR" else { return item }
            let name = star["relation_name"]?.string ?? ""
            guard name.isEmpty || name.lowercased() == streamAlias.lowercased() else { return item }
            star["exclude_list"] = .array((star["exclude_list"]?.array ?? []) + carrying.map { .string($0) })
            return .object(star)
        }
        list += carrying.map { column in
            [
                "class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "",
                "column_names": [.string(streamAlias), .string(column)],
            ]
        }
        node["select_list"] = .array(list)
        copy.node = .object(node)
        let sql = try copy.sql(connection)
        return frame?.sql(sql, carrying: carrying) ?? sql
    }
}

/// Why a query is not row by row, in words that follow "because".
struct NotRowwise: Error {
    let reason: String
}
