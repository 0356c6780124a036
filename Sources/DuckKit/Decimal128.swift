/// A decimal number of up to 38 digits: `unscaled / 10^scale`.
public struct Decimal128: Hashable, Sendable {
    /// The digits as a whole number, with the sign.
    public var unscaled: Int128
    /// The number of digits its type allows, 1 to 38.
    public var width: Int
    /// How many of the digits come after the point, 0 to ``width``.
    public var scale: Int

    /// Makes a number.
    ///
    /// Nothing is checked here: what does not fit is refused when the number is sent to DuckDB.
    ///
    /// - Parameters:
    ///   - unscaled: The digits as a whole number, with the sign.
    ///   - width: The number of digits the type allows.
    ///   - scale: How many of the digits come after the point.
    public init(unscaled: Int128, width: Int, scale: Int) {
        self.unscaled = unscaled
        self.width = width
        self.scale = scale
    }

    /// Whether width and scale are possible and the digits fit.
    var isValid: Bool {
        guard (1...38).contains(width), (0...width).contains(scale) else { return false }
        return unscaled.magnitude < Self.power(width)
    }

    /// The number without a fraction, or nil if it has one.
    var integer: Int128? {
        guard (0...38).contains(scale) else { return nil }
        let (quotient, remainder) = unscaled.quotientAndRemainder(dividingBy: Int128(Self.power(scale)))
        return remainder == 0 ? quotient : nil
    }

    /// The nearest double.
    var double: Double {
        // Through the text, since a division of two rounded numbers can be off in the last digit.
        Double(description) ?? .nan
    }

    private static func power(_ exponent: Int) -> UInt128 {
        (0..<exponent).reduce(UInt128(1)) { product, _ in product * 10 }
    }
}

extension Decimal128: CustomStringConvertible {
    /// All digits, with as many after the point as the scale says: `-0.50`.
    public var description: String {
        let digits = String(unscaled.magnitude)
        let sign = unscaled < 0 ? "-" : ""
        guard scale > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, scale - digits.count)) + digits
        let whole = padded.dropLast(scale)
        // DuckDB writes no zero before the point when the type has no digit there.
        let lead = whole.isEmpty && width > scale ? "0" : String(whole)
        return "\(sign)\(lead).\(padded.suffix(scale))"
    }
}
