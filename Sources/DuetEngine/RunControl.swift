package import DuckKit
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Stops a run from outside: Ctrl-C, a time-out, a test.
public final class RunControl: Sendable {
    private struct State {
        var isCancelled = false
        var handles: [Int: InterruptHandle] = [:]
        var next = 0
    }

    private let state = Mutex(State())
    private let wake = NSCondition()

    /// Creates a control for one run.
    public init() {}

    /// Whether the run is to stop.
    public var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Stops the run: statements under way are interrupted and rolled back, nothing new is started.
    public func cancel() {
        let isFirst = state.withLock { state in
            defer { state.isCancelled = true }
            return !state.isCancelled
        }
        let left = interruptAll()
        wake.lock()
        wake.broadcast()
        wake.unlock()
        // DuckDB forgets an interrupt that comes between two statements, so it is said again until all have heard it.
        if isFirst, left > 0 {
            Thread.detachNewThread { [self] in while interruptAll() > 0 { Thread.sleep(forTimeInterval: 0.05) } }
        }
    }

    /// Interrupts what runs, and says how many that were.
    private func interruptAll() -> Int {
        let handles = state.withLock { Array($0.handles.values) }
        for handle in handles { handle.interrupt() }
        return handles.count
    }

    /// Waits between two runs, but no longer than until the run is to stop.
    public func pause(seconds: Double) { wait(seconds: seconds) }

    /// Waits, but no longer than until the run is to stop.
    package func wait(seconds: Double) {
        let deadline = Date(timeIntervalSinceNow: seconds)
        wake.lock()
        defer { wake.unlock() }
        while !isCancelled, wake.wait(until: deadline) {}
    }

    /// Throws when the run is to stop.
    package func check() throws {
        if isCancelled { throw ErrorTranslation.cancelled }
    }

    /// Runs a body whose connection may be interrupted.
    package func interruptible<T>(_ connection: Connection, _ body: () throws -> T) throws -> T {
        let number = state.withLock { state in
            state.next += 1
            state.handles[state.next] = connection.interruptHandle
            return state.next
        }
        defer { state.withLock { _ = $0.handles.removeValue(forKey: number) } }
        try check()
        return try body()
    }
}
