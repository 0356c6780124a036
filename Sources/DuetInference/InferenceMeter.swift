public import DuetEvents
public import DuetPipeline
internal import Synchronization

/// Counts what one step's calls of models take, and keeps what they fail with.
public final class InferenceMeter: Sendable {
    /// An input without an answer.
    public struct Failure: Sendable, Hashable {
        /// The number by which its rows and its entry in the result store are found.
        public var number: String
        /// The function that was asked.
        public var function: InferenceFunction
        /// The input's beginning.
        public var input: String
        /// What went wrong.
        public var error: String
    }

    private struct State {
        var measures = InferenceMeasures()
        var failures: [String: Failure] = [:]
        var error: DuetError?
        var active = 0
        var since = ContinuousClock.now
    }

    private let state = Mutex(State())

    init() {}

    /// What was counted so far.
    public var measures: InferenceMeasures {
        state.withLock { state in
            var measures = state.measures
            // What was not asked for anew was there, in the store or in an equal row.
            measures.cacheHits = max(0, measures.rows - measures.calls)
            return measures
        }
    }
    /// The inputs without an answer, by their numbers.
    public var failures: [Failure] {
        state.withLock { $0.failures.values.sorted { $0.number < $1.number } }
    }
    /// What ended the calls, told in full; the statement that made them fails with its text alone.
    public var error: DuetError? { state.withLock { $0.error } }

    func count(_ body: (inout InferenceMeasures) -> Void) {
        state.withLock { body(&$0.measures) }
    }

    func fail(_ failure: Failure) {
        state.withLock { state in
            guard state.failures.updateValue(failure, forKey: failure.number) == nil else { return }
            state.measures.failed += 1
        }
    }

    func stop(_ error: DuetError) {
        state.withLock { $0.error = $0.error ?? error }
    }

    /// Measures the time in which anything is under way, once, however much is.
    func timed<T>(_ body: () throws -> T) rethrows -> T {
        state.withLock { state in
            if state.active == 0 { state.since = .now }
            state.active += 1
        }
        defer {
            state.withLock { state in
                state.active -= 1
                if state.active == 0 { state.measures.seconds += (ContinuousClock.now - state.since) / .seconds(1) }
            }
        }
        return try body()
    }
}

/// What all calls of a run may cost together.
final class Budget: Sendable {
    private let limit: Double?
    private let spent = Mutex(0.0)

    init(_ limit: Double?) { self.limit = limit }

    /// Sets an amount aside, or says that there is none left.
    func reserve(_ amount: Double, currency: String) throws {
        guard let limit else { return }
        try spent.withLock { spent in
            guard spent + amount <= limit else {
                throw DuetError(
                    .budgetExceeded,
                    "the run may spend \(limit) \(currency); \(Self.shown(spent)) are spent, and the next calls would "
                        + "cost about \(Self.shown(amount)) more",
                    hint: "answers that came are kept: a run with a larger --budget goes on from them"
                )
            }
            spent += amount
        }
    }

    /// Corrects what was set aside by what it really cost.
    func settle(reserved: Double, actual: Double) {
        guard limit != nil else { return }
        spent.withLock { $0 += actual - reserved }
    }

    private static func shown(_ amount: Double) -> String { "\((amount * 1_000_000).rounded() / 1_000_000)" }
}
