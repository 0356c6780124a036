internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetMaintenance
internal import DuetPipeline

extension DatasetUpdate {
    /// Compiles the view's change rules; nil for datasets that are no views over datasets alone.
    ///
    /// - Parameters:
    ///   - query: The view's query.
    ///   - isAnew: Whether it is computed from all rows of its inputs.
    /// - Returns: The rules.
    /// - Throws: ``DuetError`` when the query does not fit its inputs.
    func maintained(_ query: Query, isAnew: Bool) throws -> MaintainedView? {
        try ViewCompiler(
            pipeline: session.request.pipeline,
            graph: session.graph,
            connection: connection,
            memory: memory,
            changes: fewChanges(),
            state: memory.state,
            isAnew: isAnew
        )
        .compile(node, query)
    }

    /// Makes a view and the tables kept for it from the whole of its inputs.
    func build(_ view: MaintainedView, query: Query, measures: inout StepMeasures) throws -> Result {
        measures.strategy = .full
        measures.rule = "the query over everything"
        let start = ContinuousClock.now
        for statement in view.program.nodes.flatMap(\.create) { try run(statement, query.text, &measures) }
        if view.program.nodes.count == 1 {
            // With more tables this is more than the query alone takes, and would make it look dear.
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            notes.costs = [CostRecord(dataset: dataset.name, seconds: seconds, changes: nil)]
        }
        try forgetChanges()
        try record(layout: view.layout)
        let rows = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        measures.rowsInserted = rows
        try publishing(query)
        return Result(rows: try publishedRows(rows), isRebuilt: true, checked: .all(store.rows))
    }

    /// Makes a view anew whose columns stay: its readers get the difference and need not be made anew themselves.
    func replace(
        _ view: MaintainedView,
        query: Query,
        version: Int,
        measures: inout StepMeasures
    ) throws -> Result {
        let columns = try store.visibleColumns(of: store.rows)
        let list = DatasetStore.list(columns)
        let old = "temp.main.\(SQL.identifier("old:\(dataset.name)"))"
        let change = "temp.main.\(SQL.identifier("change:\(dataset.name)"))"
        let before = isRedefined ? store.published : store.rows
        try run("CREATE OR REPLACE TEMP TABLE \(old) AS SELECT \(list) FROM \(before)", query.text, &measures)
        // Readers may still have earlier changes to take; those stay valid, so the log is not forgotten here.
        for statement in view.program.nodes.flatMap(\.create) { try run(statement, query.text, &measures) }
        try record(layout: view.layout)
        measures.strategy = .full
        measures.rule = "the query over everything, then the difference"
        try makeDifference(
            change,
            new: try shown(store.rows),
            old: old,
            columns: columns,
            query: query,
            measures: &measures
        )
        let hasChanged = measures.rowsInserted + measures.rowsDeleted > 0
        if hasChanged, hasReaders {
            try log(change, version: version, columns: columns.map(\.name), isFiltered: isRedefined)
        }
        try publishing(query)
        let rows = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        return Result(rows: try publishedRows(rows), hasChanged: hasChanged, checked: .all(store.rows))
    }

    /// Takes the changes of a view's inputs over.
    func takeChanges(
        _ view: MaintainedView,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result {
        let inputs = try changedInputs(view, state: state, measures: &measures)
        let choice = try choose(view, inputs: inputs)
        measures.reason = [measures.reason, choice.reason].compactMap { $0 }.joined(separator: "; ")
        measures.flipsAt = choice.cost?.flipsAt
        if choice.way != .incremental { measures.whyNotCheaper = choice.reason }
        let start = ContinuousClock.now
        let followed: Followed
        switch choice.way {
        case .incremental:
            do {
                followed = try follow(view, inputs, choice, query: query, version: version, measures: &measures)
            } catch let error as DuetError {
                throw RuleFailure(error: error)
            }
        case .direct: followed = Followed(delta: try computeDirectly(view, query: query, measures: &measures))
        case .replace: return try replace(view, query: query, version: version, measures: &measures)
        }
        notes.columns = isRedefined ? nil : view.program.result.visible
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let sizes = Dictionary(inputs.map { ($0.name.key, $0.rows) }) { first, _ in first }
        notes.costs = CostRecord.ofUpdate(
            dataset.name,
            seconds: seconds,
            changes: sizes,
            kinds: Self.kinds(inputs),
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

    /// Computes the view by its own query, leaving the tables beneath it that are kept for changes behind.
    private func computeDirectly(
        _ view: MaintainedView,
        query: Query,
        measures: inout StepMeasures
    ) throws -> String? {
        let program = view.program.direct.fullChange(needsDelta: true)
        for statement in program.statements { try run(statement, query.text, &measures) }
        if let delta = program.deltaTable { try countRows(of: delta, measures: &measures) }
        for statement in program.apply(measures.changeKind) { try run(statement, query.text, &measures) }
        measures.strategy = .full
        measures.rule = "the query over everything, then the difference"
        // Where the view's own rows are all that rules go by, these are right whichever way they were made.
        if view.program.nodes.count > 1 || !view.program.result.hidden.isEmpty { try record(layout: "") }
        try publishing(query, isSame: true)
        return program.deltaTable
    }

    // MARK: - What has changed

    struct ChangedInput {
        var name: DatasetName
        var kind: ChangeKind
        var rows: Int
    }

    /// The most rows of a change that are read from the log where they are needed, without being set apart first.
    private static let fewRows = 1000

    /// What this run has changed in an input, if its one update since then is all that this dataset has not seen.
    private func lastChange(of name: DatasetName) -> UpdateNotes.Change? {
        let seen = memory.seen(name, by: dataset.name)
        return memory.change(of: name).flatMap { $0.since == seen ? $0 : nil }
    }

    /// The inputs' changes that are read from the log where they are needed, as queries in parentheses.
    private func fewChanges() throws -> [DatasetName: String] {
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
    ) throws -> [ChangedInput] {
        let seen = state.datasets[dataset.name]?.seen ?? [:]
        var changed: [ChangedInput] = []
        for (name, delta) in view.deltas.sorted(by: { $0.key < $1.key }) {
            let before = seen[name] ?? 0
            guard let version = state.datasets[name]?.version, version > before else { continue }
            guard let input = session.graph[name]?.dataset else { continue }
            let last = lastChange(of: name)
            if let last, last.rows <= Self.fewRows {
                changed.append(ChangedInput(name: name, kind: last.kind, rows: last.rows))
                continue
            }
            let source = DatasetStore(dataset: input, connection: connection)
            let columns = try memory.columns(of: name) { try source.viewColumns() }
            let select = source.changeQuery(since: before, columns: columns.map(\.name), isLone: false)
            let sql = "CREATE OR REPLACE TEMP TABLE \(delta) AS \(select)"
            measures.statements.append(sql)
            try connection.execute(sql)
            if let last {
                changed.append(ChangedInput(name: name, kind: last.kind, rows: last.rows))
                continue
            }
            guard let (kind, rows) = try look(at: delta) else { continue }
            changed.append(ChangedInput(name: name, kind: kind, rows: rows))
        }
        return changed
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
    private func choose(_ view: MaintainedView, inputs: [ChangedInput]) throws -> WayChoice {
        if let failedRules { return WayChoice(.direct, failedRules) }
        return try WayChoice(
            dataset,
            view,
            unknown: node.inputs.first { view.deltas[$0] == nil && session.graph[$0]?.dataset.kind != .view },
            changes: Dictionary(inputs.map { ($0.name.key, $0.rows) }) { first, _ in first },
            kinds: Self.kinds(inputs),
            rows: { memory.rows(of: $0) },
            records: try memory.records(of: dataset.name, connection),
            connection
        )
    }

    private static func kinds(_ inputs: [ChangedInput]) -> [String: ChangeKind] {
        Dictionary(inputs.map { ($0.name.key, $0.kind) }) { first, _ in first }
    }

    /// The rows there are after rows came and went.
    private func rowsNow(_ measures: StepMeasures) throws -> Int {
        if ExpectationCheck(dataset).keepCondition == nil, !isRedefined, let before = memory.rows(of: dataset.name) {
            return before + measures.rowsInserted - measures.rowsDeleted
        }
        return try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
    }

    /// Spares readers a look at the change; where rows are kept out, the log has fewer than were counted.
    func noteChange(_ measures: StepMeasures, _ state: RefreshState) {
        guard ExpectationCheck(dataset).keepCondition == nil, let before = state.datasets[dataset.name],
            let kind = measures.changeKind
        else { return }
        notes.change = UpdateNotes.Change(
            since: before.version,
            kind: kind,
            rows: measures.rowsInserted + measures.rowsDeleted
        )
    }

    // MARK: - Layout

    private func record(layout: String) throws {
        guard try memory.records(of: dataset.name, connection).layout != layout else { return }
        notes.layout = layout
        let name = Value.varchar(dataset.name.description)
        try connection.execute("DELETE FROM duet.layouts WHERE dataset = ?", [name])
        try connection.execute("INSERT INTO duet.layouts VALUES (?, ?)", [name, .varchar(layout)])
    }
}
