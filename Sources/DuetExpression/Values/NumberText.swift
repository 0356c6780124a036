/// How the language writes and reads numbers as text.
enum NumberText {
    /// The shortest digits that read back as the same double; exponent form below 1E-04 and from 1E+17.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        if value == 0 { return value.sign == .minus ? "-0" : "0" }
        let (digits, exponent) = shortestDigits(value.magnitude)
        let sign = value < 0 ? "-" : ""
        if exponent >= 17 || exponent <= -5 { return sign + scientific(digits, exponent) }
        if exponent < 0 {
            return sign + "0." + String(repeating: "0", count: -exponent - 1) + string(digits)
        }
        let whole = exponent + 1
        if digits.count <= whole {
            return sign + string(digits) + String(repeating: "0", count: whole - digits.count)
        }
        return sign + string(Array(digits[..<whole])) + "." + string(Array(digits[whole...]))
    }

    /// The same for JSON text, where a float always shows that it is one.
    static func jsonText(_ value: Double) -> String {
        if value.isNaN || value.isInfinite { return "\"\(text(value))\"" }
        let plain = text(value)
        return plain.utf8.contains { $0 == 0x2E || $0 == 0x45 } ? plain : plain + ".0"
    }

    private static func scientific(_ digits: [UInt8], _ exponent: Int) -> String {
        var result = string(Array(digits[..<1]))
        if digits.count > 1 { result += "." + string(Array(digits[1...])) }
        let magnitude = exponent.magnitude
        return result + "E" + (exponent < 0 ? "-" : "+") + (magnitude < 10 ? "0" : "") + "\(magnitude)"
    }

    private static func string(_ digits: [UInt8]) -> String { String(decoding: digits, as: UTF8.self) }

    /// Significant decimal digits without trailing zeros, and the power of ten of the first one.
    private static func shortestDigits(_ value: Double) -> (digits: [UInt8], exponent: Int) {
        // Swift prints the shortest round-trip digits; only their layout differs from the language's.
        var digits: [UInt8] = []
        var exponent = 0
        var pointAt: Int?
        var bytes = Array(value.description.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == 0x2E {
                pointAt = digits.count
            } else if byte == 0x65 {
                exponent = Int(String(decoding: bytes, as: UTF8.self)) ?? 0
                break
            } else {
                digits.append(byte)
            }
        }
        let integerDigits = pointAt ?? digits.count
        let leadingZeros = digits.prefix { $0 == 0x30 }.count
        while digits.last == 0x30 { digits.removeLast() }
        return (Array(digits.dropFirst(leadingZeros)), exponent + integerDigits - 1 - leadingZeros)
    }

    /// Reads a number the way `int` and `float` read text.
    ///
    /// Taken are spaces around it, a sign, thousands commas anywhere in the whole part, a fraction and an exponent.
    /// Nil if the text is something else.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - point: The sign between whole part and fraction.
    ///   - comma: The sign that may group digits.
    /// - Returns: The number.
    static func parse(_ text: String, point: UInt8 = 0x2E, comma: UInt8 = 0x2C) -> Double? {
        var bytes = Array(text.utf8)
        while bytes.last == 0 { bytes.removeLast() }
        guard bytes.count <= 4_096 else { return nil }
        var position = 0
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
        while position < bytes.count, isSpace(bytes[position]) { position += 1 }
        while let last = bytes.last, bytes.count > position, isSpace(last) { bytes.removeLast() }
        if let special = special(bytes[position...]) { return special }
        var cleaned: [UInt8] = []
        var hasSign = false
        if position < bytes.count, bytes[position] == 0x2B || bytes[position] == 0x2D {
            hasSign = true
            if bytes[position] == 0x2D { cleaned.append(0x2D) }
            position += 1
        }
        var digitCount = 0
        var sawPoint = false
        while position < bytes.count {
            let byte = bytes[position]
            if byte >= 0x30, byte <= 0x39 {
                cleaned.append(byte)
                digitCount += 1
            } else if byte == point, !sawPoint {
                if digitCount == 0 { cleaned.append(0x30) }
                sawPoint = true
                cleaned.append(0x2E)
            } else if byte == comma, !sawPoint, digitCount > 0 {
                // A thousands separator carries no meaning, wherever it stands.
            } else {
                break
            }
            position += 1
        }
        guard digitCount > 0 else { return nil }
        if cleaned.last == 0x2E { cleaned.append(0x30) }
        guard appendExponent(bytes, &position, &cleaned) else { return nil }
        // A sign may also follow the number.
        if position == bytes.count - 1, !hasSign, bytes[position] == 0x2D || bytes[position] == 0x2B {
            if bytes[position] == 0x2D { cleaned.insert(0x2D, at: 0) }
            position += 1
        }
        guard position == bytes.count else { return nil }
        return Double(String(decoding: cleaned, as: UTF8.self))
    }

    private static func appendExponent(_ bytes: [UInt8], _ position: inout Int, _ cleaned: inout [UInt8]) -> Bool {
        guard position < bytes.count, bytes[position] | 0x20 == 0x65 else { return true }
        position += 1
        var exponent: [UInt8] = [0x65]
        if position < bytes.count, bytes[position] == 0x2B || bytes[position] == 0x2D {
            exponent.append(bytes[position])
            position += 1
        }
        let first = position
        while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 {
            exponent.append(bytes[position])
            position += 1
        }
        guard position > first else { return false }
        cleaned += exponent
        return true
    }

    private static func special(_ bytes: ArraySlice<UInt8>) -> Double? {
        switch String(decoding: bytes, as: UTF8.self) {
        case "NaN", "-NaN": .nan
        case "∞": .infinity
        case "-∞": -.infinity
        default: nil
        }
    }
}
