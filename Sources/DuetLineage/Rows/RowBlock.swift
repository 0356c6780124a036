import DuetPipeline

/// What a query's names mean: its WITH queries, as trees and as columns.
struct RowScope {
    struct Entry {
        var name: String
        /// The definition as the syntax tree has it.
        var definition: JSONValue
        var table: ColumnResolver.CommonTable
        /// How many entries it sees itself.
        var visible: Int
    }

    var entries: [Entry] = []

    var tables: [ColumnResolver.CommonTable] { entries.map(\.table) }

    /// All WITH queries as a tree's `cte_map`.
    var map: JSONValue {
        var seen: Set<String> = []
        let list = entries.reversed().filter { seen.insert($0.name.lowercased()).inserted }.reversed()
        return ["map": .array(list.map { ["key": .string($0.name), "value": $0.definition] })]
    }

    func entry(_ name: String) -> (entry: Entry, scope: RowScope)? {
        guard let entry = entries.last(where: { $0.name.lowercased() == name.lowercased() }) else { return nil }
        return (entry, RowScope(entries: Array(entries.prefix(entry.visible))))
    }

    /// This with the WITH queries of a node.
    func adding(_ node: JSONValue, _ resolver: ColumnResolver) throws(UnknownLineage) -> RowScope {
        var scope = self
        for entry in node["cte_map"]?["map"]?.array ?? [] {
            guard let name = entry["key"]?.string, let definition = entry["value"],
                let query = definition["query"]?["node"]
            else { continue }
            var columns = try resolver.query(query, scope.tables, parent: nil).outputs
            let aliases = definition["aliases"]?.array?.compactMap(\.string) ?? []
            for (index, alias) in aliases.enumerated() where index < columns.count { columns[index].name = alias }
            scope.entries.append(
                Entry(
                    name: name,
                    definition: definition,
                    table: ColumnResolver.CommonTable(name: name, columns: columns, rows: ColumnOrigins()),
                    visible: scope.entries.count
                )
            )
        }
        return scope
    }
}

/// One SELECT taken apart, to be put together again with other columns.
final class RowBlock {
    /// A relation of the FROM clause.
    struct Leaf {
        enum Kind {
            /// A table or view by name.
            case table(schema: String, name: String)
            /// A WITH query.
            case common(String)
            /// A query in parentheses.
            case subquery(JSONValue)
            /// VALUES, a table function: nothing stands behind it.
            case other
        }

        var kind: Kind
        var alias: String
        var columns: [String]
        /// Whether rows of the result may lack a row of it.
        var isOptional: Bool
        /// Whether its columns may be read: not those behind ANTI.
        var isReadable: Bool
    }

    let node: JSONValue
    let scope: RowScope
    let leaves: [Leaf]
    /// The select list with `*` and aliases written out.
    let items: [ColumnBlock.Item]
    /// What rows are grouped by.
    let keys: [JSONValue]
    let isAggregated: Bool
    /// The window functions of the select list and of QUALIFY.
    let windows: [JSONValue]
    private let block: ColumnBlock
    private let aliases: [String: JSONValue]

    init(_ node: JSONValue, _ outer: RowScope, _ resolver: ColumnResolver) throws(UnknownLineage) {
        let node = Syntax.withoutPlaces(node)
        self.node = node
        scope = try outer.adding(node, resolver)
        block = ColumnBlock(resolver: resolver, node: node, tables: scope.tables, parent: nil)
        try block.prepare()
        if let sample = node["sample"]?.present {
            throw UnknownLineage(reason: "a sample is different every time (\(sample["method"]?.string ?? ""))")
        }
        var found: [Leaf] = []
        Self.collect(node["from_table"] ?? .null, scope, isOptional: false, isReadable: true, &found)
        guard found.count == block.scope.tables.count else {
            throw UnknownLineage(reason: "its FROM clause has a form without a rule")
        }
        for index in found.indices {
            found[index].alias = block.scope.tables[index].alias
            found[index].columns = block.scope.tables[index].columns.map(\.name)
        }
        leaves = found
        var aliases: [String: JSONValue] = [:]
        for tree in node["select_list"]?.array ?? [] {
            let alias = tree["alias"]?.string?.lowercased() ?? ""
            if !alias.isEmpty, aliases[alias] == nil { aliases[alias] = Syntax.withoutAlias(tree) }
        }
        self.aliases = aliases
        let own = block
        func plain(_ tree: JSONValue) -> JSONValue { Self.substituted(tree, aliases, own, depth: 0) }
        items = block.items.map { ColumnBlock.Item(name: $0.name, tree: plain($0.tree)) }
        var keys: [JSONValue] = []
        for key in node["group_expressions"]?.array ?? [] {
            keys.append(plain(block.position(key).map { own.items[$0].tree } ?? Syntax.withoutAlias(key)))
        }
        let isForced = node["aggregate_handling"]?.string == "FORCE_AGGREGATES"
        if isForced, keys.isEmpty {
            keys = items.map(\.tree).filter { !own.isAggregated($0) && !Syntax.hasWindow($0) }
        }
        self.keys = keys
        isAggregated =
            !keys.isEmpty || isForced || node["having"]?.isNull == false
            || items.contains { own.isAggregated($0.tree) }
        let qualify = node["qualify"]?.present.map(plain)
        windows = (items.map(\.tree) + [qualify].compactMap { $0 }).flatMap { tree in
            Syntax.all(tree) { $0["class"]?.string == "WINDOW" }
        }
        if case .array(let sets)? = node["group_sets"], sets.count > 1 {
            throw UnknownLineage(reason: "grouping sets have no rule")
        }
    }

    // MARK: - Reading

    private static func collect(
        _ item: JSONValue,
        _ scope: RowScope,
        isOptional: Bool,
        isReadable: Bool,
        _ found: inout [Leaf]
    ) {
        func leaf(_ kind: Leaf.Kind) {
            found.append(Leaf(kind: kind, alias: "", columns: [], isOptional: isOptional, isReadable: isReadable))
        }
        switch item["type"]?.string {
        case "BASE_TABLE":
            let name = item["table_name"]?.string ?? ""
            let schema = item["schema_name"]?.string ?? ""
            let isCommon = schema.isEmpty && scope.entry(name) != nil
            leaf(isCommon ? .common(name) : .table(schema: schema, name: name))
        case "SUBQUERY": leaf(.subquery(item["subquery"]?["node"] ?? .null))
        case "JOIN":
            let type = item["join_type"]?.string ?? "INNER"
            let isFull = type == "FULL" || type == "OUTER"
            collect(
                item["left"] ?? .null,
                scope,
                isOptional: isOptional || isFull || type == "RIGHT",
                isReadable: isReadable,
                &found
            )
            collect(
                item["right"] ?? .null,
                scope,
                isOptional: isOptional || isFull || type == "LEFT",
                isReadable: isReadable && type != "ANTI",
                &found
            )
        case "EMPTY", nil: return
        default: leaf(.other)
        }
    }

    /// Writes aliases of the select list out, where they are no columns.
    private static func substituted(
        _ tree: JSONValue,
        _ aliases: [String: JSONValue],
        _ block: ColumnBlock,
        depth: Int
    ) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map { substituted($0, aliases, block, depth: depth) })
        case .object(let object):
            if let names = Syntax.names(of: tree) {
                if names.count > 2, block.scope.tables.contains(where: { $0.isNamed(names[0], names[1]) }) {
                    // The schema goes, since the relation will be read by its alias from elsewhere.
                    return Syntax.setting(
                        "column_names",
                        of: tree,
                        to: .array(names.dropFirst().map { .string($0) })
                    )
                }
                guard names.count == 1, depth < 8, let alias = aliases[names[0].lowercased()] else { return tree }
                do {
                    if try block.scope.resolveHere(names) != nil { return tree }
                } catch {
                    // An ambiguous column is no alias either; DuckDB tells about it.
                    return tree
                }
                return substituted(alias, aliases, block, depth: depth + 1)
            }
            if object["class"]?.string == "SUBQUERY" { return tree }
            return .object(object.mapValues { substituted($0, aliases, block, depth: depth) })
        default: return tree
        }
    }

    /// Whether an expression aggregates rows.
    func isAggregate(_ tree: JSONValue) -> Bool { block.isAggregated(tree) }

    /// Whether an expression depends on a model's answers, which a look back cannot make again: it calls no model.
    func asksModel(_ tree: JSONValue) -> Bool {
        do {
            return try !block.origins(tree).models.isEmpty
        } catch {
            // What has no lineage is told where it is used.
            return false
        }
    }

    /// The conditions of its joins, outermost first.
    var joinConditions: [JSONValue] { Self.joinConditions(node["from_table"] ?? .null) }

    private static func joinConditions(_ item: JSONValue) -> [JSONValue] {
        guard item["type"]?.string == "JOIN" else { return [] }
        return [item["condition"]?.present].compactMap { $0 }
            + ["left", "right"].flatMap { joinConditions(item[$0] ?? .null) }
    }

    /// Refuses what rows cannot be found again by: groups, windows and joins that go by a model's answers.
    func refuseModels() throws(UnknownLineage) {
        let why = "by \(block.resolver.unrepeatable.what), and \(block.resolver.unrepeatable.why)"
        if keys.contains(where: asksModel) { throw UnknownLineage(reason: "it groups \(why)") }
        if windows.contains(where: asksModel) { throw UnknownLineage(reason: "a window goes \(why)") }
        if joinConditions.contains(where: asksModel) { throw UnknownLineage(reason: "it joins \(why)") }
        for clause in ["having", "qualify"] {
            if let tree = node[clause]?.present, asksModel(plain(tree)) {
                throw UnknownLineage(reason: "it leaves rows out \(why)")
            }
        }
    }

    /// An expression with the select list's aliases written out.
    func plain(_ tree: JSONValue) -> JSONValue { Self.substituted(tree, aliases, block, depth: 0) }

    /// The leaf and column that an expression hands on as it is.
    func handedOn(_ tree: JSONValue) -> (leaf: Int, column: String)? {
        guard let names = Syntax.names(of: tree)?.map({ $0.lowercased() }), let last = names.last else { return nil }
        let tables = block.scope.tables
        func column(_ index: Int) -> String? { tables[index].columns.first { $0.name.lowercased() == last }?.name }
        switch names.count {
        case 1:
            let owners = tables.indices.filter { tables[$0].isVisible && column($0) != nil }
            guard owners.count == 1, let index = owners.first, let name = column(index) else { return nil }
            return (index, name)
        case 2:
            guard let index = tables.firstIndex(where: { $0.alias.lowercased() == names[0] }),
                let name = column(index)
            else { return nil }
            return (index, name)
        case 3:
            guard
                let index = tables.firstIndex(where: {
                    $0.schema.lowercased() == names[0] && $0.alias.lowercased() == names[1]
                }), let name = column(index)
            else { return nil }
            return (index, name)
        default: return nil
        }
    }

    // MARK: - Writing

    /// Which clauses of the block are kept.
    struct Clauses: OptionSet {
        let rawValue: Int
        static let grouping = Clauses(rawValue: 1)
        static let qualify = Clauses(rawValue: 2)
    }

    /// The block with other columns, over other relations.
    ///
    /// - Parameters:
    ///   - columns: The select list.
    ///   - relations: For each leaf the temporary relation that it is read from; nil to leave it.
    ///   - conditions: Conditions beside those of WHERE.
    ///   - clauses: What of the rest is kept; ORDER BY, LIMIT and DISTINCT never are.
    /// - Returns: A query's node.
    func node(
        _ columns: [JSONValue],
        relations: [String?],
        conditions: [JSONValue] = [],
        _ clauses: Clauses
    ) -> JSONValue {
        guard case .object(var object) = node else { return node }
        object["select_list"] = .array(
            columns.enumerated().map { Syntax.withAlias("__c\($0.offset)", Self.named($0.element)) }
        )
        var next = 0
        object["from_table"] = Self.replaced(
            node["from_table"] ?? .null,
            relations,
            leaves,
            isInner: !clauses.contains(.grouping) || !isAggregated,
            &next
        )
        // A condition on a model's answers leaves nothing out here: the rows' other columns tell which passed.
        let own = Syntax.conjuncts(node["where_clause"]).map(plain).filter { !asksModel($0) }
        object["where_clause"] = Syntax.conjunction(own + conditions)
        object["modifiers"] = []
        object["cte_map"] = scope.map
        if clauses.contains(.grouping) {
            object["group_expressions"] = .array(keys)
            object["group_sets"] =
                keys.isEmpty ? [] : .array([.array(keys.indices.map { .integer(Int64($0)) })])
            object["having"] = node["having"]?.present.map(plain) ?? .null
        } else {
            object["group_expressions"] = []
            object["group_sets"] = []
            object["having"] = .null
        }
        object["aggregate_handling"] = "STANDARD_HANDLING"
        object["qualify"] = clauses.contains(.qualify) ? node["qualify"]?.present.map(plain) ?? .null : .null
        return .object(object)
    }

    /// A select list's entry must have a place for its name.
    private static func named(_ tree: JSONValue) -> JSONValue {
        guard case .object(var object) = tree, object["alias"] == nil else { return tree }
        object["alias"] = ""
        return .object(object)
    }

    private static func replaced(
        _ item: JSONValue,
        _ relations: [String?],
        _ leaves: [Leaf],
        isInner: Bool,
        _ next: inout Int
    ) -> JSONValue {
        guard case .object(var object) = item else { return item }
        switch object["type"]?.string {
        case "JOIN":
            object["left"] = replaced(item["left"] ?? .null, relations, leaves, isInner: isInner, &next)
            object["right"] = replaced(item["right"] ?? .null, relations, leaves, isInner: isInner, &next)
            // The rows that let a row pass are wanted too, not only that there are some.
            if isInner, object["join_type"]?.string == "SEMI" { object["join_type"] = "INNER" }
            return .object(object)
        case "EMPTY", nil: return item
        default:
            defer { next += 1 }
            guard next < relations.count, let relation = relations[next] else { return item }
            object["alias"] = .string(leaves[next].alias)
            object["catalog_name"] = "temp"
            object["schema_name"] = "main"
            object["table_name"] = .string(relation)
            return .object(object)
        }
    }

    /// The trees of the expressions that a FROM clause, WHERE and the rest have beside the select list.
    var conditions: [JSONValue] { Syntax.conjuncts(node["where_clause"]).map(plain) }

    /// A reference to a leaf's column; by its alias, which stays the same whatever is read.
    func reference(_ leaf: Int, _ column: String) -> JSONValue { Syntax.column(leaves[leaf].alias, column) }
}
