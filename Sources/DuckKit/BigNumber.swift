/// A whole number of any size, as BIGNUM holds it.
public struct BigNumber: Hashable, Sendable {
    /// Whether it is below zero.
    public let isNegative: Bool
    /// Its absolute value in bytes, the most significant first, without zeros in front; empty for 0.
    public let magnitude: [UInt8]

    /// Makes a number.
    ///
    /// Zeros in front are dropped, and 0 is never negative.
    ///
    /// - Parameters:
    ///   - isNegative: Whether it is below zero.
    ///   - magnitude: Its absolute value in bytes, the most significant first.
    public init(isNegative: Bool, magnitude: [UInt8]) {
        self.magnitude = Array(magnitude.drop { $0 == 0 })
        self.isNegative = isNegative && !self.magnitude.isEmpty
    }

    /// Reads decimal digits with an optional sign; nil for anything else.
    ///
    /// - Parameter text: The text, such as `-12`.
    public init?(_ text: String) {
        var digits = Array(text.utf8)
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty else { return nil }
        // The least significant byte first, so that a carry grows the end.
        var bytes: [UInt8] = []
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            var carry = Int(digit - UInt8(ascii: "0"))
            for index in bytes.indices {
                carry += Int(bytes[index]) * 10
                bytes[index] = UInt8(carry & 0xFF)
                carry >>= 8
            }
            if carry > 0 { bytes.append(UInt8(carry)) }
        }
        self.init(isNegative: isNegative, magnitude: bytes.reversed())
    }

    /// Reads DuckDB's form: three bytes with the sign and the number of bytes, then the bytes, the most significant
    /// first; all of it inverted for a number below zero, so that stored numbers sort as bytes.
    init(stored bytes: some Collection<UInt8>) {
        let isNegative = (bytes.first ?? 0x80) & 0x80 == 0
        self.init(isNegative: isNegative, magnitude: bytes.dropFirst(3).map { isNegative ? ~$0 : $0 })
    }
}

extension BigNumber: CustomStringConvertible {
    /// The decimal digits, with a sign if it is below zero.
    public var description: String {
        // Nine digits at a time, by dividing the bytes by 10^9 as one does by hand.
        var rest = magnitude
        var groups: [UInt32] = []
        while !rest.isEmpty {
            var remainder: UInt64 = 0
            for index in rest.indices {
                let part = remainder << 8 | UInt64(rest[index])
                rest[index] = UInt8(part / 1_000_000_000)
                remainder = part % 1_000_000_000
            }
            groups.append(UInt32(remainder))
            rest = Array(rest.drop { $0 == 0 })
        }
        guard let first = groups.popLast() else { return "0" }
        let digits = groups.reversed().map { group in
            let text = String(group)
            return String(repeating: "0", count: 9 - text.count) + text
        }
        return (isNegative ? "-" : "") + String(first) + digits.joined()
    }
}
