/// When a host that keeps failing is left alone.
///
/// A host fails when it cannot be reached, gives no answer, or answers 500, 502, 503 or 504; any other answer shows that
/// it works. After so many failures in a row its circuit opens: requests are refused with `HOST_UNAVAILABLE` before
/// anything is sent. When the cool-down is over one request is let through; its success closes the circuit, its failure
/// opens it anew.
public struct CircuitBreaker: Sendable, Hashable {
    /// How many failures in a row open the circuit; at least 1.
    public var failures: Int
    /// For how long the host is then left alone.
    public var coolDown: Duration

    /// Creates a rule.
    public init(failures: Int = 10, coolDown: Duration = .seconds(10)) {
        self.failures = max(1, failures)
        self.coolDown = coolDown
    }

    /// What a host's circuit is like.
    public enum State: String, Sendable, Hashable {
        /// Requests go through.
        case closed
        /// Requests are refused.
        case open
        /// One request is under way to find out.
        case probing
    }
}

/// What is known of one host: how its last requests went, and when the next may be sent.
///
/// Pure: the time comes from outside, so that it can be tested without waiting.
struct HostRecord {
    private var failures = 0
    private var openUntil: Duration?
    private var isProbing = false
    private var nextSlot: Duration = .zero

    /// Whether a request may be sent.
    enum Verdict: Equatable {
        case go
        /// Refused; another try is worth it after this time.
        case refuse(retryAfter: Duration)
    }

    /// Asks to send a request.
    mutating func ask(_ breaker: CircuitBreaker?, now: Duration) -> Verdict {
        guard let breaker, let openUntil else { return .go }
        guard now >= openUntil else { return .refuse(retryAfter: openUntil - now) }
        // Someone is finding out already; its answer comes sooner than a whole cool-down.
        if isProbing { return .refuse(retryAfter: min(breaker.coolDown, .seconds(1))) }
        isProbing = true
        return .go
    }

    mutating func succeeded() {
        failures = 0
        openUntil = nil
        isProbing = false
    }

    mutating func failed(_ breaker: CircuitBreaker?, now: Duration) {
        failures += 1
        isProbing = false
        guard let breaker, failures >= breaker.failures else { return }
        openUntil = now + breaker.coolDown
    }

    /// The request that was let through ended without telling anything about the host.
    mutating func toldNothing() { isProbing = false }

    /// The wait until a request keeps to so many a second; the slot is then taken.
    mutating func takeSlot(perSecond rate: Double, now: Duration) -> Duration {
        let start = max(now, nextSlot)
        nextSlot = start + .seconds(1 / rate)
        return start - now
    }

    func state(now: Duration) -> CircuitBreaker.State {
        if isProbing { return .probing }
        return openUntil == nil ? .closed : .open
    }

    /// Whether nothing is lost when it is forgotten.
    func isIdle(now: Duration) -> Bool { failures == 0 && openUntil == nil && nextSlot <= now }
}
