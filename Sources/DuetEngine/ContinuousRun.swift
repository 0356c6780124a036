/// Runs a pipeline again and again: the continuous mode, which watches sources by looking at them at an interval.
public struct ContinuousRun {
    private let executor: any PipelineExecutor
    private let request: RunRequest
    private let pause: () -> Void

    /// Prepares runs.
    ///
    /// - Parameters:
    ///   - executor: The style.
    ///   - request: What to run; its control ends the runs.
    ///   - seconds: The wait after each run's end.
    public init(_ executor: any PipelineExecutor, _ request: RunRequest, every seconds: Double) {
        self.init(executor, request) { request.control.pause(seconds: seconds) }
    }

    /// Prepares runs with another way to wait.
    package init(_ executor: any PipelineExecutor, _ request: RunRequest, pause: @escaping () -> Void) {
        self.executor = executor
        self.request = request
        self.pause = pause
    }

    /// Runs until the request's control is cancelled; a run that fails is told like others, and the next one tries again.
    ///
    /// - Parameter each: Told of every run's outcome.
    /// - Throws: What keeps a run from beginning.
    public func run(_ each: (RunOutcome) throws -> Void) throws {
        while true {
            try each(try executor.run(request))
            if request.control.isCancelled { return }
            pause()
            if request.control.isCancelled { return }
        }
    }
}
