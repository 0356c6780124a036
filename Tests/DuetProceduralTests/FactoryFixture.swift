import DuetEngine
import DuetExpression
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Synchronization

/// A factory in a temporary folder, run on a clock that jumps.
struct FactoryFixture: Sendable {
    let folder: TemporaryFolder
    let clock = VirtualClock()
    let seen = RunCollector()
    var handlers: [ActivityKind: any ActivityHandler] = [:]
    var control = RunControl()

    init() throws { folder = try TemporaryFolder() }

    /// Adds a pipeline: its activities, and other properties.
    func pipeline(_ name: String, _ activities: [String], _ more: String...) throws {
        let properties = ([#""activities": [\#(activities.joined(separator: ",\n"))]"#] + more).joined(separator: ",\n")
        try folder.write(#"{"name": "\#(name)", "properties": {\#(properties)}}"#, to: "pipeline/\(name).json")
    }

    func resource(_ kind: String, _ name: String, _ properties: String) throws {
        try folder.write(#"{"name": "\#(name)", "properties": \#(properties)}"#, to: "\(kind)/\(name).json")
    }

    func factory() throws -> Factory { try Factory.load(folder.path) }

    /// Runs a pipeline to its end.
    func run(
        _ name: String = "P",
        _ parameters: ExpressionObject = ExpressionObject(),
        trigger: TriggerContext? = nil,
        selection: ActivitySelection = ActivitySelection()
    ) async throws -> PipelineRun {
        try await runs([PipelineRequest(name, parameters: parameters, trigger: trigger, selection: selection)])[0]
    }

    func runs(_ requests: [PipelineRequest]) async throws -> [PipelineRun] {
        let runner = FactoryRunner(
            try factory(),
            handlers: handlers,
            clock: clock,
            control: control,
            sinks: [seen]
        )
        return try await offPool { try runner.run(requests) }
    }
}

/// Keeps what is told of runs.
final class RunCollector: FactorySink {
    private let kept = Mutex<(activities: [ActivityRun], pipelines: [PipelineRun])>(([], []))
    var activities: [ActivityRun] { kept.withLock { $0.activities } }
    var pipelines: [PipelineRun] { kept.withLock { $0.pipelines } }
    func ended(_ run: ActivityRun) { kept.withLock { $0.activities.append(run) } }
    func ended(_ run: PipelineRun) { kept.withLock { $0.pipelines.append(run) } }

    /// `path Status` in the order of the ends.
    var statuses: [String] { activities.map { "\($0.path) \($0.status.rawValue)" } }
    func status(_ path: String) -> ActivityStatus? { activities.last { $0.path == path }?.status }
    func run(_ path: String) -> ActivityRun? { activities.last { $0.path == path } }
}

/// Answers as told, one answer a call.
final class ScriptedHandler: ActivityHandler {
    private let answers: Mutex<[ActivityAnswer]>
    private let seen = Mutex<[ActivityCall]>([])
    init(_ answers: ActivityAnswer...) { self.answers = Mutex(answers) }
    var calls: [ActivityCall] { seen.withLock { $0 } }

    func perform(_ call: ActivityCall) -> ActivityAnswer {
        seen.withLock { $0.append(call) }
        return answers.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? .succeeded(.null) }
    }
}

extension ActivityFailure {
    static let once = ActivityFailure("500", "the server is busy")
}

// MARK: - Activities as JSON

func after(_ name: String, _ conditions: String...) -> String {
    let list = (conditions.isEmpty ? ["Succeeded"] : conditions).map { "\"\($0)\"" }.joined(separator: ", ")
    return #"{"activity": "\#(name)", "dependencyConditions": [\#(list)]}"#
}

func activity(
    _ type: String,
    _ name: String,
    _ properties: String = "",
    _ dependencies: String...,
    more: String = ""
) -> String {
    let dependsOn = dependencies.isEmpty ? "" : #", "dependsOn": [\#(dependencies.joined(separator: ", "))]"#
    return #"{"name": "\#(name)", "type": "\#(type)", "typeProperties": {\#(properties)}\#(dependsOn)\#(more)}"#
}

func wait(_ name: String, _ dependencies: String...) -> String { wait(name, seconds: 1, dependencies) }

func wait(_ name: String, seconds: Int, _ dependencies: [String] = []) -> String {
    let dependsOn = dependencies.isEmpty ? "" : #", "dependsOn": [\#(dependencies.joined(separator: ", "))]"#
    return #"{"name": "\#(name)", "type": "Wait", "typeProperties": {"waitTimeInSeconds": \#(seconds)}\#(dependsOn)}"#
}

func fail(_ name: String, _ message: String = "no", _ dependencies: String...) -> String {
    let dependsOn = dependencies.isEmpty ? "" : #", "dependsOn": [\#(dependencies.joined(separator: ", "))]"#
    return
        #"{"name": "\#(name)", "type": "Fail", "typeProperties": {"message": "\#(message)", "errorCode": "E1"}\#(dependsOn)}"#
}

func set(_ name: String, _ variable: String, _ value: String, _ dependencies: String...) -> String {
    let dependsOn = dependencies.isEmpty ? "" : #", "dependsOn": [\#(dependencies.joined(separator: ", "))]"#
    let properties = #""variableName": "\#(variable)", "value": "\#(value)""#
    return #"{"name": "\#(name)", "type": "SetVariable", "typeProperties": {\#(properties)}\#(dependsOn)}"#
}

func append(_ name: String, _ variable: String, _ value: String) -> String {
    activity("AppendVariable", name, #""variableName": "\#(variable)", "value": "\#(value)""#)
}

func forEach(_ name: String, _ items: String, _ inner: [String], _ more: String = "") -> String {
    activity("ForEach", name, #""items": "\#(items)", "activities": [\#(inner.joined(separator: ","))]\#(more)"#)
}

func call(_ name: String, _ pipeline: String, waits: Bool = true, _ parameters: String = "{}") -> String {
    let reference = #""pipeline": {"referenceName": "\#(pipeline)", "type": "PipelineReference"}"#
    return activity(
        "ExecutePipeline",
        name,
        #"\#(reference), "waitOnCompletion": \#(waits), "parameters": \#(parameters)"#
    )
}

let strings =
    #""variables": {"v": {"type": "String"}, "w": {"type": "String", "defaultValue": "start"}, "list": {"type": "Array"}}"#
