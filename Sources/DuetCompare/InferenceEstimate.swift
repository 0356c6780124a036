internal import DuckKit
public import DuetEngine
public import DuetEvents
internal import DuetFetch
internal import DuetInference
public import DuetPipeline
internal import DuetReport
internal import Foundation

/// What a run's calls of models would take, found out without asking any model.
///
/// The run is made on a copy of the warehouse that is thrown away, with models that only count. Where calls depend on the
/// answers of others, as in a filter on a label, the count is an estimate.
public struct InferenceEstimate: Sendable {
    /// The steps that call models, in the order in which they end.
    public var steps: [(step: String, measures: InferenceMeasures)]
    /// The currency of the prices; nil when no model has a price.
    public var currency: String?

    /// All steps together.
    public var total: InferenceMeasures {
        steps.reduce(into: InferenceMeasures()) { $0 += $1.measures }
    }

    /// Finds out what a run would take.
    ///
    /// - Parameters:
    ///   - request: The run.
    ///   - style: The style.
    /// - Returns: The estimate; nil when no query calls a model.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the run cannot be made, on the copy either.
    public static func of(_ request: RunRequest, _ style: Style) throws -> InferenceEstimate? {
        let graph = try QueryAnalysis.graph(of: request.pipeline, connection: try Warehouse.scratch())
        guard graph.nodes.contains(where: { !$0.shape.inferences.isEmpty }) else { return nil }
        let files = FileManager.default
        let place = files.temporaryDirectory.appendingPathComponent("duet-plan-\(UUID().uuidString)").path
        defer {
            do {
                try files.removeItem(atPath: place)
            } catch {
                // What is left in the system's folder for temporary files goes with the next start.
            }
        }
        var counting = request
        counting.home = PipelineHome(pipeline: request.pipeline.name, root: place)
        counting.resultStore = request.resultStore ?? request.home.resultStore
        counting.inferenceMode = .count
        counting.budget = nil
        try files.createDirectory(atPath: counting.home.folder, withIntermediateDirectories: true)
        let copies = [
            (request.home.warehouse(style), counting.home.warehouse(style)),
            (request.home.landing(style), counting.home.landing(style)),
        ]
        for (from, to) in copies where files.fileExists(atPath: from) { try files.copyItem(atPath: from, toPath: to) }
        let outcome = try Styles.executor(style).run(counting)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
        let steps = outcome.events.compactMap { event -> (step: String, measures: InferenceMeasures)? in
            guard event.kind == .stepCompleted, let step = event.step, let measures = event.measures?.inference else {
                return nil
            }
            return (step, measures)
        }
        let prices = request.pipeline.models.map(\.price).filter { $0 != ModelDeclaration.Price() }
        return InferenceEstimate(steps: steps, currency: prices.first?.currency)
    }

    /// The estimate for people.
    public var text: String {
        guard total.calls > 0 else { return "No model will be called: every answer is known." }
        let rows = (steps + [("in all", total)]).map { step, measures in
            [
                step, "\(measures.rows)", "\(measures.cacheHits)", "\(measures.calls)", "\(measures.tokensIn)",
                "\(measures.tokensOut)", currency.map { "\(shown(measures.cost)) \($0)" } ?? "",
            ]
        }
        return TextTable.text(
            header: ["step", "rows", "known", "calls", "tokens in", "tokens out", "cost"],
            rows: rows,
            rightAligned: [1, 2, 3, 4, 5, 6]
        )
    }

    /// The estimate for machines.
    public var json: JSONValue {
        [
            "steps": .array(
                steps.map { step, measures in ["step": .string(step), "inference": measures.json] }
            ),
            "total": total.json, "currency": currency.map { .string($0) } ?? .null,
        ]
    }

    private func shown(_ amount: Double) -> String { "\((amount * 1_000_000).rounded() / 1_000_000)" }
}
