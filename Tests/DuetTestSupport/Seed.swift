internal import Foundation

/// Random numbers that are the same again for the same seed (SplitMix64, Steele and others 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts from a seed.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The seeds of tests that draw lots.
public enum TestSeed {
    /// The seed in `DUET_TEST_SEED`, or a new one; printed, so that a failure can be played again.
    ///
    /// - Parameter test: What the seed is for.
    /// - Returns: The seed.
    public static func announced(for test: String) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["DUET_TEST_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 1...999_999)
        print("\(test): seed \(seed) (DUET_TEST_SEED=\(seed) plays it again)")
        return seed
    }
}
