/// When and how often a request is sent again.
public struct RetryPolicy: Sendable, Hashable {
    /// How often the request is sent at most; 1 means never again.
    ///
    /// Attempts that made progress on a resumable file are counted like any other.
    public var maximumAttempts: Int
    /// The upper bound of the first wait; it doubles with each attempt.
    public var baseDelay: Duration
    /// The longest wait between two attempts that the policy itself asks for.
    public var maximumDelay: Duration
    /// The longest `Retry-After` that is waited for; a longer one ends the transfer with its error.
    public var maximumRetryAfter: Duration
    /// Whether a POST is sent again when the server may already have acted on it.
    public var repeatsPost: Bool

    /// Creates a policy.
    public init(
        maximumAttempts: Int = 5,
        baseDelay: Duration = .milliseconds(500),
        maximumDelay: Duration = .seconds(30),
        maximumRetryAfter: Duration = .seconds(120),
        repeatsPost: Bool = false
    ) {
        self.maximumAttempts = maximumAttempts
        self.baseDelay = baseDelay
        self.maximumDelay = maximumDelay
        self.maximumRetryAfter = maximumRetryAfter
        self.repeatsPost = repeatsPost
    }

    /// Never again.
    public static let never = Self(maximumAttempts: 1)
}

extension RetryPolicy {
    /// The wait before the next attempt, or `nil` when there must be none.
    ///
    /// Full jitter (a uniform wait from zero to the bound) keeps many clients that failed together from coming back
    /// together.
    ///
    /// - Parameters:
    ///   - error: why the last attempt failed.
    ///   - attempt: the number of the attempt that failed, from 1.
    ///   - method: what was sent.
    ///   - random: a uniform number from 0 to 1.
    /// - Returns: the wait, or `nil`.
    func delay(after error: FetchError, attempt: Int, method: FetchRequest.Method, random: Double) -> Duration? {
        guard attempt < maximumAttempts, mayRepeat(error, method: method, attempt: attempt) else { return nil }
        if let asked = error.retryAfter {
            return asked <= maximumRetryAfter ? asked : nil
        }
        let doublings = Double(min(attempt - 1, 30))
        let bound = min(maximumDelay / .seconds(1), baseDelay / .seconds(1) * exponent(doublings))
        return .seconds(bound * random)
    }

    private func exponent(_ doublings: Double) -> Double {
        var result = 1.0
        var left = doublings
        while left >= 1 {
            result *= 2
            left -= 1
        }
        return result
    }

    private func mayRepeat(_ error: FetchError, method: FetchRequest.Method, attempt: Int) -> Bool {
        // These say that the server did nothing with the request, so even a POST may be repeated.
        switch error.code {
        case .hostNotFound, .connectionRefused, .connectTimeout, .rateLimited: return true
        // A request that was on its way when the host's circuit opened waits; one that comes later is refused at once.
        case .hostUnavailable: return attempt > 1
        case .serverError where error.httpStatus == 503: return true
        default: break
        }
        guard method.isIdempotent || repeatsPost else { return false }
        switch error.code {
        case .connectionLost, .truncated, .stalled: return true
        case .serverError: return error.httpStatus != 501 && error.httpStatus != 505
        case .httpStatus: return error.httpStatus == 408 || error.httpStatus == 425
        case .tlsFailed: return true
        // A body that was damaged on its way is whole the next time; one that is wrong at the server fails again.
        case .checksumMismatch, .sizeMismatch: return attemptsOnDamage(error)
        default: return false
        }
    }

    private func attemptsOnDamage(_ error: FetchError) -> Bool { error.attempts < 2 }
}
