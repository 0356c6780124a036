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
            let after = RefreshState.DatasetState(
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

    private func refresh(
        _ decision: RefreshPlan.Decision,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result {
        if dataset.kind == .view { return try publishView(query, decision, &measures) }
        let view = try maintained(query)
        if decision == .takeChanges {
            if dataset.keepsOldRows, dataset.definition != state.datasets[dataset.name]?.definition,
                try !hasSameColumns(query)
            {
                throw cannotKeepRows("it has other columns or types now")
            }
            if let view {
                return try takeChanges(view, query: query, version: version, state: state, measures: &measures)
            }
            if let capture = try captureQuery() {
                return try takeEvents(capture, query: query, version: version, state: state, measures: &measures)
            }
            if dataset.kind == .streamingTable,
                let result = try takeStream(query, version: version, state: state, measures: &measures)
            {
                return result
            }
            if dataset.keepsOldRows, dataset.definition != state.datasets[dataset.name]?.definition {
                throw cannotKeepRows("its query has to be computed anew")
            }
            // Files may bring other columns or types with them; then the change has no common form with the rows.
            guard try hasSameColumns(query) else { return try build(query, measures: &measures) }
            return try recompute(query, version: version, measures: &measures)
        }
        if let capture = try captureQuery() { try capture.check(connection) }
        if view != nil { try ColumnCheck(dataset, connection).check(query) }
        let isReplaced = try decision == .rebuild && hasSameColumns(query)
        if let view {
            guard isReplaced else { return try build(view, query: query, measures: &measures) }
            return try replace(view, query: query, version: version, measures: &measures)
        }
        if isReplaced { return try recompute(query, version: version, measures: &measures) }
        return try build(query, measures: &measures)
    }

    private func publishView(
        _ query: Query,
        _ decision: RefreshPlan.Decision,
        _ measures: inout StepMeasures
    ) throws -> Result {
        if decision != .takeChanges {
            try ColumnCheck(dataset, connection).check(query)
            let keep = ExpectationCheck(dataset).keepCondition
            let select = keep.map { "SELECT * FROM (\(query.text.text)\n) WHERE \($0)" } ?? query.text.text
            try run("CREATE OR REPLACE VIEW \(store.published) AS \(select)", query.text, &measures)
            try DatasetComments.write(dataset, isView: true, connection)
        }
        measures.strategy = .nothing
        return Result(
            rows: 0,
            hasChanged: true,
            isRebuilt: decision != .takeChanges,
            checked: .all("(\(query.text.text)\n)")
        )
    }

    // MARK: - In full

    /// Makes the rows from the whole of the inputs.
    ///
    /// - Parameters:
    ///   - query: The query.
    ///   - findsTypes: Whether files' columns are to be found out anew.
    ///   - measures: Filled with what it took.
    /// - Returns: What it came to.
    /// - Throws: ``DuetError`` when the query fails.
    func build(
        _ query: Query,
        findsTypes: Bool = false,
        measures: inout StepMeasures
    ) throws -> Result {
        measures.strategy = .full
        measures.rule = "the query over everything"
        let select = try fullQuery(query, findsTypes: findsTypes, measures: &measures)
        try run("CREATE OR REPLACE TABLE \(store.rows) AS \(select)", query.text, &measures)
        try forgetChanges()
        let rows = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        measures.rowsInserted = rows
        try publishing(query)
        return Result(rows: try publishedRows(rows), isRebuilt: true, checked: .all(store.rows))
    }

    /// The query over all of its inputs; over files it notes which row is of which file, where that is possible.
    private func fullQuery(
        _ query: Query,
        findsTypes: Bool = false,
        measures: inout StepMeasures
    ) throws -> String {
        let files = Dictionary(uniqueKeysWithValues: node.sources.map { ($0, memory.files(of: $0)) })
        try FileViews(connection, pipeline: session.request.pipeline)
            .create(
                for: dataset,
                files: files,
                numbering: isFileStream ? .files : .none,
                forgetting: findsTypes || isFullRefresh,
                measures: &measures
            )
        try ColumnCheck(dataset, connection).check(query)
        guard isFileStream, let read = query.fileReads.first, let rowwise = try rowwise(query) else {
            return query.text.text
        }
        return try rowwise.sql(over: read.relation, carrying: [FileViews.fileColumn], connection)
    }

    /// Makes the rows anew and takes the difference, so that readers get only what has really changed.
    func recompute(_ query: Query, version: Int, measures: inout StepMeasures) throws -> Result {
        measures.strategy = .full
        measures.rule = measures.rule ?? "the query over everything, then the difference"
        let select = try fullQuery(query, measures: &measures)
        let new = "temp.main.\(SQL.identifier("new:\(dataset.name)"))"
        let change = "temp.main.\(SQL.identifier("change:\(dataset.name)"))"
        try run("CREATE OR REPLACE TEMP TABLE \(new) AS \(select)", query.text, &measures)
        let columns = try store.visibleColumns(of: store.rows)
        try makeDifference(
            change,
            new: try shown(new),
            old: isRedefined ? store.published : store.rows,
            columns: columns,
            query: query,
            measures: &measures
        )
        let hasChanged = measures.rowsInserted + measures.rowsDeleted > 0
        // Hidden columns may differ where the visible ones do not (a file delivered again), so the rows are replaced.
        try run("CREATE OR REPLACE TABLE \(store.rows) AS SELECT * FROM \(new)", query.text, &measures)
        if hasChanged, hasReaders {
            try log(change, version: version, columns: columns.map(\.name), isFiltered: isRedefined)
        }
        try publishing(query)
        let rows = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        return Result(rows: try publishedRows(rows), hasChanged: hasChanged, checked: .all(store.rows))
    }

    /// Whether the dataset was made from another definition.
    ///
    /// Which rows are kept out may be another matter then, so the difference is that of the rows that readers saw and see.
    var isRedefined: Bool { memory.state.datasets[dataset.name].map { $0.definition != dataset.definition } ?? false }

    /// A relation of new rows, without those that readers will not see where that may have changed; as SQL after FROM.
    ///
    /// - Throws: ``DuetError`` at the rule that does not fit the relation's columns.
    func shown(_ relation: String) throws -> String {
        guard isRedefined, let keep = ExpectationCheck(dataset).keepCondition else { return relation }
        try ExpectationCheck(dataset).bind(connection, relation: relation)
        return "(SELECT * FROM \(relation) WHERE \(keep))"
    }

    /// Makes a temporary table of what one relation has and another lacks, and counts it.
    func makeDifference(
        _ change: String,
        new: String,
        old: String,
        columns: [ColumnDescription],
        query: Query,
        measures: inout StepMeasures
    ) throws {
        let list = DatasetStore.list(columns)
        try run(
            """
            CREATE OR REPLACE TEMP TABLE \(change) AS SELECT \(list), sum(__w)::BIGINT AS __w FROM (
                SELECT \(list), 1 AS __w FROM \(new) UNION ALL SELECT \(list), -1 FROM \(old)
            ) GROUP BY \(list) HAVING sum(__w) <> 0
            """,
            query.text,
            &measures
        )
        try countRows(of: change, measures: &measures)
    }

    /// Notes how many rows a change adds and takes away.
    func countRows(of change: String, measures: inout StepMeasures) throws {
        let row = try connection.rows(
            "SELECT coalesce(sum(__w) FILTER (WHERE __w > 0), 0)::BIGINT, "
                + "coalesce(-sum(__w) FILTER (WHERE __w < 0), 0)::BIGINT FROM \(change)"
        ).first
        measures.rowsInserted = row?[0].int ?? 0
        measures.rowsDeleted = row?[1].int ?? 0
    }

    private func hasSameColumns(_ query: Query) throws -> Bool {
        var ignored = StepMeasures()
        _ = try fullQuery(query, measures: &ignored)
        let wanted: [ColumnDescription]
        do {
            wanted = try connection.describe(query.text.text)
        } catch {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: query.text, names: names)
        }
        let columns = try store.visibleColumns(of: store.rows)
        return wanted.filter { !HiddenColumn.matches($0.name) } == columns
    }
}

extension DatasetUpdate {
    /// A changed table that may not be made anew, and cannot go on from its rows either.
    func cannotKeepRows(_ reason: String) -> DuetError {
        DuetError(
            .unsupported,
            "the definition of '\(dataset.name)' has changed, and its rows cannot stay: \(reason)",
            hint: "its pipelines.reset.allowed is false; allow the reset, or give the new definition its own table",
            at: dataset.location
        )
    }

    /// Whether this is a streaming table fed by files, whose rows remember their file.
    var isFileStream: Bool {
        dataset.kind == .streamingTable && dataset.flows.first?.query.fileReads.first?.isStream == true
    }

    /// The query if it treats its stream row by row.
    func rowwise(_ query: Query) throws -> RowwiseQuery? {
        let aggregates = try memory.aggregates {
            let names = try connection.rows(
                "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
            )
            return Set(names.compactMap { $0.first?.string })
        }
        switch try RowwiseQuery.analyse(query, aggregates: aggregates, connection) {
        case .success(let rowwise): return rowwise
        case .failure: return nil
        }
    }

    var names: [String] { session.request.pipeline.datasets.map(\.name.description) }

    func run(_ sql: String, _ text: MappedText, _ measures: inout StepMeasures) throws {
        do {
            try measures.time(sql) { _ = try connection.execute(sql) }
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: text, names: names)
        }
    }

    /// Keeps a change for readers.
    func log(_ change: String, version: Int, columns: [String], isFiltered: Bool = false) throws {
        let exists = try memory.hasLog(dataset.name, connection)
        try store.log(change, version: version, columns: columns, isFiltered: isFiltered, exists: exists)
        notes.hasLog = true
    }

    /// Forgets kept changes, for when the rows were made anew.
    func forgetChanges() throws {
        guard try memory.hasLog(dataset.name, connection) else { return }
        try store.forgetChanges()
        notes.hasLog = false
    }

    /// Makes the name that readers use; nothing is to do where definition and columns are those of before.
    func publishing(_ query: Query, isSame: Bool = false) throws {
        if isSame, !isRedefined, memory.state.datasets[dataset.name] != nil { return }
        try ExpectationCheck(dataset).bind(connection, relation: store.rows)
        do {
            try store.publish()
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: query.text, names: names)
        }
    }

    /// The rows others see, given those there are.
    func publishedRows(_ rows: Int) throws -> Int {
        guard ExpectationCheck(dataset).keepCondition != nil else { return rows }
        return try connection.scalar("SELECT count(*) FROM \(store.published)").int ?? rows
    }
}
