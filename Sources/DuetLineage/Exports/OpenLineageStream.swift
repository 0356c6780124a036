internal import Dispatch
import DuckKit
public import DuetEngine
public import DuetEvents
public import DuetFetch
import DuetPipeline
import Foundation
import Synchronization

/// Tells a run as OpenLineage while it goes, to files and servers.
///
/// The run only puts its events in line; a queue of its own makes them into OpenLineage and hands them on, several at a
/// time and in order. A server that is slow or away holds up nothing and fails nothing: requests are tried again, and what
/// has not gone out some seconds after the run's end is told by ``problems`` and stays in the event log.
public final class OpenLineageStream: EventSink, RunObserver {
    /// How the stream goes about it.
    public struct Pace: Sendable {
        /// How long events are gathered before they are sent, in seconds.
        public var gather = 0.25
        /// How long the end of a run waits for what is still to be sent, in seconds.
        public var patience = 5.0

        /// The usual pace.
        public init() {}
    }

    private struct State {
        var waiting: [RunEvent] = []
        var isScheduled = false
        var session: RunSession?
        var started: Date?
        var unsent: [String: Int] = [:]
        var problems: [String: String] = [:]
        var sent: [String: Int] = [:]
        /// Ends requests when the end of the run has waited long enough.
        var control = RunControl()
    }

    private let places: [String]
    private let fetcher: @Sendable () -> Fetcher
    private let pace: Pace
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "duet.openlineage")
    /// What turns events into OpenLineage; only used on the queue.
    private let export = Mutex<OpenLineageExport?>(nil)

    /// Prepares the stream.
    ///
    /// - Parameters:
    ///   - places: Addresses that begin with http, and paths of files.
    ///   - pace: How it goes about it.
    ///   - fetcher: Makes the requests; asked for when the first is made.
    public init(to places: [String], pace: Pace = Pace(), fetcher: @autoclosure @escaping @Sendable () -> Fetcher) {
        self.places = places
        self.pace = pace
        self.fetcher = fetcher
    }

    /// Makes a request's run be told to the places that pipeline.yml names, and to others.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - places: Addresses and files beside those of pipeline.yml.
    /// - Returns: What tells it; nil when there is no place.
    public static func attached(to request: inout RunRequest, beside places: [String]) -> OpenLineageStream? {
        let all = request.pipeline.events.openLineage + places
        guard !all.isEmpty else { return nil }
        let fetcher = request.fetcher
        let stream = OpenLineageStream(to: all, fetcher: fetcher.fetcher)
        request.sinks.append(stream)
        request.observers.append(stream)
        return stream
    }

    /// What could not be sent, in words, by place; empty when all went out.
    public var problems: [String] {
        state.withLock { state in
            places.compactMap { place in
                guard let unsent = state.unsent[place], unsent > 0 else { return nil }
                let reason = state.problems[place] ?? "the run ended before it answered"
                return "\(unsent) OpenLineage events did not reach \(place): \(reason); "
                    + "duet events --format openlineage --url sends them again"
            }
        }
    }

    /// How many events each place has taken.
    public var sent: [String: Int] { state.withLock { $0.sent } }

    /// Takes the run's session, through whose warehouse columns are looked up.
    public func began(_ session: RunSession) {
        state.withLock { state in
            state = State()
            state.session = session
        }
    }

    /// Puts an event in line.
    public func record(_ event: RunEvent) {
        let isFirst = state.withLock { state in
            if state.started == nil { state.started = event.timestamp }
            state.waiting.append(event)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { queue.asyncAfter(deadline: .now() + pace.gather) { self.send() } }
    }

    /// Sends what is left, as far as that goes quickly.
    public func ended() {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.send()
            done.signal()
        }
        if done.wait(timeout: .now() + pace.patience) == .timedOut {
            state.withLock { $0.control }.cancel()
            done.wait()
        }
        export.withLock { $0 = nil }
        state.withLock { $0.session = nil }
    }

    // MARK: - On the queue

    private func send() {
        let (events, session, started) = state.withLock { state in
            defer {
                state.waiting = []
                state.isScheduled = false
            }
            return (state.waiting, state.session, state.started)
        }
        guard !events.isEmpty, let session else { return }
        let told: [JSONValue]
        do {
            var exporter = try exporter(session, for: events)
            if events.contains(where: { $0.measures?.movement != nil }) {
                exporter.movements = try MovementLineage(events, connection: try session.warehouse.connect())
            }
            told = exporter.events(events, start: started)
        } catch {
            for place in places { note(place, events.count, "\(error)") }
            return
        }
        for place in places {
            // Order matters: after a loss nothing more is sent, so that the log can be sent from there.
            guard state.withLock({ $0.unsent[place] ?? 0 == 0 && !$0.control.isCancelled }) else {
                note(place, told.count, nil)
                continue
            }
            deliver(told, to: place)
        }
    }

    private func deliver(_ events: [JSONValue], to place: String) {
        guard place.lowercased().hasPrefix("http") else {
            do {
                try OpenLineageSender.append(events, to: place)
                state.withLock { $0.sent[place, default: 0] += events.count }
            } catch {
                note(place, events.count, "\((error as? DuetError)?.message ?? "\(error)")")
            }
            return
        }
        let fetcher = fetcher()
        let control = state.withLock { $0.control }
        for (index, event) in events.enumerated() {
            do {
                _ = try Blocking.wait(control: control) {
                    try await OpenLineageSender.post([event], to: place, fetcher: fetcher)
                }
                state.withLock { $0.sent[place, default: 0] += 1 }
            } catch {
                note(place, events.count - index, (error as? DuetError)?.message ?? "it did not answer in time")
                return
            }
        }
    }

    private func note(_ place: String, _ count: Int, _ problem: String?) {
        state.withLock { state in
            state.unsent[place, default: 0] += count
            if let problem, state.problems[place] == nil { state.problems[place] = problem }
        }
    }

    /// The export with the columns as they are now; looked up again when a dataset has come that had none.
    private func exporter(_ session: RunSession, for events: [RunEvent]) throws -> OpenLineageExport {
        if let known = export.withLock({ $0 }) {
            let isKnown = events.allSatisfy { event in
                guard event.kind == .stepCompleted, let node = known.dataset(of: event) else { return true }
                return known.lineage[node.dataset.name]?.columns.isEmpty == false
            }
            if isKnown { return known }
        }
        let connection = try session.warehouse.connect()
        let pipeline = session.request.pipeline
        let made = OpenLineageExport(
            pipeline,
            graph: session.graph,
            lineage: try PipelineLineage(pipeline, graph: session.graph, connection: connection),
            warehouse: session.warehouse.path,
            engineVersion: try connection.scalar("SELECT version()").string ?? ""
        )
        export.withLock { $0 = made }
        return made
    }
}
