public import Foundation

/// The sources of everything that would differ from one evaluation to the next.
public struct ExpressionServices: Sendable {
    /// The present moment, for `utcNow()` and its relatives.
    public var now: @Sendable () -> Date
    /// A number from 0 up to, not including, the given bound, for `rand()`.
    public var random: @Sendable (_ bound: UInt64) -> UInt64
    /// A new identifier, for `guid()`.
    public var identifier: @Sendable () -> UUID

    /// Takes the sources; what is left out comes from the system.
    public init(
        now: @escaping @Sendable () -> Date = { Date() },
        random: @escaping @Sendable (_ bound: UInt64) -> UInt64 = { UInt64.random(in: 0..<max(1, $0)) },
        identifier: @escaping @Sendable () -> UUID = { UUID() }
    ) {
        self.now = now
        self.random = random
        self.identifier = identifier
    }

    /// The system's clock, chance and identifiers.
    public static let system = ExpressionServices()
}
