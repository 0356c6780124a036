import DuetPipeline

/// A query as a relation and the expressions of its columns over it.
struct Translated {
    /// How many rows there can be.
    enum Rows {
        case one
        case atMostOne
        case many
    }

    var relation: Relation
    var outputs: [Scope.Column]
    var rows = Rows.many
    /// How many of the last outputs are keys of a ``Domain`` and no columns of the query.
    var keyCount = 0
    /// Which of these keys no row has NULL in.
    var requiredKeys: Set<Int> = []
    var totals: Totals?

    /// Totals for every combination of values in a domain, right also for those without a group.
    struct Totals {
        /// The groups, of combinations that have rows.
        var groups: Relation
        /// Their keys.
        var keys: [String]
        /// Which of them are never NULL.
        var required: Set<Int>
        /// The same keys in the domain that is joined with the groups.
        var seat: [String]
    }
}

/// The WITH queries that are visible at a place.
struct CommonTables {
    /// A WITH query.
    final class Entry {
        let name: String
        let definition: JSONValue
        let visible: CommonTables
        var translated: Translated?

        init(name: String, definition: JSONValue, visible: CommonTables) {
            self.name = name
            self.definition = definition
            self.visible = visible
        }
    }

    var entries: [Entry] = []

    func entry(_ name: String) -> Entry? { entries.last { $0.name.folded == name.folded } }
}

/// Turns a query's syntax tree into nodes, block by block.
final class Translator {
    let frontEnd: any QueryFrontEnd
    let pool: ExpressionPool
    let inputs: [InputRelation]
    let functions: FunctionCatalogue
    let view: String
    let stateSchema: String
    var names: Names
    private(set) var nodes: [NodePlan] = []

    init(
        frontEnd: any QueryFrontEnd,
        inputs: [InputRelation],
        functions: FunctionCatalogue,
        view: String,
        stateSchema: String,
        reserved: Set<String>
    ) {
        self.frontEnd = frontEnd
        self.inputs = inputs
        self.functions = functions
        self.view = view
        self.stateSchema = stateSchema
        pool = ExpressionPool(frontEnd: frontEnd)
        names = Names(reserved: reserved)
    }

    // MARK: Queries

    /// A query node; one that has no rule and stands on its own is kept as a node that is computed in full.
    func query(_ node: JSONValue, _ tables: CommonTables, parent: Scope?) throws -> Translated {
        guard parent == nil else { return try plainQuery(node, tables, parent: parent) }
        let mark = nodes.count
        do {
            return try plainQuery(node, tables, parent: nil)
        } catch let unsupported as Unsupported {
            nodes.removeSubrange(mark...)
            for entry in tables.entries { entry.translated = nil }
            return try opaque(node, tables, unsupported)
        }
    }

    /// A query node that has a rule.
    func plainQuery(
        _ node: JSONValue,
        _ tables: CommonTables,
        parent: Scope?,
        domain: Domain? = nil
    ) throws -> Translated {
        let visible = try withCommonTables(node, tables)
        switch node["type"]?.string {
        case "SELECT_NODE":
            return try Block(translator: self, node: node, tables: visible, parent: parent, domain: domain).translated()
        case "SET_OPERATION_NODE": return try setOperation(node, visible, domain)
        case "RECURSIVE_CTE_NODE": throw Unsupported("a recursive query has no rule")
        case let type: throw Unsupported("a query of type \(type ?? "unknown") has no rule")
        }
    }

    func withCommonTables(_ node: JSONValue, _ tables: CommonTables) throws -> CommonTables {
        var visible = tables
        for entry in node["cte_map"]?["map"]?.array ?? [] {
            guard let name = entry["key"]?.string, let definition = entry["value"] else { continue }
            visible.entries.append(CommonTables.Entry(name: name, definition: definition, visible: visible))
        }
        return visible
    }

    /// A WITH query where it is used; what is kept for it is shared by all uses.
    func commonTable(_ entry: CommonTables.Entry) throws -> Translated {
        if let known = entry.translated { return instantiated(known) }
        guard let query = entry.definition["query"]?["node"] else {
            throw Unsupported("WITH query '\(entry.name)' has no body")
        }
        if query["type"]?.string == "RECURSIVE_CTE_NODE" { throw Unsupported("a recursive query has no rule") }
        var translated = try self.query(query, entry.visible, parent: nil)
        let aliases = entry.definition["aliases"]?.array?.compactMap(\.string) ?? []
        for (index, alias) in aliases.enumerated() where index < translated.outputs.count {
            translated.outputs[index].name = alias
        }
        entry.translated = translated
        return translated
    }

    // MARK: Leaves

    /// A leaf that reads an input.
    func leaf(_ input: InputRelation) -> Leaf {
        Leaf(
            source: input.name,
            current: input.current,
            delta: input.delta,
            alias: names.fresh(input.table),
            columns: input.columns.map { names.fresh($0.name) },
            types: input.columns.map(\.type),
            references: references(input),
            neverNull: Self.positions(input.neverNull, input.columns) ?? [],
            uniqueKeys: uniqueKeys(input)
        )
    }

    /// The keys that are vouched for, and those that others refer to.
    private func uniqueKeys(_ input: InputRelation) -> [[Int]] {
        let targets = input.uniqueKeys + inputs.flatMap(\.references).filter { $0.input == input.name }.map(\.target)
        return Set(targets.compactMap { Self.positions($0, input.columns) }).filter { !$0.isEmpty }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Where columns stand; nil when one of them is not there.
    private static func positions(_ names: [String], _ columns: [ViewColumn]) -> [Int]? {
        let found = names.compactMap { name in columns.firstIndex { $0.name.folded == name.folded } }
        return found.count == names.count ? found : nil
    }

    private func references(_ input: InputRelation) -> [Leaf.Reference] {
        input.references.compactMap { key in
            guard let target = inputs.first(where: { $0.name == key.input }),
                let columns = Self.positions(key.columns, input.columns), !columns.isEmpty,
                let referred = Self.positions(key.target, target.columns)
            else { return nil }
            return Leaf.Reference(columns: columns, source: target.name, target: referred)
        }
    }

    /// Adds a node and gives a leaf that reads it under the names of its visible columns, which must be unique.
    func keep(_ kind: NodePlan.Kind, _ visible: [ViewColumn], rule: String, issues: [String] = []) -> Leaf {
        let node = newNode(kind, visible, rule: rule, issues: issues)
        nodes.append(node)
        return leaf(of: node)
    }

    /// A hidden node with a name of its own.
    func newNode(_ kind: NodePlan.Kind, _ visible: [ViewColumn], rule: String, issues: [String]) -> NodePlan {
        let number = nodes.count + 1
        return NodePlan(
            name: "\(view)#\(number)",
            table: SQLText.qualified(stateSchema, "\(view)__\(number)"),
            prefix: "duet_\(view)__\(number)",
            kind: kind,
            visible: visible,
            rule: rule,
            issues: issues
        )
    }

    /// A leaf that reads a hidden node.
    func leaf(of node: NodePlan) -> Leaf {
        Leaf(
            source: node.name,
            current: node.table,
            delta: SQLText.temporary(node.deltaTable),
            alias: names.fresh("node"),
            columns: node.visible.map(\.name),
            types: node.visible.map(\.type)
        )
    }

    /// Puts a node before another, which reads it.
    func place(_ node: NodePlan, before index: Int) { nodes.insert(node, at: index) }

    /// Puts a plan in another one's place.
    func replace(at index: Int, with node: NodePlan) { nodes[index] = node }

    /// Adds the view's own node.
    func add(_ node: NodePlan) { nodes.append(node) }

    /// Takes the last node off, which nothing reads any more.
    func removeLastNode() { nodes.removeLast() }

    // MARK: Types

    /// The types of expressions over a relation.
    func types(_ expressions: [Expression], over relation: Relation, grouping: [Expression]? = nil) throws -> [String] {
        guard !expressions.isEmpty else { return [] }
        try pool.flush()
        var renderer = RelationRenderer(texts: pool.texts, readsTypesOnly: true)
        let clause = renderer.from(relation)
        let select = SelectText(
            columns: expressions.enumerated().map { NamedText(renderer.text($0.element), as: "c\($0.offset)") },
            from: clause.items,
            predicates: clause.predicates,
            suffix: grouping.map { keys in
                keys.isEmpty ? [] : ["GROUP BY " + keys.map(renderer.text).joined(separator: ", ")]
            } ?? []
        )
        return try frontEnd.columns(of: select.text).map(\.type)
    }

    // MARK: Fallback

    private func opaque(_ node: JSONValue, _ tables: CommonTables, _ why: Unsupported) throws -> Translated {
        let plan: OpaquePlan
        let columns: [ViewColumn]
        do {
            plan = try opaquePlan(node, tables)
            columns = try frontEnd.columns(of: plan.sql)
        } catch {
            // It does not stand on its own, or not as it was written; what holds it may.
            throw why
        }
        let visible = columns.map { ViewColumn(name: names.fresh($0.name), type: $0.type) }
        let leaf = keep(.opaque(plan), visible, rule: "full recomputation", issues: [why.reason])
        return Translated(
            relation: .leaf(leaf),
            outputs: zip(columns, visible).map { Scope.Column(name: $0.name, value: SyntaxTree.column($1.name)) }
        )
    }

    /// A query as it was written, with the WITH queries it sees.
    func opaquePlan(_ node: JSONValue, _ tables: CommonTables) throws -> OpaquePlan {
        var node = node
        if case .object(var object) = node, !tables.entries.isEmpty {
            let own = object["cte_map"]?["map"]?.array ?? []
            let outer = tables.entries.map { JSONValue.object(["key": .string($0.name), "value": $0.definition]) }
            object["cte_map"] = ["map": .array(outer + own)]
            node = .object(object)
        }
        let statement = SyntaxTree.statement(try withCurrentRows(node))
        var sources: [String] = []
        for reference in QueryShape(syntaxTree: node).references {
            guard let input = input(schema: reference.schema, table: reference.table) else { continue }
            if !sources.contains(input.name) { sources.append(input.name) }
        }
        return OpaquePlan(sql: try frontEnd.sql(of: statement), sources: sources)
    }

    /// The input that a table reference means.
    func input(schema: String, table: String) -> InputRelation? {
        inputs.first {
            $0.table.folded == table.folded && $0.schema.folded == schema.folded
        }
    }

    /// The tree with inputs replaced whose rows are not read under the name the query uses.
    private func withCurrentRows(_ tree: JSONValue) throws -> JSONValue {
        switch tree {
        case .array(let values): return .array(try values.map(withCurrentRows))
        case .object(let object):
            if object["type"]?.string == "BASE_TABLE", let table = object["table_name"]?.string,
                let input = input(schema: object["schema_name"]?.string ?? "", table: table),
                input.current != SQLText.qualified(input.schema, input.table)
            {
                let columns = SQLText.list(input.columns.map(\.name))
                let source = SyntaxTree.normalised(
                    try frontEnd.syntaxTree(of: "SELECT \(columns) FROM \(input.current) AS __current")
                )
                let alias = object["alias"]?.string ?? ""
                return [
                    "type": "SUBQUERY", "alias": .string(alias.isEmpty ? table : alias), "sample": nil,
                    "subquery": [
                        "node": source["statements"]?.array?.first?["node"] ?? .null, "named_param_map": [],
                    ],
                    "column_name_alias": object["column_name_alias"] ?? [],
                ]
            }
            return .object(try object.mapValues(withCurrentRows))
        default: return tree
        }
    }
}
