package import DuetEngine
internal import DuetEvents
internal import DuetPipeline
package import DuetReport
internal import Foundation

/// A run under a fault, before it is known how the style got over it.
package struct FaultedRun {
    var style: Style
    package var ending: FaultOutcome.Ending
    package var measures: RunMeasures
    var error: String?
    var state = (changed: 0, kept: 0, lost: 0)

    init(style: Style, ending: FaultOutcome.Ending, _ measures: RunMeasures) {
        self.style = style
        self.ending = ending
        self.measures = measures
    }

    /// The whole outcome, with the run after it.
    func recovered(by run: RunMeasures) -> FaultOutcome {
        let isWork = { (event: RunEvent) in
            guard event.kind == .stepCompleted, let measures = event.measures else { return false }
            return measures.strategy != .nothing
                && measures.rowsInserted + measures.rowsDeleted + measures.filesChanged > 0
        }
        let done = Set(measures.steps.filter(isWork).compactMap(\.step))
        return FaultOutcome(
            style: style.rawValue,
            ending: ending,
            error: error,
            seconds: measures.seconds,
            datasetsChanged: state.changed,
            datasetsKept: state.kept,
            datasetsLost: state.lost,
            recoverySeconds: run.seconds,
            rowsRewritten: run.sum(of: .dataset) { $0.rowsInserted + $0.rowsDeleted },
            stepsRepeated: run.steps.filter { isWork($0) && $0.step.map(done.contains) ?? false }.count,
            bytesRefetched: run.sum(\.bytesTransferred)
        )
    }
}

/// A run in a process of its own that is ended by kill -9.
package struct KilledRun {
    let command: String
    let arguments: [String]
    let style: Style
    let events: String
    let control: RunControl

    /// Prepares it.
    package init(command: String, arguments: [String], style: Style, events: String, control: RunControl) {
        self.command = command
        self.arguments = arguments
        self.style = style
        self.events = events
        self.control = control
    }

    /// Starts it and kills it once so many of its steps have ended.
    package func run(after steps: Int) throws -> FaultedRun {
        let before = lines().count
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let clock = ContinuousClock.now
        try process.run()
        var isKilled = false
        while process.isRunning {
            let ended = read(lines().dropFirst(before)).filter { [.stepCompleted, .stepSkipped].contains($0.kind) }
            if ended.count >= steps || control.isCancelled {
                isKilled = kill(process.processIdentifier, SIGKILL) == 0
                break
            }
            Thread.sleep(forTimeInterval: 0.001)
        }
        process.waitUntilExit()
        try control.check()
        let seconds = (ContinuousClock.now - clock) / .seconds(1)
        let wasKilled = isKilled && process.terminationReason == .uncaughtSignal
        let told = read(lines().dropFirst(before))
        guard wasKilled || process.terminationStatus == 0 else {
            throw DuetError(
                .internalFault,
                "the run that was to be killed failed by itself",
                cause: told.last { $0.error != nil }?.error ?? "\(command) \(arguments.joined(separator: " "))"
            )
        }
        return FaultedRun(
            style: style,
            ending: wasKilled ? .killed : .missed,
            RunMeasures(seconds: seconds, events: told)
        )
    }

    private func lines() -> [Substring] {
        String(decoding: FileManager.default.contents(atPath: events) ?? Data(), as: UTF8.self).split(separator: "\n")
    }

    /// The events that can be read; of the last line a kill may have left only the beginning.
    private func read(_ lines: ArraySlice<Substring>) -> [RunEvent] {
        lines.compactMap { line in
            do {
                return RunEvent(try JSONValue(parsing: String(line)))
            } catch {
                return nil
            }
        }
    }
}

extension RunEvent {
    /// Reads back what matters for a fault's table from an event's line.
    fileprivate init?(_ json: JSONValue) {
        guard let kind = json["event_type"]?.string.flatMap(Kind.init(rawValue:)) else { return nil }
        var measures = StepMeasures()
        let details = json["details"]
        measures.seconds = details?["seconds"]?.number ?? 0
        measures.startedAt = details?["started_at"]?.number ?? 0
        measures.strategy = details?["strategy"]?.string.flatMap(StepMeasures.Strategy.init(rawValue:))
        measures.rowsInserted = details?["rows_inserted"]?.number.map { Int($0) } ?? 0
        measures.rowsDeleted = details?["rows_deleted"]?.number.map { Int($0) } ?? 0
        measures.filesChanged = details?["files_changed"]?.number.map { Int($0) } ?? 0
        measures.bytesTransferred = details?["bytes_transferred"]?.number.map { Int($0) } ?? 0
        self.init(
            sequence: json["sequence"]?.number.map { Int($0) } ?? 0,
            timestamp: Date(),
            runID: json["run_id"]?.string ?? "",
            pipeline: json["pipeline"]?.string ?? "",
            style: json["style"]?.string ?? "",
            kind: kind,
            step: json["step"]?.string,
            stepKind: json["step_kind"]?.string.flatMap(StepKind.init(rawValue:)),
            message: json["message"]?.string ?? "",
            measures: details == nil ? nil : measures,
            error: json["error"]?.string
        )
    }
}

extension JSONValue {
    /// A number of either kind.
    fileprivate var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
