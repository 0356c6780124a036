internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// Puts the queries of plain views in place of their names, so that what reads a view takes the changes of what stands
/// behind it: a view has no rows whose changes could be kept.
struct ViewInlining {
    let pipeline: Pipeline
    let graph: DatasetGraph
    let connection: Connection

    /// A relation as a query names it.
    struct Input {
        var name: DatasetName
        var schema: String
        var table: String
    }

    /// Writes a dataset's query over tables alone.
    ///
    /// - Parameters:
    ///   - text: The query.
    ///   - shape: What it reads.
    ///   - start: Where in the text the query begins that the shape is of.
    /// - Returns: The query, and the relations it reads, each once.
    /// - Throws: ``DuckDBError`` or ``DuetError`` when a view's query cannot be read.
    func query(_ text: String, _ shape: QueryShape, start: Int) throws -> (sql: String, inputs: [Input]) {
        let names = shape.references.map { self.name(of: $0) }
        guard names.contains(where: { graph[$0]?.dataset.kind == .view }) else {
            var inputs: [Input] = []
            for (reference, name) in zip(shape.references, names)
            where !inputs.contains(where: { $0.name == name }) && graph[name] != nil {
                inputs.append(Input(name: name, schema: reference.schema, table: reference.table))
            }
            return (text, inputs)
        }
        var inputs: [Input] = []
        var tree = try SyntaxTree(of: text, connection)
        tree.node = try inlined(tree.node, shape, shift: start, &inputs)
        return (try tree.sql(connection), inputs)
    }

    private func name(of reference: QueryShape.Reference) -> DatasetName {
        DatasetName(
            schema: reference.schema.isEmpty ? pipeline.defaultSchema : reference.schema,
            table: reference.table
        )
    }

    /// Replaces views, and gives every other relation its schema: a name that a WITH clause further out defines must not
    /// come between.
    private func inlined(
        _ node: JSONValue,
        _ shape: QueryShape,
        shift: Int,
        _ inputs: inout [Input]
    ) throws -> JSONValue {
        var replacements: [Int: JSONObject] = [:]
        var names: [Int: DatasetName] = [:]
        for reference in shape.references {
            guard let offset = reference.offset, let found = graph[name(of: reference)]?.dataset else { continue }
            names[offset + shift] = found.name
            if found.kind == .view {
                replacements[offset + shift] = try subquery(of: found, &inputs)
            } else if !inputs.contains(where: { $0.name == found.name }) {
                inputs.append(Input(name: found.name, schema: found.name.schema, table: found.name.table))
            }
        }
        let tables = Set(names.values.map { $0.table.lowercased() })
        return SyntaxTree.map(node) { object in
            var object = object
            if let parts = object["column_names"]?.array, parts.count == 3,
                tables.contains(parts[1].string?.lowercased() ?? "")
            {
                // `schema.view.column` no longer names the relation; `view.column` does.
                object["column_names"] = .array(Array(parts.dropFirst()))
            }
            guard object["type"]?.string == "BASE_TABLE", let offset = object["query_location"]?.integer,
                let name = names[offset]
            else { return object }
            let alias = object["alias"]?.string ?? ""
            guard var replacement = replacements[offset] else {
                object["alias"] = .string(alias.isEmpty ? object["table_name"]?.string ?? "" : alias)
                object["schema_name"] = .string(name.schema)
                object["table_name"] = .string(name.table)
                return object
            }
            replacement["alias"] = .string(alias.isEmpty ? object["table_name"]?.string ?? "" : alias)
            replacement["column_name_alias"] = object["column_name_alias"] ?? .array([])
            replacement["sample"] = object["sample"] ?? .null
            return replacement
        }
    }

    private func subquery(of view: Dataset, _ inputs: inout [Input]) throws -> JSONObject {
        guard let query = view.flows.first?.query.text.text, let node = graph[view.name] else { return [:] }
        let (prefix, suffix) = Self.frame(of: view)
        let tree = try SyntaxTree(of: prefix + query + suffix, connection)
        let inner = try inlined(tree.node, node.shape, shift: prefix.utf8.count, &inputs)
        return [
            "type": "SUBQUERY", "alias": "", "sample": .null, "column_name_alias": .array([]),
            "subquery": ["node": inner, "named_param_map": .array([])],
        ]
    }

    /// What stands before and behind a view's query so that it gives the columns that the view lists, and the rows that its
    /// rules let through.
    static func frame(of view: Dataset) -> (prefix: String, suffix: String) {
        let prefix = view.columnFrame?.prefix() ?? ""
        let suffix = view.columnFrame?.suffix ?? ""
        guard let keep = ExpectationCheck(view).keepCondition else { return (prefix, suffix) }
        return ("SELECT * FROM (" + prefix, suffix + "\n) WHERE \(keep)")
    }
}

extension DatasetGraph {
    /// What a dataset reads, and what the views among that read in turn: everything whose changes it takes.
    func resolvedInputs(of node: Node) -> [DatasetName] {
        var found: [DatasetName] = []
        var known: Set<DatasetName> = []
        var open = Array(node.inputs.reversed())
        while let name = open.popLast() {
            guard known.insert(name).inserted else { continue }
            found.append(name)
            if let input = self[name], input.dataset.kind == .view { open += input.inputs.reversed() }
        }
        return found
    }

    /// For each dataset those that take its changes, through views or not.
    func resolvedReaders() -> [DatasetName: [DatasetName]] {
        var readers: [DatasetName: [DatasetName]] = [:]
        for node in nodes {
            for input in resolvedInputs(of: node) { readers[input, default: []].append(node.dataset.name) }
        }
        return readers
    }
}
