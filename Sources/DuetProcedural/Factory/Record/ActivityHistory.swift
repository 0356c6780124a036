public import DuetExpression
public import DuetFactory
public import DuetPipeline
internal import Foundation

/// What the last run of a pipeline left behind in its log.
public struct ActivityHistory: Sendable {
    /// The run's id.
    public var runID: String
    /// How the activities at the top ended, by name in lower case.
    public var results: [String: ActivityResult]
    /// The variables at the end.
    public var variables: ExpressionObject

    /// Reads the last run of a pipeline.
    ///
    /// Results with something masked are left out: an activity that gives a secret has to be run again.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline's name.
    ///   - path: The log, as ``ActivityRunFile`` writes it.
    /// - Returns: What is left of it.
    /// - Throws: ``DuetError`` when there is no such run.
    public static func last(of pipeline: String, in path: String) throws(DuetError) -> ActivityHistory {
        let lines = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        var activities: [String: [ExpressionObject]] = [:]
        var last: ExpressionObject?
        var origins: [String: String] = [:]
        for line in lines.split(separator: "\n") {
            // A run that was killed may leave half a line.
            guard case .success(let value) = Result(catching: { try ExpressionValue(json: String(line)) }) else {
                continue
            }
            if let run = value.objectValue?["activityRun"]?.objectValue, let id = run["pipelineRunId"]?.stringValue {
                activities[id, default: []].append(run)
            }
            if let run = value.objectValue?["pipelineRun"]?.objectValue, run["parentRunId"]?.isNull != false,
                run["pipelineName"]?.stringValue == pipeline
            {
                last = run
                if let id = run["runId"]?.stringValue { origins[id] = run["rerunOf"]?.stringValue }
            }
        }
        guard let last, let id = last["runId"]?.stringValue else {
            throw DuetError(
                .missingFile,
                "there is no earlier run of '\(pipeline)' in '\(path)'",
                hint: "run it first: duet run"
            )
        }
        // A rerun's own records lack what it kept, which the run before it has.
        var chain = [id]
        while let before = origins[chain[chain.count - 1]], !chain.contains(before) { chain.append(before) }
        var results: [String: ActivityResult] = [:]
        for run in chain.reversed().flatMap({ activities[$0] ?? [] }) {
            guard let name = run["activityName"]?.stringValue, run["path"]?.stringValue == name,
                let text = run["status"]?.stringValue, let status = ActivityStatus(rawValue: text)
            else { continue }
            let moment = Date(timeIntervalSince1970: 0)
            results[name.lowercased()] = ActivityResult(
                status: status,
                output: run["output"] ?? .null,
                start: moment,
                end: moment,
                target: name
            )
        }
        return ActivityHistory(
            runID: id,
            results: results,
            variables: last["variables"]?.objectValue ?? ExpressionObject()
        )
    }

    /// The activities at the top that have to be run again: those that did not succeed, and those with secrets.
    public func unfinished(of pipeline: FactoryPipeline) -> [String] {
        pipeline.activities.filter { activity in
            guard let result = results[activity.name.lowercased()] else { return true }
            let isMasked = result.output.json.contains(Redactor.mask)
            return ![.succeeded, .inactive].contains(result.status) || isMasked || activity.policy.secureOutput
        }.map(\.name)
    }
}
