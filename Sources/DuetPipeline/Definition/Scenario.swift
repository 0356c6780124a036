/// How the sources, the definition and the world around them change over time: what `duet compare` plays in both styles.
public struct Scenario: Sendable, Hashable {
    /// The name of a scenario that pipeline.yml or duet itself names; nil for the pipeline's own.
    public var name: String?
    /// What every choice by lot follows from: the same seed makes the same changes again.
    public var seed: Int
    /// The steps in order; the first one usually lays down the initial files.
    public var steps: [ScenarioStep]

    /// Creates a scenario.
    public init(name: String? = nil, seed: Int = 1, steps: [ScenarioStep]) {
        self.name = name
        self.seed = seed
        self.steps = steps
    }
}

/// One change, after which both styles run.
public struct ScenarioStep: Sendable, Hashable {
    /// A short name, shown in reports.
    public var name: String
    /// The files to write or replace.
    public var writes: [ScenarioWrite]
    /// Changes made by the generator, faults among them; none and no ``writes`` means that nothing changes.
    public var actions: [ScenarioAction]
    /// Whether what the actions did stays; nil leaves it to their kinds, of which faults pass.
    public var isLasting: Bool?
    /// Where it is written.
    public var location: SourceLocation

    /// Creates a step.
    public init(
        name: String,
        writes: [ScenarioWrite] = [],
        actions: [ScenarioAction] = [],
        isLasting: Bool? = nil,
        location: SourceLocation
    ) {
        self.name = name
        self.writes = writes
        self.actions = actions
        self.isLasting = isLasting
        self.location = location
    }

    /// Whether the step ends by taking its actions back and running again: what a fault's recovery is.
    public var passes: Bool { isLasting.map { !$0 } ?? actions.contains { $0.kind.isFault } }

    /// What the step does, in a few words of its kinds.
    public var kinds: String {
        let words = (writes.isEmpty ? [] : ["write"]) + actions.map(\.kind.rawValue)
        return words.isEmpty ? "nothing" : words.joined(separator: ", ")
    }
}

/// Files of one kind that a scenario step writes.
public struct ScenarioWrite: Sendable, Hashable {
    /// The file's path below the data folder; `{part}` stands for the value of ``part``.
    public var file: String
    /// The rows, as a query DuckDB runs; relative paths in it are relative to the pipeline's folder.
    public var query: String
    /// An expression over the query's columns by which rows are spread over files; nil for one file.
    public var part: String?
    /// Where it is written.
    public var location: SourceLocation
}

/// One thing the generator does in a step.
public struct ScenarioAction: Sendable, Hashable {
    /// What is done.
    public var kind: ScenarioActionKind
    /// The options given, by name; what is not given takes the kind's default.
    public var options: [String: String]
    /// Values for columns of new rows, as SQL over the copied row; only with kinds that have `set`.
    public var set: [String: String]
    /// Where it is written.
    public var location: SourceLocation

    /// Creates an action.
    public init(
        _ kind: ScenarioActionKind,
        _ options: [String: String] = [:],
        set: [String: String] = [:],
        location: SourceLocation
    ) {
        self.kind = kind
        self.options = options
        self.set = set
        self.location = location
    }

    /// An option's value: the given one or the kind's default; nil when there is neither.
    public func option(_ name: String) -> String? {
        options[name] ?? kind.options.first { $0.name == name }?.standard
    }
}
