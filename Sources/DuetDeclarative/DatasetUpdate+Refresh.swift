internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// Doing what was decided: which way a dataset of its kind is brought up to date.
extension DatasetUpdate {
    func refresh(
        _ decision: RefreshPlan.Decision,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result {
        if dataset.kind == .view { return try publishView(query, decision, &measures) }
        let view = try maintained(query, isAnew: decision != .takeChanges)
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

    /// A changed table that may not be made anew, and cannot go on from its rows either.
    func cannotKeepRows(_ reason: String) -> DuetError {
        DuetError(
            .unsupported,
            "the definition of '\(dataset.name)' has changed, and its rows cannot stay: \(reason)",
            hint: "its pipelines.reset.allowed is false; allow the reset, or give the new definition its own table",
            at: dataset.location
        )
    }
}
