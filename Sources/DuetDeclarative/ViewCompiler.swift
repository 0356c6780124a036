internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// A materialized view's change rules, and where its inputs' changes are found.
struct MaintainedView {
    let program: ViewProgram
    /// The relation with the change of each input, by the input's name: a temporary one, or a query in parentheses.
    let deltas: [DatasetName: String]

    /// The kept tables' definitions: when they are other than those the state was made with, it must be made anew.
    var layout: String { program.nodes.flatMap(\.create).joined(separator: ";\n") }
}

/// Compiles the change rules of a dataset, for an update and for a plan alike.
struct ViewCompiler {
    let pipeline: Pipeline
    let graph: DatasetGraph
    let connection: Connection
    /// What is known already; nil for plans.
    var memory: UpdateMemory?
    /// The queries of those changes that are read where they are kept, by the inputs' names.
    var changes: [DatasetName: String] = [:]
    /// What the last updates left.
    let state: RefreshState
    /// Whether all rows of the inputs are read anew.
    let isAnew: Bool

    /// The change rules; nil for datasets that are no views over datasets alone.
    ///
    /// - Parameters:
    ///   - node: The dataset.
    ///   - query: Its query.
    /// - Returns: The rules.
    /// - Throws: ``DuetError`` when the query does not fit its inputs.
    func compile(_ node: DatasetGraph.Node, _ query: Query) throws -> MaintainedView? {
        let dataset = node.dataset
        guard dataset.kind == .materializedView || !dataset.unitedFlows.isEmpty, query.fileReads.isEmpty else {
            return nil
        }
        var deltas: [DatasetName: String] = [:]
        let program: ViewProgram
        do {
            let inlining = ViewInlining(pipeline: pipeline, graph: graph, connection: connection)
            let (sql, read) = try inlining.query(query.text.text, node.shape, start: query.start)
            let inputs = try read.compactMap { input -> InputRelation? in
                guard let source = graph[input.name]?.dataset else { return nil }
                let store = DatasetStore(dataset: source, connection: connection)
                let delta = changes[input.name] ?? "temp.main.\(SQL.identifier("delta:\(input.name.key)"))"
                deltas[input.name] = delta
                let columns =
                    try memory.map { try $0.columns(of: input.name, store.viewColumns) } ?? store.viewColumns()
                return InputRelation(
                    name: input.name.key,
                    schema: input.schema,
                    table: input.table,
                    columns: columns,
                    current: store.published,
                    delta: delta,
                    references: relied(source),
                    neverNull: neverNull(source, columns, readBy: dataset.name),
                    uniqueKeys: source.reliesOnPrimaryKey ? [source.primaryKey] : [],
                    isCollated: graph.collated.contains(input.name)
                )
            }
            program = try MaintenanceCompiler(frontEnd: frontEnd(dataset, inputs)).compile(
                view: dataset.name.description,
                query: sql,
                inputs: inputs,
                stateSchema: WarehouseState.data
            )
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(
                error,
                dataset: dataset.name,
                text: query.text,
                names: pipeline.datasets.map(\.name.description)
            )
        }
        return MaintainedView(program: program, deltas: deltas)
    }

    /// What answers the compiler's questions.
    private func frontEnd(_ dataset: Dataset, _ inputs: [InputRelation]) -> any QueryFrontEnd {
        let duckDB = DuckFrontEnd(connection: connection)
        // What a model's function gives follows from its prompt, too.
        guard let memory, dataset.inferenceColumns.isEmpty else { return duckDB }
        return RememberingFrontEnd(base: duckDB, answers: memory.answers, inputs: inputs)
    }

    /// The columns that have no NULL: the update that would have brought one failed, or the user vouches for it.
    private func neverNull(_ source: Dataset, _ columns: [ViewColumn], readBy reader: DatasetName) -> [String] {
        let seen = isAnew ? .max : state.datasets[reader]?.seen[source.name] ?? -1
        var names = source.reliesOnPrimaryKey ? source.primaryKey : []
        if let made = state.datasets[source.name] {
            names += made.required(of: source, since: seen)
        } else if source.kind != .view {
            // What is not made yet will be as it is declared.
            names += source.columns.filter(\.isRequired).map(\.name)
        }
        let known = Set(names.map { $0.lowercased() })
        return columns.map(\.name).filter { known.contains($0.lowercased()) }
    }

    /// The foreign keys that the user vouches for, and that rules may go by.
    private func relied(_ dataset: Dataset) -> [InputRelation.ForeignKey] {
        dataset.foreignKeys.filter(\.isRelied).compactMap { key in
            let target = key.target.isEmpty ? graph[key.dataset]?.dataset.primaryKey ?? [] : key.target
            guard !target.isEmpty, target.count == key.columns.count else { return nil }
            return InputRelation.ForeignKey(columns: key.columns, input: key.dataset.key, target: target)
        }
    }
}
