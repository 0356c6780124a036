public import DuetEvents
import DuetPipeline
import Foundation
public import Logging

/// Tells a run's events to swift-log, each line with the run's id.
public struct LogSink: EventSink {
    /// How lines are written.
    public enum Form: String, Sendable, CaseIterable {
        /// For people.
        case human
        /// A JSON object a line.
        case json
    }

    /// How much goes wrong before it is told.
    public enum Level: String, Sendable, CaseIterable {
        /// The starts of steps too.
        case debug
        /// The course of things.
        case info
        /// What is worth a look.
        case warning
        /// What went wrong.
        case error

        fileprivate var logged: Logger.Level {
            switch self {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        }
    }

    private let logger: Logger

    /// Logs to a logger.
    public init(_ logger: Logger) { self.logger = logger }

    /// Logs in one of duet's own forms.
    ///
    /// - Parameters:
    ///   - form: How lines are written.
    ///   - level: The least level to tell.
    ///   - write: Takes each line, its end included.
    public init(_ form: Form, level: Level, write: @escaping @Sendable (String) -> Void) {
        logger = Logger(label: "duet") { _ in LineHandler(form: form, logLevel: level.logged, write: write) }
    }

    /// Logs one event; the start of a step is for those who look closely.
    public func record(_ event: RunEvent) {
        var metadata: Logger.Metadata = [
            "run": .string(event.runID), "style": .string(event.style), "event": .string(event.kind.rawValue),
        ]
        metadata["step"] = event.step.map { .string($0) }
        metadata["error"] = event.error.map { .string($0) }
        metadata["seconds"] = event.measures.map { .stringConvertible($0.seconds) }
        let level: Logger.Level =
            switch event.level {
            case .error: .error
            case .warning: .warning
            case .info: event.kind == .stepStarted ? .debug : .info
            }
        logger.log(level: level, "\(event.message)", metadata: metadata)
    }
}

/// Writes swift-log's lines as text or as JSON.
private struct LineHandler: LogHandler {
    let form: LogSink.Form
    var logLevel: Logger.Level
    let write: @Sendable (String) -> Void
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        switch form {
        case .human:
            let rest = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            write("\(time) \(event.level.rawValue) \(event.message) \(rest)\n")
        case .json:
            var object: JSONObject = [
                "time": .string(time), "level": .string(event.level.rawValue), "message": .string("\(event.message)"),
            ]
            for (key, value) in all.sorted(by: { $0.key < $1.key }) { object[key] = .string("\(value)") }
            write(JSONValue.object(object).text() + "\n")
        }
    }
}
