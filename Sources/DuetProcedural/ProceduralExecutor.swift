internal import DuckKit
public import DuetEngine
internal import DuetEvents
internal import DuetInference
internal import DuetPipeline
internal import Synchronization

/// Runs a pipeline as activities with dependencies; every run transfers and recomputes everything.
public struct ProceduralExecutor: PipelineExecutor {
    /// Creates an executor.
    public init() {}

    /// Procedural.
    public var style: Style { .procedural }

    /// Runs all activities, each as soon as those it depends on have succeeded.
    ///
    /// - Parameter request: What to run; the selection does not apply to this style.
    /// - Returns: What happened.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the run could not begin.
    public func run(_ request: RunRequest) throws -> RunOutcome {
        try RunSession.run(request, style: style) { session, connection in
            let plan = ProceduralPlan(request.pipeline, graph: session.graph, copyPolicy: request.copyPolicy)
            try connection.transaction {
                for schema in Set(request.pipeline.datasets.map(\.name.schema)).sorted() {
                    try connection.execute("CREATE SCHEMA IF NOT EXISTS \(SQL.identifier(schema))")
                }
            }
            let walker = ActivityWalker(session: session, plan: plan)
            walker.walk()
            if session.errors.isEmpty { try session.sweepLanding(style: style, connection: connection) }
        }
    }
}

/// Walks a plan's activities.
private final class ActivityWalker: Sendable {
    private let session: RunSession
    private let plan: ProceduralPlan
    private let files = Mutex<[String: [LandedFile]]>([:])

    init(session: RunSession, plan: ProceduralPlan) {
        self.session = session
        self.plan = plan
    }

    func walk() {
        let numbers = Dictionary(plan.activities.enumerated().map { ($1.name, $0) }) { first, _ in first }
        DependencyWalk.run(
            dependencies: plan.activities.map { $0.dependsOn.compactMap { numbers[$0] } },
            workers: session.request.workers,
            run: { [self] in run(plan.activities[$0]) },
            skip: { [self] skipped, because in
                let activity = plan.activities[skipped]
                session.log.record(
                    .stepSkipped,
                    level: .warning,
                    step: activity.name,
                    stepKind: activity.work.stepKind,
                    "'\(activity.name)' is skipped, because '\(plan.activities[because].name)' failed"
                )
            }
        )
    }

    private func run(_ activity: ProceduralPlan.Activity) -> DependencyWalk.Outcome {
        let isDone = session.attempt(
            activity.name,
            kind: activity.work.stepKind,
            retries: activity.policy.retry,
            secondsBetween: Double(activity.policy.retryIntervalInSeconds)
        ) { measures in
            let connection = try session.warehouse.connect()
            try session.request.control.interruptible(connection) {
                try session.calling(connection, measures: &measures) { measures in
                    try work(activity.work, connection, &measures)
                }
            }
        }
        if isDone, case .script(let name) = activity.work,
            let dataset = session.request.pipeline.dataset(named: name)
        {
            session.tellMessage(of: dataset, step: activity.name)
        }
        return isDone ? .done : .failed
    }

    private func work(
        _ work: ProceduralPlan.Activity.Work,
        _ connection: Connection,
        _ measures: inout StepMeasures
    ) throws {
        switch work {
        case .copy(let name):
            guard let source = session.request.pipeline.source(named: name) else { return }
            let landed = try session.land(
                source,
                style: .procedural,
                mode: .everything,
                known: try WarehouseState.known(connection, source: name),
                connection: { connection },
                measures: &measures
            )
            files.withLock { $0[name] = landed }
        case .script(let name):
            guard let dataset = session.request.pipeline.dataset(named: name) else { return }
            let landed = files.withLock { $0 }
            let meter = session.inference.meter(of: try connection.identifier)
            try DatasetWriter(connection, pipeline: session.request.pipeline, meter: meter)
                .replace(dataset, files: landed, measures: &measures)
            if session.request.profiled.contains(name) {
                measures.profile = try StatementProfile.ofSlowest(measures, connection)
            }
        }
    }
}

extension ProceduralPlan.Activity.Work {
    fileprivate var stepKind: RunEvent.StepKind {
        switch self {
        case .copy: .transfer
        case .script: .dataset
        }
    }
}
