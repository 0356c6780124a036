internal import Foundation
internal import Synchronization

/// Where events go: a file, a terminal, a test.
public protocol EventSink: Sendable {
    /// Takes one event; called in the order of the run, from any thread, never by two at once.
    func record(_ event: RunEvent)
}

/// The events of one run: numbered here, kept, and passed on to sinks.
public final class EventLog: Sendable {
    /// The run.
    public let runID: String
    /// The pipeline's name.
    public let pipeline: String
    /// The style.
    public let style: String
    private let start = ContinuousClock.now
    private let sinks: [any EventSink]
    private let kept = Mutex<[RunEvent]>([])

    /// Starts a log.
    public init(runID: String, pipeline: String, style: String, sinks: [any EventSink] = []) {
        self.runID = runID
        self.pipeline = pipeline
        self.style = style
        self.sinks = sinks
    }

    /// Seconds since the log was started.
    public var elapsed: Double { (ContinuousClock.now - start) / .seconds(1) }

    /// The events so far.
    public var events: [RunEvent] { kept.withLock { $0 } }

    /// Notes an event.
    public func record(
        _ kind: RunEvent.Kind,
        level: RunEvent.Level = .info,
        step: String? = nil,
        stepKind: RunEvent.StepKind? = nil,
        _ message: String,
        measures: StepMeasures? = nil,
        error: String? = nil
    ) {
        // Sinks are called under the lock so that they see events in the order of their numbers.
        kept.withLock { events in
            let event = RunEvent(
                sequence: events.count + 1,
                timestamp: Date(),
                runID: runID,
                pipeline: pipeline,
                style: style,
                kind: kind,
                level: level,
                step: step,
                stepKind: stepKind,
                message: message,
                measures: measures,
                error: error
            )
            events.append(event)
            for sink in sinks { sink.record(event) }
        }
    }
}
