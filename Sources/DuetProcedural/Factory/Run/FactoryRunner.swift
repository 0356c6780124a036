public import DuetEngine
public import DuetExpression
public import DuetFactory
internal import Foundation

/// One run to make.
public struct PipelineRequest: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// Values for its parameters.
    public var parameters: ExpressionObject
    /// The trigger it is started by; nil for a person.
    public var trigger: TriggerContext?
    /// Which of its activities to run.
    public var selection: ActivitySelection

    /// Creates a request.
    public init(
        _ pipeline: String,
        parameters: ExpressionObject = ExpressionObject(),
        trigger: TriggerContext? = nil,
        selection: ActivitySelection = ActivitySelection()
    ) {
        self.pipeline = pipeline
        self.parameters = parameters
        self.trigger = trigger
        self.selection = selection
    }
}

/// What a run knows of the trigger that started it.
public struct TriggerContext: Sendable {
    /// The trigger's name.
    public var name: String
    /// `ScheduleTrigger`, `TumblingWindowTrigger` or `BlobEventsTrigger`.
    public var type: String
    /// The id of this firing.
    public var id: String
    /// What `trigger()` gives.
    public var value: ExpressionValue

    /// Creates a context.
    public init(name: String, type: String, id: String, value: ExpressionValue) {
        self.name = name
        self.type = type
        self.id = id
        self.value = value
    }
}

/// Runs pipelines of a factory on this machine.
public struct FactoryRunner: Sendable {
    /// The factory.
    public var factory: Factory
    /// What does the work of activities, by type.
    public var handlers: [ActivityKind: any ActivityHandler]
    /// The time.
    public var clock: any FactoryClock
    /// Chance and identifiers for expressions; their clock is ``clock``.
    public var services: ExpressionServices
    /// Stops all runs.
    public var control: RunControl
    /// Where runs are told.
    public var sinks: [any FactorySink]
    /// How many activities may work at once.
    public var workers: Int
    /// Stops runs at activities; nil for none.
    public var debugger: (any FactoryDebugger)?
    /// Whether nothing is really run: what activities give is unknown, and both ways of a decision on it are gone.
    public var isDry = false
    /// The database that the activities work on, for looks into it; nil when the handlers have none.
    public var warehouse: Warehouse?

    /// Creates a runner.
    public init(
        _ factory: Factory,
        handlers: [ActivityKind: any ActivityHandler] = [:],
        clock: any FactoryClock = SystemClock(),
        services: ExpressionServices = .system,
        control: RunControl = RunControl(),
        sinks: [any FactorySink] = [],
        workers: Int = 4
    ) {
        self.factory = factory
        self.handlers = handlers
        self.clock = clock
        self.services = services
        self.control = control
        self.sinks = sinks
        self.workers = workers
    }

    /// Runs one pipeline and all it calls.
    ///
    /// Blocks until everything has ended, runs that nobody waits for included.
    ///
    /// - Throws: ``ActivityFailure`` when the run cannot begin: no such pipeline, parameters that do not fit.
    public func run(_ request: PipelineRequest) throws(ActivityFailure) -> PipelineRun {
        guard let run = try run([request]).first else {
            throw ActivityFailure("Internal", "the run ended without a result", kind: .system)
        }
        return run
    }

    /// Runs pipelines side by side, as far as their concurrency allows.
    ///
    /// - Returns: The runs in the order of the requests.
    /// - Throws: As ``run(_:)-(PipelineRequest)``; then none has begun.
    public func run(_ requests: [PipelineRequest]) throws(ActivityFailure) -> [PipelineRun] {
        let loop = EventLoop(clock: clock, control: control, widest: workers)
        var services = services
        let clock = clock
        services.now = { clock.now }
        let host = FactoryHost(
            factory: factory,
            loop: loop,
            recorder: FactoryRecorder(sinks: sinks, clock: clock),
            handlers: handlers,
            services: services,
            debugger: debugger,
            isDry: isDry
        )
        var prepared: [PipelineExecution] = []
        for request in requests {
            prepared.append(
                try host.prepare(
                    request.pipeline,
                    parameters: request.parameters,
                    trigger: request.trigger?.value,
                    invokedBy: request.trigger.map { .trigger(name: $0.name, type: $0.type, id: $0.id) } ?? .person,
                    parent: nil,
                    stop: host.stop,
                    selection: request.selection
                )
            )
        }
        var results = [PipelineRun?](repeating: nil, count: prepared.count)
        for (number, run) in prepared.enumerated() {
            loop.soon { host.enqueue(run) { results[number] = $0 } }
        }
        loop.run(cancel: host.cancel)
        return results.compactMap { $0 }
    }
}
