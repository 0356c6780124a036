import Synchronization

/// What a server was asked and what it sent; for tests and reports to read while it runs.
public final class RequestLog: Sendable {
    /// One request.
    public struct Entry: Sendable, Hashable {
        /// The method, such as `GET`.
        public var method: String
        /// The path, percent-decoded, without the query.
        public var path: String
        /// The status of the answer.
        public var status: Int
        /// The body's bytes handed to the network.
        public var bytesSent: Int
        /// The `Range` asked for.
        public var range: String?
        /// Whether it carried `If-None-Match` or `If-Modified-Since`.
        public var isConditional: Bool
        /// The client's port: one for each connection.
        public var clientPort: Int
        /// Whether the answer has been sent, or its connection has ended.
        public var isFinished: Bool
    }

    private struct State {
        var entries: [Entry] = []
        /// Numbers the entries over resets, so that a late count does not land in a newer entry.
        var firstID = 0
        var inFlight = 0
        var peak = 0
    }

    private let state = Mutex(State())

    init() {}

    /// All requests since the start or the last reset, in the order they came.
    public var entries: [Entry] { state.withLock { $0.entries } }

    /// The number of requests.
    public var count: Int { state.withLock { $0.entries.count } }

    /// The bodies' bytes of all answers.
    public var bytesSent: Int { state.withLock { $0.entries.reduce(0) { $0 + $1.bytesSent } } }

    /// The greatest number of requests that were being answered at once.
    public var peakConcurrency: Int { state.withLock { $0.peak } }

    /// Forgets all requests.
    public func reset() {
        state.withLock { state in
            state.firstID += state.entries.count
            state.entries.removeAll()
            state.peak = state.inFlight
        }
    }

    func begin(_ entry: Entry) -> Ticket {
        let id = state.withLock { state in
            state.entries.append(entry)
            state.inFlight += 1
            state.peak = max(state.peak, state.inFlight)
            return state.firstID + state.entries.count - 1
        }
        return Ticket(log: self, id: id)
    }

    private func update(_ id: Int, _ change: (inout Entry) -> Void) {
        state.withLock { state in
            let index = id - state.firstID
            if state.entries.indices.contains(index) { change(&state.entries[index]) }
        }
    }

    /// Stands for one request under way; its end is the request's end, however that comes about.
    final class Ticket: Sendable {
        private let log: RequestLog
        private let id: Int

        init(log: RequestLog, id: Int) {
            self.log = log
            self.id = id
        }

        deinit {
            log.update(id) { $0.isFinished = true }
            log.state.withLock { $0.inFlight -= 1 }
        }

        func answer(status: Int) { log.update(id) { $0.status = status } }
        func sent(_ bytes: Int) { log.update(id) { $0.bytesSent += bytes } }
    }
}
