public import DuetExpression
public import Foundation

/// One run of an activity as the service's monitor shows it; secrets are masked already.
public struct ActivityRun: Sendable {
    /// The run's id.
    public var id: String
    /// The pipeline run it belongs to.
    public var pipelineRunID: String
    /// The pipeline's name.
    public var pipeline: String
    /// The activity's name.
    public var name: String
    /// The activity's type.
    public var type: String
    /// Where it ran: names of the containers around it, with the iteration, and its own.
    public var path: String
    /// What became of it.
    public var status: ActivityStatus
    /// When it began.
    public var start: Date
    /// When it ended.
    public var end: Date
    /// What went in, evaluated; null when it is secret.
    public var input: ExpressionValue
    /// What came out; null when it is secret.
    public var output: ExpressionValue
    /// Why it failed, as the service shows it.
    public var error: ExpressionObject?
    /// The try, from 1.
    public var attempt: Int
    /// Whether another try follows.
    public var isRetried: Bool
    /// Why it was skipped, or what is worth knowing.
    public var note: String?
    /// Promoted properties, evaluated.
    public var userProperties: ExpressionObject
    /// The place of its definition, as `file:line:column`.
    public var location: String

    /// The run as one JSON object with the service's member names.
    public var json: ExpressionValue {
        var object: ExpressionObject = [
            "activityRunId": .string(id), "pipelineRunId": .string(pipelineRunID), "pipelineName": .string(pipeline),
            "activityName": .string(name), "activityType": .string(type), "path": .string(path),
            "status": .string(status.rawValue), "activityRunStart": .string(ActivityResult.text(start)),
            "activityRunEnd": .string(ActivityResult.text(end)),
            "durationInMs": .integer(Int64((end.timeIntervalSince(start) * 1_000).rounded())),
            "retryAttempt": attempt > 1 ? .integer(Int64(attempt - 1)) : .null, "input": input, "output": output,
            "error": error.map { .object($0) } ?? .null, "location": .string(location),
        ]
        if isRetried { object["isRetried"] = true }
        object["note"] = note.map { .string($0) }
        if !userProperties.isEmpty { object["userProperties"] = .object(userProperties) }
        return .object(object)
    }
}

/// One run of a pipeline as the service's monitor shows it.
public struct PipelineRun: Sendable {
    /// The run's id.
    public var id: String
    /// The pipeline's name.
    public var pipeline: String
    /// What became of it: `succeeded`, `failed` or `cancelled`.
    public var status: ActivityStatus
    /// Why it is green or red, in words.
    public var explanation: String
    /// The failure that made it red.
    public var failure: ActivityFailure?
    /// The activity that failed.
    public var target: String
    /// The parameters' values, secrets masked.
    public var parameters: ExpressionObject
    /// The variables at the end, secrets masked.
    public var variables: ExpressionObject
    /// What it returns.
    public var returnValue: ExpressionObject
    /// What started it.
    public var invokedBy: String
    /// The run that called it; nil for a run of its own.
    public var parentRunID: String?
    /// The earlier run whose results it keeps.
    public var rerunOf: String?
    /// When it began.
    public var start: Date
    /// When it ended.
    public var end: Date
    /// How many activities ran, tries counted once.
    public var activityCount: Int
    /// The pipeline's tags, as written.
    public var annotations: ExpressionValue
    /// The pipeline's own dimensions, evaluated when the run began; secrets masked.
    public var dimensions: ExpressionObject
    /// What is worth knowing beside the verdict: that the run took longer than it was expected to.
    public var note: String?

    /// The run as one JSON object with the service's member names.
    public var json: ExpressionValue {
        var object: ExpressionObject = [
            "runId": .string(id), "pipelineName": .string(pipeline), "status": .string(status.rawValue),
            "message": .string(failure.map { $0.message } ?? ""), "explanation": .string(explanation),
            "parameters": .object(parameters), "variables": .object(variables),
            "pipelineReturnValue": .object(returnValue), "invokedBy": .string(invokedBy),
            "parentRunId": parentRunID.map { .string($0) } ?? .null,
            "rerunOf": rerunOf.map { .string($0) } ?? .null,
            "runStart": .string(ActivityResult.text(start)), "runEnd": .string(ActivityResult.text(end)),
            "durationInMs": .integer(Int64((end.timeIntervalSince(start) * 1_000).rounded())),
            "activityCount": .integer(Int64(activityCount)), "annotations": annotations,
            "runDimension": .object(dimensions),
        ]
        object["note"] = note.map { .string($0) }
        return .object(object)
    }
}

/// Where runs go as they end; called on the thread of the run, one after the other.
public protocol FactorySink: Sendable {
    /// An activity begins; its input is not known yet.
    func started(activity path: String, type: String, pipeline: String)
    /// An activity ended, or will be tried again.
    func ended(_ run: ActivityRun)
    /// A pipeline ended.
    func ended(_ run: PipelineRun)
}

extension FactorySink {
    /// Nothing.
    public func started(activity path: String, type: String, pipeline: String) {}
}
