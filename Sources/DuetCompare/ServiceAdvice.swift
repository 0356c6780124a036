internal import DuckKit
internal import DuetEngine
public import DuetPipeline

/// What the real service would refuse, or run slowly, that duet itself runs.
public enum ServiceAdvice {
    /// One piece of advice.
    public struct Finding: Sendable, Hashable, CustomStringConvertible {
        /// Where it is.
        public var location: SourceLocation
        /// What the service does, and what to write instead.
        public var message: String

        /// `file:line:column: note: …`.
        public var description: String { "\(location): note: \(message)" }
    }

    /// Looks at a pipeline as Delta Live Tables would.
    ///
    /// - Parameter pipeline: The pipeline.
    /// - Returns: The findings, in the order of the datasets.
    /// - Throws: ``DuetErrors`` when its queries cannot be read.
    public static func deltaLiveTables(_ pipeline: Pipeline) throws -> [Finding] {
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        return graph.nodes.flatMap { node -> [Finding] in
            let dataset = node.dataset
            let calls = Set(node.shape.inferences.map(\.function.rawValue)).sorted().joined(separator: ", ")
            guard !calls.isEmpty else { return [] }
            var messages: [String] = []
            switch dataset.kind {
            case .materializedView:
                messages.append(
                    "'\(dataset.name)' is a materialized view that calls \(calls): the service takes these functions for "
                        + "not deterministic and computes the view in full at every update, paying for every row again; "
                        + "put the calls into a streaming table fed by its input (each row is then asked about once) and "
                        + "let this view read that"
                )
            case .view:
                messages.append(
                    "'\(dataset.name)' is a view that calls \(calls): the service asks anew for every dataset that reads "
                        + "it; keep the answers in a streaming table"
                )
            case .streamingTable: break
            }
            if let layer = dataset.layer, layer != "bronze" {
                messages.append(
                    "'\(dataset.name)' calls \(calls) in the \(layer) layer: users of the service report that model calls "
                        + "outside the ingestion layer failed or were slow, and that a live table cannot be turned into a "
                        + "data frame to score it (count and collect within a dataset function are refused); score in a "
                        + "streaming table right behind ingestion, or in a job beside the pipeline that writes a table "
                        + "which the pipeline reads as a source"
                )
            }
            if node.shape.inferences.contains(where: {
                $0.function == .embed || $0.function == .query && $0.model == nil
            }) {
                messages.append(
                    "ai_embed is duet's own; on the service write ai_query with the name of an embedding endpoint"
                )
            }
            return messages.map { Finding(location: dataset.location, message: $0) }
        }
    }
}
