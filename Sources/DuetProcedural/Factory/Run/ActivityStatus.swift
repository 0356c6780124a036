public import DuetExpression
internal import DuetFactory
public import Foundation

/// What became of an activity or a run, named as the service names it.
public enum ActivityStatus: String, Sendable, Hashable {
    /// It did its work.
    case succeeded = "Succeeded"
    /// It did not.
    case failed = "Failed"
    /// It was not run, because what it depends on came to another end.
    case skipped = "Skipped"
    /// It was stopped.
    case cancelled = "Cancelled"
    /// It is switched off.
    case inactive = "Inactive"

    func satisfies(_ conditions: Set<FactoryActivity.Condition>) -> Bool {
        switch self {
        case .succeeded: conditions.contains(.succeeded) || conditions.contains(.completed)
        case .failed: conditions.contains(.failed) || conditions.contains(.completed)
        case .skipped: conditions.contains(.skipped)
        case .cancelled, .inactive: false
        }
    }
}

/// How an activity ended, as expressions read it.
public struct ActivityResult: Sendable {
    /// The end.
    public var status: ActivityStatus
    /// What it gave; null when it gave nothing.
    public var output: ExpressionValue
    /// Why it failed.
    public var failure: ActivityFailure?
    /// When it began.
    public var start: Date
    /// When it ended.
    public var end: Date
    /// The failed activity inside, when that is the reason.
    public var target: String

    /// Creates a result.
    public init(
        status: ActivityStatus,
        output: ExpressionValue,
        failure: ActivityFailure? = nil,
        start: Date,
        end: Date,
        target: String
    ) {
        self.status = status
        self.output = output
        self.failure = failure
        self.start = start
        self.end = end
        self.target = target
    }

    /// The object that `activity('…')` gives.
    var expressionValue: ExpressionValue {
        var object: ExpressionObject = ["status": .string(status.rawValue)]
        if status != .skipped {
            object["output"] = output
            object["executionStartTime"] = .string(Self.text(start))
            object["executionEndTime"] = .string(Self.text(end))
            object["duration"] = .string(Self.duration(end.timeIntervalSince(start)))
        }
        object["error"] = failure.map { .object($0.json(target: target)) } ?? .null
        return .object(object)
    }

    static func text(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func duration(_ seconds: Double) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let whole = max(0, Int(seconds))
        return "\(two(whole / 3_600)):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}

extension ActivityFailure {
    /// The failure as the service shows it.
    func json(target: String) -> ExpressionObject {
        [
            "errorCode": .string(code),
            "message": .string(hint.map { "\(message) (\($0))" } ?? message),
            "failureType": .string(kind.rawValue),
            "target": .string(target),
        ]
    }
}
