public import DuckKit
internal import DuetEngine
public import DuetPipeline

/// Where every column of a pipeline's datasets comes from.
public struct PipelineLineage: Sendable {
    /// A dataset's columns.
    public struct Node: Sendable {
        /// The dataset.
        public var name: DatasetName
        /// Its columns; nil when they could not be resolved.
        public var lineage: QueryLineage?
        /// Why not, in words that follow "because"; nil when they were.
        public var unknown: String?
        /// The names of what it reads, datasets and sources.
        public var inputs: [String]
        /// Its columns' names and types, as the warehouse has them.
        public var columns: [ColumnDescription]
    }

    /// The datasets, each after its inputs.
    public let nodes: [Node]

    /// The node of a dataset.
    public subscript(_ name: DatasetName) -> Node? { nodes.first { $0.name == name } }

    /// Resolves all columns against a warehouse in which the pipeline has run.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets in order.
    ///   - connection: A connection to the warehouse; it may be read-only.
    /// - Throws: ``DuckDBError`` when the warehouse cannot be read.
    public init(_ pipeline: Pipeline, graph: DatasetGraph, connection: Connection) throws {
        let catalogue = try RelationCatalogue(pipeline, graph: graph, connection: connection)
        nodes = try graph.nodes.map { node in
            let name = node.dataset.name
            let columns = catalogue.columns[name] ?? []
            var found = Node(
                name: name,
                lineage: nil,
                unknown: nil,
                inputs: node.inputs.map(\.description) + node.sources.map { "source \($0)" },
                columns: columns
            )
            guard let query = try DerivedQuery.query(of: node.dataset, connection) else { return found }
            do {
                found.lineage = try catalogue.resolver(for: node.dataset).lineage(
                    of: try QueryAnalysis.tree(of: query.text.text, connection),
                    names: columns.isEmpty ? nil : columns.map(\.name)
                )
            } catch let error as UnknownLineage {
                found.unknown = error.reason
            }
            return found
        }
    }

    /// A column seen through all datasets down to the sources' columns.
    ///
    /// - Parameters:
    ///   - column: The column's name, in any case.
    ///   - name: Its dataset.
    /// - Returns: What it depends on; nil when there is no such column, or one on the way is not resolved.
    public func sourceOrigins(of column: String, in name: DatasetName) -> ColumnOrigins? {
        guard let output = output(column, of: name) else { return nil }
        return output.origins.through { input in
            guard let inner = nodes.first(where: { $0.name.description == input.relation }) else { return nil }
            return sourceOrigins(of: input.column, in: inner.name)
        }
    }

    /// A column's own step.
    public func output(_ column: String, of name: DatasetName) -> QueryLineage.Output? {
        self[name]?.lineage?.outputs.first { $0.name.lowercased() == column.lowercased() }
    }
}

/// The relations that a pipeline's queries may name, with their columns as the warehouse has them.
struct RelationCatalogue {
    let pipeline: Pipeline
    /// The columns of the datasets that have been made.
    let columns: [DatasetName: [ColumnDescription]]
    /// The columns by which each `read_files` call reads, by dataset and relation.
    private let files: [String: [String]]
    let aggregates: Set<String>

    init(_ pipeline: Pipeline, graph: DatasetGraph, connection: Connection) throws {
        self.pipeline = pipeline
        aggregates = Set(
            try connection.rows(
                "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
            ).compactMap { $0.first?.string }
        )
        let known = Set(
            try connection.rows(
                "SELECT lower(schema_name || '.' || table_name) FROM duckdb_tables() UNION ALL "
                    + "SELECT lower(schema_name || '.' || view_name) FROM duckdb_views()"
            ).compactMap { $0.first?.string }
        )
        var columns: [DatasetName: [ColumnDescription]] = [:]
        for dataset in pipeline.datasets where known.contains(dataset.name.key) {
            columns[dataset.name] = try connection.describe(
                "SELECT * FROM \(SQL.qualified(dataset.name.schema, dataset.name.table))"
            ).filter { !HiddenColumn.matches($0.name) }
        }
        self.columns = columns
        var files: [String: [String]] = [:]
        for row in try connection.rows("SELECT dataset, layout FROM duet.layouts WHERE contains(dataset, ' reads ')") {
            guard let key = row[0].string, let layout = row[1].string else { continue }
            files[key.lowercased()] = try JSONValue(parsing: layout)["columns"]?.array?.compactMap {
                $0["name"]?.string
            }
        }
        self.files = files
    }

    /// What finds the columns of one dataset's query.
    func resolver(for dataset: Dataset) -> ColumnResolver {
        ColumnResolver(aggregates: aggregates, model: model) { schema, table in relation(schema, table, of: dataset) }
    }

    /// The model that a call asks: the one it names, or the one that pipeline.yml has for the function.
    private func model(_ node: JSONObject) -> String? {
        guard let call = InferenceCall(node: node) else { return nil }
        return call.model ?? pipeline.models.first { $0.functions.contains(call.function.rawValue) }?.name ?? "unknown"
    }

    /// The dataset that a name in a query means; nil for files.
    func dataset(_ schema: String, _ table: String) -> Dataset? {
        pipeline.dataset(named: DatasetName(schema: schema.isEmpty ? pipeline.defaultSchema : schema, table: table))
    }

    /// The call that a relation's name stands for.
    func read(_ table: String, of dataset: Dataset) -> FileRead? {
        dataset.flows.flatMap(\.query.fileReads).first { $0.relation == table }
    }

    private func relation(_ schema: String, _ table: String, of dataset: Dataset) -> ColumnResolver.Relation? {
        if schema.isEmpty, let read = read(table, of: dataset) {
            var names = files["\(dataset.name) reads \(read.relation)".lowercased()] ?? []
            guard !names.isEmpty else { return nil }
            if let column = rescueColumn(read) { names.append(column) }
            if read.usesMetadata { names.append("_metadata") }
            return ColumnResolver.Relation(name: "source \(read.source)", columns: names)
        }
        guard let found = self.dataset(schema, table), let columns = columns[found.name] else { return nil }
        return ColumnResolver.Relation(name: found.name.description, columns: columns.map(\.name))
    }

    private func rescueColumn(_ read: FileRead) -> String? {
        let options = (pipeline.source(named: read.source)?.options ?? []) + read.options
        if let option = options.last(where: { $0.name == "rescueddatacolumn" }) { return option.value }
        let mode = options.last { $0.name == "schemaevolutionmode" }?.value.lowercased()
        return mode == "rescue" ? "_rescued_data" : nil
    }
}
