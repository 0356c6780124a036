internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

extension DatasetUpdate {
    /// The query of a table that change events feed; nil for others.
    func captureQuery() throws -> CaptureQuery? {
        guard let capture = dataset.capture, let events = dataset.flows.first?.query.text else { return nil }
        return try CaptureQuery(capture, events: events, dataset: dataset.name, connection)
    }

    /// Makes the rows of those keys anew that new, changed or withdrawn events are about.
    func takeEvents(
        _ capture: CaptureQuery,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result {
        guard let events = node.inputs.first, let input = session.graph[events]?.dataset, input.kind != .view else {
            try capture.check(connection)
            measures.rule = "its events are a view's, whose changes are not kept"
            return try recompute(query, version: version, measures: &measures)
        }
        let seen = state.datasets[dataset.name]?.seen[events] ?? 0
        let source = DatasetStore(dataset: input, connection: connection)
        let delta = temporary("events")
        let change = source.changeQuery(
            since: seen,
            columns: try source.visibleColumns(of: source.published).map(\.name)
        )
        try run("CREATE OR REPLACE TEMP TABLE \(delta) AS \(change)", query.text, &measures)
        try capture.check(connection, in: delta)
        if let truncate = dataset.capture?.truncateCondition,
            try connection.scalar("SELECT count(*) FROM \(delta) WHERE (\(truncate.text)) IS TRUE").int ?? 0 > 0
        {
            measures.rule = "an event empties the table, so all rows are made anew, and the difference taken"
            return try recompute(query, version: version, measures: &measures)
        }
        measures.rowsRead = try connection.scalar("SELECT count(*) FROM \(delta)").int ?? 0
        let affected = temporary("keys")
        let select = capture.affectedKeys(by: delta)
        try run("CREATE OR REPLACE TEMP TABLE \(affected) AS \(select.text)", select, &measures)
        measures.strategy = .incremental
        measures.rule =
            dataset.capture?.readsSnapshots == true
            ? "the rows of the keys that new snapshots, or those before them, have"
            : "the rows of the keys that events are about"
        return try replaceRows(of: affected, capture, query: query, version: version, measures: &measures)
    }

    private func replaceRows(
        of affected: String,
        _ capture: CaptureQuery,
        query: Query,
        version: Int,
        measures: inout StepMeasures
    ) throws -> Result {
        let columns = try store.visibleColumns(of: store.rows)
        let (new, old, change) = (temporary("new"), temporary("old"), temporary("change"))
        let own = capture.text(onlyKeysOf: affected)
        let select = query.frame?.text(own) ?? own
        try run("CREATE OR REPLACE TEMP TABLE \(new) AS \(select.text)", select, &measures)
        // The rows have the types that the table lists, the keys those of their events.
        let isAffected = capture.keys.map { key in
            let name = SQL.identifier(key)
            let type = dataset.columns.first { $0.name.lowercased() == key.lowercased() }?.type
            let wanted = type.map { "CAST(k.\(name) AS \($0))" } ?? "k.\(name)"
            return "r.\(name) IS NOT DISTINCT FROM \(wanted)"
        }
        try run(
            "CREATE OR REPLACE TEMP TABLE \(old) AS SELECT r.* FROM \(store.rows) AS r "
                + "SEMI JOIN \(affected) AS k ON \(isAffected.joined(separator: " AND "))",
            query.text,
            &measures
        )
        try makeDifference(change, new: new, old: old, columns: columns, query: query, measures: &measures)
        _ = try apply(
            ChangeRows(table: change),
            entries: nil,
            columns: columns.map(\.name),
            query.text,
            &measures
        )
        let hasChanged = measures.rowsInserted + measures.rowsDeleted > 0
        if hasChanged, hasReaders { try log(change, version: version, columns: columns.map(\.name)) }
        let all = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        return Result(rows: try publishedRows(all), hasChanged: hasChanged, checked: .change(change))
    }

    private func temporary(_ what: String) -> String {
        "temp.main.\(SQL.identifier("\(what):\(dataset.name)"))"
    }
}
