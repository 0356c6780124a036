public import Foundation
internal import Synchronization

/// The time a factory's runs live in: waits, retry intervals and time limits are counted by it.
public protocol FactoryClock: Sendable {
    /// The present moment.
    var now: Date { get }
    /// Brings the moment about, or says how many seconds are left to sleep until it comes by itself.
    func pass(to moment: Date) -> TimeInterval
    /// Whether time goes on by itself while work is under way.
    var isReal: Bool { get }
}

/// The machine's clock.
public struct SystemClock: FactoryClock {
    /// Creates the clock.
    public init() {}
    /// The present moment.
    public var now: Date { Date() }
    /// The seconds until the moment.
    public func pass(to moment: Date) -> TimeInterval { max(0, moment.timeIntervalSinceNow) }
    /// True.
    public var isReal: Bool { true }
}

/// A clock that jumps to the next thing to happen: a week's wait takes no time.
public final class VirtualClock: FactoryClock {
    private let moment: Mutex<Date>

    /// Starts at a moment.
    public init(_ start: Date = Date(timeIntervalSince1970: 1_767_225_600)) { moment = Mutex(start) }

    /// The moment the clock has come to.
    public var now: Date { moment.withLock { $0 } }

    /// Jumps; never backwards.
    public func pass(to moment: Date) -> TimeInterval {
        self.moment.withLock { $0 = max($0, moment) }
        return 0
    }

    /// False.
    public var isReal: Bool { false }
}
