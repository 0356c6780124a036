import DuckKit
import DuetEngine
import DuetPipeline

/// Finds the rows of a query's result that marked rows of its inputs have become.
///
/// Only rows that took part directly count: another row of the same window is not what a row has become.
final class ForwardTrace {
    /// Marked rows: a table of `row` and `id` for each dataset that has any, by the dataset's key.
    let marks: [String: String]
    private let work: RowWorkspace
    private let resolver: ColumnResolver

    /// Rows of a result by their values: the table `name` of `row` and the columns `c0`, `c1`, ...
    struct Reached {
        let name: String
        let count: Int
    }

    init(_ work: RowWorkspace, dataset: Dataset, marks: [String: String]) {
        self.work = work
        self.marks = marks
        resolver = work.catalogue.resolver(for: dataset)
    }

    /// The rows of a query that marked rows take part in.
    ///
    /// - Parameters:
    ///   - node: The query's node.
    ///   - scope: The WITH queries around it.
    /// - Returns: The rows; nil when it reads no marked rows.
    /// - Throws: ``UnknownLineage`` for a query that has no rule.
    func reached(_ node: JSONValue, _ scope: RowScope) throws -> Reached? {
        switch node["type"]?.string {
        case "SELECT_NODE": return try reached(try RowBlock(node, scope, resolver))
        case "SET_OPERATION_NODE":
            let inner = try scope.adding(node, resolver)
            guard let left = node["left"], let right = node["right"], node["setop_type"]?.string != "UNION_BY_NAME"
            else { throw UnknownLineage(reason: "UNION BY NAME has no rule") }
            let isExcept = node["setop_type"]?.string == "EXCEPT"
            let sides = [try reached(left, inner), isExcept ? nil : try reached(right, inner)].compactMap { $0 }
            return try union(sides)
        case let type: throw UnknownLineage(reason: "\(type ?? "this form of query") has no rule")
        }
    }

    private func union(_ parts: [Reached]) throws -> Reached? {
        guard parts.count > 1 else { return parts.first }
        let select = parts.map { "SELECT * FROM \($0.name)" }.joined(separator: " UNION ")
        let table = try work.table("reached", select)
        return Reached(name: table.name, count: table.rows)
    }

    private func reached(_ block: RowBlock) throws -> Reached? {
        try block.refuseModels()
        var parts: [Reached] = []
        for index in block.leaves.indices where block.leaves[index].isReadable {
            guard let source = try marked(block, index) else { continue }
            parts.append(try reached(block, from: index, source))
        }
        return try union(parts)
    }

    /// What a leaf's rows with marks are read from: a SELECT of its columns and `row`, or nil when it has none.
    private func marked(_ block: RowBlock, _ index: Int) throws -> (columns: String, matches: String)? {
        let leaf = block.leaves[index]
        var inner: Reached?
        var source = ""
        switch leaf.kind {
        case .table(let schema, let name):
            guard let input = work.catalogue.dataset(schema, name) else { return nil }
            if let store = work.store(input.name) {
                guard let marks = marks[input.name.key] else { return nil }
                let select =
                    "SELECT \(store.list()), m.row AS __row FROM (SELECT *, rowid AS __rowid FROM \(store.table)"
                    + "\(store.visible.map { " WHERE \($0)" } ?? "")) AS s JOIN \(marks) AS m ON m.id = s.__rowid"
                return (select, "")
            }
            guard input.kind == .view, let query = try work.query(of: input) else { return nil }
            inner = try reached(query, RowScope())
            source = SQL.qualified(input.name.schema, input.name.table)
        case .common(let name):
            guard let (entry, scope) = block.scope.entry(name), let node = entry.definition["query"]?["node"] else {
                return nil
            }
            inner = try reached(node, scope)
            source = try work.sql(wrapped("SELECT * FROM \(SQL.identifier(name))", block.scope))
            source = "(\(source)) AS x"
        case .subquery(let node):
            inner = try reached(node, block.scope)
            source = "(\(try work.sql(Syntax.setting("cte_map", of: node, to: merged(node, block.scope))))) AS x"
        case .other: return nil
        }
        guard let inner, inner.count > 0 else { return nil }
        let names = leaf.columns.map { SQL.identifier($0) }
        let width = leaf.columns.count
        let types = try work.connection.describe("SELECT * FROM \(inner.name)").dropFirst().map(\.type)
        guard types.count == width else { return nil }
        let aliased = "(SELECT * FROM \(source)) AS s(\(names.joined(separator: ", ")))"
        let match = (0..<width).map { RowMatch.condition("s.\(names[$0])", "m.c\($0)", Array(types)[$0]) }
        let list = names.map { "s.\($0)" }.joined(separator: ", ")
        return (
            "SELECT DISTINCT \(list), m.row AS __row FROM \(aliased) JOIN \(inner.name) AS m ON \(RowMatch.all(match))",
            ""
        )
    }

    private func wrapped(_ sql: String, _ scope: RowScope) throws -> JSONValue {
        let tree = try QueryAnalysis.tree(of: sql, work.connection)
        return Syntax.setting("cte_map", of: tree["statements"]?.array?.first?["node"] ?? .null, to: scope.map)
    }

    private func merged(_ node: JSONValue, _ scope: RowScope) throws -> JSONValue {
        try scope.adding(node, resolver).map
    }

    /// The rows of a block that the marked rows of one leaf take part in.
    private func reached(
        _ block: RowBlock,
        from index: Int,
        _ source: (columns: String, matches: String)
    ) throws -> Reached {
        var relations = [String?](repeating: nil, count: block.leaves.count)
        let row = work.fresh("row")
        let renamed = "SELECT * EXCLUDE (__row), __row AS \(SQL.identifier(row)) FROM (\(source.columns))"
        relations[index] = try work.view("marked", renamed)
        let mark = block.reference(index, row)
        let width = block.items.count
        let list = (0..<width).map { ", q.__c\($0) AS c\($0)" }.joined()
        if !block.isAggregated, block.windows.isEmpty {
            let node = block.node(block.items.map(\.tree) + [mark], relations: relations, [.qualify])
            let sql = try work.sql(node)
            return try gathered("SELECT DISTINCT q.__c\(width) AS row\(list) FROM (\(sql)) AS q")
        }
        // What a group or a window gives depends on all rows, so it is made whole, and the marked ones are found in it.
        let identity: [JSONValue]
        if block.isAggregated {
            identity = block.keys
        } else {
            identity = block.leaves[index].columns.map { block.reference(index, $0) }
        }
        let marked = try work.table(
            "marks",
            try work.sql(block.node(identity + [mark], relations: relations, []))
        )
        let none = [String?](repeating: nil, count: block.leaves.count)
        let clauses: RowBlock.Clauses = [.grouping, .qualify]
        let full = try work.sql(block.node(block.items.map(\.tree) + identity, relations: none, clauses))
        let match = identity.indices.map { "q.__c\(width + $0) IS NOT DISTINCT FROM m.__c\($0)" }
        return try gathered(
            "SELECT DISTINCT m.__c\(identity.count) AS row\(list) FROM (\(full)) AS q "
                + "JOIN \(marked.name) AS m ON \(RowMatch.all(match))"
        )
    }

    private func gathered(_ select: String) throws -> Reached {
        let table = try work.table("reached", select)
        return Reached(name: table.name, count: table.rows)
    }
}
