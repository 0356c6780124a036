internal import DuetEvents
internal import DuetPipeline
internal import Foundation
internal import Synchronization

/// Passes what happens on to every open page, and keeps the latest of it for pages that come (back) later.
final class EventHub: EventSink {
    /// One thing told to pages: an event of a run, or that the playground's state has changed.
    struct Message: Sendable {
        /// The number by which a page asks for what came after.
        var id: Int
        /// `run` for an event of a run, `state` for a change of the playground.
        var kind: String
        /// JSON on one line.
        var data: String

        /// The message in the form of server-sent events (WHATWG HTML, section 9.2).
        var text: String { "id: \(id)\nevent: \(kind)\ndata: \(data)\n\n" }
    }

    private struct State {
        var next = 1
        var kept: [Message] = []
        var listeners: [Int: AsyncStream<String>.Continuation] = [:]
        var nextListener = 0
    }

    /// How many messages are kept; a run of a thousand datasets has about two thousand events.
    private static let capacity = 8192
    /// How many pages may listen at once.
    static let maximumListeners = 32

    private let state = Mutex(State())

    func record(_ event: RunEvent) {
        var json = event.json
        // Statements can be long and pages ask for them when they want them.
        if case .object(var object) = json, case .object(var details)? = object["details"] {
            details["statements"] = nil
            object["details"] = .object(details)
            json = .object(object)
        }
        send("run", json)
    }

    /// Tells all pages.
    func send(_ kind: String, _ value: JSONValue) {
        let data = value.text()
        state.withLock { state in
            let message = Message(id: state.next, kind: kind, data: data)
            state.next += 1
            state.kept.append(message)
            if state.kept.count > Self.capacity + 1024 { state.kept.removeFirst(state.kept.count - Self.capacity) }
            for listener in state.listeners.values { listener.yield(message.text) }
        }
    }

    /// The number of the latest message; 0 when there was none.
    var last: Int { state.withLock { $0.next - 1 } }

    /// Everything after a message, and what comes from now on; nil when too many listen already.
    func listen(after id: Int) -> AsyncStream<String>? {
        let (stream, continuation) = AsyncStream<String>.makeStream(bufferingPolicy: .bufferingNewest(Self.capacity))
        let number: Int? = state.withLock { state in
            guard state.listeners.count < Self.maximumListeners else { return nil }
            continuation.yield("retry: 1000\n\n")
            for message in state.kept where message.id > id { continuation.yield(message.text) }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return state.nextListener
        }
        guard let number else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
        }
        return stream
    }

    /// Says something without meaning, so that connections whose page has gone are noticed.
    func beat() { state.withLock { state in for listener in state.listeners.values { listener.yield(": beat\n\n") } } }

    /// Ends all streams.
    func close() {
        let listeners = state.withLock { state in
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
