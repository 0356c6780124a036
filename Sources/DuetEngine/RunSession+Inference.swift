package import DuckKit
package import DuetEvents
package import DuetInference
internal import DuetPipeline

extension RunSession {
    /// Runs a step's statements and counts what the models they call take.
    ///
    /// - Parameters:
    ///   - connection: The step's own connection.
    ///   - measures: Filled with what the models took.
    ///   - body: The work.
    /// - Returns: What the body gives.
    /// - Throws: What the body throws; an error of a model in full, where DuckDB hands on only its text.
    package func calling<T>(
        _ connection: Connection,
        measures: inout StepMeasures,
        _ body: (inout StepMeasures) throws -> T
    ) throws -> T {
        let number = try connection.identifier
        let meter = inference.meter(connection: number)
        defer {
            inference.release(connection: number)
            if !meter.measures.isEmpty { measures.inference = meter.measures }
        }
        do {
            return try body(&measures)
        } catch {
            throw meter.error ?? error
        }
    }
}

extension RunRequest {
    /// Answers the calls of models that the pipeline's queries make.
    package func inferenceService(_ style: Style) -> InferenceService {
        let fetcher = fetcher
        let control = control
        var options = InferenceOptions(store: resultStore ?? home.resultStore) { fetcher.fetcher }
        // A pipeline that reprocesses everything pays for everything again, unless a model says otherwise.
        options.keepsOnlyReused = style == .procedural
        options.mode = inferenceMode
        options.budget = budget
        options.isCancelled = { control.isCancelled }
        options.pipeline = pipeline.name
        return InferenceService(models: pipeline.models, folder: pipeline.folder, options: options)
    }
}
