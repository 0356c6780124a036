internal import DuetPipeline
internal import Foundation

/// How fast and how many at once a server is asked.
///
/// - A token bucket each for requests and for tokens in a minute, filled evenly, with room for a tenth of a minute.
/// - As many requests at once as the server bears: one more for each round of successes, half as many after a "too many
///   requests" or a time-out (additive increase, multiplicative decrease, as TCP does: Chiu and Jain 1989).
/// - After many failures in a row nothing more is sent: the circuit is open.
actor Pace {
    private let clock: PaceClock
    private let requests: Bucket
    private let tokens: Bucket
    private let most: Double
    private var allowed: Double
    private var active = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var failuresInARow = 0
    private let failuresToOpen: Int

    /// The largest number at once that was allowed, and the number allowed now.
    var window: (now: Int, most: Int) { (Int(allowed), Int(most)) }

    init(_ model: ModelDeclaration, clock: PaceClock = PaceClock()) {
        self.clock = clock
        requests = Bucket(perMinute: model.requestsPerMinute, now: clock.now)
        tokens = Bucket(perMinute: model.tokensPerMinute, now: clock.now)
        most = Double(model.concurrency ?? 8)
        allowed = min(most, 4)
        failuresToOpen = max(10, 2 * (model.concurrency ?? 8))
    }

    /// Waits until a request may be sent.
    func enter(tokens count: Int) async throws {
        while active >= Int(allowed) {
            await withCheckedContinuation { waiting.append($0) }
        }
        active += 1
        do {
            // The longer of both waits is enough, since time fills both buckets.
            let wait = max(requests.take(1), tokens.take(Double(count)))
            if wait > 0 { try await clock.sleep(.seconds(wait)) }
            try Task.checkCancellation()
        } catch {
            leave()
            throw error
        }
    }

    /// A request is over.
    func leave() {
        active -= 1
        if !waiting.isEmpty, active < Int(allowed) { waiting.removeFirst().resume() }
    }

    func succeeded() {
        failuresInARow = 0
        allowed = min(most, allowed + 1 / allowed)
        if !waiting.isEmpty, active < Int(allowed) { waiting.removeFirst().resume() }
    }

    /// The server is too busy.
    func throttled() { allowed = max(1, allowed / 2) }

    /// The server failed.
    func failed() { failuresInARow += 1 }

    /// Whether to give up.
    var isOpen: Bool { failuresInARow >= failuresToOpen }

    /// The tokens that a request really had, in place of those estimated.
    func correct(estimated: Int, actual: Int) { tokens.give(Double(estimated - actual)) }
}

/// A token bucket; used within an actor only.
final class Bucket {
    private let perSecond: Double?
    private let room: Double
    private var level: Double
    private let now: @Sendable () -> Duration
    private var last: Duration

    init(perMinute: Int?, now: @escaping @Sendable () -> Duration = PaceClock().now) {
        self.now = now
        last = now()
        perSecond = perMinute.map { Double($0) / 60 }
        room = max(1, Double(perMinute ?? 0) / 10)
        level = room
    }

    /// Takes an amount and says how many seconds to wait before using it.
    func take(_ amount: Double) -> Double {
        guard let perSecond else { return 0 }
        let now = now()
        level = min(room, level + (now - last) / .seconds(1) * perSecond)
        last = now
        level -= amount
        return level >= 0 ? 0 : -level / perSecond
    }

    func give(_ amount: Double) {
        if perSecond != nil { level = min(room, level + amount) }
    }
}

/// The time that rates go by; tests replace it, so that a minute takes none.
package struct PaceClock: Sendable {
    /// The time since some start.
    package var now: @Sendable () -> Duration = {
        let start = ContinuousClock.now
        return { ContinuousClock.now - start }
    }()
    /// How a wait is spent.
    package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    package init() {}
}
