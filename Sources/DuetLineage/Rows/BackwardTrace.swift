import DuckKit
import DuetEngine
import DuetPipeline

/// Finds the rows that rows of a query's result were made from, by running the query the other way round.
///
/// A block without grouping is run again with the identifiers of its inputs' rows beside its columns, and matched with the
/// rows that are wanted; a grouped one is asked for the rows of the wanted groups. What a window function has looked at
/// beside a row is its context. (Cui and Widom, "Lineage tracing for general data warehouse transformations", VLDB 2001,
/// describe the idea for the operators apart.)
final class BackwardTrace {
    private let work: RowWorkspace
    private let relations: TracedRelations
    private var resolver: ColumnResolver { relations.resolver }
    /// Where a relation of the query has its rows and identifiers; SQL of a SELECT that ends in the identifier.
    private let leaf: (_ schema: String, _ name: String, _ identifier: String, _ restriction: String) throws -> String?
    /// Told of the rows found: a relation's schema and name, and a SELECT of `row`, `context` and `id`.
    private let found: (_ schema: String, _ name: String, _ select: String) throws -> Void
    /// Told of relations whose rows all count, with the reason.
    private let whole: (_ schema: String, _ name: String, _ reason: String) -> Void

    init(
        _ work: RowWorkspace,
        _ relations: TracedRelations,
        leaf: @escaping (String, String, String, String) throws -> String?,
        found: @escaping (String, String, String) throws -> Void,
        whole: @escaping (String, String, String) -> Void
    ) {
        self.work = work
        self.relations = relations
        self.leaf = leaf
        self.found = found
        self.whole = whole
    }

    /// Traces wanted rows through a query.
    func trace(_ node: JSONValue, _ scope: RowScope, _ wanted: WantedRows) throws {
        guard wanted.count > 0 else { return }
        do {
            switch node["type"]?.string {
            case "SELECT_NODE": try trace(try RowBlock(node, scope, resolver), wanted)
            case "SET_OPERATION_NODE": try traceSets(node, try scope.adding(node, resolver), wanted)
            case let type: throw UnknownLineage(reason: "\(type ?? "this form of query") has no inverse")
            }
        } catch let unknown as UnknownLineage {
            everything(node, scope, unknown.reason)
        }
    }

    private func traceSets(_ node: JSONValue, _ scope: RowScope, _ wanted: WantedRows) throws {
        guard let left = node["left"], let right = node["right"], node["setop_type"]?.string != "UNION_BY_NAME" else {
            throw UnknownLineage(reason: "UNION BY NAME has no inverse")
        }
        try trace(left, scope, wanted)
        // A row that EXCEPT lets through has nothing to do with what it takes away.
        if node["setop_type"]?.string != "EXCEPT" { try trace(right, scope, wanted) }
    }

    /// All that a query reads, for queries without an inverse.
    private func everything(_ node: JSONValue, _ scope: RowScope, _ reason: String) {
        for reference in QueryShape(syntaxTree: ["node": node]).references {
            // Of the WITH queries around it only those count that it reads.
            if reference.schema.isEmpty, let (entry, inner) = scope.entry(reference.table) {
                everything(entry.definition["query"]?["node"] ?? .null, inner, reason)
            } else {
                whole(reference.schema, reference.table, reason)
            }
        }
    }

    // MARK: - One block

    private func trace(_ block: RowBlock, _ wanted: WantedRows) throws {
        noteSubqueries(of: block)
        guard block.items.count == wanted.types.count else {
            throw UnknownLineage(reason: "its columns are not those it was made with")
        }
        try block.refuseModels()
        for leaf in block.leaves {
            guard case .table(let schema, let name) = leaf.kind else { continue }
            if let reason = try relations.refusal(schema, name) { throw UnknownLineage(reason: reason) }
        }
        let blind = Set(block.items.indices.filter { block.asksModel(block.items[$0].tree) })
        guard blind.count < block.items.count else {
            throw UnknownLineage(reason: "nothing but \(relations.resolver.unrepeatable.what) tells its rows apart")
        }
        if block.isAggregated { return try traceGroups(block, wanted, blind) }
        var identifiers = Identifiers()
        let pairs = block.items.enumerated().filter { !blind.contains($0.offset) }
            .map { (tree: $0.element.tree, column: $0.offset) }
        let select: String
        if block.windows.isEmpty {
            let relations = try leaves(of: block, wanted, pairs, &identifiers)
            let node = block.node(
                block.items.map(\.tree) + identifiers.trees,
                relations: relations,
                conditions: try work.pins(wanted, pairs),
                []
            )
            select = matched(try work.sql(node), wanted, identifiers, from: block.items.count, except: blind)
        } else {
            // Windows look at other rows, so none may be left out before.
            let relations = try leaves(of: block, nil, [], &identifiers)
            select = try withContext(block, wanted, identifiers, relations: relations, except: blind)
        }
        try handOn(block, identifiers, try work.table("found", select).name)
    }

    /// The columns by which leaves' rows are told apart.
    struct Identifiers {
        var trees: [JSONValue] = []
        /// For each leaf, where its identifiers begin and how many there are.
        var ranges: [Range<Int>] = []
        /// The names of the identifier columns of a dataset's leaf.
        var names: [String?] = []
    }

    /// Makes what the leaves are read from, and their identifiers.
    private func leaves(
        of block: RowBlock,
        _ wanted: WantedRows?,
        _ pairs: [(tree: JSONValue, column: Int)],
        _ identifiers: inout Identifiers
    ) throws -> [String?] {
        identifiers = Identifiers()
        var relations: [String?] = []
        for (index, leaf) in block.leaves.enumerated() {
            let start = identifiers.trees.count
            var relation: String?
            switch leaf.kind {
            case .table(let schema, let name) where leaf.isReadable:
                var restriction = ""
                if let wanted, !leaf.isOptional {
                    let own = pairs.compactMap { pair -> (column: String, wanted: Int)? in
                        guard let origin = block.handedOn(pair.tree), origin.leaf == index else { return nil }
                        return (self.original(origin.column, leaf, schema, name), pair.column)
                    }
                    restriction = try work.restriction(wanted, own)
                }
                let identifier = work.fresh("id")
                if let select = try self.leaf(schema, name, identifier, restriction) {
                    relation = try work.view("leaf", select)
                    identifiers.trees.append(block.reference(index, identifier))
                } else if isView(schema, name) {
                    identifiers.trees += leaf.columns.map { block.reference(index, $0) }
                }
            case .common where leaf.isReadable, .subquery where leaf.isReadable:
                identifiers.trees += leaf.columns.map { block.reference(index, $0) }
            default: break
            }
            relations.append(relation)
            identifiers.ranges.append(start..<identifiers.trees.count)
        }
        return relations
    }

    /// A leaf's column by the relation's own name, whatever the FROM clause calls it.
    private func original(_ column: String, _ leaf: RowBlock.Leaf, _ schema: String, _ name: String) -> String {
        guard let position = leaf.columns.firstIndex(of: column),
            let columns = resolver.relation(schema, name)?.columns, position < columns.count
        else { return column }
        return columns[position]
    }

    private func isView(_ schema: String, _ name: String) -> Bool { relations.isView(schema, name) }

    /// The identifiers of a block's rows that are the wanted ones.
    private func matched(
        _ sql: String,
        _ wanted: WantedRows,
        _ identifiers: Identifiers,
        from start: Int,
        extra: Int = 0,
        except blind: Set<Int> = []
    ) -> String {
        let match = (0..<wanted.types.count).filter { !blind.contains($0) }.map {
            RowMatch.condition("q.__c\($0)", "w.c\($0)", wanted.types[$0])
        }
        let list = (0..<(identifiers.trees.count + extra)).map { ", q.__c\(start + $0) AS i\($0)" }
        return "SELECT DISTINCT w.row, w.context\(list.joined()) FROM (\(sql)) AS q JOIN \(wanted.name) AS w ON "
            + RowMatch.all(match)
    }

    // MARK: - Windows

    /// The wanted rows' identifiers, and those of the rows that their window functions have looked at.
    private func withContext(
        _ block: RowBlock,
        _ wanted: WantedRows,
        _ identifiers: Identifiers,
        relations: [String?],
        except blind: Set<Int>
    ) throws -> String {
        let windows = block.windows.map { WindowReach($0, block) }
        let own = block.items.map(\.tree) + identifiers.trees
        let parts = windows.flatMap { $0.partitions + ($0.number.map { [$0] } ?? []) }
        let grouping: RowBlock.Clauses = block.isAggregated ? [.grouping] : []
        let first = block.node(own + parts, relations: relations, grouping.union(.qualify))
        let width = identifiers.trees.count
        let hits = try work.table(
            "own",
            matched(
                try work.sql(first),
                wanted,
                identifiers,
                from: block.items.count,
                extra: parts.count,
                except: blind
            )
        )
        let second = block.node(identifiers.trees + parts, relations: relations, grouping)
        let all = try work.table("all", try work.sql(second))
        let list = (0..<width).map { ", i\($0)" }.joined()
        var selects = ["SELECT row, context\(list) FROM \(hits.name)"]
        var next = width
        for window in windows {
            var conditions = window.partitions.indices.map {
                "a.__c\(next + $0) IS NOT DISTINCT FROM h.i\(next + $0)"
            }
            next += window.partitions.count
            if window.number != nil {
                conditions.append("a.__c\(next) BETWEEN h.i\(next) - \(window.before) AND h.i\(next) + \(window.after)")
                next += 1
            }
            let columns = (0..<width).map { ", a.__c\($0) AS i\($0)" }.joined()
            selects.append(
                "SELECT h.row, true AS context\(columns) FROM \(all.name) AS a JOIN \(hits.name) AS h ON "
                    + RowMatch.all(conditions)
            )
        }
        return "SELECT row, bool_and(context) AS context\(list) FROM (\(selects.joined(separator: " UNION ALL "))) "
            + "GROUP BY row\(list)"
    }

    // MARK: - Groups

    private func traceGroups(_ block: RowBlock, _ wanted: WantedRows, _ blind: Set<Int>) throws {
        let shown = block.keys.map { key in
            block.items.firstIndex { Syntax.withoutAlias($0.tree) == Syntax.withoutAlias(key) }
        }
        let types: [LogicalType]
        let keys: String
        var count = wanted.count
        if block.windows.isEmpty, shown.allSatisfy({ $0 != nil }) {
            let columns = shown.compactMap { $0 }
            types = columns.map { wanted.types[$0] }
            let list = columns.enumerated().map { ", c\($0.element) AS c\($0.offset)" }.joined()
            keys = try work.table("keys", "SELECT DISTINCT row, context\(list) FROM \(wanted.name)").name
        } else {
            (keys, types, count) = try groups(of: block, wanted, blind)
        }
        let groups = WantedRows(name: keys, types: types, count: count)
        var identifiers = Identifiers()
        let pairs = block.keys.enumerated().map { (tree: $0.element, column: $0.offset) }
        let relations = try leaves(of: block, groups, pairs, &identifiers)
        let node = block.node(
            block.keys + identifiers.trees,
            relations: relations,
            conditions: try work.pins(groups, pairs),
            []
        )
        let select = matched(try work.sql(node), groups, identifiers, from: block.keys.count)
        try handOn(block, identifiers, try work.table("found", select).name)
    }

    /// The keys of the groups that the wanted rows are of, found by making all groups again.
    private func groups(
        of block: RowBlock,
        _ wanted: WantedRows,
        _ blind: Set<Int>
    ) throws -> (name: String, types: [LogicalType], count: Int) {
        var identifiers = Identifiers()
        identifiers.trees = block.keys
        let none = [String?](repeating: nil, count: block.leaves.count)
        let select: String
        if block.windows.isEmpty {
            let node = block.node(block.items.map(\.tree) + block.keys, relations: none, [.grouping])
            select = matched(try work.sql(node), wanted, identifiers, from: block.items.count, except: blind)
        } else {
            select = try withContext(block, wanted, identifiers, relations: none, except: blind)
        }
        let hits = try work.table("groups", select)
        let list = block.keys.indices.map { ", i\($0) AS c\($0)" }.joined()
        let keys = try work.table("keys", "SELECT row, context\(list) FROM \(hits.name)")
        let types = try work.connection.describe("SELECT * FROM \(keys.name)").dropFirst(2).map(\.type)
        return (keys.name, Array(types), keys.rows)
    }

    // MARK: - Handing on

    private func handOn(_ block: RowBlock, _ identifiers: Identifiers, _ table: String) throws {
        for (index, leaf) in block.leaves.enumerated() {
            let range = identifiers.ranges[index]
            guard !range.isEmpty else { continue }
            switch leaf.kind {
            case .table(let schema, let name) where !isView(schema, name):
                let id = "i\(range.lowerBound)"
                try found(
                    schema,
                    name,
                    "SELECT row, context, \(id) AS id FROM \(table) WHERE \(id) IS NOT NULL"
                )
            case .table(let schema, let name):
                guard let node = try relations.view(schema, name) else { continue }
                try trace(node, RowScope(), try inner(table, range))
            case .common(let name):
                guard let (entry, scope) = block.scope.entry(name), let node = entry.definition["query"]?["node"]
                else { continue }
                try trace(node, scope, try inner(table, range))
            case .subquery(let node): try trace(node, block.scope, try inner(table, range))
            case .other: break
            }
        }
    }

    /// The rows of an inner query that are wanted next.
    private func inner(_ table: String, _ range: Range<Int>) throws -> WantedRows {
        let list = range.enumerated().map { ", i\($0.element) AS c\($0.offset)" }.joined()
        let isThere = range.map { "i\($0) IS NOT NULL" }.joined(separator: " OR ")
        let grouping = range.map { ", i\($0)" }.joined()
        let rows = try work.table(
            "wanted",
            "SELECT row, bool_and(context) AS context\(list) FROM \(table) WHERE \(isThere) GROUP BY row\(grouping)"
        )
        let types = try work.connection.describe("SELECT * FROM \(rows.name)").dropFirst(2).map(\.type)
        return WantedRows(name: rows.name, types: Array(types), count: rows.rows)
    }

    /// Queries within expressions are not inverted: all that they read counts.
    private func noteSubqueries(of block: RowBlock) {
        let trees =
            block.items.map(\.tree) + block.conditions
            + ["having", "qualify"].compactMap { block.node[$0]?.present }
        for tree in trees {
            for query in Syntax.all(tree, where: { $0["class"]?.string == "SUBQUERY" }) {
                everything(query, block.scope, "a condition or column asks a subquery of it")
            }
        }
    }
}
