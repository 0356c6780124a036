internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetInference
internal import DuetPipeline

/// Brings one dataset up to date, in one transaction with everything that describes it.
struct DatasetUpdate {
    let session: RunSession
    let memory: UpdateMemory
    let node: DatasetGraph.Node
    let connection: Connection
    /// Whether its changes must be kept: a dataset reads this one, or users want to look back.
    let hasReaders: Bool
    /// Whether it is made anew because that was asked for.
    var isFullRefresh = false
    /// Why change rules are not to be used: they have just failed.
    var failedRules: String?
    /// What others need not ask the warehouse for.
    private(set) var notes = UpdateNotes()

    var dataset: Dataset { node.dataset }
    var store: DatasetStore { DatasetStore(dataset: dataset, connection: connection) }

    /// What an update came to.
    struct Result {
        /// Rows the dataset shows to others.
        var rows = 0
        /// Whether its rows or columns are other than before.
        var hasChanged = true
        /// Whether readers must read it anew instead of taking its changes.
        var isRebuilt = false
        /// What is to be held to the rules.
        var checked = Checked.nothing
    }

    /// The rows that an update is to hold to the dataset's rules.
    enum Checked {
        /// None came and none went.
        case nothing
        /// All rows of a relation, which are all there are.
        case all(String)
        /// Those of a change, with weights in `__w`.
        case change(String)
    }

    /// Does what was decided.
    ///
    /// Change rules are SQL of duet's own making over tables of its own; where they fail, the user's query has the word.
    func run(_ decision: RefreshPlan.Decision, reason: String, measures: inout StepMeasures) throws {
        do {
            try runRules(decision, reason: reason, measures: &measures)
        } catch {
            let files = Dictionary(uniqueKeysWithValues: node.sources.map { ($0, memory.files(of: $0)) })
            throw ColumnCheck(dataset, connection)
                .explained(error, pipeline: session.request.pipeline, files: files)
        }
    }

    private func runRules(_ decision: RefreshPlan.Decision, reason: String, measures: inout StepMeasures) throws {
        let before = measures
        do {
            try attempt(decision, reason: reason, measures: &measures)
        } catch let failure as RuleFailure where !session.request.control.isCancelled {
            var direct = self
            direct.notes = UpdateNotes()
            direct.failedRules = "its change rules failed (\(failure.error.message))"
            measures = before
            try direct.attempt(decision, reason: reason, measures: &measures)
            session.log.record(
                .notice,
                level: .warning,
                step: dataset.name.description,
                stepKind: .dataset,
                "\(dataset.name) was computed in full, because its change rules failed",
                error: "\(failure.error)"
            )
        } catch let failure as RuleFailure {
            throw failure.error
        }
    }

    /// Change rules that failed; nothing they did is kept.
    struct RuleFailure: Error {
        let error: DuetError
    }

    private func attempt(_ decision: RefreshPlan.Decision, reason: String, measures: inout StepMeasures) throws {
        let state = memory.state
        let files = node.sources.flatMap { memory.files(of: $0) }
        measures.reason = reason
        measures.definition = dataset.definitionVersion
        let (after, rows) = try connection.transaction {
            let version = try memory.nextVersion(connection)
            guard let query = try DerivedQuery.query(of: dataset, connection) else {
                throw DuetError(.internalFault, "nothing feeds '\(dataset.name)'", at: dataset.location)
            }
            let result = try refresh(decision, query: query, version: version, state: state, measures: &measures)
            if dataset.kind != .view {
                let meter = session.inference.meter(of: try connection.identifier)
                try InferenceCheck.check(meter, dataset, relation: store.rows, connection) {
                    memory.state.datasets[dataset.name] == nil ? nil : try session.warehouse.connect()
                }
            }
            try holdToRules(result, version: version, measures: &measures)
            let before = state.datasets[dataset.name]
            var after = RefreshState.DatasetState(
                definition: dataset.definition,
                version: result.hasChanged ? version : before?.version ?? version,
                base: result.isRebuilt ? version : before?.base ?? version,
                seen: Dictionary(
                    uniqueKeysWithValues: session.graph.resolvedInputs(of: node).map {
                        ($0, state.datasets[$0]?.version ?? 0)
                    }
                ),
                files: Set(files.map(\.id))
            )
            after.required = required(after, result, before: before, measures)
            try WarehouseState.record(
                connection,
                dataset: dataset,
                state: after,
                files: files,
                rows: result.rows,
                run: session.log.runID,
                before: before
            )
            return (after, result.rows)
        }
        tellKeptRows(state)
        measures.rowsTotal = rows
        measures.version = after.version
        memory.refreshed(dataset.name, after, rows: rows, notes: notes)
    }

    /// Says which rows a changed definition has not been applied to.
    private func tellKeptRows(_ before: RefreshState) {
        guard dataset.keepsOldRows, let known = before.datasets[dataset.name], known.definition != dataset.definition
        else { return }
        let rows = memory.rows(of: dataset.name).map { "\($0) row\($0 == 1 ? "" : "s")" } ?? "rows"
        session.log.record(
            .notice,
            level: .warning,
            step: dataset.name.description,
            stepKind: .dataset,
            "\(dataset.name) has another definition now; its \(rows) made before stay as they are, and only new ones go "
                + "through it, since its pipelines.reset.allowed is false"
        )
    }
}
