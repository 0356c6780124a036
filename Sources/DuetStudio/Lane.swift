internal import Dispatch

/// A line of work that blocks its thread, one piece after the other, away from the threads that tasks share.
///
/// Each style's warehouse has one: DuckDB opens a file once per process, so a look at it waits until a run has let go.
final class Lane: Sendable {
    private let queue: DispatchQueue

    init(_ name: String) { queue = DispatchQueue(label: "duet.studio.\(name)") }

    /// Does a piece of work and waits for it without holding a thread of the caller's pool.
    func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try work() }) }
        }
    }

    /// Does a piece of work and waits for it; for callers that are on a lane of their own.
    func wait<Value>(_ work: () throws -> Value) rethrows -> Value { try queue.sync(execute: work) }

    /// Puts a piece of work in line.
    func later(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }
}
