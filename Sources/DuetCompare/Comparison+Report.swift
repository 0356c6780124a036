public import DuetPipeline
public import DuetReport
internal import Foundation

extension Comparison {
    /// A report of steps that were played elsewhere, made on this machine today.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets.
    ///   - steps: What was done, with both styles' runs and the comparison of their tables.
    /// - Returns: The report.
    public static func report(
        of pipeline: Pipeline,
        graph: DatasetGraph,
        steps: [ComparisonReport.Step]
    ) -> ComparisonReport {
        ComparisonReport(
            pipeline: pipeline.name,
            summary: pipeline.summary,
            date: String(Date().formatted(.iso8601).prefix(10)),
            machine: MachineProbe.machine(),
            repetitions: 1,
            datasets: graph.nodes.map(DatasetOutline.init),
            steps: steps
        )
    }
}
