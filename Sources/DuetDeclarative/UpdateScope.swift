internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline
internal import Foundation

/// Which datasets an update refreshes, and which of them anew.
struct UpdateScope {
    private(set) var selection: Set<DatasetName>?
    private(set) var rebuild: Set<DatasetName>
    /// Datasets that were to be made anew and may not be.
    let protected: [DatasetName]

    /// Works the request out.
    ///
    /// - Parameters:
    ///   - request: What was asked for.
    ///   - graph: The datasets.
    ///   - run: The number of the run that is under way, whose events are not the last run's.
    /// - Throws: An error when the event log cannot be read.
    init(_ request: RunRequest, graph: DatasetGraph, run: String?) throws {
        let forbidden = graph.nodes.filter { request.rebuild.contains($0.dataset.name) && !$0.dataset.allowsReset }
        protected = forbidden.map(\.dataset.name)
        rebuild = request.rebuild.subtracting(protected)
        selection = request.selection
        if request.update.onlyFailed {
            let failed = try Self.failedSteps(request.home.events(.declarative), besides: run)
            let names = graph.nodes.map(\.dataset.name).filter { failed.contains($0.description) }
            selection = request.pipeline.withFlows((selection ?? []).union(names))
        }
        if request.update.includesDownstream, let chosen = selection { selection = graph.downstream(of: chosen) }
    }

    /// The steps that the last run failed, or skipped because of a failure.
    private static func failedSteps(_ path: String, besides current: String?) throws -> Set<String> {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        var last: String?
        var failed: Set<String> = []
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n").reversed() {
            let event: JSONValue
            do {
                event = try JSONValue(parsing: String(line))
            } catch {
                // A process that was killed leaves half a line; what it had not told is not known to have failed.
                continue
            }
            guard let run = event["run_id"]?.string, run != current else { continue }
            last = last ?? run
            guard run == last else { break }
            let kind = event["event_type"]?.string
            let isSkippedForFailure =
                kind == RunEvent.Kind.stepSkipped.rawValue && event["level"]?.string == RunEvent.Level.warning.rawValue
            if kind == RunEvent.Kind.stepFailed.rawValue || isSkippedForFailure, let step = event["step"]?.string {
                failed.insert(step)
            }
        }
        return failed
    }
}

/// Datasets that an earlier definition had.
struct RemovedDatasets {
    let session: RunSession
    let connection: Connection

    /// Tells of them, or drops them where that was asked for.
    func settle(_ state: RefreshState) throws {
        let defined = Set(session.request.pipeline.datasets.map(\.name))
        for name in state.datasets.keys.sorted() where !defined.contains(name) {
            guard session.request.update.dropsRemoved else {
                session.log.record(
                    .notice,
                    level: .warning,
                    "\(name) is no longer defined; its rows are kept as they are until it is dropped (--drop-removed)"
                )
                continue
            }
            try drop(name)
            session.log.record(.notice, "\(name) is no longer defined and was dropped")
        }
    }

    private func drop(_ name: DatasetName) throws {
        let text = Value.varchar(name.description)
        let layouts = try connection.rows("SELECT layout FROM duet.layouts WHERE dataset = ?", [text])
        let last = Value.varchar(String(try WarehouseState.lastVersion(connection)))
        try connection.transaction {
            let key = Value.varchar(WarehouseState.droppedVersion)
            try connection.execute("DELETE FROM duet.meta WHERE key = ?", [key])
            try connection.execute("INSERT INTO duet.meta VALUES (?, ?)", [key, last])
            try connection.execute("DROP VIEW IF EXISTS \(SQL.qualified(name.schema, name.table))")
            for schema in [WarehouseState.data, WarehouseState.changes] {
                try connection.execute("DROP TABLE IF EXISTS \(SQL.qualified(schema, name.description))")
            }
            try connection.execute("DROP TABLE IF EXISTS \(SQL.qualified(WarehouseState.quarantine, name.description))")
            for table in layouts.compactMap({ $0.first?.string }).flatMap(Self.tables) {
                try connection.execute("DROP TABLE IF EXISTS \(table)")
            }
            try connection.execute("DELETE FROM duet.datasets WHERE name = ?", [text])
            try connection.execute("DELETE FROM duet.expectations WHERE dataset = ?", [text])
            try connection.execute("DELETE FROM duet.costs WHERE dataset = ?", [text])
            try connection.execute("DELETE FROM duet.required WHERE dataset = ?", [text])
            try connection.execute("DELETE FROM duet.seen_inputs WHERE reader = ?", [text])
            try connection.execute("DELETE FROM duet.seen_files WHERE reader = ?", [text])
            try connection.execute(
                "DELETE FROM duet.layouts WHERE dataset = ? OR starts_with(dataset, ? || ' reads ')",
                [text, text]
            )
        }
    }

    /// The tables that a kept layout makes.
    private static func tables(_ layout: String) -> [String] {
        let start = "CREATE OR REPLACE TABLE "
        return layout.split(separator: "\n").filter { $0.hasPrefix(start) && $0.hasSuffix(" AS") }
            .map { String($0.dropFirst(start.count).dropLast(" AS".count)) }
    }
}
