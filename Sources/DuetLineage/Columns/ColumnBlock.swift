import DuetPipeline

/// One SELECT whose columns are being resolved.
final class ColumnBlock {
    let resolver: ColumnResolver
    let node: JSONValue
    let tables: [ColumnResolver.CommonTable]
    let scope: ColumnScope
    /// What decides which rows there are.
    var rows = ColumnOrigins()
    private var aliases: [String: JSONValue] = [:]
    private var aliasesInUse: Set<String> = []

    /// An item of the select list with `*` written out.
    struct Item {
        var name: String
        var tree: JSONValue
    }

    private(set) var items: [Item] = []

    init(
        resolver: ColumnResolver,
        node: JSONValue,
        tables: [ColumnResolver.CommonTable],
        parent: ColumnScope?
    ) {
        self.resolver = resolver
        self.node = node
        self.tables = tables
        scope = ColumnScope(parent: parent)
    }

    func result() throws(UnknownLineage) -> ColumnResolver.Result {
        try prepare()
        if let condition = node["where_clause"]?.present { rows.add(try origins(condition).indirect(.filter)) }
        var outputs: [ColumnScope.Column] = []
        for item in items { outputs.append(ColumnScope.Column(name: item.name, origins: try origins(item.tree))) }
        try addGrouping(outputs)
        for clause in ["having", "qualify"] {
            if let condition = node[clause]?.present {
                rows.add(try origins(condition, aliasesFirst: true).indirect(.filter))
            }
        }
        try addModifiers(outputs)
        return ColumnResolver.Result(outputs: outputs, rows: rows)
    }

    /// Reads FROM, and writes the select list out.
    func prepare() throws(UnknownLineage) {
        if let from = node["from_table"]?.present { try read(from, scope) }
        for tree in node["select_list"]?.array ?? [] {
            if tree["class"]?.string == "STAR" {
                items += try star(tree)
                continue
            }
            let alias = tree["alias"]?.string ?? ""
            let name = alias.isEmpty ? Syntax.names(of: tree)?.last ?? "" : alias
            items.append(Item(name: name, tree: Syntax.withoutAlias(tree)))
            if !alias.isEmpty, aliases[alias.lowercased()] == nil {
                aliases[alias.lowercased()] = Syntax.withoutAlias(tree)
            }
        }
    }

    private func star(_ tree: JSONValue) throws(UnknownLineage) -> [Item] {
        guard tree["columns"]?.bool != true else { throw UnknownLineage(reason: "COLUMNS(...) has no rule") }
        let excluded = Set((tree["exclude_list"]?.array ?? []).compactMap { $0.string?.lowercased() })
        let qualified = Set(
            (tree["qualified_exclude_list"]?.array ?? []).compactMap { $0["column"]?.string?.lowercased() }
        )
        let replaced = tree["replace_list"]?.array ?? []
        let renamed = tree["rename_list"]?.array ?? []
        var found: [Item] = []
        for (table, column) in try scope.star(tree["relation_name"]?.string ?? "") {
            let key = column.name.lowercased()
            if excluded.contains(key) || qualified.contains(key) { continue }
            if let new = replaced.first(where: { $0["key"]?.string?.lowercased() == key }), let value = new["value"] {
                found.append(Item(name: column.name, tree: Syntax.withoutAlias(value)))
                continue
            }
            let isMerged = scope.tables.contains { $0.merged.contains(key) }
            let reference =
                isMerged || table.alias.isEmpty
                ? Syntax.column(column.name) : Syntax.column(table.alias, column.name)
            let rename = renamed.first { ($0["key"]?["column"]?.string ?? $0["key"]?.string)?.lowercased() == key }
            found.append(Item(name: rename?["value"]?.string ?? column.name, tree: reference))
        }
        return found
    }

    // MARK: Grouping and order

    private func addGrouping(_ outputs: [ColumnScope.Column]) throws(UnknownLineage) {
        for key in node["group_expressions"]?.array ?? [] {
            if let position = position(key) {
                rows.add(outputs[position].origins.indirect(.groupBy))
            } else {
                rows.add(try origins(key).indirect(.groupBy))
            }
        }
        if node["aggregate_handling"]?.string == "FORCE_AGGREGATES" {
            for (item, output) in zip(items, outputs) where !isAggregated(item.tree) {
                rows.add(output.origins.indirect(.groupBy))
            }
        }
    }

    private func addModifiers(_ outputs: [ColumnScope.Column]) throws(UnknownLineage) {
        for modifier in node["modifiers"]?.array ?? [] {
            switch modifier["type"]?.string {
            case "ORDER_MODIFIER":
                for order in modifier["orders"]?.array ?? [] {
                    guard let tree = order["expression"] else { continue }
                    if let position = position(tree) {
                        rows.add(outputs[position].origins.indirect(.sort))
                    } else if tree["class"]?.string == "STAR" {
                        for output in outputs { rows.add(output.origins.indirect(.sort)) }
                    } else {
                        rows.add(try origins(tree, aliasesFirst: true).indirect(.sort))
                    }
                }
            case "DISTINCT_MODIFIER":
                let targets = modifier["distinct_on_targets"]?.array ?? []
                if targets.isEmpty {
                    for output in outputs { rows.add(output.origins.indirect(.groupBy)) }
                }
                for target in targets { rows.add(try origins(target, aliasesFirst: true).indirect(.groupBy)) }
            default: break
            }
        }
    }

    /// The item that a number of GROUP BY or ORDER BY means.
    func position(_ tree: JSONValue) -> Int? {
        guard tree["class"]?.string == "CONSTANT", let number = tree["value"]?["value"]?.integer,
            items.indices.contains(number - 1)
        else { return nil }
        return number - 1
    }

    /// Whether an expression has an aggregate of its own rows in it.
    func isAggregated(_ tree: JSONValue) -> Bool {
        Syntax.contains(tree) { object in
            object["class"]?.string == "FUNCTION"
                && resolver.aggregates.contains(object["function_name"]?.string?.lowercased() ?? "")
        }
    }

    // MARK: Names

    /// What a reference depends on: a column, else an item's alias, else a column of the query around this one.
    func reference(_ names: [String], aliasesFirst: Bool) throws(UnknownLineage) -> ColumnOrigins {
        if aliasesFirst, let found = try alias(names) { return found }
        if let found = try scope.resolveHere(names) { return found }
        if let found = try alias(names) { return found }
        if let parent = scope.parent, let found = try parent.resolve(names) { return found }
        let word = names.first?.lowercased() ?? ""
        if names.count == 1, Self.words.contains(word) { return ColumnOrigins() }
        throw UnknownLineage(reason: "column '\(names.joined(separator: "."))' is not one of the query's tables")
    }

    private static let words: Set<String> = [
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user", "user",
    ]

    private func alias(_ names: [String]) throws(UnknownLineage) -> ColumnOrigins? {
        guard names.count == 1 else { return nil }
        let name = names[0].lowercased()
        guard let tree = aliases[name], aliasesInUse.insert(name).inserted else { return nil }
        defer { aliasesInUse.remove(name) }
        return try origins(tree)
    }
}
