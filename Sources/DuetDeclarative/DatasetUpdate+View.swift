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

    /// Computes the view by its own query, leaving the tables beneath it that are kept for changes behind.
    func computeDirectly(
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

    /// The rows there are after rows came and went.
    func rowsNow(_ measures: StepMeasures) throws -> Int {
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
