public import DuetExpression
public import DuetFactory
public import DuetPipeline
public import Foundation

/// One moment at which a trigger starts its pipelines.
public struct TriggerFiring: Sendable {
    /// The trigger.
    public var trigger: FactoryTrigger
    /// When it is due.
    public var due: Date
    /// The window it is for.
    public var window: (start: Date, end: Date)?
    /// The file it is for: its path below the storage's folder, and whether it has gone.
    public var file: (path: String, isDeleted: Bool)?

    /// What tells it from the trigger's others.
    public var key: String {
        if let file { return file.path }
        return TriggerTime.text(window?.start ?? due)
    }

    /// What `trigger()` gives.
    ///
    /// Source: control-flow-system-variables; for storage events `triggerBody().folderPath` and `.fileName`.
    public func value(started: Date) -> ExpressionValue {
        var outputs = ExpressionObject()
        if let window {
            outputs["windowStartTime"] = .string(TriggerTime.text(window.start))
            outputs["windowEndTime"] = .string(TriggerTime.text(window.end))
        }
        if let file {
            let parts = file.path.split(separator: "/")
            outputs["body"] = [
                "folderPath": .string(parts.dropLast().joined(separator: "/")),
                "fileName": .string(parts.last.map(String.init) ?? ""),
                "eventType": .string("Microsoft.Storage.Blob\(file.isDeleted ? "Deleted" : "Created")"),
            ]
        }
        return [
            "name": .string(trigger.name), "scheduledTime": .string(TriggerTime.text(due)),
            "startTime": .string(TriggerTime.text(started)), "outputs": .object(outputs),
        ]
    }

    /// The runs it makes, their parameters evaluated.
    ///
    /// - Throws: ``ActivityFailure`` when a parameter's expression fails.
    public func requests(started: Date) throws(ActivityFailure) -> [PipelineRequest] {
        let value = value(started: started)
        var requests: [PipelineRequest] = []
        for target in trigger.targets {
            var parameters = ExpressionObject()
            do throws(ExpressionError) {
                let context = TriggerSurroundings(trigger: value)
                if case .object(let object) = try evaluateTemplate(target.parameters, in: context) {
                    parameters = object
                }
            } catch {
                throw ActivityFailure(
                    "TriggerParameters",
                    "the parameters that '\(trigger.name)' hands to '\(target.pipeline)': \(error.message)",
                    hint: error.hint,
                    isFinal: true
                )
            }
            let context = TriggerContext(name: trigger.name, type: trigger.type, id: key, value: value)
            requests.append(PipelineRequest(target.pipeline, parameters: parameters, trigger: context))
        }
        return requests
    }

    /// The firing in words.
    public var text: String {
        var text = "\(TriggerTime.text(due))  \(trigger.name)"
        if let window { text += "  window \(TriggerTime.text(window.start)) – \(TriggerTime.text(window.end))" }
        if let file { text += "  \(file.isDeleted ? "deleted" : "new") \(file.path)" }
        return text + "  → " + trigger.targets.map(\.pipeline).joined(separator: ", ")
    }

    /// The firing as JSON.
    public var json: ExpressionValue {
        var object: ExpressionObject = [
            "trigger": .string(trigger.name), "type": .string(trigger.type), "due": .string(TriggerTime.text(due)),
            "pipelines": .array(trigger.targets.map { .string($0.pipeline) }),
        ]
        if let window {
            object["windowStartTime"] = .string(TriggerTime.text(window.start))
            object["windowEndTime"] = .string(TriggerTime.text(window.end))
        }
        object["file"] = file.map { .string($0.path) }
        return .object(object)
    }
}

private struct TriggerSurroundings: ExpressionContext {
    let trigger: ExpressionValue?
    var services: ExpressionServices { .system }
}

/// What triggers would fire.
public enum TriggerPlan {
    /// The triggers of a factory, by name; those that do not fire here are told.
    public static func triggers(of factory: Factory) -> (triggers: [FactoryTrigger], errors: [DuetError]) {
        var triggers: [FactoryTrigger] = []
        var errors: [DuetError] = []
        for resource in factory.resources where resource.kind == .trigger {
            do throws(DuetError) {
                triggers.append(try FactoryTrigger(resource))
            } catch {
                errors.append(error)
            }
        }
        return (triggers, errors)
    }

    /// The firings of triggers by the clock, the oldest first; of triggers by windows those whose windows lie wholly in
    /// the span.
    public static func firings(of triggers: [FactoryTrigger], from: Date, to: Date) -> [TriggerFiring] {
        var firings: [TriggerFiring] = []
        for trigger in triggers {
            switch trigger.kind {
            case .schedule(let recurrence):
                firings += recurrence.moments(from: from, to: to).map { TriggerFiring(trigger: trigger, due: $0) }
            case .tumblingWindow(let windows):
                firings += windows.windows(from: from, to: to).map { window in
                    TriggerFiring(
                        trigger: trigger,
                        due: window.end.addingTimeInterval(windows.delay),
                        window: window
                    )
                }
            case .storageEvent: break
            }
        }
        return firings.sorted { ($0.due, $0.trigger.name, $0.key) < ($1.due, $1.trigger.name, $1.key) }
    }
}
