public import DuckKit
public import DuetEvents
public import DuetInference
public import DuetPipeline
internal import Foundation
internal import Synchronization

/// A run under way: what both executors share of opening, logging, measuring and ending.
public final class RunSession: Sendable {
    /// What is run.
    public let request: RunRequest
    /// The datasets in order.
    public let graph: DatasetGraph
    /// The style's database.
    public let warehouse: Warehouse
    /// The events.
    public let log: EventLog
    /// Answers the calls of models.
    public let inference: InferenceService
    private let failures = Mutex<[DuetError]>([])

    /// Runs a body as one run: opens the warehouse, tells the start and the end, and keeps the errors.
    ///
    /// - Parameters:
    ///   - request: What to run.
    ///   - style: The style.
    ///   - body: The work; errors of single steps are given to ``attempt(_:kind:_:)``, one it throws ends the run.
    /// - Returns: How the run went.
    /// - Throws: What keeps the run from beginning.
    public static func run(
        _ request: RunRequest,
        style: Style,
        body: (RunSession, Connection) throws -> Void
    ) throws -> RunOutcome {
        var stopwatch = Stopwatch()
        let runID = UUID().uuidString.lowercased()
        let inference = request.inferenceService(style)
        let warehouse = try Warehouse(
            path: request.home.warehouse(style),
            settings: request.settings,
            functions: inference.functions,
            schema: request.pipeline.defaultSchema
        )
        let file = try request.eventRetention.map { _ in try EventJournal(path: request.home.events(style)) }
        let log = EventLog(
            runID: runID,
            pipeline: request.pipeline.name,
            style: style.rawValue,
            sinks: [file].compactMap { $0 } + request.sinks
        )
        let connection = try warehouse.connect()
        stopwatch.lap("open the warehouse")
        let graph = try QueryAnalysis.graph(
            of: request.pipeline,
            connection: connection,
            isWarehouse: true,
            inference: inference
        )
        var request = request
        request.pipeline = request.pipeline.taking(graph)
        let session = RunSession(
            request: request,
            graph: graph,
            warehouse: warehouse,
            log: log,
            inference: inference
        )
        stopwatch.lap("find the graph")
        for observer in request.observers { observer.began(session) }
        defer { for observer in request.observers { observer.ended() } }
        log.record(.runStarted, "the \(style.rawValue) run of '\(request.pipeline.name)' begins")
        for warning in request.pipeline.warnings { log.record(.notice, level: .warning, warning.note) }
        do {
            try body(session, connection)
        } catch {
            session.fail(error)
        }
        stopwatch.lap("sources and datasets")
        do {
            try inference.close()
        } catch {
            session.fail(error)
        }
        session.end(connection)
        session.archive(connection, journal: request.home.events(style))
        stopwatch.lap("end the run")
        return RunOutcome(
            events: log.events,
            errors: session.errors,
            seconds: stopwatch.total,
            phases: stopwatch.laps
        )
    }

    /// Tells where a run's time goes.
    private struct Stopwatch {
        private let start = ContinuousClock.now
        private var last = ContinuousClock.now
        private(set) var laps: [(name: String, seconds: Double)] = []

        var total: Double { (ContinuousClock.now - start) / .seconds(1) }

        mutating func lap(_ name: String) {
            let now = ContinuousClock.now
            laps.append((name, (now - last) / .seconds(1)))
            last = now
        }
    }

    private init(
        request: RunRequest,
        graph: DatasetGraph,
        warehouse: Warehouse,
        log: EventLog,
        inference: InferenceService
    ) {
        self.inference = inference
        self.request = request
        self.graph = graph
        self.warehouse = warehouse
        self.log = log
    }

    /// What has gone wrong so far.
    public var errors: [DuetError] { failures.withLock { $0 } }

    /// Whether the run has changed anything in the warehouse, as far as its steps tell.
    package var hasWritten: Bool {
        log.events.contains { event in
            guard event.kind == .stepCompleted, let measures = event.measures else { return false }
            return event.stepKind == .dataset || measures.filesChanged > 0
        }
    }

    private func fail(_ error: any Error) {
        let found: [DuetError] =
            switch error {
            case let error as DuetError: [error]
            case let errors as DuetErrors: errors.errors
            case let error as DuckDBError where error.kind == .interrupt: [ErrorTranslation.cancelled]
            case let error as DuckDBError where ErrorTranslation.isDiskFull(error):
                [ErrorTranslation.diskFull(error, doing: "writing the warehouse")]
            case let error as DuckDBError: [DuetError(.sqlExecution, error.message, cause: error.sql)]
            default: [DuetError(.internalFault, "\(error)")]
            }
        failures.withLock { $0 += found }
    }

    /// Runs one step: tells its start and end with what it took, and keeps its error.
    ///
    /// - Parameters:
    ///   - step: The step's name.
    ///   - kind: What it does.
    ///   - retries: How often it may be tried again.
    ///   - secondsBetween: The wait between tries.
    ///   - body: The work; it fills in the measures.
    /// - Returns: Whether it succeeded.
    package func attempt(
        _ step: String,
        kind: RunEvent.StepKind,
        retries: Int = 0,
        secondsBetween: Double = 0,
        _ body: (inout StepMeasures) throws -> Void
    ) -> Bool {
        let startedAt = log.elapsed
        log.record(.stepStarted, step: step, stepKind: kind, "\(step) begins")
        var attempt = 1
        while true {
            var measures = StepMeasures()
            measures.startedAt = startedAt
            measures.attempts = attempt
            do {
                try request.control.check()
                try body(&measures)
                measures.seconds = log.elapsed - startedAt
                log.record(
                    .stepCompleted,
                    step: step,
                    stepKind: kind,
                    Self.summary(step, measures),
                    measures: measures
                )
                return true
            } catch {
                // What fails once the run is to stop fails for that, whatever the statement says that was hit.
                let error = request.control.isCancelled ? ErrorTranslation.cancelled : error
                measures.seconds = log.elapsed - startedAt
                let text = Self.text(of: error)
                if attempt <= retries, Self.mayPass(error), !request.control.isCancelled {
                    let wait = secondsBetween > 0 ? "in \(secondsBetween.formatted()) s" : "at once"
                    log.record(
                        .stepRetried,
                        level: .warning,
                        step: step,
                        stepKind: kind,
                        "attempt \(attempt) of \(retries + 1) failed, the next one comes \(wait)",
                        error: text
                    )
                    attempt += 1
                    request.control.wait(seconds: secondsBetween)
                    continue
                }
                fail(error)
                log.record(
                    .stepFailed,
                    level: .error,
                    step: step,
                    stepKind: kind,
                    "\(step) failed",
                    measures: measures,
                    error: text
                )
                return false
            }
        }
    }

    /// Whether another try may end otherwise: a transfer may, and so may a statement that wanted memory, but a file that is
    /// missing or wrong stays so, as does a query, and trying again would only keep the user waiting.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as DuetError: error.mayPass
        case let error as DuckDBError: ErrorTranslation.mayPass(error)
        default: false
        }
    }

    private static func text(of error: any Error) -> String {
        if let error = error as? DuckDBError { return "\(error.kind): \(error.message)" }
        return "\(error)"
    }

    private static func summary(_ step: String, _ measures: StepMeasures) -> String {
        var parts: [String] = []
        if let strategy = measures.strategy { parts.append(strategy.rawValue) }
        if measures.filesTotal > 0 { parts.append("\(measures.filesChanged) of \(measures.filesTotal) files new") }
        if measures.bytesTransferred > 0 { parts.append("\(measures.bytesTransferred) bytes fetched") }
        if measures.rowsInserted > 0 { parts.append("+\(measures.rowsInserted) rows") }
        if let inference = measures.inference {
            parts.append("\(inference.calls) calls, \(inference.cacheHits) answers known")
            if inference.failed > 0 { parts.append("\(inference.failed) inputs without an answer") }
        }
        if measures.rowsDeleted > 0 { parts.append("-\(measures.rowsDeleted) rows") }
        return parts.isEmpty ? "\(step) done" : "\(step): \(parts.joined(separator: ", "))"
    }

    /// Takes the events over into the warehouse.
    private func archive(_ connection: Connection, journal: String) {
        guard let retention = request.eventRetention, hasWritten else { return }
        do {
            try EventArchive.update(connection, journal: journal, retention: retention)
        } catch {
            // The journal has them, and the next run takes them over; this one has told its end already.
            return
        }
    }

    private func end(_ connection: Connection) {
        let errors = errors
        let isCancelled = request.control.isCancelled || errors.contains { $0.code == .cancelled }
        let status = errors.isEmpty ? "completed" : isCancelled ? "cancelled" : "failed"
        if hasWritten {
            do {
                try WarehouseState.record(
                    connection,
                    run: log.runID,
                    style: log.style,
                    seconds: log.elapsed,
                    status: status
                )
            } catch {
                fail(error)
            }
        }
        var usage = StepMeasures()
        usage.seconds = log.elapsed
        usage.cpuSeconds = ProcessUsage.cpuSeconds
        usage.peakMemory = ProcessUsage.peakMemory
        switch status {
        case "completed": log.record(.runCompleted, "the run is complete", measures: usage)
        case "cancelled":
            log.record(
                .runCancelled,
                level: .warning,
                "the run was stopped; the next one goes on from what is committed",
                measures: usage
            )
        default:
            log.record(
                .runFailed,
                level: .error,
                "the run failed: \(errors.count) error\(errors.count == 1 ? "" : "s")",
                measures: usage,
                error: errors.map(\.description).joined(separator: "\n")
            )
        }
    }
}
