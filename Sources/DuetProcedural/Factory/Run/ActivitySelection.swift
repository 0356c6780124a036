public import DuetExpression
public import DuetFactory

/// Which of a pipeline's top activities a run is for.
public struct ActivitySelection: Sendable {
    /// The activities to run, in lower case; nil for all.
    public var only: Set<String>?
    /// Results of an earlier run that stand, by name in lower case.
    public var reused: [String: ActivityResult]
    /// The variables an earlier run left behind.
    public var variables: ExpressionObject
    /// The earlier run's id; nil when nothing is kept of one.
    public var rerunOf: String?

    /// All activities, anew.
    public init(
        only: Set<String>? = nil,
        reused: [String: ActivityResult] = [:],
        variables: ExpressionObject = ExpressionObject(),
        rerunOf: String? = nil
    ) {
        self.only = only
        self.reused = reused
        self.variables = variables
        self.rerunOf = rerunOf
    }

    /// An activity and all it depends on.
    ///
    /// - Throws: ``ActivityFailure`` when the pipeline has no such activity at its top.
    public static func until(_ name: String, in pipeline: FactoryPipeline) throws(ActivityFailure) -> ActivitySelection
    {
        let known = Dictionary(
            pipeline.activities.map { ($0.name.lowercased(), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        guard known[name.lowercased()] != nil else { throw unknown(name, pipeline) }
        var wanted: Set<String> = []
        var open = [name.lowercased()]
        while let next = open.popLast() {
            guard wanted.insert(next).inserted else { continue }
            open += known[next]?.dependsOn.map { $0.activity.lowercased() } ?? []
        }
        return ActivitySelection(only: wanted)
    }

    /// What is left of an earlier run when these activities, and all that depends on them, are run again.
    public static func from(
        _ names: Set<String>,
        in pipeline: FactoryPipeline,
        results: [String: ActivityResult],
        variables: ExpressionObject,
        rerunOf: String? = nil
    ) throws(ActivityFailure) -> ActivitySelection {
        var again = Set(names.map { $0.lowercased() })
        let known = Set(pipeline.activities.map { $0.name.lowercased() })
        if let name = again.first(where: { !known.contains($0) }) { throw unknown(name, pipeline) }
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for activity in pipeline.activities where !again.contains(activity.name.lowercased()) {
                guard activity.dependsOn.contains(where: { again.contains($0.activity.lowercased()) }) else { continue }
                again.insert(activity.name.lowercased())
                hasChanged = true
            }
        }
        return ActivitySelection(
            reused: results.filter { !again.contains($0.key) },
            variables: variables,
            rerunOf: rerunOf
        )
    }

    private static func unknown(_ name: String, _ pipeline: FactoryPipeline) -> ActivityFailure {
        ActivityFailure(
            "UnknownActivity",
            "the pipeline '\(pipeline.name)' has no activity '\(name)' at its top",
            hint: "it has: " + pipeline.activities.prefix(8).map { "'\($0.name)'" }.joined(separator: ", "),
            isFinal: true
        )
    }
}
