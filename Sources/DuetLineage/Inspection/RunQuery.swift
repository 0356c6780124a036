import DuckKit
import DuetEngine
public import DuetEvents
public import DuetFetch
public import DuetPipeline
import DuetReport

extension LineageInspection {
    /// The runs that the event log knows, oldest first, each with its events in order.
    ///
    /// - Parameter run: The beginning of a run's id; nil for all runs.
    /// - Returns: The runs.
    /// - Throws: ``DuetError`` when there is no warehouse, or no such run.
    public func runs(_ run: String? = nil) throws -> [[RunEvent]] {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        return try runs(run, connection)
    }

    func runs(_ run: String?, _ connection: Connection) throws -> [[RunEvent]] {
        let rows = try connection.rows(
            """
            SELECT {'sequence': sequence, 'run_id': origin.run_id, 'pipeline': origin.pipeline,
                'style': origin.style, 'step': origin.step, 'step_kind': origin.step_kind,
                'timestamp': strftime(timestamp, '%Y-%m-%dT%H:%M:%S.%gZ'), 'level': level,
                'event_type': event_type, 'message': message, 'details': details, 'error': error}::JSON::VARCHAR
            FROM events WHERE starts_with(origin.run_id, ?)
            ORDER BY min(timestamp) OVER (PARTITION BY origin.run_id), origin.run_id, sequence
            """,
            [.varchar(run ?? "")]
        )
        var runs: [[RunEvent]] = []
        for row in rows {
            guard let text = row[0].string, let event = RunEvent(json: try JSONValue(parsing: text)) else { continue }
            if runs.last?.last?.runID == event.runID {
                runs[runs.count - 1].append(event)
            } else {
                runs.append([event])
            }
        }
        guard !runs.isEmpty else {
            throw DuetError(
                .wrongValue,
                run.map { "the event log of '\(pipeline.name)' has no run '\($0)'" }
                    ?? "the event log of '\(pipeline.name)' has no runs",
                hint: "duet events shows the runs there are"
            )
        }
        return runs
    }

    // MARK: - Timing

    /// Where the time of a run went, and how it compares with earlier ones.
    ///
    /// - Parameters:
    ///   - run: The beginning of its id; nil for the newest.
    ///   - asJSON: Whether for machines.
    /// - Returns: Lines and a table, or an object.
    /// - Throws: ``DuetError`` when there is no such run.
    public func timing(_ run: String?, asJSON: Bool) throws -> String {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        let all = try runs(nil, connection)
        let position = run.map { id in all.lastIndex { $0.first?.runID.hasPrefix(id) == true } } ?? all.indices.last
        guard let position else {
            throw DuetError(.wrongValue, "the event log of '\(pipeline.name)' has no run '\(run ?? "")'")
        }
        let inputs = Self.stepInputs(try graph(connection), style: style.rawValue)
        // A run that did nothing says nothing about one that did, so like is held against like.
        let chosen = RunTiming(all[position], inputs: inputs)
        let didWork = { (timing: RunTiming) in timing.steps.contains { $0.measures.rowsInserted > 0 } }
        let earlier = all[..<position].map { RunTiming($0, inputs: inputs) }.filter {
            $0.end == "completed" && didWork($0) == didWork(chosen)
        }.map(\.wall)
        return asJSON ? chosen.json(earlier: earlier).text(pretty: true) : chosen.text(earlier: earlier)
    }

    /// For each step of a style the steps it waits for.
    static func stepInputs(_ graph: DatasetGraph, style: String) -> [String: [String]] {
        var inputs: [String: [String]] = [:]
        for node in graph.nodes {
            inputs[StepName.dataset(node.dataset.name, style: style)] =
                node.inputs.map { StepName.dataset($0, style: style) }
                + node.sources.map { StepName.source($0, style: style) }
        }
        return inputs
    }

    // MARK: - Exports

    /// A form that other tools read.
    public enum ExportFormat: String, Sendable, CaseIterable {
        /// OpenLineage 2-0-2, one event a line.
        case openlineage
        /// OTLP JSON.
        case otlp
        /// Chrome's trace events.
        case chrome
        /// Prometheus' text form; over all runs.
        case prometheus
    }

    /// A run, or for metrics all runs, in another tool's form.
    ///
    /// - Parameters:
    ///   - format: The form.
    ///   - run: The beginning of the run's id; nil for the newest.
    /// - Returns: The text.
    /// - Throws: ``DuetError`` when there is no such run.
    public func export(_ format: ExportFormat, run: String?) throws -> String {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        let runs = try runs(run, connection)
        let events = runs.last ?? []
        switch format {
        case .openlineage:
            return try openLineage(events, connection).map { $0.text() }.joined(separator: "\n")
        case .otlp: return SpanExports.openTelemetry(events).text(pretty: true)
        case .chrome: return SpanExports.chrome(events).text(pretty: true)
        case .prometheus: return SpanExports.prometheus(runs)
        }
    }

    /// A run's OpenLineage events.
    public func openLineage(run: String?) throws -> [JSONValue] {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        return try openLineage(try runs(run, connection).last ?? [], connection)
    }

    /// Posts a run's OpenLineage events to a server, and waits until it has taken them.
    ///
    /// - Parameters:
    ///   - run: The beginning of the run's id; nil for the newest.
    ///   - address: The server's address for events.
    ///   - fetcher: Makes the requests.
    /// - Returns: How many events were sent.
    /// - Throws: ``DuetError`` when there is no such run, or the server does not take them.
    public func sendOpenLineage(run: String?, to address: String, fetcher: Fetcher) throws -> Int {
        let events = try openLineage(run: run)
        return try Blocking.wait(control: RunControl()) {
            try await OpenLineageSender.post(events, to: address, fetcher: fetcher)
            return events.count
        }
    }

    private func openLineage(_ events: [RunEvent], _ connection: Connection) throws -> [JSONValue] {
        let graph = try graph(connection)
        var export = OpenLineageExport(
            pipeline,
            graph: graph,
            lineage: try PipelineLineage(pipeline, graph: graph, connection: connection),
            warehouse: home.warehouse(style),
            engineVersion: Database.libraryVersion
        )
        export.movements = try MovementLineage(events, connection: connection)
        return export.events(events)
    }

    // MARK: - History

    /// What each update did to a dataset: when, how, with how many rows, by which definition; and who reads it.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - asJSON: Whether for machines.
    /// - Returns: A table, or an object.
    /// - Throws: ``DuetError`` when there is no warehouse or no such dataset.
    public func history(_ name: String, asJSON: Bool) throws -> String {
        let dataset = try dataset(name)
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        let step = StepName.dataset(dataset.name, style: style.rawValue)
        let rows = try connection.rows(
            """
            SELECT strftime(timestamp, '%Y-%m-%d %H:%M:%S'), left(origin.run_id, 8), event_type,
                details->>'strategy', coalesce((details->>'rows_inserted')::BIGINT, 0),
                coalesce((details->>'rows_deleted')::BIGINT, 0), (details->>'rows_total')::BIGINT,
                details->>'definition', coalesce(split_part(error, chr(10), 1), details->>'reason')
            FROM events WHERE origin.step = ? AND event_type IN ('step_completed', 'step_failed')
            ORDER BY timestamp, sequence
            """,
            [.varchar(step)]
        )
        let readers = try graph(connection).readers(of: dataset.name).map(\.description)
        let header = ["time (UTC)", "update", "event", "strategy", "added", "removed", "rows", "definition", "why"]
        if asJSON {
            let list = rows.map { row -> JSONValue in
                .object(
                    JSONObject(
                        zip(header, row).map { name, value in
                            (
                                name,
                                value.isNull
                                    ? .null : value.int.map { .integer(Int64($0)) } ?? .string(value.description)
                            )
                        }
                    )
                )
            }
            return
                ([
                    "dataset": .string(dataset.name.description), "updates": .array(list),
                    "readers": .array(readers.map { .string($0) }),
                ] as JSONValue).text(pretty: true)
        }
        let table = TextTable.text(
            header: header,
            rows: rows.map { $0.map { $0.isNull ? "" : $0.description } },
            rightAligned: [4, 5, 6]
        )
        return "\(table)\nread by: \(readers.isEmpty ? "nobody" : readers.joined(separator: ", "))"
    }
}
