import Dispatch

/// Work that waits for a disk, kept off the few threads that all tasks share.
enum Blocking {
    private static let queue = DispatchQueue(label: "duet.fetch.disk", attributes: .concurrent)

    static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }

    /// As `run`, for work that can fail.
    static func attempt(_ work: @escaping @Sendable () throws(FetchError) -> Void) async throws(FetchError) {
        let result: Result<Void, FetchError> = await run {
            do throws(FetchError) { return .success(try work()) } catch { return .failure(error) }
        }
        try result.get()
    }
}
