public import DuetEngine
internal import DuetEvents
public import DuetPipeline
internal import DuetReport

/// A run in a few lines, or as JSON.
public struct RunSummary: Sendable {
    private let outcome: RunOutcome

    /// Sums up a run.
    public init(_ outcome: RunOutcome) { self.outcome = outcome }

    /// The run for people.
    public var text: String {
        let measures = RunMeasures(seconds: outcome.seconds, events: outcome.events)
        let datasets = measures.steps.filter { $0.stepKind == .dataset }
        let count = { (strategy: StepMeasures.Strategy) in
            datasets.filter { $0.measures?.strategy == strategy && $0.kind != .stepFailed }.count
        }
        let parts = [
            "\(count(.full)) in full", "\(count(.incremental) + count(.append)) from changes",
            "\(count(.nothing)) unchanged",
        ]
        let failed = datasets.filter { $0.kind == .stepFailed }.count
        let skipped = datasets.filter { $0.kind == .stepSkipped && $0.level != .info }.count
        let trouble = failed + skipped > 0 ? ", \(failed) failed, \(skipped) skipped for it" : ""
        let bytes = measures.sum(\.bytesTransferred)
        let saved = measures.sum(\.transfers.bytesSaved)
        // What a dataset that failed had written was rolled back.
        let rows = datasets.filter { $0.kind != .stepFailed }.compactMap(\.measures)
            .reduce(0) { $0 + $1.rowsInserted + $1.rowsDeleted }
        let head = "\(outcome.isSuccess ? "done" : "failed") in \(NumberText.seconds(outcome.seconds)): "
        let transfer = "\(NumberText.bytes(bytes)) fetched\(saved > 0 ? ", \(NumberText.bytes(saved)) spared" : "")"
        let sources = measures.steps.filter { $0.stepKind == .transfer }
        // Sources that were fetched without a run.
        if datasets.isEmpty, !sources.isEmpty { return "\(head)\(Self.fetched(sources)), \(transfer)" }
        return head + "\(datasets.count) datasets (\(parts.joined(separator: ", "))\(trouble)), "
            + "\(NumberText.count(rows)) rows written, \(transfer)"
    }

    private static func fetched(_ sources: [RunEvent]) -> String {
        func sum(_ value: (StepMeasures) -> Int) -> Int { sources.reduce(0) { $0 + ($1.measures.map(value) ?? 0) } }
        let failed = sources.filter { $0.kind == .stepFailed }.count
        let retries = sum(\.transfers.retries)
        return "\(sources.count) source\(sources.count == 1 ? "" : "s")\(failed > 0 ? ", \(failed) failed" : ""), "
            + "\(sum(\.filesChanged)) of \(sum(\.filesTotal)) files changed"
            + (retries > 0 ? ", \(retries) attempts made again" : "")
    }

    /// The run for machines.
    public var json: JSONValue {
        [
            "success": .bool(outcome.isSuccess),
            "seconds": .double(outcome.seconds),
            "phases": .object(JSONObject(outcome.phases.map { ($0.name, .double($0.seconds)) })),
            "errors": .array(outcome.errors.map { .string($0.description) }),
            "events": .array(outcome.events.map(\.json)),
        ]
    }
}
