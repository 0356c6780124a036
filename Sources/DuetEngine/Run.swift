public import DuetEvents
public import DuetFetch
public import DuetInference
public import DuetPipeline
internal import Foundation
internal import Synchronization

/// The two ways to run a pipeline.
public enum Style: String, Sendable, Hashable, CaseIterable, Codable {
    /// Activities with dependencies; every run reprocesses everything.
    case procedural
    /// Datasets as queries; a run updates what has changed.
    case declarative
}

/// Where a pipeline's files of all kinds are kept between runs.
public struct PipelineHome: Sendable, Hashable {
    /// The folder, by default `.duet/<pipeline>` in the current one.
    public var folder: String

    /// The home of a pipeline.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline's name.
    ///   - root: The folder for all pipelines.
    public init(pipeline: String, root: String = ".duet") {
        folder = URL(fileURLWithPath: root).appendingPathComponent(pipeline).path
    }

    /// A style's database.
    public func warehouse(_ style: Style) -> String { "\(folder)/\(style.rawValue).duckdb" }
    /// What a style has fetched.
    public func landing(_ style: Style) -> String { "\(folder)/\(style.rawValue)-landing" }
    /// A style's event log, one JSON object a line.
    public func events(_ style: Style) -> String { "\(folder)/\(style.rawValue)-events.jsonl" }
    /// What models have answered, shared by all pipelines of a root.
    public var resultStore: String {
        URL(fileURLWithPath: folder).deletingLastPathComponent().appendingPathComponent("inference.duckdb").path
    }
}

/// What to run, and with what.
public struct RunRequest: Sendable {
    /// The pipeline.
    public var pipeline: Pipeline
    /// Where its files are kept.
    public var home: PipelineHome
    /// How DuckDB may use the machine.
    public var settings: EngineSettings
    /// How many steps may run at once, at least 1.
    public var workers: Int
    /// The datasets to refresh; nil for all.
    ///
    /// The procedural style always runs all.
    public var selection: Set<DatasetName>?
    /// The datasets to make anew; for the declarative style.
    public var rebuild: Set<DatasetName>
    /// How an update goes about its datasets; for the declarative style.
    public var update: UpdateOptions
    /// How often a Copy is tried; for the procedural style.
    public var copyPolicy: ProceduralPlan.Policy
    /// Makes the transfers; made when the first one is wanted, since loading TLS takes longer than an idle update.
    public var fetcher: LazyFetcher
    /// Stops the run.
    public var control: RunControl
    /// Told how far each source's transfers are, on the fetcher's own thread, which must not be held up.
    public var progress: (@Sendable (SourceProgress) -> Void)?
    /// Where events go beside the log file.
    public var sinks: [any EventSink]
    /// Whether models answer, or only what answers would take is counted.
    public var inferenceMode = InferenceMode.answer
    /// What models have answered; the home's own store unless set.
    public var resultStore: String?
    /// What all calls of models may cost together, in the currency of their prices; nil for no limit.
    public var budget: Double?
    /// How long events are kept in the warehouse, as pipeline.yml says unless set; nil to keep no log of the run at all,
    /// which only benchmarks want.
    public var eventRetention: EventRetention?
    /// The datasets whose slowest statement is measured by DuckDB itself, by running its query once more.
    public var profiled: Set<DatasetName> = []
    /// Told of the run's beginning and end beside its events.
    public var observers: [any RunObserver] = []

    /// Creates a request.
    public init(
        pipeline: Pipeline,
        home: PipelineHome,
        settings: EngineSettings = EngineSettings(),
        workers: Int = 2,
        selection: Set<DatasetName>? = nil,
        rebuild: Set<DatasetName> = [],
        update: UpdateOptions = UpdateOptions(),
        copyPolicy: ProceduralPlan.Policy = ProceduralPlan.Policy(retry: 2),
        fetcher: @autoclosure @escaping @Sendable () -> Fetcher,
        control: RunControl = RunControl(),
        sinks: [any EventSink] = [],
        progress: (@Sendable (SourceProgress) -> Void)? = nil
    ) {
        self.progress = progress
        eventRetention = EventRetention(days: pipeline.events.keepDays, runs: pipeline.events.keepRuns)
        self.pipeline = pipeline
        self.home = home
        self.settings = settings
        self.workers = workers
        self.selection = selection.map(pipeline.withFlows)
        self.rebuild = pipeline.withFlows(rebuild)
        self.update = update
        self.copyPolicy = copyPolicy
        self.fetcher = LazyFetcher(fetcher)
        self.control = control
        self.sinks = sinks
    }
}

/// Follows a run with a look into its warehouse, beside the events that it may take as a sink.
public protocol RunObserver: Sendable {
    /// The run has its warehouse and graph, and its first event comes next.
    func began(_ session: RunSession)
    /// The run has told its end; its warehouse is closed when this returns.
    func ended()
}

/// How a run went.
public struct RunOutcome: Sendable {
    /// The events, from start to end.
    public var events: [RunEvent]
    /// What went wrong; empty when nothing did.
    public var errors: [DuetError]
    /// Wall time in seconds, opening and closing the warehouse included.
    public var seconds: Double
    /// Where the time went: the phases of the run in order, in seconds.
    public var phases: [(name: String, seconds: Double)]

    /// Whether everything succeeded.
    public var isSuccess: Bool { errors.isEmpty }

    /// Creates an outcome.
    public init(
        events: [RunEvent],
        errors: [DuetError],
        seconds: Double,
        phases: [(name: String, seconds: Double)] = []
    ) {
        self.phases = phases
        self.events = events
        self.errors = errors
        self.seconds = seconds
    }
}

/// One of the two styles of running a pipeline; both do their work through this module.
public protocol PipelineExecutor: Sendable {
    /// The style.
    var style: Style { get }
    /// Runs the pipeline once.
    ///
    /// - Parameter request: What to run.
    /// - Returns: What happened, failures of steps included.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the run could not begin.
    func run(_ request: RunRequest) throws -> RunOutcome
}

/// A fetcher that is made when it is first asked for.
public final class LazyFetcher: Sendable {
    private let make: @Sendable () -> Fetcher
    private let made = Mutex<Fetcher?>(nil)

    /// Keeps how to make it.
    public init(_ make: @escaping @Sendable () -> Fetcher) { self.make = make }

    /// The fetcher.
    public var fetcher: Fetcher {
        made.withLock { made in
            let fetcher = made ?? make()
            made = fetcher
            return fetcher
        }
    }
}
