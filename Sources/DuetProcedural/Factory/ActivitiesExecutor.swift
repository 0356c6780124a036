internal import DuckKit
public import DuetEngine
internal import DuetEvents
internal import DuetExpression
internal import DuetFactory
public import DuetPipeline
internal import Foundation
internal import Synchronization

/// Runs the hand-written data factory in a pipeline's folder as its procedural style.
public struct ActivitiesExecutor: PipelineExecutor {
    /// The folder of the factory within a pipeline's.
    public static let folder = "activities"

    /// Creates an executor.
    public init() {}

    /// Procedural.
    public var style: Style { .procedural }

    /// Runs the pipeline that is named as the whole is, and all it calls.
    ///
    /// Parameters of pipeline.yml that it declares are handed to it.
    ///
    /// - Throws: ``DuetError`` or ``DuetErrors`` when the factory cannot be read, or a linked service has no stand-in.
    public func run(_ request: RunRequest) throws -> RunOutcome {
        let root = request.pipeline.folder
        let factory = try Factory.load("\(root)/\(Self.folder)")
        let standIns = try StandIns.load("\(root)/stand-ins.yml", parameters: request.pipeline.parameters)
        guard let pipeline = factory.pipeline(named: request.pipeline.name) else {
            throw DuetError(
                .unknownPipeline,
                "'\(root)/\(Self.folder)' has no pipeline '\(request.pipeline.name)'",
                hint: Suggestion.hint(
                    for: request.pipeline.name,
                    among: factory.pipelines.map(\.name),
                    noun: "pipelines"
                )
            )
        }
        let errors = factory.errors + StandInCheck.missing(for: pipeline.name, in: factory, standIns)
        if !errors.isEmpty { throw DuetErrors(errors) }
        var parameters = ExpressionObject()
        for parameter in pipeline.parameters {
            if let value = request.pipeline.parameters[parameter.name] { parameters[parameter.name] = .string(value) }
        }
        return try RunSession.run(request, style: .procedural) { session, _ in
            var environment = FactoryEnvironment(
                warehouse: session.warehouse,
                standIns: standIns,
                fetcher: request.fetcher.fetcher,
                workFolder: "\(request.home.folder)/activities"
            )
            let observer = MovementObserver(&environment, factory)
            let file = "\(request.home.folder)/activity-runs.jsonl"
            let runner = FactoryRunner(
                factory,
                handlers: observer.watching(environment.handlers),
                control: request.control,
                sinks: [try EventLogSink(session.log, runs: file, observer: observer)],
                workers: max(2, request.workers)
            )
            let run = try runner.run(PipelineRequest(pipeline.name, parameters: parameters))
            if let error = run.error { throw error }
        }
    }
}

extension PipelineRun {
    /// The run's failure as an error for people; nil when it succeeded.
    public var error: DuetError? {
        switch status {
        case .succeeded, .inactive, .skipped: nil
        case .cancelled: DuetError(.cancelled, "the run was stopped")
        case .failed:
            DuetError(
                .activityFailed,
                target.isEmpty ? "'\(pipeline)' failed" : "'\(target)' failed: \(failure?.message ?? "")",
                hint: failure?.hint,
                cause: explanation
            )
        }
    }
}

extension DuetError.Code {
    /// An activity of a data factory's pipeline failed, and its failure counts.
    public static let activityFailed = Self("ACTIVITY_FAILED")
}

/// Tells activity runs as events, and writes them in the service's shape to a file.
final class EventLogSink: FactorySink {
    private let log: EventLog
    private let file: ActivityRunFile?
    private let observer: MovementObserver
    private let told = Mutex<Set<String>>([])
    /// The events of a run are kept in memory: a loop of a hundred thousand goes to the file alone.
    private static let most = 5_000

    init(_ log: EventLog, runs path: String, observer: MovementObserver) throws {
        self.log = log
        self.observer = observer
        file = try ActivityRunFile(path)
    }

    func started(activity path: String, type: String, pipeline: String) {
        let step = "\(pipeline)/\(path)"
        // A loop that calls a pipeline calls it often, and a step of the log is run once.
        let isNew = told.withLock { $0.count < Self.most && $0.insert(step).inserted }
        if isNew { log.record(.stepStarted, step: step, stepKind: kind(type), "\(step) begins") }
    }

    func ended(_ run: ActivityRun) {
        file?.ended(run)
        let step = "\(run.pipeline)/\(run.path)"
        let movement = observer.take(run.id)
        guard told.withLock({ $0.remove(step) != nil || $0.count < Self.most }) else { return }
        var measures = StepMeasures()
        measures.seconds = run.end.timeIntervalSince(run.start)
        measures.startedAt = max(0, log.elapsed - measures.seconds)
        measures.attempts = run.attempt
        measures.rowsInserted = number(run.output, "rowsCopied")
        measures.bytesTransferred = number(run.output, "dataRead")
        measures.filesTotal = number(run.output, "filesRead")
        measures.movement = movement
        let error = run.error?["message"]?.stringValue
        switch run.status {
        case _ where run.isRetried:
            told.withLock { _ = $0.insert(step) }
            log.record(.stepRetried, level: .warning, step: step, stepKind: kind(run.type), "tried again", error: error)
        case .succeeded:
            log.record(.stepCompleted, step: step, stepKind: kind(run.type), "\(step) done", measures: measures)
        case .failed, .cancelled:
            log.record(
                .stepFailed,
                level: .error,
                step: step,
                stepKind: kind(run.type),
                "\(step) failed",
                measures: measures,
                error: error ?? "cancelled"
            )
        case .skipped, .inactive:
            log.record(.stepSkipped, step: step, stepKind: kind(run.type), "'\(step)' is skipped: \(run.note ?? "")")
        }
    }

    func ended(_ run: PipelineRun) {
        file?.ended(run)
        let note = run.note.map { " It \($0)." } ?? ""
        log.record(.notice, "'\(run.pipeline)' \(run.status.rawValue.lowercased()). \(run.explanation)\(note)")
    }

    private func kind(_ type: String) -> RunEvent.StepKind { type.lowercased() == "copy" ? .transfer : .dataset }

    private func number(_ value: ExpressionValue, _ name: String) -> Int {
        if case .integer(let number)? = value.objectValue?.value(ignoringCase: name) { Int(number) } else { 0 }
    }
}

/// Writes runs as JSON lines with the service's member names.
public final class ActivityRunFile: FactorySink {
    // Written to on the run's thread only, and in whole lines.
    private let handle: FileHandle

    /// Opens a file to append to.
    ///
    /// - Throws: ``DuetError`` when it cannot be written.
    public init(_ path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw DuetError(.warehouse, "cannot write '\(path)'", hint: "check that you may write there")
        }
        self.handle = handle
        _ = try handle.seekToEnd()
    }

    /// Writes a line.
    public func ended(_ run: ActivityRun) { write(["activityRun": run.json]) }
    /// Writes a line.
    public func ended(_ run: PipelineRun) { write(["pipelineRun": run.json]) }

    private func write(_ value: ExpressionValue) {
        do {
            try handle.write(contentsOf: Data((value.json + "\n").utf8))
        } catch {
            // A full disk is told by the activity that needs the room; the run itself goes on.
            return
        }
    }
}
