internal import DuetEngine
public import DuetFactory
internal import DuetPipeline
public import Foundation

/// Runs what triggers fire.
public struct TriggerRunner {
    /// Runs the pipelines.
    public var runner: FactoryRunner
    /// The triggers, by name.
    public var triggers: [FactoryTrigger]
    /// What became of firings.
    public var state: TriggerState
    /// The folder that storage events look at; nil when there is none.
    public var storage: String?
    /// Told of every firing that ended, or that waits.
    public var tell: (String) -> Void

    /// Creates a runner.
    public init(
        _ runner: FactoryRunner,
        triggers: [FactoryTrigger],
        state: TriggerState,
        storage: String? = nil,
        tell: @escaping (String) -> Void = { _ in }
    ) {
        self.runner = runner
        self.triggers = triggers
        self.state = state
        self.storage = storage
        self.tell = tell
    }

    /// How a span of time went.
    public struct Outcome: Sendable {
        /// Firings whose runs all succeeded.
        public var succeeded = 0
        /// Firings with a run that failed, tries included.
        public var failed = 0
        /// Firings that wait for windows that have not been done.
        public var waiting: [String] = []
    }

    /// Runs everything that is due in a span and has not been done, the oldest first.
    ///
    /// Windows of one trigger run side by side up to its `maxConcurrency`; a window waits for those it depends on.
    ///
    /// - Throws: ``DuetError`` when the state cannot be kept.
    public func run(from: Date, to: Date) throws -> Outcome {
        var open = TriggerPlan.firings(of: triggers, from: from, to: to).filter { !isDone($0) }
        open += try arrivals()
        return try run(open, isWatching: false)
    }

    /// Runs what becomes due until the run is to stop: windows that have never been run, however old; moments of a
    /// calendar from now on; files that come and go.
    ///
    /// - Parameter pause: Seconds between two looks.
    /// - Throws: ``DuetError`` when the state cannot be kept.
    public func watch(pause: Double) throws {
        var seen = runner.clock.now
        try recover()
        while !runner.control.isCancelled {
            let now = runner.clock.now
            var open: [TriggerFiring] = []
            for trigger in triggers {
                switch trigger.kind {
                case .schedule:
                    open += TriggerPlan.firings(of: [trigger], from: seen, to: now)
                case .tumblingWindow(let windows):
                    open += TriggerPlan.firings(of: [trigger], from: windows.start, to: now).filter { $0.due <= now }
                case .storageEvent: break
                }
            }
            seen = now
            open += try arrivals()
            _ = try run(open.filter { !isDone($0) }, isWatching: true)
            runner.control.pause(seconds: pause)
        }
    }

    /// Moments of calendars that were under way at a kill are run again.
    private func recover() throws {
        for trigger in triggers {
            guard case .schedule = trigger.kind else { continue }
            let again = state.unfinished(trigger.name).compactMap { key in
                TriggerTime.date(key, .gmt).map { TriggerFiring(trigger: trigger, due: $0) }
            }
            _ = try run(again, isWatching: true)
        }
    }

    private func isDone(_ firing: TriggerFiring) -> Bool {
        guard firing.file == nil, let entry = state.entry(firing.trigger.name, firing.key) else { return false }
        return entry.status != .waiting
    }

    // MARK: - Running

    private func run(_ firings: [TriggerFiring], isWatching: Bool) throws -> Outcome {
        var outcome = Outcome()
        var open = firings
        while !open.isEmpty, !runner.control.isCancelled {
            let (batch, rest) = try ready(open, firings)
            guard !batch.isEmpty else {
                // A watch tells once what waits; it looks again anyway.
                for firing in rest where !isWatching { tell("waits  \(firing.text)") }
                outcome.waiting = rest.map(\.text)
                break
            }
            for (firing, isSuccess) in try perform(batch) {
                if isSuccess { outcome.succeeded += 1 } else { outcome.failed += 1 }
                tell("\(isSuccess ? "done   " : "failed ") \(firing.text)")
            }
            open = rest
        }
        return outcome
    }

    /// What can begin now: for each trigger its oldest firings, as many as may run at once.
    private func ready(
        _ open: [TriggerFiring],
        _ all: [TriggerFiring]
    ) throws -> (batch: [TriggerFiring], rest: [TriggerFiring]) {
        var batch: [TriggerFiring] = []
        var rest: [TriggerFiring] = []
        var counts: [String: Int] = [:]
        for firing in open {
            var most = 1
            if case .tumblingWindow(let windows) = firing.trigger.kind { most = windows.maxConcurrency }
            let name = firing.trigger.name
            guard counts[name, default: 0] < most, isReady(firing) else {
                rest.append(firing)
                continue
            }
            counts[name, default: 0] += 1
            batch.append(firing)
        }
        return (batch, rest)
    }

    /// Whether the windows a window depends on have succeeded.
    private func isReady(_ firing: TriggerFiring) -> Bool {
        guard let window = firing.window, case .tumblingWindow(let own) = firing.trigger.kind else { return true }
        for dependency in own.dependencies {
            let name = dependency.trigger ?? firing.trigger.name
            guard let trigger = triggers.first(where: { $0.name.lowercased() == name.lowercased() }),
                case .tumblingWindow(let other) = trigger.kind
            else { return false }
            let begin = window.start.addingTimeInterval(dependency.offset)
            let end = begin.addingTimeInterval(dependency.size ?? window.end.timeIntervalSince(window.start))
            // Windows that reach into the span; before the other's first window there is nothing to wait for.
            let slack = other.window(0).end.timeIntervalSince(other.window(0).start)
            let needed = other.windows(from: begin.addingTimeInterval(-slack), to: end.addingTimeInterval(slack))
                .filter { $0.end > begin && $0.start < end }
            let isCovered = needed.allSatisfy { span in
                state.entry(trigger.name, TriggerTime.text(span.start))?.status == .succeeded
            }
            guard isCovered else { return false }
        }
        return true
    }

    /// Runs firings side by side, with the tries that their triggers allow.
    private func perform(_ batch: [TriggerFiring]) throws -> [(firing: TriggerFiring, isSuccess: Bool)] {
        var results: [(firing: TriggerFiring, isSuccess: Bool)] = []
        var open = batch
        while !open.isEmpty {
            let now = runner.clock.now
            var requests: [PipelineRequest] = []
            var owners: [Int] = []
            var isSuccess = [Bool](repeating: true, count: open.count)
            for (number, firing) in open.enumerated() {
                var entry = state.entry(firing.trigger.name, firing.key) ?? .init(status: .waiting)
                entry.status = .running
                entry.attempts += 1
                entry.begun = now
                try state.set(firing.trigger.name, firing.key, entry)
                do throws(ActivityFailure) {
                    for request in try firing.requests(started: now) {
                        requests.append(request)
                        owners.append(number)
                    }
                } catch {
                    tell("failed \(firing.text): \(error.message)")
                    isSuccess[number] = false
                }
            }
            let runs: [PipelineRun]
            do throws(ActivityFailure) {
                runs = try runner.run(requests)
            } catch {
                // One request that cannot begin must not keep the others from running.
                runs = []
                for number in owners { isSuccess[number] = false }
                tell("failed \(error.message)")
            }
            for (number, run) in zip(owners, runs) where run.status != .succeeded { isSuccess[number] = false }
            // What Ctrl-C stopped is left as waiting, to be run again.
            let isStopped = runner.control.isCancelled
            var again: [TriggerFiring] = []
            var pause = 0.0
            for (number, firing) in open.enumerated() {
                guard var entry = state.entry(firing.trigger.name, firing.key) else { continue }
                if isStopped, !isSuccess[number] {
                    entry.status = .waiting
                    try state.set(firing.trigger.name, firing.key, entry)
                    continue
                }
                if !isSuccess[number], case .tumblingWindow(let windows) = firing.trigger.kind,
                    entry.attempts <= windows.retryCount
                {
                    pause = max(pause, windows.retryInterval)
                    again.append(firing)
                    continue
                }
                entry.status = isSuccess[number] ? .succeeded : .failed
                try state.set(firing.trigger.name, firing.key, entry)
                results.append((firing, isSuccess[number]))
            }
            open = again
            guard !open.isEmpty else { break }
            let left = runner.clock.pass(to: runner.clock.now.addingTimeInterval(pause))
            if left > 0 { runner.control.pause(seconds: left) }
            if runner.control.isCancelled { break }
        }
        return results
    }

    // MARK: - Files

    /// Firings for files that have come or gone since the last look.
    private func arrivals() throws -> [TriggerFiring] {
        let events = triggers.filter { if case .storageEvent = $0.kind { true } else { false } }
        guard !events.isEmpty, let storage else { return [] }
        let now = Self.files(in: storage)
        guard state.hasLooked else {
            // What was there before is no event.
            try state.remember(now)
            return []
        }
        let changes = state.changes(now)
        var firings: [TriggerFiring] = []
        let moment = runner.clock.now
        for trigger in events {
            guard case .storageEvent(let event) = trigger.kind else { continue }
            if event.onCreated {
                firings += changes.created.filter { event.matches($0.path, size: $0.size) }
                    .map { TriggerFiring(trigger: trigger, due: moment, file: ($0.path, false)) }
            }
            if event.onDeleted {
                firings += changes.deleted.filter { event.matches($0, size: 1) }
                    .map { TriggerFiring(trigger: trigger, due: moment, file: ($0, true)) }
            }
        }
        _ = try run(firings, isWatching: true)
        // Only now: a kill in between lets the files fire again.
        if !runner.control.isCancelled {
            for change in changes.created { try state.note(change.path, stamp: now[change.path]?.stamp) }
            for path in changes.deleted { try state.note(path, stamp: nil) }
        }
        return []
    }

    private static func files(in folder: String) -> [String: (size: Int, stamp: String)] {
        guard let walker = FileManager.default.enumerator(atPath: folder) else { return [:] }
        var files: [String: (size: Int, stamp: String)] = [:]
        for case let path as String in walker
        where walker.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
            // Files being written here carry a dot until they are whole.
            guard path.split(separator: "/").last?.hasPrefix(".") == false else { continue }
            let size = walker.fileAttributes?[.size] as? Int ?? 0
            let changed = (walker.fileAttributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            files[path] = (size, "\(size) \(changed)")
        }
        return files
    }
}
