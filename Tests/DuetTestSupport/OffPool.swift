internal import Foundation

/// Runs work that blocks on a thread of its own.
///
/// Tests run on Swift's few threads; a run that blocked one would keep the very transfers waiting that it waits for. The
/// threads of a dispatch queue are few too, and more come only a second after all of them have been seen blocked.
public func offPool<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}
