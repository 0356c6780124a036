/// One activity of a pipeline.
public struct FactoryActivity: Sendable {
    /// What has to become of another activity before this one runs.
    public struct Dependency: Sendable {
        /// The other activity, beside this one.
        public var activity: String
        /// The ends that will do; any one is enough.
        public var conditions: Set<Condition>
        /// Where it stands.
        public var offset: Int
    }

    /// An end an activity can come to.
    public enum Condition: String, Sendable, Hashable, CaseIterable {
        /// It did its work.
        case succeeded = "Succeeded"
        /// It did not.
        case failed = "Failed"
        /// It was not run.
        case skipped = "Skipped"
        /// It ran, whether or not it succeeded.
        case completed = "Completed"
    }

    /// A list of activities inside a container.
    public struct Branch: Sendable {
        /// The property it stands in, or the value of a Switch's case.
        public var name: String
        /// The activities.
        public var activities: [FactoryActivity]
    }

    /// The name, unique in its pipeline.
    public var name: String
    /// The type as written.
    public var type: String
    /// The type, where duet knows it.
    public var kind: ActivityKind?
    /// What must have happened before.
    public var dependsOn: [Dependency]
    /// Tries, time and secrecy.
    public var policy: ActivityPolicy
    /// What an inactive activity counts as; nil for an active one.
    public var inactiveMark: Condition?
    /// The activities inside.
    public var branches: [Branch]
    /// The datasets read, in order.
    public var inputs: [FactoryReference]
    /// The datasets written, in order.
    public var outputs: [FactoryReference]
    /// The linked service the activity runs on.
    public var linkedService: FactoryReference?
    /// The activity as written.
    public var node: JSONNode

    /// What the type defines.
    public var typeProperties: JSONNode { node["typeProperties"] ?? JSONNode(.object([])) }

    /// This activity and all inside it.
    public var withInner: [FactoryActivity] { [self] + branches.flatMap { $0.activities.flatMap(\.withInner) } }
}

/// When an activity is tried again or given up, and what of it may be shown.
public struct ActivityPolicy: Sendable, Hashable {
    /// Seconds until an attempt is given up; nil for the default of 12 hours.
    public var timeoutInSeconds: Double?
    /// Further tries after the first.
    public var retry: Int
    /// Seconds between tries.
    public var retryIntervalInSeconds: Double
    /// Whether the input must not be shown.
    public var secureInput: Bool
    /// Whether the output must not be shown.
    public var secureOutput: Bool

    /// One try, 30 seconds between further ones, nothing secret.
    public init(
        timeoutInSeconds: Double? = nil,
        retry: Int = 0,
        retryIntervalInSeconds: Double = 30,
        secureInput: Bool = false,
        secureOutput: Bool = false
    ) {
        self.timeoutInSeconds = timeoutInSeconds
        self.retry = retry
        self.retryIntervalInSeconds = retryIntervalInSeconds
        self.secureInput = secureInput
        self.secureOutput = secureOutput
    }
}

/// A pipeline of a factory.
public struct FactoryPipeline: Sendable {
    /// The file and everything in it.
    public var resource: FactoryResource
    /// The activities at the top.
    public var activities: [FactoryActivity]
    /// Declared variables.
    public var variables: [FactoryParameter]
    /// How many runs may be under way at once; nil for as many as come.
    public var concurrency: Int?
    /// Seconds that a run is expected to take at most (`policy.elapsedTimeMetric`); nil for no such expectation.
    public var expectedSeconds: Double?

    /// The name.
    public var name: String { resource.name }
    /// Declared parameters.
    public var parameters: [FactoryParameter] { resource.parameters }
    /// All activities, inner ones included, each before what is inside it.
    public var allActivities: [FactoryActivity] { activities.flatMap(\.withInner) }
}
