/// Numbers over repeated measurements.
public enum Statistics {
    /// The middle value; of an even number the mean of the two in the middle; 0 of none.
    public static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

/// How numbers are written for people.
public enum NumberText {
    /// Seconds with three significant digits: `0.0123 s`, `1.23 s`, `123 s`.
    public static func seconds(_ value: Double) -> String { "\(significant(value)) s" }

    /// Three significant digits.
    public static func significant(_ value: Double) -> String {
        guard value > 0, value.isFinite else { return "0" }
        var digits = 2
        var scaled = value
        while scaled < 1, digits < 8 {
            scaled *= 10
            digits += 1
        }
        while scaled >= 10, digits > 0 {
            scaled /= 10
            digits -= 1
        }
        return decimals(value, digits)
    }

    /// A percentage with as many digits as it takes, three at most: `0.01 %`, `12.5 %`, `100 %`.
    public static func percent(_ value: Double) -> String {
        var text = significant(value)
        while text.contains("."), text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return "\(text) %"
    }

    /// A fixed number of decimals.
    public static func decimals(_ value: Double, _ digits: Int) -> String {
        var power = 1.0
        for _ in 0..<digits { power *= 10 }
        let rounded = (value * power).rounded()
        guard rounded.magnitude < 9e15 else { return "\(value)" }
        let whole = Int(rounded.magnitude)
        let unit = Int(power)
        let sign = rounded < 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(whole % unit)
        return "\(sign)\(whole / unit)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// A whole number with thin groups: `336,776`.
    public static func count(_ value: Int) -> String {
        var digits = Array(String(value.magnitude))
        var index = digits.count - 3
        while index > 0 {
            digits.insert(",", at: index)
            index -= 3
        }
        return (value < 0 ? "-" : "") + String(digits)
    }

    /// Bytes in the unit that fits: `31.1 MB`.
    public static func bytes(_ value: Int) -> String {
        var amount = Double(value)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB"]
        while amount >= 1000, unit < units.count - 1 {
            amount /= 1000
            unit += 1
        }
        return unit == 0 ? "\(value) B" : "\(decimals(amount, amount < 10 ? 2 : 1)) \(units[unit])"
    }
}
