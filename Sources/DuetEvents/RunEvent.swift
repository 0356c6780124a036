public import DuetPipeline
public import Foundation

/// One thing that happened in a run; both styles tell their runs in these, with the same fields.
public struct RunEvent: Sendable, Hashable {
    /// What kind of thing happened.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A run began.
        case runStarted = "run_started"
        /// A run ended as it should.
        case runCompleted = "run_completed"
        /// A run ended with an error.
        case runFailed = "run_failed"
        /// A run was stopped by its user.
        case runCancelled = "run_cancelled"
        /// A run's process ended without telling how; the next run tells it.
        case runAbandoned = "run_abandoned"
        /// A step began.
        case stepStarted = "step_started"
        /// A step ended as it should; the measures are whole.
        case stepCompleted = "step_completed"
        /// A step failed, for good or to be tried again.
        case stepFailed = "step_failed"
        /// A step will be tried again.
        case stepRetried = "step_retried"
        /// A step was not run: nothing to do, or something before it failed.
        case stepSkipped = "step_skipped"
        /// Something that a person should know.
        case notice
    }

    /// What a step does.
    public enum StepKind: String, Sendable, Hashable, Codable {
        /// Brings a source's files here.
        case transfer
        /// Makes or refreshes a dataset.
        case dataset
    }

    /// How much a person needs to see it.
    public enum Level: String, Sendable, Hashable {
        /// The course of things.
        case info = "INFO"
        /// Worth a look.
        case warning = "WARN"
        /// Gone wrong.
        case error = "ERROR"
    }

    /// The number within the run, from 1.
    public var sequence: Int
    /// When it happened, in whole milliseconds.
    public var timestamp: Date
    /// The run.
    public var runID: String
    /// The pipeline's name.
    public var pipeline: String
    /// `procedural` or `declarative`.
    public var style: String
    /// The kind.
    public var kind: Kind
    /// The level.
    public var level: Level
    /// The step's name: a dataset, a source or an activity; nil for events of the run itself.
    public var step: String?
    /// What the step does.
    public var stepKind: StepKind?
    /// What happened, in words.
    public var message: String
    /// What it took and gave.
    public var measures: StepMeasures?
    /// The error's text, for failures.
    public var error: String?

    /// Creates an event.
    public init(
        sequence: Int,
        timestamp: Date,
        runID: String,
        pipeline: String,
        style: String,
        kind: Kind,
        level: Level = .info,
        step: String? = nil,
        stepKind: StepKind? = nil,
        message: String,
        measures: StepMeasures? = nil,
        error: String? = nil
    ) {
        self.sequence = sequence
        self.timestamp = Self.wholeMilliseconds(timestamp)
        self.runID = runID
        self.pipeline = pipeline
        self.style = style
        self.kind = kind
        self.level = level
        self.step = step
        self.stepKind = stepKind
        self.message = message
        self.measures = measures
        self.error = error
    }

    /// The version of the event's members; it rises when one changes its meaning or goes.
    public static let schemaVersion = 1

    /// A time as events have it: in UTC, to the millisecond.
    ///
    /// - Parameter time: The time.
    /// - Returns: The text, by ISO 8601.
    public static func text(of time: Date) -> String {
        // A number of milliseconds may lie a hair before its second's fraction, and would be cut to the one before.
        (time + 0.000_001).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// A time without what its text leaves out, so that an event that is told at once and one read from the log are the same.
    private static func wholeMilliseconds(_ time: Date) -> Date {
        Date(
            timeIntervalSinceReferenceDate: (time.timeIntervalSinceReferenceDate * 1000 + 0.01).rounded(.down) / 1000
        )
    }

    /// What tells the event from all others, of whatever run.
    public var id: String { "\(runID)/\(sequence)" }

    /// The event as one JSON object; `docs/events.md` describes its members.
    public var json: JSONValue {
        var object: JSONObject = [
            "schema": .integer(Int64(Self.schemaVersion)),
            "id": .string(id),
            "sequence": .integer(Int64(sequence)),
            "timestamp": .string(Self.text(of: timestamp)),
            "run_id": .string(runID),
            "pipeline": .string(pipeline),
            "style": .string(style),
            "event_type": .string(kind.rawValue),
            "level": .string(level.rawValue),
        ]
        object["step"] = step.map { .string($0) }
        object["step_kind"] = stepKind.map { .string($0.rawValue) }
        object["message"] = .string(message)
        object["details"] = measures?.json
        object["error"] = error.map { .string($0) }
        return .object(object)
    }
}
