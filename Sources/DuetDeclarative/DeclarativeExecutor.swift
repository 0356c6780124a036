internal import DuckKit
public import DuetEngine
internal import DuetEvents
public import DuetPipeline
internal import Synchronization

/// Runs a pipeline as datasets that are kept up to date; an update does only what changes ask for.
public struct DeclarativeExecutor: PipelineExecutor {
    /// Creates an executor.
    public init() {}

    /// Declarative.
    public var style: Style { .declarative }

    /// Updates the datasets, each after those it reads.
    ///
    /// A dataset that fails keeps its old rows; those that read it are skipped; all others go on.
    ///
    /// - Parameter request: What to update.
    /// - Returns: What happened.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the update could not begin.
    public func run(_ request: RunRequest) throws -> RunOutcome {
        try RunSession.run(request, style: style) { session, connection in
            let recorded = try WarehouseState.files(connection)
            let memory = UpdateMemory(
                state: try WarehouseState.refreshState(connection),
                files: recorded.files,
                rows: try WarehouseState.rowCounts(connection)
            )
            try createSchemas(of: request.pipeline, connection)
            let scope = try UpdateScope(request, graph: session.graph, run: session.log.runID)
            for name in scope.protected {
                session.log.record(
                    .notice,
                    level: .warning,
                    "\(name) is not made anew, since its pipelines.reset.allowed is false"
                )
            }
            try RemovedDatasets(session: session, connection: connection).settle(memory.state)
            let before = memory.state
            UpdateWalker(
                session: session,
                memory: memory,
                recorded: recorded.files + recorded.manifests,
                scope: scope
            ).walk()
            try ChangeLogPruner(graph: session.graph, connection: connection, before: before).prune(memory.state)
            try CostRecords(connection: connection).add(memory.costs)
            try memory.answers.keep(connection)
            try tellKept(session, connection)
            if session.hasWritten, session.errors.isEmpty {
                try session.sweepLanding(style: style, connection: connection)
            }
        }
    }

    /// Says what an update would do, going by what is recorded and by a look at local sources.
    ///
    /// - Parameters:
    ///   - request: What would be updated.
    ///   - datasets: The datasets to tell of; nil for all.
    ///   - tellsSQL: Whether forecasts have their statements.
    /// - Returns: The plan.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the definition is wrong or a source is missing.
    public func plan(
        _ request: RunRequest,
        of datasets: Set<DatasetName>? = nil,
        tellsSQL: Bool = false
    ) throws -> RefreshPlan {
        try UpdatePlanner(request: request, tellsSQL: tellsSQL, datasets: datasets).plan()
    }

    /// Tells what the refreshed datasets keep for later updates.
    private func tellKept(_ session: RunSession, _ connection: Connection) throws {
        let names = Set(
            session.log.events.filter { $0.kind == .stepCompleted && $0.stepKind == .dataset }.compactMap(\.step)
        )
        let refreshed = session.graph.nodes.map(\.dataset.name).filter { names.contains($0.description) }
        guard !refreshed.isEmpty else { return }
        let kept = try KeptState.measure(connection, of: Set(refreshed)).filter { $0.value.bytes > 0 }
        guard !kept.isEmpty else { return }
        var measures = StepMeasures()
        measures.kept = kept.mapValues(\.bytes)
        let logged = kept.values.reduce(0) { $0 + $1.logRows }
        let hidden = kept.values.reduce(0) { $0 + $1.hiddenRows }
        session.log.record(
            .notice,
            "kept for later updates: \(logged) changed rows that readers have still to take, \(hidden) rows of inner "
                + "query blocks",
            measures: measures
        )
    }

    private func createSchemas(of pipeline: Pipeline, _ connection: Connection) throws {
        let existing = Set(
            try connection.rows("SELECT lower(schema_name) FROM duckdb_schemas() WHERE NOT internal")
                .compactMap { $0.first?.string }
        )
        for schema in Set(pipeline.datasets.map(\.name.schema)).sorted() where !existing.contains(schema.lowercased()) {
            try connection.execute("CREATE SCHEMA IF NOT EXISTS \(SQL.identifier(schema))")
        }
    }
}

/// Walks sources and datasets in the order of their dependencies.
private final class UpdateWalker: Sendable {
    private let session: RunSession
    private let memory: UpdateMemory
    private let sources: [Source]
    private let nodes: [DatasetGraph.Node]
    private let readDatasets: Set<DatasetName>
    private let recorded: [LandedFile]
    private let rebuild: Set<DatasetName>
    private let threads = UpdateThreads()

    init(session: RunSession, memory: UpdateMemory, recorded: [LandedFile], scope: UpdateScope) {
        self.session = session
        self.memory = memory
        self.recorded = recorded
        let selection = scope.selection
        rebuild = scope.rebuild
        nodes = session.graph.nodes.filter { selection?.contains($0.dataset.name) ?? true }
        let used = Set(nodes.flatMap(\.sources))
        sources = session.request.pipeline.sources.filter { used.contains($0.name) }
        readDatasets = Set(session.graph.nodes.flatMap(\.inputs))
    }

    func walk() {
        let sourceNumbers = Dictionary(sources.enumerated().map { ($1.name, $0) }) { first, _ in first }
        let offset = sources.count
        let datasetNumbers = Dictionary(
            nodes.enumerated().map { ($1.dataset.name, $0 + offset) }
        ) { first, _ in first }
        let dependencies =
            sources.map { _ in [Int]() }
            + nodes.map { node in
                node.sources.compactMap { sourceNumbers[$0] } + node.inputs.compactMap { datasetNumbers[$0] }
            }
        DependencyWalk.run(
            dependencies: dependencies,
            workers: session.request.workers,
            run: { [self] in $0 < offset ? land(sources[$0]) : refresh(nodes[$0 - offset]) },
            skip: { [self] skipped, because in
                let name =
                    because < offset ? "source '\(sources[because].name)'" : "'\(nodes[because - offset].dataset.name)'"
                let dataset = nodes[skipped - offset].dataset.name.description
                session.log.record(
                    .stepSkipped,
                    level: .warning,
                    step: dataset,
                    stepKind: .dataset,
                    "\(dataset) is skipped, because \(name) failed; it keeps its rows"
                )
            }
        )
    }

    private func land(_ source: Source) -> DependencyWalk.Outcome {
        let isDone = session.attempt("source \(source.name)", kind: .transfer) { measures in
            let files = try session.land(
                source,
                style: .declarative,
                mode: .conditional,
                known: recorded.filter { $0.source == source.name },
                connection: session.warehouse.connect,
                measures: &measures
            )
            memory.landed(files, source: source.name)
            let known = Set(recorded.map(\.id))
            let bytes = files.reduce(0) { $0 + (known.contains($1.id) ? 0 : $1.size) }
            try threads.landed(bytes: bytes, session.warehouse.connect)
        }
        return isDone ? .done : .failed
    }

    private func refresh(_ node: DatasetGraph.Node) -> DependencyWalk.Outcome {
        let name = node.dataset.name
        let isRebuilt = rebuild.contains(name)
        let (decision, reason) = memory.state.decision(for: node, rebuild: isRebuilt)
        guard decision != .nothing else {
            var measures = StepMeasures()
            measures.strategy = .nothing
            measures.reason = reason
            measures.rowsTotal = memory.rows(of: name)
            measures.startedAt = session.log.elapsed
            session.log.record(
                .stepSkipped,
                step: name.description,
                stepKind: .dataset,
                "\(name): \(reason)",
                measures: measures
            )
            return .done
        }
        let update = session.request.update
        let isDone = session.attempt(
            name.description,
            kind: .dataset,
            retries: update.retries,
            secondsBetween: update.secondsBetweenTries
        ) { measures in
            let connection = try session.warehouse.connect()
            try threads.decide(nodes, memory, connection)
            try session.request.control.interruptible(connection) {
                try session.calling(connection, measures: &measures) { measures in
                    try DatasetUpdate(
                        session: session,
                        memory: memory,
                        node: node,
                        connection: connection,
                        hasReaders: readDatasets.contains(name) || node.dataset.keptChanges != nil,
                        isFullRefresh: isRebuilt
                    ).run(decision, reason: reason, measures: &measures)
                    if session.request.profiled.contains(name) {
                        measures.profile = try StatementProfile.ofSlowest(measures, connection)
                    }
                }
            }
        }
        if isDone { session.tellMessage(of: node.dataset, step: name.description) }
        return isDone ? .done : .failed
    }
}
