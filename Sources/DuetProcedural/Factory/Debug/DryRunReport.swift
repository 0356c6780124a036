internal import DuetExpression
public import DuetFactory
internal import Synchronization

/// What a dry run evaluated, and what it did not reach.
public final class DryRunReport: FactorySink {
    private let runs = Mutex<[ActivityRun]>([])

    /// Creates an empty report.
    public init() {}

    /// Keeps an activity.
    public func ended(_ run: ActivityRun) { runs.withLock { $0.append(run) } }
    /// Nothing.
    public func ended(_ run: PipelineRun) {}

    /// A line for each activity with what would have gone in, and one for each that was not reached.
    public func lines(of pipeline: FactoryPipeline) -> [String] {
        let runs = runs.withLock { $0 }
        var lines = runs.map { run in
            let input = run.input.isNull ? "" : " \(run.input.showingUnknowns.json)"
            let error = run.error?["message"]?.stringValue.map { ": \($0)" } ?? ""
            return "\(run.status.rawValue.lowercased())  \(run.pipeline)/\(run.path) (\(run.type))\(input)\(error)"
        }
        let reached = Set(runs.filter { $0.status != .skipped && $0.pipeline == pipeline.name }.map(\.name))
        lines += pipeline.allActivities.filter { !reached.contains($0.name) }
            .map { "not reached  \(pipeline.name)/\($0.name) (\($0.type))" }
        if runs.contains(where: \.input.containsUnknown) {
            lines.append("what stands between ‹ and › is unknown until it is run")
        }
        return lines
    }
}
