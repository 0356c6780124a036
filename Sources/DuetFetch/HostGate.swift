import Synchronization

/// Stands before each request: refuses hosts whose circuit is open and spreads requests over time.
///
/// Shared by all transfers of a fetcher; hosts are told apart by scheme, name and port.
final class HostGate: Sendable {
    private let hosts = Mutex<[String: HostRecord]>([:])
    private let breaker: CircuitBreaker?
    private let rate: Double?
    private let now: @Sendable () -> Duration

    init(breaker: CircuitBreaker?, requestsPerSecond: Double?, now: @escaping @Sendable () -> Duration) {
        self.breaker = breaker
        rate = requestsPerSecond
        self.now = now
    }

    /// Asks to send a request.
    ///
    /// - Returns: how long to wait first.
    func enter(_ location: Location, requestsPerSecond: Double?) throws(FetchError) -> Duration {
        let rate = requestsPerSecond ?? self.rate
        let now = now()
        let verdict: Result<Duration, Refused> = hosts.withLock { hosts in
            var host = hosts[location.origin] ?? HostRecord()
            defer { hosts[location.origin] = host }
            if case .refuse(let wait) = host.ask(breaker, now: now) { return .failure(Refused(wait: wait)) }
            guard let rate, rate > 0 else { return .success(.zero) }
            return .success(host.takeSlot(perSecond: rate, now: now))
        }
        switch verdict {
        case .success(let wait): return wait
        case .failure(let refused):
            throw FetchError(
                code: .hostUnavailable,
                message: "'\(location.host)' failed \(breaker?.failures ?? 0) times in a row and is left alone for now",
                hint: "it is asked again in \(Self.seconds(refused.wait)) s; see whether the server runs",
                url: location.redacted,
                retryAfter: refused.wait
            )
        }
    }

    /// Notes how a request went.
    func leave(_ location: Location, _ result: AttemptResult) {
        let verdict = Self.verdict(result)
        let now = now()
        hosts.withLock { hosts in
            guard var host = hosts[location.origin] else { return }
            switch verdict {
            case true?: host.succeeded()
            case false?: host.failed(breaker, now: now)
            case nil: host.toldNothing()
            }
            hosts[location.origin] = host.isIdle(now: now) ? nil : host
        }
    }

    func state(_ location: Location) -> CircuitBreaker.State {
        let now = now()
        return hosts.withLock { $0[location.origin]?.state(now: now) } ?? .closed
    }

    private struct Refused: Error { var wait: Duration }

    /// Whether the host works, as far as the result tells.
    private static func verdict(_ result: AttemptResult) -> Bool? {
        // An answer is an answer, whatever became of its body.
        if result.head.status > 0 { return ![500, 502, 503, 504].contains(result.head.status) }
        switch result.failure?.code {
        case .hostNotFound, .connectionRefused, .connectTimeout, .connectionLost, .stalled, .tlsFailed: return false
        case nil: return true
        default: return nil
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = Int((duration / .seconds(1) * 10).rounded(.up))
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}
