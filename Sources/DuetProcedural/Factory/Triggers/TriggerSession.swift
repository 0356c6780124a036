public import DuetEngine
internal import DuetExpression
internal import DuetFactory
public import DuetFetch
public import DuetPipeline
public import Foundation

/// A factory's triggers with what has become of them.
public struct TriggerSession {
    /// Why some triggers do not fire here.
    public let errors: [DuetError]
    private let session: FactorySession
    private let all: [FactoryTrigger]
    private let chosen: [FactoryTrigger]
    private let isNamed: Bool
    private let state: TriggerState

    /// Reads a factory's triggers.
    ///
    /// - Parameters:
    ///   - session: The factory.
    ///   - only: The triggers that are meant; all when there is none.
    /// - Throws: ``DuetError`` for an unknown name, or a state that cannot be read.
    public init(_ session: FactorySession, only: [String]) throws(DuetError) {
        self.session = session
        let (triggers, errors) = TriggerPlan.triggers(of: session.factory)
        self.errors = errors
        all = triggers
        isNamed = !only.isEmpty
        for name in only where !triggers.contains(where: { $0.name.lowercased() == name.lowercased() }) {
            throw DuetError(
                .wrongValue,
                "the factory has no trigger '\(name)'",
                hint: Suggestion.hint(for: name, among: triggers.map(\.name), noun: "triggers")
            )
        }
        let names = Set(only.map { $0.lowercased() })
        chosen = only.isEmpty ? triggers : triggers.filter { names.contains($0.name.lowercased()) }
        state = try TriggerState(path: session.triggerState)
    }

    /// A span of time from its texts.
    ///
    /// - Throws: ``DuetError`` for text that is no moment.
    public func span(from: String?, to: String?, now: Date = Date()) throws(DuetError) -> (from: Date, to: Date) {
        func date(_ text: String) throws(DuetError) -> Date {
            if let date = TriggerTime.date(text, .gmt) { return date }
            throw DuetError(.wrongValue, "'\(text)' is no moment", hint: "write 2026-01-31 or 2026-01-31T02:30:00Z")
        }
        let first = try from.map(date) ?? now
        return (first, try to.map(date) ?? first.addingTimeInterval(86_400))
    }

    /// What would fire in a span.
    public func firings(_ span: (from: Date, to: Date)) -> [TriggerFiring] {
        TriggerPlan.firings(of: chosen, from: span.from, to: span.to)
    }

    /// Changes what is kept of a window.
    ///
    /// - Parameters:
    ///   - text: `TRIGGER@START`.
    ///   - status: What it is to be.
    /// - Returns: What was done, in words.
    /// - Throws: ``DuetError`` when there is no such window.
    public func mark(_ text: String, as status: TriggerState.Status) throws(DuetError) -> String {
        let parts = text.split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2, let start = TriggerTime.date(parts[1], .gmt),
            let trigger = all.first(where: { $0.name.lowercased() == parts[0].lowercased() }),
            case .tumblingWindow(let windows) = trigger.kind,
            windows.windows(from: start, to: start.addingTimeInterval(40_000_000)).first?.start == start
        else {
            throw DuetError(
                .wrongValue,
                "'\(text)' is no window of a tumbling window trigger",
                hint: "write TRIGGER@START, such as Hourly@2026-01-01T03:00:00Z"
            )
        }
        let key = TriggerTime.text(start)
        if state.entry(trigger.name, key)?.status == .running {
            throw DuetError(.wrongValue, "the window \(text) is being run")
        }
        try state.set(trigger.name, key, .init(status: status))
        return status == .cancelled ? "\(text) will not be run" : "\(text) will be run again"
    }

    /// What runs the chosen triggers; stopped ones are left out unless they are named.
    ///
    /// - Throws: ``DuetErrors`` when a pipeline cannot run.
    public func runner(
        settings: EngineSettings,
        workers: Int,
        control: RunControl,
        fetcher: @escaping @autoclosure @Sendable () -> Fetcher,
        tell: @escaping (String) -> Void
    ) throws -> TriggerRunner {
        let triggers = chosen.filter { $0.isStarted || isNamed }
        for trigger in chosen where !trigger.isStarted && !isNamed {
            tell("stopped \(trigger.name): name it with --only to run it")
        }
        try session.check(triggers.flatMap(\.targets).map(\.pipeline))
        return TriggerRunner(
            try session.runner(settings: settings, workers: workers, control: control, fetcher: fetcher()),
            triggers: triggers,
            state: state,
            storage: session.standIns.storage,
            tell: tell
        )
    }
}
