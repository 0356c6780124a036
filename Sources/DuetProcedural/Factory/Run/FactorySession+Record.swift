public import DuetEngine
internal import DuetFactory
public import DuetFetch
internal import DuetPipeline

extension FactorySession {
    /// What a recorded run is made with: the factory as a pipeline that has no datasets, in the factory's own home.
    ///
    /// - Parameters:
    ///   - settings: The warehouse's.
    ///   - workers: How many activities may work at once.
    ///   - control: Stops the run.
    ///   - fetcher: Makes transfers.
    /// - Returns: A request, to which sinks and observers may be added.
    public func request(
        settings: EngineSettings,
        workers: Int,
        control: RunControl,
        fetcher: @autoclosure @escaping @Sendable () -> Fetcher
    ) -> RunRequest {
        var place = PipelineHome(pipeline: factory.name)
        place.folder = home
        return RunRequest(
            pipeline: Pipeline(factory: factory.name, folder: folder),
            home: place,
            settings: settings,
            workers: workers,
            fetcher: fetcher(),
            control: control
        )
    }

    /// Runs a pipeline, and tells it in the event log of the factory's warehouse: what each activity read and wrote with
    /// it, so that its tables, columns and rows can be followed back.
    ///
    /// - Parameters:
    ///   - run: The pipeline, its parameters and activities.
    ///   - request: What ``request(settings:workers:control:fetcher:)`` gave.
    ///   - sinks: Told of activities, beside the log.
    ///   - prepare: Changes the runner before it begins.
    /// - Returns: How the run went; it may have failed.
    /// - Throws: What keeps it from beginning, as ``FactoryRunner/run(_:)-(PipelineRequest)`` does.
    public func recorded(
        _ run: PipelineRequest,
        _ request: RunRequest,
        sinks: [any FactorySink] = [],
        prepare: (inout FactoryRunner) -> Void = { _ in }
    ) throws -> PipelineRun {
        var result: Result<PipelineRun, any Error>?
        let outcome = try RunSession.run(request, style: .procedural) { session, _ in
            var environment = FactoryEnvironment(
                warehouse: session.warehouse,
                standIns: standIns,
                fetcher: request.fetcher.fetcher,
                workFolder: "\(home)/work"
            )
            let observer = MovementObserver(&environment, factory)
            var runner = FactoryRunner(
                factory,
                handlers: observer.watching(environment.handlers),
                control: request.control,
                sinks: [try EventLogSink(session.log, runs: log, observer: observer)] + sinks,
                workers: max(2, request.workers)
            )
            runner.warehouse = session.warehouse
            prepare(&runner)
            let made = Result { try runner.run(run) }
            result = made
            if let error = try made.get().error { throw error }
        }
        guard let result else { throw DuetErrors(outcome.errors) }
        return try result.get()
    }
}
