import DuetPipeline

/// One SELECT under translation.
final class Block {
    /// A column of the select list.
    struct Item {
        var name: String
        /// The expression; over unique names if it came from `*`.
        var tree: JSONValue
        var isResolved: Bool
    }

    /// Where a name stands, which decides what it may mean first.
    enum Clause {
        /// A column of FROM, else what an alias of the select list means.
        case columnsFirst
        /// HAVING: a column that is grouped by, else an alias, else a column; within an aggregate, a column.
        case groupsFirst
    }

    let translator: Translator
    let node: JSONValue
    let tables: CommonTables
    let scope: Scope
    /// What an expression that is compared with a subquery means, if not what it says.
    private let compared: ((JSONValue) throws -> JSONValue)?
    /// What the block is computed for, if it depends on the query around it.
    let seat: Domain.Seat?
    /// The rows so far.
    var relation = Relation.join([], [])
    /// Which keys of the seat no row has NULL in.
    private(set) var requiredKeys: Set<Int> = []
    /// Relations that scalar subqueries of a grouped block add beside the groups.
    var besideGroups: [Relation] = []
    /// Whether subqueries join the groups rather than the rows they are made of.
    var isGrouping = false
    /// Subqueries of a grouped block that depend on its groups, under the names that stand for their values.
    var deferred: [(name: String, tree: JSONValue, clause: Clause)] = []
    /// What the block groups by.
    var groupKeys: [JSONValue] = []
    /// Conditions that use columns of the query around this one.
    var correlated: [JSONValue] = []
    /// How many conditions being read are never true for a NULL subquery.
    var rejectsNull = 0
    private(set) var items: [Item] = []
    private var aliases: [String: JSONValue] = [:]
    private var aliasesInUse: Set<String> = []

    init(translator: Translator, node: JSONValue, tables: CommonTables, parent: Scope?, domain: Domain? = nil) {
        self.translator = translator
        self.node = node
        self.tables = tables
        compared = nil
        seat = domain?.seat(translator)
        scope = Scope(parent: seat?.scope ?? parent)
    }

    /// Rows that are there already, for subqueries that depend on them.
    ///
    /// - Parameters:
    ///   - rows: The rows.
    ///   - translator: Keeps what they need.
    ///   - tables: The WITH queries they see.
    ///   - scope: What names mean.
    ///   - compared: What an expression that is compared with a subquery means, if not what it says.
    init(
        over rows: Relation,
        translator: Translator,
        tables: CommonTables,
        scope: Scope,
        compared: ((JSONValue) throws -> JSONValue)? = nil
    ) {
        self.translator = translator
        self.tables = tables
        self.scope = scope
        self.compared = compared
        node = .null
        seat = nil
        relation = rows
    }

    /// The whole block.
    func translated() throws -> Translated {
        try readRows()
        try readItems()
        if let seat {
            // Conditions leave out rows with NULL in what they tie, so those need not be looked for.
            let known = translator.neverNull(relation)
            requiredKeys = Set(seat.columns.indices.filter { known.contains(seat.columns[$0]) })
        }
        var result: Translated
        let groups = GroupedBlock(block: self)
        guard try groups.isNeeded() else {
            result = Translated(relation: relation, outputs: [])
            result.outputs = try items.map { Scope.Column(name: $0.name, value: try value(of: $0)) }
            let qualify = try node["qualify"]?.present.map { try resolve($0, .columnsFirst) }
            let order = try orderKeys(result.outputs, isDistinct: isDistinct) { try self.resolve($0, .columnsFirst) }
            result.relation = relation
            if node["from_table"]?["type"]?.string == "EMPTY", relation == seat?.relation ?? .join([], []) {
                result.rows = .one
            }
            if let seat {
                result.outputs += seat.columns.map { Scope.Column(name: $0, value: SyntaxTree.column($0)) }
                result.keyCount = seat.columns.count
                result.requiredKeys = requiredKeys
            }
            return try finished(result, qualify: qualify, order: order)
        }
        result = try groups.translated()
        return result
    }

    /// FROM and WHERE.
    func readRows() throws {
        if let sample = node["sample"], !sample.isNull { throw Unsupported("a sample is different every time") }
        if let from = node["from_table"] {
            let leads = FromReader.startsWithKeptSide(from)
            let reader = FromReader(translator: translator, tables: tables, leading: leads ? seat?.relation : nil)
            relation = try reader.read(from, into: scope)
            if !leads, let seat { relation = .joined([seat.relation, relation]) }
        }
        try readItems()
        let conditions = SyntaxTree.conjuncts(node["where_clause"])
        let simple = conditions.filter { !Self.hasSubquery($0) }
        let known = Set(relation.columns)
        var own: [Expression] = []
        for tree in try simple.map({ try resolve($0, .columnsFirst) }) {
            let expression = translator.pool.intern(tree)
            if scope.parent == nil || seat != nil || expression.columns.allSatisfy(known.contains) {
                own.append(expression)
            } else {
                correlated.append(tree)
            }
        }
        relation = .joined([relation], own)
        for condition in conditions where Self.hasSubquery(condition) { try addCondition(condition) }
    }

    private func readItems() throws {
        guard items.isEmpty else { return }
        for tree in node["select_list"]?.array ?? [] {
            if tree["class"]?.string == "STAR" {
                items += try star(tree)
                continue
            }
            let alias = tree["alias"]?.string ?? ""
            let name = alias.isEmpty ? SyntaxTree.columnNames(of: tree)?.last ?? "" : alias
            items.append(Item(name: name, tree: Self.withoutAlias(tree), isResolved: false))
            if !alias.isEmpty, aliases[alias.folded] == nil { aliases[alias.folded] = items.last?.tree }
        }
    }

    private func star(_ tree: JSONValue) throws -> [Item] {
        if tree["columns"]?.bool == true { throw Unsupported("COLUMNS(…) has no rule") }
        for key in ["rename_list", "qualified_exclude_list"] where !(tree[key]?.array ?? []).isEmpty {
            throw Unsupported("this form of * has no rule")
        }
        let excluded = Set((tree["exclude_list"]?.array ?? []).compactMap { $0.string?.folded })
        let replaced = tree["replace_list"]?.array ?? []
        return try scope.star(tree["relation_name"]?.string ?? "").compactMap { column in
            if excluded.contains(column.name.folded) { return nil }
            if let new = replaced.first(where: { $0["key"]?.string?.folded == column.name.folded }),
                let value = new["value"]
            {
                return Item(name: column.name, tree: Self.withoutAlias(value), isResolved: false)
            }
            return Item(name: column.name, tree: column.value, isResolved: true)
        }
    }

    /// An item over unique names.
    func value(of item: Item) throws -> JSONValue {
        item.isResolved ? item.tree : try resolve(item.tree, .columnsFirst)
    }

    // MARK: Names

    /// The expression with every column replaced by what it stands for; subqueries join the block's rows.
    func resolve(_ tree: JSONValue, _ clause: Clause, _ parameters: Set<String> = []) throws -> JSONValue {
        switch tree {
        case .array(let values): return .array(try values.map { try resolve($0, clause, parameters) })
        case .object(let object):
            if let names = SyntaxTree.columnNames(of: tree) {
                if parameters.contains(names[0].folded) {
                    guard names.count == 1 else { throw Unsupported("a field of a lambda's parameter has no rule") }
                    return tree
                }
                return try column(names, clause)
            }
            switch object["class"]?.string {
            case "SUBQUERY": return try subqueryValue(tree, clause)
            case "FUNCTION" where clause == .groupsFirst && isAggregate(object):
                return .object(try object.mapValues { try resolve($0, .columnsFirst, parameters) })
            case "STAR", "POSITIONAL_REFERENCE", "DEFAULT", "PARAMETER":
                throw Unsupported("\(object["class"]?.string ?? "this") has no rule here")
            default: break
            }
            let inner = parameters.union(SyntaxTree.lambdaParameters(object))
            return .object(try object.mapValues { try resolve($0, clause, inner) })
        default: return tree
        }
    }

    /// An expression that is compared with a subquery.
    func resolveCompared(_ tree: JSONValue) throws -> JSONValue {
        try compared?(tree) ?? resolve(tree, .columnsFirst)
    }

    private func column(_ names: [String], _ clause: Clause) throws -> JSONValue {
        let column = try scope.resolveHere(names)
        if clause == .groupsFirst, !(column.map { groupKeys.contains($0) } ?? false), let value = try alias(names) {
            return value
        }
        if let column { return column }
        if clause == .columnsFirst, let value = try alias(names) { return value }
        if let value = try scope.parent?.resolve(names) { return value }
        throw Unsupported("column '\(names.joined(separator: "."))' is not one of the query's tables")
    }

    private func alias(_ names: [String]) throws -> JSONValue? {
        guard names.count == 1 else { return nil }
        let name = names[0].folded
        guard let tree = aliases[name], aliasesInUse.insert(name).inserted else { return nil }
        defer { aliasesInUse.remove(name) }
        return try resolve(tree, .columnsFirst)
    }

    /// The item that a position or an alias of GROUP BY or ORDER BY means.
    func position(_ tree: JSONValue) throws -> Int? {
        guard tree["class"]?.string == "CONSTANT", let number = tree["value"]?["value"]?.integer else { return nil }
        guard items.indices.contains(number - 1) else { throw Unsupported("position \(number) is out of range") }
        return number - 1
    }

    // MARK: Questions about trees

    private func isAggregate(_ object: JSONObject) -> Bool {
        translator.functions.aggregates.contains(object["function_name"]?.string?.folded ?? "")
    }

    static func hasSubquery(_ tree: JSONValue) -> Bool {
        SyntaxTree.contains(tree) { $0["class"]?.string == "SUBQUERY" }
    }

    static func hasWindow(_ tree: JSONValue) -> Bool {
        SyntaxTree.containsOutsideSubqueries(tree) { $0["class"]?.string == "WINDOW" }
    }

    static func multipliesRows(_ tree: JSONValue) -> Bool {
        SyntaxTree.contains(tree) { object in
            object["class"]?.string == "FUNCTION"
                && ["unnest", "unlist"].contains(object["function_name"]?.string ?? "")
        }
    }

    static func withoutAlias(_ tree: JSONValue) -> JSONValue {
        guard case .object(var object) = tree, object["alias"] != nil else { return tree }
        object["alias"] = .string("")
        return .object(object)
    }

    /// The modifier of a type.
    func modifier(_ type: String) -> JSONValue? {
        (node["modifiers"]?.array ?? []).first { $0["type"]?.string == type }
    }

    var isDistinct: Bool {
        modifier("DISTINCT_MODIFIER").map { ($0["distinct_on_targets"]?.array ?? []).isEmpty } ?? false
    }
}

extension Relation {
    /// An inner join laid flat.
    static func joined(_ parts: [Self], _ predicates: [Expression] = []) -> Self {
        var flat: [Self] = []
        var conditions: [Expression] = []
        for part in parts {
            if case .join(let inner, let own) = part {
                flat += inner
                conditions += own
            } else {
                flat.append(part)
            }
        }
        conditions += predicates
        return flat.count == 1 && conditions.isEmpty ? flat[0] : .join(flat, conditions)
    }
}
