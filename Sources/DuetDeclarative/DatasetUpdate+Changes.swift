internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetMaintenance
internal import DuetPipeline

/// Taking the changes of a view's inputs over.
extension DatasetUpdate {
    /// Takes the changes of a view's inputs over.
    func takeChanges(
        _ view: MaintainedView,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result {
        let all = try changedInputs(view, state: state, measures: &measures)
        let early = try withoutLook(view, all)
        let changes = early == nil ? try sifted(all, view, query: query, measures: &measures) : all
        if changes.kinds.isEmpty, !changes.passedOver.isEmpty {
            measures.strategy = .nothing
            measures.rowsRead = all.rows.values.reduce(0, +)
            measures.rule = "changes of what it reads: there are none"
            tell(changes, &measures)
            return Result(rows: try publishedRows(try rowsNow(measures)), hasChanged: false)
        }
        let choice = try early ?? choose(view, changes)
        measures.reason = [measures.reason, choice.reason].compactMap { $0 }.joined(separator: "; ")
        tell(changes, &measures)
        measures.flipsAt = choice.cost?.flipsAt
        if choice.way != .incremental { measures.whyNotCheaper = choice.reason }
        let start = ContinuousClock.now
        let followed: Followed
        switch choice.way {
        case .incremental:
            measures.rowsRead = all.rows.values.reduce(0, +)
            do {
                followed = try follow(view, changes, choice, query: query, version: version, measures: &measures)
            } catch let error as DuetError {
                throw RuleFailure(error: error)
            }
        case .direct: followed = Followed(delta: try computeDirectly(view, query: query, measures: &measures))
        case .replace: return try replace(view, query: query, version: version, measures: &measures)
        }
        notes.columns = isRedefined ? nil : view.program.result.visible
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        notes.costs = CostRecord.ofUpdate(
            dataset.name,
            seconds: seconds,
            changes: changes.rows,
            kinds: changes.kinds,
            isIncremental: choice.way == .incremental,
            before: try memory.records(of: dataset.name, connection)
        )
        var result = Result(rows: try publishedRows(try rowsNow(measures)))
        result.hasChanged = measures.rowsInserted + measures.rowsDeleted > 0
        if result.hasChanged {
            if let delta = followed.delta {
                if hasReaders { try log(delta, version: version, columns: view.program.result.visible.map(\.name)) }
                result.checked = .change(delta)
            }
            noteChange(measures, state)
        }
        if choice.way == .direct { result.checked = .all(store.rows) }
        return result
    }

    // MARK: - What has changed

    /// The most rows of a change that are read from the log where they are needed, without being set apart first.
    private static let fewRows = 1000

    /// What this run has changed in an input, if its one update since then is all that this dataset has not seen.
    private func lastChange(of name: DatasetName) -> UpdateNotes.Change? {
        let seen = memory.seen(name, by: dataset.name)
        return memory.change(of: name).flatMap { $0.since == seen ? $0 : nil }
    }

    /// The inputs' changes that are read from the log where they are needed, as queries in parentheses.
    func fewChanges() throws -> [DatasetName: String] {
        var changes: [DatasetName: String] = [:]
        for name in session.graph.resolvedInputs(of: node) {
            guard let input = session.graph[name]?.dataset, input.kind != .view, let last = lastChange(of: name),
                last.rows <= Self.fewRows
            else { continue }
            let source = DatasetStore(dataset: input, connection: connection)
            let columns = try memory.columns(of: name) { try source.viewColumns() }
            let query = source.changeQuery(since: last.since, columns: columns.map(\.name), isLone: true)
            changes[name] = "(\(query))"
        }
        return changes
    }

    private func changedInputs(
        _ view: MaintainedView,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> InputChanges {
        let seen = state.datasets[dataset.name]?.seen ?? [:]
        var kinds: [String: ChangeKind] = [:]
        var rows: [String: Int] = [:]
        var identities: [String: String] = [:]
        for (name, delta) in view.deltas.sorted(by: { $0.key < $1.key }) {
            let before = seen[name] ?? 0
            guard let version = state.datasets[name]?.version, version > before else { continue }
            guard let input = session.graph[name]?.dataset else { continue }
            identities[name.key] = "\(name.key) from \(before) to \(version)"
            let last = lastChange(of: name)
            if let last { (kinds[name.key], rows[name.key]) = (last.kind, last.rows) }
            if let last, last.rows <= Self.fewRows { continue }
            let source = DatasetStore(dataset: input, connection: connection)
            let columns = try memory.columns(of: name) { try source.viewColumns() }
            let select = source.changeQuery(since: before, columns: columns.map(\.name), isLone: false)
            let sql = "CREATE OR REPLACE TEMP TABLE \(delta) AS \(select)"
            measures.statements.append(sql)
            try connection.execute(sql)
            if last == nil, let found = try look(at: delta) {
                (kinds[name.key], rows[name.key]) = (found.kind, found.rows)
            }
        }
        return InputChanges(kinds: kinds, rows: rows, identities: identities)
    }

    /// The signs in a change; nil when it is empty.
    func kind(of delta: String) throws -> ChangeKind? { try look(at: delta)?.kind }

    /// The signs in a change and its entries; nil when it is empty.
    private func look(at delta: String) throws -> (kind: ChangeKind, rows: Int)? {
        let row =
            try connection.rows("SELECT count(*), min(__w)::BIGINT, max(__w)::BIGINT FROM \(delta)").first ?? []
        guard row.count == 3, let least = row[1].int, let greatest = row[2].int else { return nil }
        return (ChangeKind(least: least, greatest: greatest), row[0].int ?? 0)
    }

    /// Chooses by the dataset's refresh policy, then by cost.
    private func choose(_ view: MaintainedView, _ changes: InputChanges) throws -> WayChoice {
        if let failedRules { return WayChoice(.direct, failedRules) }
        return try WayChoice(
            dataset,
            view,
            unknown: unknownInput(view),
            changes: changes.rows,
            kinds: changes.kinds,
            rows: { memory.rows(of: $0) },
            records: try memory.records(of: dataset.name, connection),
            connection
        )
    }

    /// The way for changes that are not worth a look; nil when one is to be taken.
    private func withoutLook(_ view: MaintainedView, _ all: InputChanges) throws -> WayChoice? {
        guard failedRules == nil, unknownInput(view) == nil else { return nil }
        return try WayChoice.withoutLook(
            dataset,
            view,
            changes: all.rows,
            kinds: all.kinds,
            rows: { memory.rows(of: $0) },
            records: try memory.records(of: dataset.name, connection),
            connection
        )
    }

    /// An input whose changes are not kept; nil when all are.
    private func unknownInput(_ view: MaintainedView) -> DatasetName? {
        node.inputs.first { view.deltas[$0] == nil && session.graph[$0]?.dataset.kind != .view }
    }

    /// Leaves out what does not concern the view.
    private func sifted(
        _ all: InputChanges,
        _ view: MaintainedView,
        query: Query,
        measures: inout StepMeasures
    ) throws -> InputChanges {
        // An input whose changes are not kept, or a policy that wants everything computed, leaves nothing to spare.
        guard failedRules == nil, dataset.refreshPolicy != .full, unknownInput(view) == nil else { return all }
        var changes = all
        changes.known = memory.looks
        var noted = measures
        do {
            try changes.sift(
                for: view.program,
                ask: { sql in try ask(sql, query.text, &noted).first?.map(\.int) ?? [] },
                run: { sql in try run(sql, query.text, &noted) }
            )
        } catch let error as DuetError {
            throw RuleFailure(error: error)
        }
        measures = noted
        memory.add(changes.known)
        return changes
    }

    /// Says which inputs have changed in nothing that is read here.
    private func tell(_ changes: InputChanges, _ measures: inout StepMeasures) {
        let names = changes.passedOver.map { key in
            session.graph.resolvedInputs(of: node).first { $0.key == key }?.description ?? key
        }
        guard let text = WayChoice.passingOver(names) else { return }
        measures.reason = [measures.reason, text].compactMap { $0 }.joined(separator: "; ")
    }
}
