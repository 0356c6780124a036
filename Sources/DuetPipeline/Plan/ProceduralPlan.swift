/// What the procedural style runs: activities with dependencies, as Azure Data Factory has them.
public struct ProceduralPlan: Sendable, Hashable {
    /// One step.
    public struct Activity: Sendable, Hashable {
        /// What an activity does.
        public enum Work: Sendable, Hashable {
            /// Brings all files of a source here.
            case copy(source: String)
            /// Makes a dataset anew from its query.
            case script(dataset: DatasetName)
        }

        /// The name, unique in the pipeline.
        public var name: String
        /// The work.
        public var work: Work
        /// The activities that must have succeeded before this one starts.
        public var dependsOn: [String]
        /// Tries and waits.
        public var policy: Policy
    }

    /// Whether and when an activity is tried again.
    public struct Policy: Sendable, Hashable {
        /// Further tries after the first; 0 to try once.
        public var retry: Int
        /// Seconds between tries.
        public var retryIntervalInSeconds: Int

        /// Creates a policy; the defaults are the service's.
        public init(retry: Int = 0, retryIntervalInSeconds: Int = 30) {
            self.retry = retry
            self.retryIntervalInSeconds = retryIntervalInSeconds
        }
    }

    /// The pipeline's name.
    public var name: String
    /// The activities, each after those it depends on.
    public var activities: [Activity]

    /// Derives the plan from the definition: one Copy for each source in use, one Script for each dataset.
    ///
    /// A view is a dataset whose Script only names the query.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - graph: Its datasets in order.
    ///   - copyPolicy: How often a Copy is tried; transfers are what fails for a moment.
    public init(_ pipeline: Pipeline, graph: DatasetGraph, copyPolicy: Policy = Policy(retry: 2)) {
        name = pipeline.name
        let used = Set(graph.nodes.flatMap(\.sources))
        activities = pipeline.sources.filter { used.contains($0.name) }.map {
            Activity(
                name: Self.copyName($0.name),
                work: .copy(source: $0.name),
                dependsOn: [],
                policy: copyPolicy
            )
        }
        activities += graph.nodes.map { node in
            Activity(
                name: Self.scriptName(node.dataset.name),
                work: .script(dataset: node.dataset.name),
                dependsOn: node.sources.map(Self.copyName) + node.inputs.map(Self.scriptName),
                policy: Policy()
            )
        }
    }

    private static func copyName(_ source: String) -> String { "Copy \(source)" }
    private static func scriptName(_ dataset: DatasetName) -> String { "Make \(dataset.schema)_\(dataset.table)" }
}
