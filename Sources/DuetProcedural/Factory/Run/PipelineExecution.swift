internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// One pipeline being run.
final class PipelineExecution {
    let pipeline: FactoryPipeline
    let scope: CompiledScope
    let state: RunState
    let host: FactoryHost
    let depth: Int
    /// The names of the pipelines that called, the outermost first, and this one's.
    let callers: [String]
    let stop: StopScope
    let parentRunID: String?
    let invokedBy: String
    let selection: ActivitySelection
    private let queuedAt: Date
    private var startedAt: Date?
    private var dimensions = ExpressionObject()

    var loop: EventLoop { host.loop }
    var recorder: FactoryRecorder { host.recorder }

    init(
        _ pipeline: FactoryPipeline,
        scope: CompiledScope,
        state: RunState,
        host: FactoryHost,
        parent: PipelineExecution?,
        stop: StopScope,
        invokedBy: String,
        selection: ActivitySelection
    ) {
        self.pipeline = pipeline
        self.scope = scope
        self.state = state
        self.host = host
        depth = (parent?.depth ?? 0) + 1
        callers = (parent?.callers ?? []) + [pipeline.name]
        self.stop = StopScope(parent: stop)
        parentRunID = parent?.state.id
        self.invokedBy = invokedBy
        self.selection = selection
        queuedAt = host.loop.clock.now
    }

    func start(_ done: @escaping (PipelineRun) -> Void) {
        startedAt = loop.clock.now
        let frame = Frame(parent: nil, path: "", item: nil, stop: stop)
        dimensions = evaluatedDimensions(frame)
        ScopeRun(scope, frame: frame, run: self) { [self] outcome in
            stop.close()
            let ended = finished(outcome)
            recorder.ended(ended)
            done(ended)
        }.start()
    }

    /// A run that never began: it was stopped or turned away while it waited.
    func refused(_ failure: ActivityFailure?, _ done: (PipelineRun) -> Void) {
        stop.close()
        let ended = finished(
            ScopeOutcome(
                isSuccess: false,
                isCancelled: failure == nil,
                explanation: failure.map { "Red: \($0.message)." } ?? "Stopped before it began.",
                failure: failure.map { ("", $0) }
            )
        )
        recorder.ended(ended)
        done(ended)
    }

    /// The pipeline's `runDimensions`; one that cannot be evaluated shows why, since it decides nothing.
    private func evaluatedDimensions(_ frame: Frame) -> ExpressionObject {
        var values = ExpressionObject()
        for member in pipeline.resource.properties["runDimensions"]?.members ?? [] {
            do throws(ExpressionError) {
                let template = try ExpressionTemplate(parsing: member.value.expressionValue)
                values[member.name] = recorder.redactor.scrub(try template.evaluate(in: RunContext(state, frame)))
            } catch {
                values[member.name] = .string(recorder.redactor.scrub(error.message))
            }
        }
        return values
    }

    /// What the service's elapsed-time metric tells: that a run took longer than the pipeline says it should.
    private func overrun(_ start: Date, _ end: Date) -> String? {
        guard let expected = pipeline.expectedSeconds, end.timeIntervalSince(start) > expected else { return nil }
        return "took \(ActivityExecution.text(end.timeIntervalSince(start))), longer than the "
            + "\(ActivityExecution.text(expected)) of its elapsedTimeMetric"
    }

    private func finished(_ outcome: ScopeOutcome) -> PipelineRun {
        let end = loop.clock.now
        let variables = ExpressionObject(
            state.variables.values.sorted { $0.name < $1.name }
                .map { ($0.name, recorder.redactor.scrub(state.isDry ? $0.value.showingUnknowns : $0.value)) }
        )
        return PipelineRun(
            id: state.id,
            pipeline: pipeline.name,
            status: outcome.isCancelled ? .cancelled : outcome.isSuccess ? .succeeded : .failed,
            explanation: outcome.isCancelled && outcome.failure == nil ? "Stopped." : outcome.explanation,
            failure: outcome.isSuccess ? nil : outcome.failure?.failure,
            target: outcome.failure?.name ?? "",
            parameters: recorder.shown(state.parameters, declared: pipeline.parameters),
            variables: variables,
            returnValue: state.returnValue,
            invokedBy: invokedBy,
            parentRunID: parentRunID,
            rerunOf: selection.rerunOf,
            start: startedAt ?? queuedAt,
            end: end,
            activityCount: state.activityCount,
            annotations: pipeline.resource.properties["annotations"]?.expressionValue ?? [],
            dimensions: dimensions,
            note: overrun(startedAt ?? queuedAt, end)
        )
    }

    /// Whether an activity at the top is part of a run that stops early.
    func isWanted(_ activity: CompiledActivity, _ frame: Frame) -> Bool {
        guard frame.parent == nil, depth == 1, let only = selection.only else { return true }
        return only.contains(activity.key)
    }

    /// What an earlier run found, for an activity that need not be run again.
    func reusedResult(_ activity: CompiledActivity, _ frame: Frame) -> ActivityResult? {
        guard frame.parent == nil, depth == 1 else { return nil }
        return selection.reused[activity.key]
    }
}
