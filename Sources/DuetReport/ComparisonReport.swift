public import DuetEvents
public import DuetPipeline

/// What a comparison found: for each step of the scenario both runs, and whether they ended in the same tables.
public struct ComparisonReport: Sendable {
    /// A step of the scenario and what came of it.
    public struct Step: Sendable {
        /// The step's name.
        public var name: String
        /// The procedural runs' measures, one for each repetition.
        public var procedural: [RunMeasures]
        /// The declarative runs' measures, one for each repetition.
        public var declarative: [RunMeasures]
        /// Every published dataset, held against its namesake.
        public var datasets: [DatasetComparison]

        /// Creates a step.
        public init(
            name: String,
            procedural: [RunMeasures] = [],
            declarative: [RunMeasures] = [],
            datasets: [DatasetComparison] = []
        ) {
            self.name = name
            self.procedural = procedural
            self.declarative = declarative
            self.datasets = datasets
        }

        /// Whether every dataset is equal in both styles.
        public var isEqual: Bool { datasets.allSatisfy(\.isEqual) }
    }

    /// The pipeline's name.
    public var pipeline: String
    /// A line about the pipeline.
    public var summary: String?
    /// The day it was made, as `2013-01-31`.
    public var date: String
    /// Where it was made.
    public var machine: Machine
    /// How often the scenario was played from the start.
    public var repetitions: Int
    /// The datasets and what they read.
    public var datasets: [DatasetOutline]
    /// The steps.
    public var steps: [Step]

    /// Creates a report.
    public init(
        pipeline: String,
        summary: String?,
        date: String,
        machine: Machine,
        repetitions: Int,
        datasets: [DatasetOutline],
        steps: [Step]
    ) {
        self.pipeline = pipeline
        self.summary = summary
        self.date = date
        self.machine = machine
        self.repetitions = repetitions
        self.datasets = datasets
        self.steps = steps
    }

    /// Whether every dataset was equal after every step.
    public var isEqual: Bool { steps.allSatisfy(\.isEqual) }
}

/// One run, as the report needs it.
public struct RunMeasures: Sendable {
    /// Wall time in seconds, opening and closing the warehouse included.
    public var seconds: Double
    /// The events.
    public var events: [RunEvent]

    /// Creates measures.
    public init(seconds: Double, events: [RunEvent]) {
        self.seconds = seconds
        self.events = events
    }

    /// The events that end a step, with their measures.
    public var steps: [RunEvent] {
        events.filter { $0.step != nil && [.stepCompleted, .stepSkipped, .stepFailed].contains($0.kind) }
    }

    /// Sums a measure over the steps of a kind.
    public func sum(of kind: RunEvent.StepKind? = nil, _ value: (StepMeasures) -> Int) -> Int {
        steps.filter { kind == nil || $0.stepKind == kind }.compactMap(\.measures).reduce(0) { $0 + value($1) }
    }
}

/// A dataset held against its namesake in the other warehouse.
public struct DatasetComparison: Sendable, Hashable {
    /// The name.
    public var name: DatasetName
    /// Rows in the procedural and in the declarative warehouse.
    public var rows: (procedural: Int, declarative: Int)
    /// Whether columns, types and rows are the same.
    public var isEqual: Bool
    /// What differs, or under which tolerance it is equal; nil when it is equal without one.
    public var note: String?
    /// Some of the rows that one side has and the other lacks.
    public var samples: [String]

    /// Creates a comparison.
    public init(
        name: DatasetName,
        rows: (procedural: Int, declarative: Int),
        isEqual: Bool,
        note: String? = nil,
        samples: [String] = []
    ) {
        self.name = name
        self.rows = rows
        self.isEqual = isEqual
        self.note = note
        self.samples = samples
    }

    /// Equal in every part.
    public static func == (a: Self, b: Self) -> Bool {
        a.name == b.name && a.rows == b.rows && a.isEqual == b.isEqual && a.note == b.note && a.samples == b.samples
    }

    /// Feeds the name and the verdict.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(isEqual)
    }
}

/// A dataset as the graph shows it.
public struct DatasetOutline: Sendable, Hashable {
    /// The name.
    public var name: DatasetName
    /// The kind.
    public var kind: Dataset.Kind
    /// The layer, if it is one of the three.
    public var layer: String?
    /// The datasets it reads.
    public var inputs: [DatasetName]
    /// The sources it reads.
    public var sources: [String]
    /// Whether others may see it.
    public var isPublished: Bool

    /// Reads the outline off a node of the graph.
    public init(_ node: DatasetGraph.Node) {
        name = node.dataset.name
        kind = node.dataset.kind
        layer = node.dataset.layer
        inputs = node.inputs
        sources = node.sources
        isPublished = node.dataset.visibility == .published
    }
}

/// The machine a result was got on.
public struct Machine: Sendable, Hashable {
    /// The processor's name.
    public var processor: String
    /// The cores that may be used.
    public var cores: Int
    /// The memory in bytes.
    public var memory: Int
    /// The operating system.
    public var system: String
    /// DuckDB's version.
    public var duckDB: String

    /// Creates a description.
    public init(processor: String, cores: Int, memory: Int, system: String, duckDB: String) {
        self.processor = processor
        self.cores = cores
        self.memory = memory
        self.system = system
        self.duckDB = duckDB
    }
}
