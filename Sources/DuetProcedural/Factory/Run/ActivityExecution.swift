internal import DuetEngine
internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// One activity being run: its tries, its time limit, its end.
final class ActivityExecution {
    let activity: CompiledActivity
    let frame: Frame
    let run: PipelineExecution
    private let done: (ActivityResult) -> Void
    private let began: Date
    private var attempt = 1
    private var attemptStart: Date
    private var control: RunControl?
    private var timers: [Int] = []
    private var isEnded = false
    /// What went in, for the record; kept by whoever evaluates it.
    var input: ExpressionValue = .null
    let id: String

    var definition: FactoryActivity { activity.definition }
    var state: RunState { run.state }
    var loop: EventLoop { run.loop }
    var context: RunContext { RunContext(run.state, frame) }
    var path: String { frame.path + definition.name }

    init(
        _ activity: CompiledActivity,
        frame: Frame,
        run: PipelineExecution,
        done: @escaping (ActivityResult) -> Void
    ) {
        self.activity = activity
        self.frame = frame
        self.run = run
        self.done = done
        began = run.loop.clock.now
        attemptStart = began
        id = run.state.services.identifier().uuidString.lowercased()
    }

    func start() {
        if let mark = definition.inactiveMark { return endInactive(mark) }
        run.state.activityCount += 1
        frame.stop.enter(self)
        run.recorder.started(self)
        guard passesBreakpoint() else {
            // The run ends as by Ctrl-C.
            loop.control.cancel()
            return stop()
        }
        perform()
    }

    private func endInactive(_ mark: FactoryActivity.Condition) {
        isEnded = true
        let status: ActivityStatus =
            switch mark {
            case .failed: .failed
            case .skipped: .skipped
            case .succeeded, .completed: .succeeded
            }
        run.recorder.inactive(self, countsAs: status)
        let failure =
            status == .failed
            ? ActivityFailure("Inactive", "'\(definition.name)' is inactive and marked as failed") : nil
        done(
            ActivityResult(
                status: status,
                output: .null,
                failure: failure,
                start: began,
                end: began,
                target: definition.name
            )
        )
    }

    private func perform() {
        input = .null
        do throws(ExpressionError) {
            switch activity.body {
            case .setVariable(let name, let value): try setVariable(name, value)
            case .appendVariable(let name, let value): try appendVariable(name, value)
            case .setReturnValue(let values): try setReturnValue(values)
            case .wait(let seconds): try wait(seconds)
            case .fail(let message, let code): try fail(message, code)
            case .filter(let items, let condition): try filter(items, condition)
            case .ifCondition(let condition, let yes, let no): try branch(condition, yes, no)
            case .switchCase(let on, let cases, let rest): try branch(on, cases, rest)
            case .forEach(let items, _, let batch, let scope): try forEach(items, batch: batch, scope)
            case .until(let condition, let timeout, let scope): try until(condition, timeout, scope)
            case .executePipeline(let name, let parameters, let waits):
                try executePipeline(name, parameters, waits: waits)
            case .work(let kind, let template): try work(kind, template)
            case .impossible(let failure): end(.failure(failure))
            }
        } catch {
            end(.failure(ExpressionFailure.failure(error, secret: definition.policy.secureInput)))
        }
    }

    private func work(_ kind: ActivityKind, _ template: CompiledActivity.WorkTemplate) throws(ExpressionError) {
        guard let handler = run.host.handlers[kind] else {
            return end(
                .failure(ActivityFailure("UnsupportedActivity", "nothing here runs \(kind.rawValue)", isFinal: true))
            )
        }
        let control = RunControl()
        let prepared = try WorkPreparation(run: run, context: context).call(
            definition,
            template,
            id: id,
            control: control
        )
        input = .object(prepared.properties)
        self.control = control
        let limit = definition.policy.timeoutInSeconds ?? 43_200
        let generation = attempt
        timers.append(
            loop.after(limit) { [weak self] in
                guard let self, !self.isEnded, self.attempt == generation else { return }
                self.control?.cancel()
                self.control = nil
                self.end(
                    .failure(
                        ActivityFailure(
                            "ActivityTimeout",
                            "'\(self.definition.name)' was given up after \(Self.text(limit))"
                        )
                    )
                )
            }
        )
        answer(generation) { handler.perform(prepared) }
    }

    private func answer(_ generation: Int, _ body: @escaping @Sendable () -> ActivityAnswer) {
        loop.work(body) { [weak self] answer in
            guard let self, !self.isEnded, self.attempt == generation, self.control != nil else { return }
            switch answer {
            case .succeeded(let output): self.end(.success(output))
            case .failed(let failure): self.end(.failure(failure))
            case .later(let seconds, let next):
                self.timers.append(self.loop.after(seconds) { [weak self] in self?.answer(generation, next) })
            }
        }
    }

    /// Does something after some seconds, unless the activity has ended by then.
    func after(_ seconds: Double, _ task: @escaping (ActivityExecution) -> Void) {
        timers.append(
            loop.after(seconds) { [weak self] in
                guard let self, !self.isEnded else { return }
                task(self)
            }
        )
    }

    /// Ends the try, and the activity unless another one follows.
    func end(_ result: Result<ExpressionValue, ActivityFailure>, target: String? = nil) {
        guard !isEnded else { return }
        for timer in timers { loop.callOff(timer) }
        timers.removeAll()
        control = nil
        let now = loop.clock.now
        var ended = ActivityResult(
            status: .succeeded,
            output: .null,
            start: began,
            end: now,
            target: target ?? definition.name
        )
        switch result {
        case .success(let output): ended.output = output
        case .failure(let failure):
            ended.status = .failed
            ended.failure = run.recorder.shown(failure, of: self)
        }
        let policy = definition.policy
        if case .failure(let failure) = result, attempt <= policy.retry, !failure.isFinal, !isControl,
            !frame.stop.isStopped
        {
            run.recorder.ended(self, ended, attempt: attempt, attemptStart: attemptStart, isRetried: true)
            attempt += 1
            after(policy.retryIntervalInSeconds) { execution in
                execution.attemptStart = execution.loop.clock.now
                execution.perform()
            }
            return
        }
        isEnded = true
        frame.stop.leave(self)
        run.recorder.ended(self, ended, attempt: attempt, attemptStart: attemptStart, isRetried: false)
        done(ended)
    }

    private var isControl: Bool { definition.kind?.isControl ?? true }

    /// Called when the run, or the loop around, is stopped.
    func stop() {
        guard !isEnded else { return }
        control?.cancel()
        // A container ends when what is inside it has.
        if definition.kind?.isContainer == true || isWaitingForPipeline { return }
        for timer in timers { loop.callOff(timer) }
        timers.removeAll()
        control = nil
        isEnded = true
        frame.stop.leave(self)
        let now = loop.clock.now
        let ended = ActivityResult(status: .cancelled, output: .null, start: began, end: now, target: definition.name)
        run.recorder.ended(self, ended, attempt: attempt, attemptStart: attemptStart, isRetried: false)
        done(ended)
    }

    /// Whether a child pipeline is under way, which is stopped on its own and then ends this.
    var isWaitingForPipeline = false

    /// Ends as cancelled, after what is inside has been stopped.
    func endCancelled() {
        isWaitingForPipeline = false
        guard !isEnded else { return }
        isEnded = true
        for timer in timers { loop.callOff(timer) }
        frame.stop.leave(self)
        let now = loop.clock.now
        let ended = ActivityResult(status: .cancelled, output: .null, start: began, end: now, target: definition.name)
        run.recorder.ended(self, ended, attempt: attempt, attemptStart: attemptStart, isRetried: false)
        done(ended)
    }

    static func text(_ seconds: Double) -> String {
        seconds == seconds.rounded() && seconds < 1e12 ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}
