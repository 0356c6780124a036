public import DuetEvents
public import DuetPipeline

/// What a comparison found: for each step of the scenario both runs, and whether they ended in the same tables.
public struct ComparisonReport: Sendable {
    /// A step of the scenario and what came of it.
    public struct Step: Sendable {
        /// The step's name.
        public var name: String
        /// The kinds of what it does, as in `append, kill`.
        public var kinds: String
        /// What it did, in words.
        public var notes: [String]
        /// Whether it was taken back at its end, and both styles run again.
        public var isTakenBack: Bool
        /// The procedural runs' measures, one for each repetition.
        public var procedural: [RunMeasures]
        /// The declarative runs' measures, one for each repetition.
        public var declarative: [RunMeasures]
        /// Every published dataset, held against its namesake.
        public var datasets: [DatasetComparison]
        /// What the step's fault did, by style; of the last repetition.
        public var faults: [FaultOutcome]

        /// Creates a step.
        public init(
            name: String,
            kinds: String = "nothing",
            notes: [String] = [],
            isTakenBack: Bool = false,
            procedural: [RunMeasures] = [],
            declarative: [RunMeasures] = [],
            datasets: [DatasetComparison] = [],
            faults: [FaultOutcome] = []
        ) {
            self.name = name
            self.kinds = kinds
            self.notes = notes
            self.isTakenBack = isTakenBack
            self.procedural = procedural
            self.declarative = declarative
            self.datasets = datasets
            self.faults = faults
        }

        /// Whether every dataset is equal in both styles.
        public var isEqual: Bool { datasets.allSatisfy(\.isEqual) }

        /// The declarative time by the procedural; nil when there is none.
        public var ratio: TimeRatio? {
            TimeRatio(declarative: declarative.map(\.seconds), procedural: procedural.map(\.seconds))
        }
    }

    /// The pipeline's name.
    public var pipeline: String
    /// A line about the pipeline.
    public var summary: String?
    /// The day it was made, as `2013-01-31`.
    public var date: String
    /// Where it was made.
    public var machine: Machine
    /// With what it was made.
    public var method = ComparisonMethod()
    /// How often the scenario was played from the start.
    public var repetitions: Int
    /// The datasets and what they read, each after those it reads.
    public var datasets: [DatasetOutline]
    /// The steps.
    public var steps: [Step]
    /// What each style's definition takes to write and to change; nil when it was not asked for.
    public var effort: EffortReport?
    /// What the runs would come to at the prices of a file; nil without one.
    public var cost: CostReport?
    /// Where the published datasets' columns come from; nil when it was not looked at.
    public var lineage: LineageReport?
    /// The same of the procedural style's hand-written factory; nil where the activities are derived from the definition.
    public var proceduralLineage: LineageReport?
    /// How time grows with the change and with the data; nil when it was not asked for.
    public var sweep: SweepReport?

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

    /// What the intervals of the steps' times and ratios are worth.
    public enum Intervals: String, Sendable, Hashable {
        /// There are none, of fewer than three repetitions.
        case none
        /// They show how far the repetitions spread, and hold the median less often than in 95 of 100 cases.
        case spread
        /// They hold the median in 95 of 100 cases.
        case confidence
    }

    /// What the intervals of the steps' times and ratios are worth.
    public var intervals: Intervals {
        if repetitions < 3 { return .none }
        return repetitions < Measurement.fewestForInterval ? .spread : .confidence
    }

    /// What to say of intervals that are only a spread; nil for others.
    var spreadNote: String? {
        guard intervals == .spread else { return nil }
        return
            "Of \(repetitions) repetitions the intervals are only a spread: they hold the median less often than in 95 of "
            + "100 cases, whatever method makes them; that takes \(Measurement.fewestForInterval) (`--repeat "
            + "\(Measurement.fewestForInterval)`, or `--precision`)."
    }

    /// Whether somebody stopped it before it was done.
    public var isInterrupted: Bool { method.isInterrupted || sweep?.isInterrupted ?? false }

    /// Whether every dataset was equal after every step.
    public var isEqual: Bool { steps.allSatisfy(\.isEqual) && sweep?.isEqual ?? true }

    /// The first step with a difference, and in it the first dataset that differs while all it reads agrees.
    public var firstDifference: (step: String, dataset: DatasetComparison)? {
        for step in steps where !step.isEqual {
            let order = Dictionary(datasets.enumerated().map { ($1.name, $0) }) { first, _ in first }
            let differing = step.datasets.filter { !$0.isEqual }
            let first = differing.min { order[$0.name] ?? .max < order[$1.name] ?? .max }
            if let first { return (step.name, first) }
        }
        return nil
    }
}

/// How a comparison was made, for who wants to make it again.
public struct ComparisonMethod: Sendable, Hashable {
    /// The scenario's name.
    public var scenario = "the pipeline's own"
    /// The seed of choices by lot.
    public var seed = 1
    /// What the procedural style ran: `derived` or `activities`.
    public var procedural = "derived"
    /// Threads of DuckDB; nil for one a core.
    public var threads: Int?
    /// DuckDB's limit of memory in bytes; nil for its own.
    public var memoryLimit: Int?
    /// Steps at once.
    public var workers = 2
    /// Whether the sources came over HTTP, or from a folder.
    public var isServed = true
    /// Whether the first step was played once before anything was measured.
    public var hasWarmUp = false
    /// Why no more repetitions were made.
    public var stop = "as many repetitions as were asked for"
    /// Whether somebody stopped it before it was done.
    public var isInterrupted = false
    /// The machine's load averages over 1, 5 and 15 minutes before it began.
    public var loadBefore: [Double] = []

    /// Creates a method with nothing said.
    public init() {}

    /// The method as JSON.
    var json: JSONValue {
        [
            "scenario": .string(scenario), "seed": .integer(Int64(seed)), "procedural_form": .string(procedural),
            "threads": threads.map { .integer(Int64($0)) } ?? .null,
            "memory_limit_bytes": memoryLimit.map { .integer(Int64($0)) } ?? .null,
            "workers": .integer(Int64(workers)), "served_over_http": .bool(isServed), "warm_up": .bool(hasWarmUp),
            "stopped_because": .string(stop), "interrupted": .bool(isInterrupted),
            "load_before": .array(loadBefore.map { .double($0) }),
        ]
    }
}

/// One run, as the report needs it.
public struct RunMeasures: Sendable {
    /// Wall time in seconds, opening and closing the warehouse included.
    public var seconds: Double
    /// The events.
    public var events: [RunEvent]
    /// What it took of the machine; nil when that was not measured.
    public var resources: RunResources?

    /// Creates measures.
    public init(seconds: Double, events: [RunEvent], resources: RunResources? = nil) {
        self.seconds = seconds
        self.events = events
        self.resources = resources
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
    /// Rows that only the procedural or only the declarative warehouse has, as often as it has more of them.
    public var surplus: (procedural: Int, declarative: Int) = (0, 0)
    /// How it was found out: `rows`, `fingerprints` or `columns`.
    public var method = "rows"

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
            && a.surplus == b.surplus && a.method == b.method
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
