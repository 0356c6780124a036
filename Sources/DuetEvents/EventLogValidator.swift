/// Checks that a run's events tell a possible story; every executor's tests use it.
public enum EventLogValidator {
    /// What is impossible about the events; empty when they are in order.
    ///
    /// A run starts once and first, and ends once and last. A step starts before it ends, ends once, and every step that
    /// started has ended when the run has completed. Numbers rise by one.
    public static func faults(in events: [RunEvent]) -> [String] {
        var faults: [String] = []
        var running: Set<String> = []
        var ended: Set<String> = []
        for (index, event) in events.enumerated() {
            if event.sequence != index + 1 { faults.append("event \(index + 1) has the number \(event.sequence)") }
            if (index == 0) != (event.kind == .runStarted) { faults.append("event \(index + 1) is \(event.kind)") }
            if event.kind.endsRun, index != events.count - 1 { faults.append("event \(index + 1) ends the run early") }
            guard let step = event.step else { continue }
            switch event.kind {
            case .stepStarted:
                if running.contains(step) || ended.contains(step) { faults.append("'\(step)' started twice") }
                running.insert(step)
            case .stepCompleted, .stepFailed:
                if running.remove(step) == nil { faults.append("'\(step)' ended without having started") }
                ended.insert(step)
            case .stepSkipped:
                if running.contains(step) || ended.contains(step) {
                    faults.append("'\(step)' was skipped after it ran")
                }
                ended.insert(step)
            default: break
            }
        }
        if let last = events.last, !last.kind.endsRun { faults.append("the run has no end") }
        if events.last?.kind == .runCompleted, !running.isEmpty {
            faults.append("still running at the end: \(running.sorted().joined(separator: ", "))")
        }
        return faults
    }
}

extension RunEvent.Kind {
    /// Whether this is a run's last event.
    public var endsRun: Bool { [.runCompleted, .runFailed, .runCancelled, .runAbandoned].contains(self) }
}
