internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetMaintenance
internal import DuetPipeline

extension DatasetUpdate {
    /// Compiles the view's change rules; nil for datasets that are no views over datasets alone.
    func maintained(_ query: Query) throws -> MaintainedView? {
        try ViewCompiler(
            pipeline: session.request.pipeline,
            graph: session.graph,
            connection: connection,
            memory: memory
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
            notes.cost = CostRecord(dataset: dataset.name, seconds: seconds, changes: nil)
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
        let change: ChangeProgram?
        switch choice.way {
        case .incremental:
            do {
                change = try follow(view, inputs, choice, query: query, measures: &measures)
            } catch let error as DuetError {
                throw RuleFailure(error: error)
            }
        case .direct: change = try computeDirectly(view, query: query, measures: &measures)
        case .replace: return try replace(view, query: query, version: version, measures: &measures)
        }
        notes.columns = isRedefined ? nil : view.program.result.visible
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let sizes = Dictionary(inputs.map { ($0.name.key, $0.rows) }) { first, _ in first }
        notes.cost = CostRecord(
            dataset: dataset.name,
            seconds: seconds,
            changes: choice.way == .incremental ? sizes : nil
        )
        let rows = try rowsNow(measures)
        let isUnchanged = measures.rowsInserted + measures.rowsDeleted == 0
        if !isUnchanged, change?.reportsWrites == true {
            noteChange(measures, state)
            return Result(rows: try publishedRows(rows), hasChanged: true, checked: .nothing)
        }
        guard let delta = change?.deltaTable, !isUnchanged else {
            let checked = choice.way == .direct ? Checked.all(store.rows) : .nothing
            return Result(rows: try publishedRows(rows), hasChanged: false, checked: checked)
        }
        if hasReaders { try log(delta, version: version, columns: view.program.result.visible.map(\.name)) }
        noteChange(measures, state)
        let checked = choice.way == .direct ? Checked.all(store.rows) : .change(delta)
        return Result(rows: try publishedRows(rows), hasChanged: true, checked: checked)
    }

    /// Turns the inputs' changes into the view's, block by block.
    private func follow(
        _ view: MaintainedView,
        _ inputs: [ChangedInput],
        _ choice: WayChoice,
        query: Query,
        measures: inout StepMeasures
    ) throws -> ChangeProgram? {
        measures.rowsRead = inputs.reduce(0) { $0 + $1.rows }
        var change: ChangeProgram?
        var strategies: [MaintenanceStrategy] = []
        var blocks: [RefreshForecast.Block] = []
        var changed = Dictionary(inputs.map { ($0.name.key, $0.kind) }) { first, _ in first }
        let readsChange = Self.readsChange(of: dataset, hasReaders: hasReaders)
        for node in view.program.nodes {
            let isResult = node.name == view.program.result.name
            let program = node.change(
                changedInputs: changed,
                needsDelta: view.program.needsDelta(of: node, hasReaders: readsChange),
                stateRows: choice.stateRows(of: node, view, rows: memory.rows(of: dataset.name))
            )
            for statement in program.statements { try run(statement, query.text, &measures) }
            var kind: ChangeKind?
            if let delta = program.deltaTable {
                if isResult {
                    // Nothing else in the view reads its own change.
                    try countRows(of: delta, measures: &measures)
                    kind = measures.changeKind
                } else {
                    kind = try self.kind(of: delta)
                    changed[node.name] = kind
                }
            }
            for statement in program.apply(kind) {
                if program.reportsWrites {
                    let written = try write(statement, query.text, &measures)
                    if written != (0, 0) { changed[node.name] = .mixed }
                    if isResult { (measures.rowsInserted, measures.rowsDeleted) = written }
                } else {
                    try run(statement, query.text, &measures)
                }
            }
            strategies.append(program.strategy)
            blocks.append(
                .init(
                    name: node.name,
                    rule: program.rule,
                    strategy: program.strategy.rawValue,
                    reason: program.reason
                )
            )
            if isResult { change = program }
        }
        measures.blocks = blocks
        measures.strategy = Self.strategy(strategies)
        measures.rule = change.map { "\($0.rule): \($0.reason)" }
        return change
    }

    /// Whether anybody reads the rows of a view's change, as its own rules do.
    static func readsChange(of dataset: Dataset, hasReaders: Bool) -> Bool {
        hasReaders || dataset.keptChanges != nil || !ExpectationCheck(dataset).isEmpty || !dataset.tableChecks.isEmpty
    }

    /// Runs a statement that gives what it did to each row it wrote.
    private func write(
        _ sql: String,
        _ text: MappedText,
        _ measures: inout StepMeasures
    ) throws -> (inserted: Int, deleted: Int) {
        var actions: [[Value]] = []
        do {
            try measures.time(sql) { actions = try connection.rows(sql) }
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: text, names: names)
        }
        let names = actions.compactMap { $0.first?.string }
        return (names.count { $0 != "DELETE" }, names.count { $0 != "INSERT" })
    }

    /// Computes the view by its own query, leaving the tables kept for changes behind.
    private func computeDirectly(
        _ view: MaintainedView,
        query: Query,
        measures: inout StepMeasures
    ) throws -> ChangeProgram? {
        let program = view.program.direct.fullChange(needsDelta: true)
        for statement in program.statements { try run(statement, query.text, &measures) }
        if let delta = program.deltaTable { try countRows(of: delta, measures: &measures) }
        for statement in program.apply(measures.changeKind) { try run(statement, query.text, &measures) }
        measures.strategy = .full
        measures.rule = "the query over everything, then the difference"
        try record(layout: "")
        try publishing(query, isSame: true)
        return program
    }

    // MARK: - What has changed

    private struct ChangedInput {
        var name: DatasetName
        var kind: ChangeKind
        var rows: Int
    }

    /// The most rows of a change that are read from the log where they are needed, without being set apart first.
    private static let fewRows = 1000

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
            let source = DatasetStore(dataset: input, connection: connection)
            let columns = try memory.columns(of: name) { try source.viewColumns() }
            let known = memory.change(of: name).flatMap { $0.since == before ? $0 : nil }
            let isLone = known.map { $0.rows <= Self.fewRows } ?? false
            let select = source.changeQuery(since: before, columns: columns.map(\.name), isLone: isLone)
            let sql = "CREATE OR REPLACE TEMP \(isLone ? "VIEW" : "TABLE") \(delta) AS \(select)"
            measures.statements.append(sql)
            try connection.execute(sql)
            if let known {
                changed.append(ChangedInput(name: name, kind: known.kind, rows: known.rows))
                continue
            }
            guard let (kind, rows) = try look(at: delta) else { continue }
            changed.append(ChangedInput(name: name, kind: kind, rows: rows))
        }
        return changed
    }

    /// The signs in a change; nil when it is empty.
    private func kind(of delta: String) throws -> ChangeKind? { try look(at: delta)?.kind }

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
            rows: { memory.rows(of: $0) },
            records: try memory.records(of: dataset.name, connection),
            connection
        )
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

    private static func strategy(_ strategies: [MaintenanceStrategy]) -> StepMeasures.Strategy {
        if strategies.contains(.full) { return .full }
        if strategies.allSatisfy({ $0 == .nothing }) { return .nothing }
        return strategies.allSatisfy { $0 == .append || $0 == .nothing } ? .append : .incremental
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

extension StepMeasures {
    /// The kind of the change whose rows were counted; nil when it is empty.
    fileprivate var changeKind: ChangeKind? {
        guard rowsInserted + rowsDeleted > 0 else { return nil }
        return ChangeKind(least: rowsDeleted > 0 ? -1 : 1, greatest: rowsInserted > 0 ? 1 : -1)
    }
}
