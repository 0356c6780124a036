internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// If, Switch, ForEach, Until.
extension ActivityExecution {
    func branch(_ condition: ExpressionTemplate, _ yes: CompiledScope, _ no: CompiledScope) throws(ExpressionError) {
        let value = try condition.evaluate(in: context)
        input = ["expression": value]
        if value.unknown?.isPossibly("Boolean") == true { return runAll([yes, no], output: ["result": value]) }
        guard case .boolean(let isTrue) = value else { return end(.failure(Self.notBoolean("expression", value))) }
        runInner(isTrue ? yes : no, output: ["result": value])
    }

    func branch(
        _ on: ExpressionTemplate,
        _ cases: [(value: String, scope: CompiledScope)],
        _ rest: CompiledScope
    ) throws(ExpressionError) {
        let value = try on.evaluate(in: context)
        input = ["on": value]
        if value.unknown != nil { return runAll(cases.map(\.scope) + [rest], output: ["case": value]) }
        let text = Self.text(value)
        let chosen = cases.first { $0.value == text }
        runInner(chosen?.scope ?? rest, output: ["case": .string(chosen?.value ?? "default")])
    }

    /// Goes every way that a decision on something unknown may take.
    ///
    /// What fails on one way need not come about.
    private func runAll(_ scopes: [CompiledScope], output: ExpressionValue) {
        var open = scopes.count
        var outcomes: [ScopeOutcome] = []
        for scope in scopes {
            let inner = Frame(parent: frame, path: path + "/", item: nil, stop: frame.stop)
            ScopeRun(scope, frame: inner, run: run) { [self] outcome in
                outcomes.append(outcome)
                open -= 1
                guard open == 0 else { return }
                if outcomes.contains(where: \.isCancelled) { return endCancelled() }
                guard let failed = outcomes.first, !outcomes.contains(where: \.isSuccess) else {
                    return end(.success(output))
                }
                end(.failure(Self.inner(failed)), target: failed.failure?.name)
            }.start()
        }
    }

    private func runInner(_ scope: CompiledScope, output: ExpressionValue) {
        let inner = Frame(parent: frame, path: path + "/", item: nil, stop: frame.stop)
        ScopeRun(scope, frame: inner, run: run) { [self] outcome in
            if outcome.isCancelled { return endCancelled() }
            guard outcome.isSuccess else { return end(.failure(Self.inner(outcome)), target: outcome.failure?.name) }
            end(.success(output))
        }.start()
    }

    /// The failure of a container, which tells that of the activity inside.
    static func inner(_ outcome: ScopeOutcome) -> ActivityFailure {
        guard let (name, failure) = outcome.failure else {
            return ActivityFailure("InnerActivityFailed", "an activity inside did not succeed")
        }
        return ActivityFailure(
            failure.code,
            "Activity failed because an inner activity failed; Inner activity name: \(name), Error: \(failure.message)",
            kind: failure.kind,
            hint: failure.hint
        )
    }

    func forEach(_ items: ExpressionTemplate, batch: Int, _ scope: CompiledScope) throws(ExpressionError) {
        let value = try items.evaluate(in: context)
        if let unknown = value.unknown, unknown.isPossibly("Array") {
            // Once, for whatever element there may be.
            input = ["itemsCount": value, "batchCount": .integer(Int64(batch))]
            return ForEachRun(self, [.unknown(unknown.element)], batch: batch, scope).start()
        }
        guard case .array(let elements) = value else { return end(.failure(Self.notArray("items", value))) }
        input = ["itemsCount": .integer(Int64(elements.count)), "batchCount": .integer(Int64(batch))]
        guard elements.count <= FactoryLimits.items else {
            let message = "'items' has \(elements.count) elements; the limit is \(FactoryLimits.items)"
            return end(.failure(ActivityFailure("TooManyItems", message, hint: "work in batches", isFinal: true)))
        }
        ForEachRun(self, elements, batch: batch, scope).start()
    }

    func until(
        _ condition: ExpressionTemplate,
        _ timeout: ExpressionTemplate?,
        _ scope: CompiledScope
    ) throws(ExpressionError) {
        // Source: control-flow-until-activity: seven days unless given, ninety at most.
        var limit = 604_800.0
        if let timeout {
            let text = Self.text(try timeout.evaluate(in: context))
            guard let seconds = TimeSpan.seconds(text), seconds <= 7_776_000 else {
                let message = "the timeout '\(text)' is no time span of at most 90 days"
                return end(.failure(ActivityFailure("InvalidTimeout", message, isFinal: true)))
            }
            limit = seconds
        }
        input = ["timeoutInSeconds": .float(limit)]
        UntilRun(self, condition, scope, limit: limit).start()
    }
}

/// The iterations of one ForEach: as many at once as allowed, each forgotten when it has ended.
private final class ForEachRun {
    private let execution: ActivityExecution
    private let elements: [ExpressionValue]
    private let batch: Int
    private let scope: CompiledScope
    private var next = 0
    private var underWay = 0
    private var failed = 0
    private var firstFailure: ScopeOutcome?
    private var isCancelled = false

    init(_ execution: ActivityExecution, _ elements: [ExpressionValue], batch: Int, _ scope: CompiledScope) {
        self.execution = execution
        self.elements = elements
        self.batch = batch
        self.scope = scope
    }

    func start() {
        guard !elements.isEmpty else { return finish() }
        launch()
    }

    private func launch() {
        let stop = execution.frame.stop
        while underWay < batch, next < elements.count, !stop.isStopped {
            let number = next
            next += 1
            underWay += 1
            let frame = Frame(
                parent: execution.frame,
                path: "\(execution.path)[\(number)]/",
                item: elements[number],
                stop: stop
            )
            ScopeRun(scope, frame: frame, run: execution.run) { [self] in ended($0) }.start()
        }
        if underWay == 0 { finish() }
    }

    private func ended(_ outcome: ScopeOutcome) {
        underWay -= 1
        if outcome.isCancelled {
            isCancelled = true
        } else if !outcome.isSuccess {
            // The others go on: the service runs every iteration whatever became of one.
            failed += 1
            if firstFailure == nil { firstFailure = outcome }
        }
        launch()
    }

    private func finish() {
        if isCancelled || execution.frame.stop.isStopped { return execution.endCancelled() }
        guard let firstFailure else { return execution.end(.success(.object(ExpressionObject()))) }
        var failure = ActivityExecution.inner(firstFailure)
        if elements.count > 1 {
            failure.message = "\(failed) of \(elements.count) iterations failed; the first: \(failure.message)"
        }
        execution.end(.failure(failure), target: firstFailure.failure?.name)
    }
}

/// The rounds of one Until.
private final class UntilRun {
    private let execution: ActivityExecution
    private let condition: ExpressionTemplate
    private let scope: CompiledScope
    private let limit: Double
    private let stop: StopScope
    private var round = 0
    private var isTimedOut = false

    init(_ execution: ActivityExecution, _ condition: ExpressionTemplate, _ scope: CompiledScope, limit: Double) {
        self.execution = execution
        self.condition = condition
        self.scope = scope
        self.limit = limit
        stop = StopScope(parent: execution.frame.stop)
        deadline = execution.loop.clock.now.addingTimeInterval(limit)
    }

    func start() {
        execution.after(limit) { [self] _ in
            isTimedOut = true
            stop.stop()
        }
        next()
    }

    private func next() {
        round += 1
        let frame = Frame(parent: execution.frame, path: "\(execution.path)[\(round)]/", item: nil, stop: stop)
        ScopeRun(scope, frame: frame, run: execution.run) { [self] in ended($0, frame) }.start()
    }

    private func ended(_ outcome: ScopeOutcome, _ frame: Frame) {
        if isTimedOut { return finish(.failure(timeout)) }
        if outcome.isCancelled {
            stop.close()
            return execution.endCancelled()
        }
        let answer: ExpressionValue
        do throws(ExpressionError) {
            answer = try condition.evaluate(in: RunContext(execution.state, frame))
        } catch {
            return finish(
                .failure(ExpressionFailure.failure(error, secret: execution.definition.policy.secureInput))
            )
        }
        let isDone: Bool
        if case .boolean(let value) = answer {
            // Nothing changes from round to round where nothing is run.
            isDone = value || execution.state.isDry
        } else if answer.unknown?.isPossibly("Boolean") == true {
            isDone = true
        } else {
            return finish(.failure(ActivityExecution.notBoolean("expression", answer)))
        }
        guard isDone else {
            // A body that takes no time at all would otherwise never let the time limit come.
            if execution.loop.clock.now >= deadline { return finish(.failure(timeout)) }
            guard round < Self.mostRounds else { return finish(.failure(endless)) }
            return execution.loop.soon { self.next() }
        }
        guard outcome.isSuccess else {
            return finish(.failure(ActivityExecution.inner(outcome)), target: outcome.failure?.name)
        }
        finish(.success(["iterations": .integer(Int64(round))]))
    }

    // So many rounds that neither wait nor work are a loop without end on a clock that stands still meanwhile.
    private static let mostRounds = 1_000_000
    private let deadline: Date

    private var timeout: ActivityFailure {
        ActivityFailure(
            "UntilTimeout",
            "the condition was not met within \(ActivityExecution.text(limit)), after \(round) rounds",
            hint: "look at what the condition reads, or raise the timeout"
        )
    }

    private var endless: ActivityFailure {
        ActivityFailure(
            "UntilTimeout",
            "the condition was not met in \(round) rounds",
            hint: "put a Wait into the loop"
        )
    }

    private func finish(_ result: Result<ExpressionValue, ActivityFailure>, target: String? = nil) {
        stop.close()
        execution.end(result, target: target)
    }
}
