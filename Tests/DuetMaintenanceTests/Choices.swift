/// A small, fast generator of pseudo-random numbers (SplitMix64), so that a seed means the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A sequence of choices from which a test case is made.
///
/// Everything random about a case is a number below a bound, taken here. Recorded, the numbers can be replayed; with
/// numbers left out or made smaller they give a simpler case, which is how cases are shrunk. Generators take 0 for the
/// simplest choice, and a replay that runs out of numbers goes on with zeros.
struct Choices {
    private(set) var taken: [Int] = []
    private var replay: ArraySlice<Int>?
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(state: seed) }

    init(replaying numbers: [Int]) {
        replay = numbers[...]
        random = SplitMix(state: 0)
    }

    /// A number from 0 up to but not including the bound.
    mutating func below(_ bound: Int) -> Int {
        let number: Int
        if replay != nil {
            number = min(replay?.popFirst() ?? 0, bound - 1)
        } else {
            number = Int.random(in: 0..<bound, using: &random)
        }
        taken.append(number)
        return number
    }

    /// True with a chance of one in `bound`; false is the simpler choice.
    mutating func oneIn(_ bound: Int) -> Bool { below(bound) == bound - 1 }

    /// One of the items, the first being the simplest.
    mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}

/// Makes a failing sequence of choices smaller while it keeps failing.
///
/// - Parameters:
///   - numbers: A sequence that fails.
///   - budget: How many attempts to make.
///   - fails: Whether a sequence fails.
/// - Returns: The smallest failing sequence found.
func shrunk(_ numbers: [Int], budget: Int, fails: ([Int]) -> Bool) -> [Int] {
    var best = numbers
    var attempts = 0
    var improved = true
    func attempt(_ candidate: [Int]) -> Bool {
        guard attempts < budget, candidate != best else { return false }
        attempts += 1
        guard fails(candidate) else { return false }
        best = candidate
        improved = true
        return true
    }
    while improved, attempts < budget {
        improved = false
        for length in [32, 16, 8, 4, 2, 1] {
            var start = 0
            while start < best.count, attempts < budget {
                let end = min(start + length, best.count)
                let without = Array(best[..<start] + best[end...])
                if attempt(without) { continue }
                let zeroed = Array(best[..<start] + Array(repeating: 0, count: end - start) + best[end...])
                if !attempt(zeroed), length == 1, best[start] > 1 {
                    var smaller = best
                    smaller[start] /= 2
                    _ = attempt(smaller)
                }
                start += length
            }
        }
    }
    return best
}
