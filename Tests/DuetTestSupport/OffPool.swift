internal import Dispatch

/// Runs work that blocks on a thread of its own.
///
/// Tests run on Swift's few threads; a run that blocked one would keep the very transfers waiting that it waits for.
public func offPool<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
    }
}
