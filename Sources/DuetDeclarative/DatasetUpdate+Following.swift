internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetMaintenance
internal import DuetPipeline

/// Following the inputs' changes with a view's rules.
extension DatasetUpdate {
    /// What following the inputs' changes came to.
    struct Followed {
        /// The view's own change, which readers and rules have still to get; nil when they have it, or there is none.
        var delta: String?
        /// Whether readers have it already.
        var isLogged = false
    }

    /// Turns the inputs' changes into the view's, block by block.
    func follow(
        _ view: MaintainedView,
        _ changes: InputChanges,
        _ choice: WayChoice,
        query: Query,
        version: Int,
        measures: inout StepMeasures
    ) throws -> Followed {
        var change: ChangeProgram?
        var followed = Followed()
        var strategies: [MaintenanceStrategy] = []
        var blocks: [RefreshForecast.Block] = []
        var changed = changes.kinds
        let readsChange = Self.readsChange(of: dataset, hasReaders: hasReaders)
        for node in view.program.nodes {
            let isResult = node.name == view.program.result.name
            let program = node.change(
                changedInputs: changed,
                needsDelta: view.program.needsDelta(of: node, hasReaders: readsChange),
                stateRows: choice.stateRows(of: node, view, rows: memory.rows(of: dataset.name)),
                deltas: changes.deltas
            )
            if isResult, let delta = program.deltaQuery {
                followed = try followLast(program, delta, view, query: query, version: version, measures: &measures)
            } else {
                let kind = try compute(program, isResult: isResult, query: query, measures: &measures)
                if program.deltaTable != nil, !isResult { changed[node.name] = kind }
                for statement in program.apply(kind) {
                    if program.reportsWrites {
                        let written = try write(statement, query.text, &measures)
                        if written != (0, 0) { changed[node.name] = .mixed }
                        if isResult { (measures.rowsInserted, measures.rowsDeleted) = written }
                    } else {
                        try run(statement, query.text, &measures)
                    }
                }
                if isResult { followed = Followed(delta: program.deltaTable, isLogged: program.reportsWrites) }
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
        return followed
    }

    /// Computes a block's change, and says what kind it is.
    private func compute(
        _ program: ChangeProgram,
        isResult: Bool,
        query: Query,
        measures: inout StepMeasures
    ) throws -> ChangeKind? {
        for statement in program.statements { try run(statement, query.text, &measures) }
        guard let delta = program.deltaTable else { return nil }
        guard isResult else { return try kind(of: delta) }
        // Nothing else in the view reads its own change.
        try countRows(of: delta, measures: &measures)
        return measures.changeKind
    }

    /// Computes the view's own change and takes it into its rows.
    ///
    /// Where only readers want it, it goes straight to the log they read, and into the rows from there.
    private func followLast(
        _ program: ChangeProgram,
        _ delta: String,
        _ view: MaintainedView,
        query: Query,
        version: Int,
        measures: inout StepMeasures
    ) throws -> Followed {
        let columns = view.program.result.visible.map(\.name)
        let isLogged = canLogAtOnce
        var followed = Followed(delta: program.deltaTable, isLogged: isLogged)
        let change: ChangeRows
        let entries: Int
        for statement in program.statements.dropLast() { try run(statement, query.text, &measures) }
        if isLogged {
            let exists = try memory.hasLog(dataset.name, connection)
            let sql = store.logStatement("(\(delta))", version: version, columns: columns, exists: exists)
            entries = try count(sql, query.text, &measures)
            notes.hasLog = true
            change = store.logged(version: version)
            followed.delta = nil
        } else {
            entries = try count(program.statements.last ?? "", query.text, &measures)
            change = ChangeRows(table: program.deltaTable ?? "")
        }
        (measures.rowsInserted, measures.rowsDeleted) =
            try apply(change, entries: entries, columns: columns, query.text, &measures)
        return followed
    }

    /// Whether readers alone want the view's change, as it is.
    private var canLogAtOnce: Bool {
        hasReaders && !isRedefined && ExpectationCheck(dataset).isEmpty && dataset.tableChecks.isEmpty
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
        let actions = try ask(sql, text, &measures).compactMap { $0.first?.string }
        return (actions.count { $0 != "DELETE" }, actions.count { $0 != "INSERT" })
    }

    /// Runs a statement and gives its rows.
    func ask(_ sql: String, _ text: MappedText, _ measures: inout StepMeasures) throws -> [[Value]] {
        var rows: [[Value]] = []
        do {
            try measures.time(sql) { rows = try connection.rows(sql) }
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: text, names: names)
        }
        return rows
    }

    private static func strategy(_ strategies: [MaintenanceStrategy]) -> StepMeasures.Strategy {
        if strategies.contains(.full) { return .full }
        if strategies.allSatisfy({ $0 == .nothing }) { return .nothing }
        return strategies.allSatisfy { $0 == .append || $0 == .nothing } ? .append : .incremental
    }
}

extension StepMeasures {
    /// The kind of the change whose rows were counted; nil when it is empty.
    var changeKind: ChangeKind? {
        // How many rows there are says nothing of how often each is there.
        switch (rowsInserted > 0, rowsDeleted > 0) {
        case (false, false): nil
        case (true, false): .insertsOnly
        case (false, true): .deletesOnly
        case (true, true): .mixed
        }
    }
}
