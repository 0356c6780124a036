import DuckKit
import DuetEngine
import DuetEvents
public import DuetPipeline

/// Why a dataset lacks rows that meet a condition: which operator or expectation lost them.
public struct WhyNot: Sendable {
    /// How many rows were left after one operator of a query.
    public struct Stage: Sendable, Hashable {
        /// The dataset whose query it is of.
        public var dataset: DatasetName
        /// The operator, in words.
        public var step: String
        /// The rows that meet the condition there.
        public var rows: Int
    }

    /// The operators in the order of the search, from the dataset back.
    public internal(set) var stages: [Stage] = []
    /// The answer in a sentence.
    public internal(set) var verdict = ""
}

/// Asks a pipeline's queries operator by operator how many rows meet a condition.
final class WhyNotSearch {
    private let work: RowWorkspace
    private var result = WhyNot()
    private var depth = 0

    /// Prepares a search; `connection` is one to the style's warehouse and may be read-only.
    init(_ work: RowWorkspace) { self.work = work }

    /// Searches for what lost the rows.
    ///
    /// - Parameters:
    ///   - name: The dataset that lacks them.
    ///   - condition: What they would meet; SQL over its columns.
    /// - Returns: The stages looked at, and the verdict.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition.
    func answer(_ name: DatasetName, condition: String) throws -> WhyNot {
        guard let dataset = work.pipeline.dataset(named: name), work.catalogue.columns[name] != nil else {
            throw RowTrace.notThere(name, work.style, work.pipeline)
        }
        let tree: JSONValue
        do {
            _ = try work.connection.describe(
                "SELECT * FROM \(SQL.qualified(name.schema, name.table)) WHERE (\(condition))"
            )
            tree = try work.tree(ofExpression: "(\(condition))")
        } catch let error as DuckDBError {
            throw DuetError(
                .sqlBinding,
                "the condition cannot be used on '\(name)': \(error.message)",
                hint: "it is SQL over the dataset's columns: "
                    + (work.catalogue.columns[name] ?? []).map(\.name).joined(separator: ", ")
            )
        }
        try search(dataset, Syntax.conjuncts(tree))
        return result
    }

    private func note(_ dataset: DatasetName, _ step: String, _ rows: Int) {
        result.stages.append(WhyNot.Stage(dataset: dataset, step: step, rows: rows))
    }

    private func text(_ tree: JSONValue) throws -> String {
        let sql = try work.sql(Syntax.selection([tree]))
        var text = String(sql.dropFirst("SELECT ".count))
        // The outermost brackets say nothing.
        if text.hasPrefix("("), text.hasSuffix(")") { text = String(text.dropFirst().dropLast()) }
        return text
    }

    // MARK: - A dataset

    private func search(_ dataset: Dataset, _ conditions: [JSONValue]) throws {
        let name = dataset.name
        depth += 1
        defer { depth -= 1 }
        guard depth < 64 else { return }
        let filter = try conditions.isEmpty ? "true" : text(Syntax.conjunction(conditions))
        let published = SQL.qualified(name.schema, name.table)
        let there = try work.connection.scalar("SELECT count(*) FROM \(published) WHERE \(filter)").int ?? 0
        note(name, "rows that meet \(filter)", there)
        if there > 0 {
            result.verdict =
                result.stages.count == 1
                ? "'\(name)' has \(there) such row\(there == 1 ? "" : "s")"
                : "'\(name)' has \(there) such row\(there == 1 ? "" : "s"); see the steps behind it"
            return
        }
        if let store = work.store(name) {
            let keptOut = try Quarantine(store: store, connection: work.connection).counts(where: filter)
            if !keptOut.isEmpty {
                let list = keptOut.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
                note(name, "rows that were kept out by an expectation", keptOut.values.max() ?? 0)
                let places = dataset.expectations.filter { keptOut[$0.name] != nil }.map { "\($0.location)" }
                result.verdict =
                    "'\(name)' keeps such rows out: the expectation \(list.joined(separator: ", ")) is violated; "
                    + "declared at \(places.joined(separator: ", "))"
                return
            }
        }
        guard let query = try work.query(of: dataset) else { return }
        if dataset.flows.contains(where: { !$0.query.fileReads.isEmpty }) { try openFiles(of: dataset) }
        try search(query, RowScope(), dataset, conditions)
    }

    private func openFiles(of dataset: Dataset) throws {
        var ignored = StepMeasures()
        let files = Dictionary(grouping: try WarehouseState.files(work.connection).files, by: \.source)
        try FileViews(work.connection, pipeline: work.pipeline).create(for: dataset, files: files, measures: &ignored)
    }

    // MARK: - A query

    private func search(_ node: JSONValue, _ scope: RowScope, _ dataset: Dataset, _ conditions: [JSONValue]) throws {
        let resolver = work.catalogue.resolver(for: dataset)
        do {
            switch node["type"]?.string {
            case "SELECT_NODE":
                try search(try RowBlock(node, scope, resolver), dataset, conditions)
            case "SET_OPERATION_NODE":
                let inner = try scope.adding(node, resolver)
                let names = try resolver.query(node, inner.tables, parent: nil).outputs.map(\.name)
                for (index, side) in ["left", "right"].enumerated() {
                    guard let branch = node[side] else { continue }
                    if index == 1, node["setop_type"]?.string == "EXCEPT" { continue }
                    let own = try resolver.query(branch, inner.tables, parent: nil).outputs.map(\.name)
                    let renamed = conditions.map { condition in
                        Self.replacing(condition) { column in
                            names.firstIndex { $0.lowercased() == column }.flatMap {
                                own.indices.contains($0) ? Syntax.column(own[$0]) : nil
                            }
                        }
                    }
                    try search(branch, inner, dataset, renamed)
                }
            case let type: throw UnknownLineage(reason: "\(type ?? "this form of query") cannot be asked step by step")
            }
        } catch let unknown as UnknownLineage {
            result.verdict =
                "the query of '\(dataset.name)' has no such row; more is not known, because \(unknown.reason)"
        }
    }

    /// An expression with columns replaced by what they stand for.
    private static func replacing(_ tree: JSONValue, _ replacement: (String) -> JSONValue?) -> JSONValue {
        switch tree {
        case .array(let values): return .array(values.map { replacing($0, replacement) })
        case .object(let object):
            if let names = Syntax.names(of: tree) {
                return names.last.flatMap { replacement($0.lowercased()) } ?? tree
            }
            return .object(object.mapValues { replacing($0, replacement) })
        default: return tree
        }
    }

    private func search(_ block: RowBlock, _ dataset: Dataset, _ conditions: [JSONValue]) throws {
        let own = conditions.map { condition in
            Self.replacing(condition) { column in
                block.items.first { $0.name.lowercased() == column }.map { Syntax.withoutAlias($0.tree) }
            }
        }
        if let asking = own.first(where: block.asksModel) {
            throw UnknownLineage(reason: "\(try text(asking)) asks a model, and a look back calls none")
        }
        let late = own.filter { block.isLate($0) }
        let rowwise = own.filter { !block.isLate($0) }
        guard try searchJoins(block, dataset, rowwise) else { return }
        var met = rowwise
        for condition in block.conditions {
            if block.asksModel(condition) {
                throw UnknownLineage(reason: "\(try text(condition)) asks a model, and a look back calls none")
            }
            met.append(condition)
            let rows = try count(block, block.node["from_table"] ?? .null, met)
            note(dataset.name, "WHERE \(try text(condition))", rows)
            if rows == 0 {
                result.verdict = "the WHERE of '\(dataset.name)' leaves such rows out: \(try text(condition))"
                return
            }
        }
        try searchLate(block, dataset, rowwise, late)
    }

    /// HAVING, QUALIFY and conditions on what is computed over several rows.
    private func searchLate(
        _ block: RowBlock,
        _ dataset: Dataset,
        _ rowwise: [JSONValue],
        _ late: [JSONValue]
    ) throws {
        let none = [String?](repeating: nil, count: block.leaves.count)
        let items = block.items.map(\.tree)
        var steps: [(name: String, clauses: RowBlock.Clauses)] = []
        if let having = block.node["having"]?.present {
            steps.append(("HAVING \(try text(block.plain(having)))", .grouping))
        }
        if let qualify = block.node["qualify"]?.present {
            steps.append(("QUALIFY \(try text(block.plain(qualify)))", [.grouping, .qualify]))
        }
        // A window looks at all rows, so the condition may only be asked of what comes out.
        let columns = rowwise.map { [$0] }.flatMap(\.self)
        for step in steps {
            let node = block.node(items + columns, relations: none, step.clauses)
            let filter = columns.indices.map { "__c\(items.count + $0)" }.joined(separator: " AND ")
            let rows =
                try work.connection.scalar(
                    "SELECT count(*) FROM (\(try work.sql(node))) WHERE \(filter.isEmpty ? "true" : filter)"
                ).int ?? 0
            note(dataset.name, step.name, rows)
            if rows == 0 {
                result.verdict = "'\(dataset.name)' leaves such rows out: \(step.name)"
                return
            }
        }
        if let condition = late.first {
            result.verdict =
                "'\(dataset.name)' has rows for the other conditions, but none for which \(try text(condition)) holds"
        } else if !(block.node["modifiers"]?.array ?? []).isEmpty {
            result.verdict =
                "the query of '\(dataset.name)' finds such rows, but its LIMIT or DISTINCT ON leaves them out"
        } else {
            result.verdict =
                "the query of '\(dataset.name)' gives such rows now: the dataset has not been refreshed since, or its "
                + "definition has changed"
        }
    }

    // MARK: - Joins

    /// Goes through the relations and joins of a FROM clause; false when the rows were lost on the way.
    private func searchJoins(_ block: RowBlock, _ dataset: Dataset, _ conditions: [JSONValue]) throws -> Bool {
        let from = block.node["from_table"] ?? .null
        var next = 0
        return try search(from, block, dataset, conditions, &next) != nil
    }

    /// The leaves of a part of a FROM clause if it has rows; nil when they were lost there.
    private func search(
        _ item: JSONValue,
        _ block: RowBlock,
        _ dataset: Dataset,
        _ conditions: [JSONValue],
        _ next: inout Int
    ) throws -> Range<Int>? {
        let start = next
        guard item["type"]?.string == "JOIN" else {
            if item["type"]?.string == "EMPTY" { return start..<start }
            next += 1
            let leaf = block.leaves[start]
            let own = conditions.filter { block.leaves(of: $0) == [start] }
            guard !leaf.isOptional, leaf.isReadable else { return start..<next }
            let rows = try count(block, item, own)
            let asked = try own.isEmpty ? "all" : text(Syntax.conjunction(own))
            note(dataset.name, "FROM \(leaf.alias): \(asked)", rows)
            guard rows == 0 else { return start..<next }
            try goOn(leaf, own, block, dataset)
            return nil
        }
        guard let left = try search(item["left"] ?? .null, block, dataset, conditions, &next),
            let right = try search(item["right"] ?? .null, block, dataset, conditions, &next)
        else { return nil }
        let inside = Set(left).union(right)
        let own = conditions.filter { block.leaves(of: $0).isSubset(of: inside) }
        let rows = try count(block, item, own)
        let names = right.map { block.leaves[$0].alias }.joined(separator: ", ")
        let type = item["join_type"]?.string ?? "INNER"
        let condition = try item["condition"]?.present.map { " ON \(try text($0))" } ?? ""
        note(dataset.name, "\(type) JOIN \(names)\(condition)", rows)
        guard rows == 0 else { return start..<next }
        result.verdict = "the join of '\(dataset.name)' with \(names) loses such rows: there is no match\(condition)"
        return nil
    }

    /// Goes on to the relation that had no such row.
    private func goOn(_ leaf: RowBlock.Leaf, _ conditions: [JSONValue], _ block: RowBlock, _ dataset: Dataset) throws {
        // The relation's own names, without its alias here.
        let bare = conditions.map { Self.replacing($0) { Syntax.column($0) } }
        switch leaf.kind {
        case .table(let schema, let name):
            if let input = work.catalogue.dataset(schema, name) { return try search(input, bare) }
            let source = work.catalogue.read(name, of: dataset)?.source ?? name
            let what = try bare.isEmpty ? "any row" : "a row that meets \(text(Syntax.conjunction(bare)))"
            result.verdict = "no file of the source '\(source)' has \(what)"
        case .common(let name):
            guard let (entry, scope) = block.scope.entry(name), let node = entry.definition["query"]?["node"] else {
                return
            }
            try search(node, scope, dataset, bare)
        case .subquery(let node): try search(node, block.scope, dataset, bare)
        case .other: result.verdict = "'\(leaf.alias)' in the query of '\(dataset.name)' has no such row"
        }
    }

    private func count(_ block: RowBlock, _ from: JSONValue, _ conditions: [JSONValue]) throws -> Int {
        let ready = conditions.map { Syntax.withoutAlias($0) }
        guard case .object(var node) = Syntax.selection([]) else { return 0 }
        let call: JSONValue = [
            "class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": "count_star", "schema": "",
            "children": [], "filter": nil, "order_bys": ["type": "ORDER_MODIFIER", "orders": []], "distinct": false,
            "is_operator": false, "export_state": false, "catalog": "",
        ]
        node["select_list"] = .array([call])
        node["from_table"] = from
        node["where_clause"] = Syntax.conjunction(ready)
        node["cte_map"] = block.scope.map
        return try work.connection.scalar(try work.sql(.object(node))).int ?? 0
    }
}

extension RowBlock {
    /// Whether a condition is about what is computed over several rows.
    func isLate(_ tree: JSONValue) -> Bool { isAggregate(tree) || Syntax.hasWindow(tree) }

    /// The leaves whose columns an expression uses; all of them when that is not plain.
    func leaves(of tree: JSONValue) -> Set<Int> {
        if Syntax.hasSubquery(tree) { return Set(leaves.indices) }
        var found: Set<Int> = []
        for reference in Syntax.all(tree, where: { $0["class"]?.string == "COLUMN_REF" }) {
            guard let origin = handedOn(reference) else { return Set(leaves.indices) }
            found.insert(origin.leaf)
        }
        return found
    }
}
