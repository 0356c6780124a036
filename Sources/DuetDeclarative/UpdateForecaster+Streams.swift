internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// What an update will do to tables that take new rows one by one.
extension UpdateForecaster {
    mutating func ofStream(_ node: DatasetGraph.Node, _ step: RefreshPlan.Step) throws -> RefreshForecast {
        let dataset = node.dataset
        if let capture = dataset.capture {
            var forecast = RefreshForecast(
                .incremental,
                why: step.reason,
                whyNotCheaper: "an event may come late, so the rows of its key are made anew from all its events"
            )
            if let events = node.inputs.first, let change = try pending(events, since: seen(node, events)) {
                if change.rows > 0 {
                    forecast.changes = [events.description: change.rows]
                    if !changing.contains(events) { forecast.rowsToRead = change.rows }
                }
            }
            let keys = capture.keys.map(\.name).joined(separator: ", ")
            forecast.blocks = [
                .init(
                    name: dataset.name.description,
                    rule: "change events by (\(keys))",
                    strategy: "recomputeAffected",
                    reason: capture.readsSnapshots
                        ? "only keys of new snapshots, and of those before them, are made anew"
                        : "only the rows of keys that new events are about are made anew"
                )
            ]
            if tellsSQL { forecast.statements = [Self.toldByRun] }
            return forecast
        }
        guard let query = dataset.flows.first?.query else { return RefreshForecast(.nothing, why: step.reason) }
        if query.streamOffsets.isEmpty, dataset.isOnce {
            return RefreshForecast(.full, why: step.reason, whyNotCheaper: "a ONCE flow runs once, over everything")
        }
        let rowwise = try RowwiseQuery.analyse(query, aggregates: try aggregateNames(), connection)
        if case .failure(let reason) = rowwise {
            var forecast = RefreshForecast(
                .full,
                why: step.reason,
                whyNotCheaper: "\(reason.reason), so new rows change what earlier ones gave; readers get the difference"
            )
            if tellsSQL { forecast.statements = [query.text.text] }
            return forecast
        }
        var forecast = RefreshForecast(.append, why: step.reason)
        let own = state.datasets[dataset.name]
        var what = "each new row gives its rows by itself"
        if let read = query.fileReads.first(where: \.isStream) {
            let current = state.files[read.source] ?? []
            let new = current.subtracting(own?.files ?? []).count
            if !(own?.files ?? []).subtracting(current).isEmpty {
                forecast.strategy = .incremental
                what = "rows of files that changed or are gone are taken back, those of new files come in"
            } else {
                what =
                    own == nil
                    ? "each file is read once" : "reads \(new) of \(current.count) files; the others have been read"
            }
        } else if let stream = node.streamedInputs.first, graph[stream]?.dataset.kind != .view,
            let change = try pending(stream, since: seen(node, stream))
        {
            if change.rows > 0 {
                forecast.changes = [stream.description: change.rows]
                if !changing.contains(stream) { forecast.rowsToRead = change.rows }
            }
            if change.kind == .mixed { forecast.strategy = .incremental }
        }
        forecast.blocks = [
            .init(name: dataset.name.description, rule: "row by row", strategy: "append", reason: what)
        ]
        if tellsSQL { forecast.statements = try statements(of: node, query, try rowwise.get()) }
        return forecast
    }

    func seen(_ node: DatasetGraph.Node, _ input: DatasetName) -> Int {
        state.datasets[node.dataset.name]?.seen[input] ?? 0
    }

    private mutating func aggregateNames() throws -> Set<String> {
        if let aggregates { return aggregates }
        let rows = try connection.rows(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
        )
        let names = Set(rows.compactMap { $0.first?.string })
        aggregates = names
        return names
    }
}
