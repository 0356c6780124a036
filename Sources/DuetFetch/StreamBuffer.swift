import Synchronization

/// What lies between the loop thread that receives a body and the task that reads it.
///
/// When the reader is slow the buffer fills, the transfer pauses, and TCP tells the server to wait.
final class StreamBuffer: Sendable {
    private struct State: ~Copyable {
        var chunks: [[UInt8]] = []
        var first = 0
        var byteCount = 0
        var isPaused = false
        var hasDelivered = false
        var end: Result<FetchResponse, FetchError>?
        var reader: CheckedContinuation<Void, Never>?
        var resume: (@Sendable () -> Void)?
    }

    private static let maximumBytes = 1 << 20

    private let state = Mutex(State())

    /// Whether bytes were handed to the reader, so that starting over would give them twice.
    var hasDelivered: Bool { state.withLock { $0.hasDelivered } }

    /// How the end came, once it has.
    var end: Result<FetchResponse, FetchError>? { state.withLock { $0.end } }

    // MARK: - The loop thread

    /// Called when a transfer starts: how to go on after a pause.
    func connect(resume: @escaping @Sendable () -> Void) { state.withLock { $0.resume = resume } }

    /// Whether there is room; without it the transfer must pause, and is told when there is some again.
    func hasRoomOrPauses() -> Bool {
        state.withLock { state in
            state.isPaused = state.byteCount >= Self.maximumBytes
            return !state.isPaused
        }
    }

    func add(_ bytes: UnsafeRawBufferPointer) {
        let chunk = Array(bytes)
        let reader = state.withLock { state in
            state.chunks.append(chunk)
            state.byteCount += chunk.count
            return state.reader.take()
        }
        reader?.resume()
    }

    func startOver() {
        state.withLock { state in
            state.chunks.removeAll()
            state.first = 0
            state.byteCount = 0
        }
    }

    // MARK: - The tasks

    func finish(_ result: Result<FetchResponse, FetchError>) {
        let reader = state.withLock { state in
            state.end = result
            return state.reader.take()
        }
        reader?.resume()
    }

    /// The next bytes; `nil` at the end.
    func next() async throws(FetchError) -> [UInt8]? {
        while true {
            let (chunk, end, resume) = takeChunk()
            resume?()
            if let chunk { return chunk }
            if let end {
                _ = try end.get()
                return nil
            }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.first < state.chunks.count || state.end != nil { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    private func takeChunk() -> ([UInt8]?, Result<FetchResponse, FetchError>?, (@Sendable () -> Void)?) {
        state.withLock { state in
            guard state.first < state.chunks.count else { return (nil, state.end, nil) }
            let chunk = state.chunks[state.first]
            state.chunks[state.first] = []
            state.first += 1
            if state.first == state.chunks.count {
                state.chunks.removeAll(keepingCapacity: true)
                state.first = 0
            }
            state.byteCount -= chunk.count
            state.hasDelivered = true
            guard state.isPaused, state.byteCount <= Self.maximumBytes / 2 else { return (chunk, nil, nil) }
            state.isPaused = false
            return (chunk, nil, state.resume)
        }
    }
}
