internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// How a list of activities ended.
struct ScopeOutcome {
    var isSuccess: Bool
    var isCancelled: Bool
    var explanation: String
    /// The first failure that counts, and the activity it is of.
    var failure: (name: String, failure: ActivityFailure)?
}

/// One list of activities being run: each starts when all it depends on have ended.
final class ScopeRun {
    let scope: CompiledScope
    let frame: Frame
    let run: PipelineExecution
    private var statuses: [ActivityStatus?]
    private var missing: [Int]
    private var open: Int
    private let done: (ScopeOutcome) -> Void

    init(
        _ scope: CompiledScope,
        frame: Frame,
        run: PipelineExecution,
        done: @escaping (ScopeOutcome) -> Void
    ) {
        self.scope = scope
        self.frame = frame
        self.run = run
        self.done = done
        statuses = Array(repeating: nil, count: scope.activities.count)
        missing = scope.parents.map { Set($0.map(\.parent)).count }
        open = scope.activities.count
    }

    func start() {
        guard open > 0 else {
            return run.loop.soon { self.done(self.outcome()) }
        }
        let roots = missing.indices.filter { missing[$0] == 0 }
        guard !roots.isEmpty else {
            // Every activity waits for another: nothing would ever happen.
            let failure = ActivityFailure("Cycle", "the activities depend on each other in a circle", isFinal: true)
            return run.loop.soon {
                self.done(
                    ScopeOutcome(
                        isSuccess: false,
                        isCancelled: false,
                        explanation: "Red: the activities depend on each other in a circle.",
                        failure: (self.scope.activities[0].definition.name, failure)
                    )
                )
            }
        }
        for number in roots { run.loop.soon { self.decide(number) } }
    }

    private func decide(_ number: Int) {
        let activity = scope.activities[number]
        guard !frame.stop.isStopped else { return end(number, result(.cancelled)) }
        if let reused = run.reusedResult(activity, frame) { return end(number, reused) }
        guard run.isWanted(activity, frame) else { return end(number, result(.skipped)) }
        for edge in scope.parents[number] {
            guard let status = statuses[edge.parent], !status.satisfies(edge.conditions) else { continue }
            let wanted = FactoryActivity.Condition.allCases.filter(edge.conditions.contains).map(\.rawValue)
            let note =
                "'\(scope.activities[edge.parent].definition.name)' is \(status.rawValue), "
                + "and not \(wanted.joined(separator: " or "))"
            run.recorder.skipped(activity, frame, run.state, note: note)
            return end(number, result(.skipped))
        }
        ActivityExecution(activity, frame: frame, run: run) { [self] in end(number, $0) }.start()
    }

    private func result(_ status: ActivityStatus) -> ActivityResult {
        let now = run.loop.clock.now
        return ActivityResult(status: status, output: .null, start: now, end: now, target: "")
    }

    private func end(_ number: Int, _ result: ActivityResult) {
        statuses[number] = result.status
        frame.note(result, for: scope.activities[number].key)
        open -= 1
        for child in scope.children[number] {
            missing[child] -= 1
            if missing[child] == 0 { run.loop.soon { self.decide(child) } }
        }
        if open == 0 { run.loop.soon { self.done(self.outcome()) } }
    }

    private func outcome() -> ScopeOutcome {
        let statuses = statuses.map { $0 ?? .skipped }
        let verdict = Verdict(
            statuses: statuses,
            parents: scope.parents.map { $0.map(\.parent) },
            children: scope.children
        )
        let isCancelled = frame.stop.isStopped || statuses.contains(.cancelled)
        let isTop = frame.parent == nil
        var failure: (String, ActivityFailure)?
        if !verdict.isSuccess {
            let guilty = verdict.voices.map(\.number).first { statuses[$0] == .failed }
            if let guilty, let found = frame.result(scope.activities[guilty].key)?.failure {
                failure = (scope.activities[guilty].definition.name, found)
            }
        }
        return ScopeOutcome(
            isSuccess: verdict.isSuccess && !isCancelled,
            isCancelled: isCancelled,
            // Words are for people, and only the run's own are read; a loop's hundred thousand need none.
            explanation: isTop
                ? verdict.explanation(
                    names: scope.activities.map(\.definition.name),
                    statuses: statuses,
                    children: scope.children
                ) : "",
            failure: failure
        )
    }
}
