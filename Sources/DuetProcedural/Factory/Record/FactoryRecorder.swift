internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// Tells sinks what happens, without secrets.
final class FactoryRecorder {
    let redactor = Redactor()
    private let sinks: [any FactorySink]
    private let clock: any FactoryClock

    init(sinks: [any FactorySink], clock: any FactoryClock) {
        self.sinks = sinks
        self.clock = clock
    }

    func started(_ execution: ActivityExecution) {
        for sink in sinks {
            sink.started(
                activity: execution.path,
                type: execution.definition.type,
                pipeline: execution.run.pipeline.name
            )
        }
    }

    func ended(
        _ execution: ActivityExecution,
        _ result: ActivityResult,
        attempt: Int,
        attemptStart: Date,
        isRetried: Bool
    ) {
        let policy = execution.definition.policy
        // What is secret here must not come out elsewhere either: a later activity may be handed the value.
        if policy.secureOutput { redactor.addAll(in: result.output) }
        guard !sinks.isEmpty else { return }
        var record = record(execution, result.status, start: attemptStart, end: result.end)
        record.attempt = attempt
        record.isRetried = isRetried
        record.input = policy.secureInput ? .null : redactor.scrub(execution.input)
        record.output = policy.secureOutput ? .null : redactor.scrub(result.output)
        record.error = result.failure?.json(target: result.target)
        if let template = execution.activity.userProperties, !policy.secureInput {
            record.userProperties = userProperties(template, execution)
        }
        for sink in sinks { sink.ended(record) }
    }

    func inactive(_ execution: ActivityExecution, countsAs status: ActivityStatus) {
        let now = clock.now
        var record = record(execution, .inactive, start: now, end: now)
        record.note = "inactive; counts as \(status.rawValue)"
        for sink in sinks { sink.ended(record) }
    }

    func skipped(_ activity: CompiledActivity, _ frame: Frame, _ state: RunState, note: String) {
        guard !sinks.isEmpty else { return }
        let now = clock.now
        let record = ActivityRun(
            id: state.services.identifier().uuidString.lowercased(),
            pipelineRunID: state.id,
            pipeline: state.systemVariables["Pipeline"]?.stringValue ?? "",
            name: activity.definition.name,
            type: activity.definition.type,
            path: frame.path + activity.definition.name,
            status: .skipped,
            start: now,
            end: now,
            input: .null,
            output: .null,
            error: nil,
            attempt: 1,
            isRetried: false,
            note: note,
            userProperties: ExpressionObject(),
            location: activity.location
        )
        for sink in sinks { sink.ended(record) }
    }

    func ended(_ run: PipelineRun) {
        guard !sinks.isEmpty else { return }
        var shown = run
        if case .object(let values) = redactor.scrub(.object(run.returnValue)) { shown.returnValue = values }
        shown.explanation = redactor.scrub(run.explanation)
        for sink in sinks { sink.ended(shown) }
    }

    /// The failure without secrets; its text is read by expressions and by people alike.
    func shown(_ failure: ActivityFailure, of execution: ActivityExecution) -> ActivityFailure {
        var failure = failure
        failure.message = redactor.scrub(failure.message)
        failure.hint = failure.hint.map(redactor.scrub)
        if execution.definition.policy.secureInput {
            // Only this activity's own input: its words may be harmless elsewhere.
            let local = Redactor()
            local.addAll(in: execution.input)
            failure.message = local.scrub(failure.message)
            failure.hint = failure.hint.map(local.scrub)
        }
        return failure
    }

    /// A child's secret parameters are known by the time it is prepared; so nothing is left to do but to keep the input.
    func note(child: PipelineExecution, of execution: ActivityExecution) {
        let secure = child.pipeline.parameters.filter(\.isSecure)
        guard !secure.isEmpty, case .object(var input) = execution.input,
            case .object(var values)? = input["parameters"]
        else { return }
        for parameter in secure {
            for name in values.names where name.lowercased() == parameter.name.lowercased() {
                values[name] = .string(Redactor.mask)
            }
        }
        input["parameters"] = .object(values)
        execution.input = .object(input)
    }

    /// Parameters as they may be shown.
    func shown(_ values: ExpressionObject, declared: [FactoryParameter]) -> ExpressionObject {
        var shown = ExpressionObject()
        for (name, value) in zip(values.names, values.values) {
            let isSecure = declared.contains { $0.name.lowercased() == name.lowercased() && $0.isSecure }
            shown[name] = isSecure ? .string(Redactor.mask) : redactor.scrub(value)
        }
        return shown
    }

    /// Remembers what a linked service keeps secret: connection strings, keys, SecureStrings.
    func hideSecrets(of properties: ExpressionObject) {
        for (name, value) in zip(properties.names, properties.values) {
            switch value {
            case .string(let text) where Self.secretProperties.contains(name.lowercased()): redactor.add(text)
            case .object(let object):
                if object.value(ignoringCase: "type")?.stringValue?.lowercased() == "securestring" {
                    if let secret = object.value(ignoringCase: "value") { redactor.addAll(in: secret) }
                } else {
                    hideSecrets(of: object)
                }
            default: break
            }
        }
    }

    private static let secretProperties: Set<String> = [
        "connectionstring", "sasuri", "accountkey", "password", "encryptedcredential", "functionkey", "accesstoken",
        "serviceprincipalkey", "secretaccesskey",
    ]

    private func userProperties(_ template: ExpressionTemplate, _ execution: ActivityExecution) -> ExpressionObject {
        var object = ExpressionObject()
        guard case .success(.array(let elements)) = Result(catching: { try template.evaluate(in: execution.context) })
        else { return object }
        for case .object(let element) in elements {
            if let name = element.value(ignoringCase: "name")?.stringValue {
                object[name] = redactor.scrub(element.value(ignoringCase: "value") ?? .null)
            }
        }
        return object
    }

    private func record(
        _ execution: ActivityExecution,
        _ status: ActivityStatus,
        start: Date,
        end: Date
    ) -> ActivityRun {
        ActivityRun(
            id: execution.id,
            pipelineRunID: execution.state.id,
            pipeline: execution.run.pipeline.name,
            name: execution.definition.name,
            type: execution.definition.type,
            path: execution.path,
            status: status,
            start: start,
            end: end,
            input: .null,
            output: .null,
            error: nil,
            attempt: 1,
            isRetried: false,
            note: nil,
            userProperties: ExpressionObject(),
            location: execution.activity.location
        )
    }
}
