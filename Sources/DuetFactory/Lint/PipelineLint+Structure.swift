internal import DuetPipeline

/// The service's limits.
///
/// Source: "Azure subscription and service limits, quotas, and constraints", Data Factory; the number of activities has
/// grown from 40 through 80 to 120, and the middle one is where older factories stop.
public enum FactoryLimits {
    /// Activities of a pipeline, inner ones included.
    public static let activities = 80
    /// Parameters of a pipeline.
    public static let parameters = 50
    /// Items of a ForEach.
    public static let items = 100_000
    /// Iterations of a ForEach at once.
    public static let batch = 50
    /// Iterations of a ForEach at once when nothing is said.
    public static let defaultBatch = 20
    /// Cases of a Switch.
    public static let cases = 25
    /// Rows that Lookup returns.
    public static let lookupRows = 5_000
    /// Bytes that Lookup returns.
    public static let lookupBytes = 4 << 20
    /// Runs that wait for a pipeline's concurrency.
    public static let queuedRuns = 100
    /// Seconds between tries.
    public static let retryInterval = 30...86_400
    /// User properties of an activity that the monitor shows.
    public static let userProperties = 5
    /// Pipelines calling pipelines, deep; the service has no published number.
    public static let pipelineDepth = 40
}

extension PipelineLint {
    mutating func checkStructure() {
        let all = pipeline.allActivities
        checkNames(all)
        checkScope(pipeline.activities)
        for activity in all {
            checkType(activity)
            checkPolicy(activity)
            checkUserProperties(activity)
            checkContainer(activity)
        }
        if all.count > FactoryLimits.activities {
            note(
                .warning,
                .limit,
                "the pipeline has \(all.count) activities; the service's limit is \(FactoryLimits.activities)",
                hint: "move some into a pipeline of their own and call it with ExecutePipeline",
                at: pipeline.resource.node.offset
            )
        }
        if pipeline.parameters.count > FactoryLimits.parameters {
            note(
                .error,
                .limit,
                "the pipeline has \(pipeline.parameters.count) parameters; the limit is \(FactoryLimits.parameters)",
                hint: "put several into one of type Object",
                at: pipeline.resource.node.offset
            )
        }
    }

    private mutating func checkNames(_ all: [FactoryActivity]) {
        var seen: Set<String> = []
        for activity in all where !seen.insert(activity.name.lowercased()).inserted {
            note(
                .error,
                .duplicateName,
                "two activities are named '\(activity.name)'",
                hint: "names are unique in the whole pipeline, inside containers too",
                at: activity.node.member("name")?.value.offset ?? activity.node.offset
            )
        }
    }

    private mutating func checkScope(_ activities: [FactoryActivity]) {
        let names = Set(activities.map { $0.name.lowercased() })
        for activity in activities {
            for dependency in activity.dependsOn where !names.contains(dependency.activity.lowercased()) {
                let isElsewhere = pipeline.allActivities.contains {
                    $0.name.lowercased() == dependency.activity.lowercased()
                }
                note(
                    .error,
                    .danglingDependency,
                    "'\(activity.name)' depends on '\(dependency.activity)', "
                        + (isElsewhere ? "which is in another container" : "which is not there"),
                    hint: isElsewhere
                        ? "an activity can depend only on those beside it; depend on the container"
                        : Suggestion.hint(
                            for: dependency.activity,
                            among: activities.map(\.name),
                            noun: "activities"
                        ),
                    at: dependency.offset
                )
            }
            for dependency in activity.dependsOn { checkConditions(dependency, of: activity) }
            for branch in activity.branches { checkScope(branch.activities) }
        }
        checkCycles(activities)
    }

    /// Source: tutorial-pipeline-failure-error-handling: Completed cannot be drawn beside Succeeded or Failed.
    private mutating func checkConditions(_ dependency: FactoryActivity.Dependency, of activity: FactoryActivity) {
        let conditions = dependency.conditions
        guard conditions.contains(.completed), !conditions.isDisjoint(with: [.succeeded, .failed]) else { return }
        note(
            .warning,
            .wrongProperty,
            "'\(activity.name)' depends on '\(dependency.activity)' as Completed and as "
                + (conditions.contains(.succeeded) ? "Succeeded" : "Failed")
                + ", which the service does not let be drawn together",
            hint: "Completed means both: leave the other condition away",
            at: dependency.offset
        )
    }

    private mutating func checkCycles(_ activities: [FactoryActivity]) {
        let numbers = Dictionary(
            activities.enumerated().map { ($1.name.lowercased(), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let edges = activities.map { $0.dependsOn.compactMap { numbers[$0.activity.lowercased()] } }
        guard let cycle = Cycle.first(in: edges), let start = cycle.first else { return }
        let names = (cycle + [start]).map { "'\(activities[$0].name)'" }.joined(separator: " → ")
        note(
            .error,
            .cycle,
            "activities wait for each other in a circle: \(names)",
            hint: "take one of these dependencies away",
            at: activities[start].node.offset
        )
    }

    private mutating func checkType(_ activity: FactoryActivity) {
        guard let kind = activity.kind else {
            let isKnown = ActivityKind.knownElsewhere.contains(activity.type.lowercased())
            note(
                isKnown ? .warning : .error,
                .unknownActivityType,
                isKnown
                    ? "'\(activity.name)' is of type \(activity.type), which runs in the service only"
                    : "'\(activity.name)' has the unknown type '\(activity.type)'",
                hint: isKnown
                    ? "a run stops here; set \"state\": \"Inactive\" to leave it out"
                    : Suggestion.nearest(to: activity.type, among: ActivityKind.allCases.map(\.rawValue))
                        .map { "did you mean '\($0)'?" },
                at: activity.node.member("type")?.value.offset ?? activity.node.offset
            )
            return
        }
        guard activity.inactiveMark == nil else { return }
        for property in kind.requiredProperties where activity.typeProperties[property] == nil {
            note(
                .error,
                .missingProperty,
                "'\(activity.name)' (\(kind.rawValue)) lacks '\(property)'",
                hint: "add it to \"typeProperties\"",
                at: activity.node.offset
            )
        }
    }

    private mutating func checkPolicy(_ activity: FactoryActivity) {
        guard activity.policy.retry > 0, let node = activity.node["policy"]?["retryIntervalInSeconds"],
            let seconds = node.integer, !FactoryLimits.retryInterval.contains(seconds)
        else { return }
        note(
            .warning,
            .limit,
            "'\(activity.name)' tries again after \(seconds) s; the service takes 30 to 86400",
            at: node.offset
        )
    }

    private mutating func checkUserProperties(_ activity: FactoryActivity) {
        guard let node = activity.node["userProperties"], node.elements.count > FactoryLimits.userProperties else {
            return
        }
        note(
            .warning,
            .limit,
            "'\(activity.name)' has \(node.elements.count) user properties; the service shows "
                + "\(FactoryLimits.userProperties)",
            at: node.offset
        )
    }

    private mutating func checkContainer(_ activity: FactoryActivity) {
        guard let kind = activity.kind, kind.isContainer else { return }
        let properties = activity.typeProperties
        if kind == .forEach {
            if let node = properties["batchCount"], let count = node.integer, !(1...FactoryLimits.batch).contains(count)
            {
                note(
                    .error,
                    .limit,
                    "'\(activity.name)' has the batchCount \(count); the service takes 1 to \(FactoryLimits.batch)",
                    at: node.offset
                )
            }
            checkRaces(activity)
        }
        if kind == .switchCase, activity.branches.count > FactoryLimits.cases + 1 {
            note(
                .warning,
                .limit,
                "'\(activity.name)' has more than \(FactoryLimits.cases) cases",
                at: activity.node.offset
            )
        }
        for inner in activity.branches.flatMap(\.activities) {
            guard let innerKind = inner.kind, innerKind.isContainer || innerKind == .validation else { continue }
            let isBranch = innerKind == .ifCondition || innerKind == .switchCase
            if isBranch, kind == .forEach || kind == .until { continue }
            // Source: concepts-nested-activities; public factories have Switch in If, which the service takes.
            if innerKind == .switchCase, kind == .ifCondition { continue }
            note(
                .warning,
                .badNesting,
                "'\(inner.name)' (\(innerKind.rawValue)) stands inside '\(activity.name)' (\(kind.rawValue)); "
                    + "the service refuses that",
                hint: "put it into a pipeline of its own and call it with ExecutePipeline; duet runs it as it is",
                at: inner.node.offset
            )
        }
    }

    /// Variables belong to the run, so that iterations at the same time overwrite each other's.
    private mutating func checkRaces(_ loop: FactoryActivity) {
        guard !(loop.typeProperties["isSequential"]?.boolean ?? false),
            loop.typeProperties["batchCount"]?.integer != 1
        else { return }
        for inner in loop.branches.flatMap({ $0.activities.flatMap(\.withInner) }) {
            guard inner.kind == .setVariable || inner.kind == .appendVariable,
                let variable = inner.typeProperties["variableName"]?.string
            else { continue }
            let isSet = inner.kind == .setVariable
            note(
                .warning,
                .variableRace,
                isSet
                    ? "'\(inner.name)' sets '\(variable)' from iterations that run at the same time: "
                        + "one overwrites what another is about to read"
                    : "'\(inner.name)' appends to '\(variable)' from iterations that run at the same time: "
                        + "the order is left to chance",
                hint: "set \"isSequential\": true on '\(loop.name)', or move its body into a pipeline of its own",
                at: inner.node.offset
            )
        }
    }
}

/// Circles in a graph given as each node's edges.
enum Cycle {
    /// The nodes of one circle in order; nil when there is none.
    static func first(in edges: [[Int]]) -> [Int]? {
        var state = [UInt8](repeating: 0, count: edges.count)
        for start in edges.indices where state[start] == 0 {
            // Not recursive: chains of ten thousand activities are legal here.
            var path: [(node: Int, next: Int)] = [(start, 0)]
            state[start] = 1
            while let top = path.last {
                guard top.next < edges[top.node].count else {
                    state[top.node] = 2
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let target = edges[top.node][top.next]
                if state[target] == 1, let first = path.firstIndex(where: { $0.node == target }) {
                    return path[first...].map(\.node).reversed()
                }
                if state[target] == 0 {
                    state[target] = 1
                    path.append((target, 0))
                }
            }
        }
        return nil
    }
}
