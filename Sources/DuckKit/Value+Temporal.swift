extension Value {
    /// The text of a date, time, timestamp or interval; empty for anything else.
    var temporalDescription: String {
        switch self {
        case .date(let days):
            switch days {
            case Int32.max: "infinity"
            case -Int32.max: "-infinity"
            default: Self.date(Int64(days))
            }
        case .time(let microseconds): Self.time(microseconds, per: 1_000_000)
        case .timeNS(let nanoseconds): Self.time(nanoseconds, per: 1_000_000_000)
        case .timeTZ(let microseconds, let offset): Self.time(microseconds, per: 1_000_000) + Self.offset(offset)
        case .timestamp(let microseconds): Self.timestamp(microseconds, per: 1_000_000)
        case .timestampS(let seconds): Self.timestamp(seconds, per: 1)
        case .timestampMS(let milliseconds): Self.timestamp(milliseconds, per: 1000)
        case .timestampNS(let nanoseconds): Self.timestamp(nanoseconds, per: 1_000_000_000)
        case .timestampTZ(let microseconds): Self.timestamp(microseconds, per: 1_000_000, zone: "+00")
        case .interval(let months, let days, let microseconds): Self.interval(months, days, microseconds)
        default: ""
        }
    }

    private static func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// The proleptic Gregorian date, with `(BC)` for the years before 1.
    private static func date(_ days: Int64) -> String {
        // Counted from 0000-03-01 in eras of 400 years, so that the leap day is the last day of a year.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        // The year before 1 is 1 BC: there is no year 0.
        let shown = year > 0 ? year : 1 - year
        return "\(padded(shown, 4))-\(padded(month, 2))-\(padded(day, 2))\(year > 0 ? "" : " (BC)")"
    }

    private static func time(_ count: Int64, per second: Int64) -> String {
        let seconds = count / second
        return "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
            + fraction(count % second, of: second)
    }

    /// A fraction of a second without the zeros at its end; nothing if it is 0.
    private static func fraction(_ count: Int64, of second: Int64) -> String {
        guard count != 0 else { return "" }
        var digits = padded(count, String(second).utf8.count - 1)
        while digits.hasSuffix("0") { digits.removeLast() }
        return ".\(digits)"
    }

    private static func offset(_ seconds: Int32) -> String {
        let size = seconds.magnitude
        var text = (seconds < 0 ? "-" : "+") + padded(size / 3600, 2)
        if size % 3600 != 0 { text += ":\(padded(size / 60 % 60, 2))" }
        if size % 60 != 0 { text += ":\(padded(size % 60, 2))" }
        return text
    }

    private static func timestamp(_ count: Int64, per second: Int64, zone: String = "") -> String {
        if count == Int64.max { return "infinity" }
        if count == -Int64.max { return "-infinity" }
        let day = 86_400 * second
        // Rounded down, so that the time of day is never negative.
        let days = count / day - (count % day < 0 ? 1 : 0)
        let rest = count % day
        return "\(date(days)) \(time(rest < 0 ? rest + day : rest, per: second))\(zone)"
    }

    private static func interval(_ months: Int32, _ days: Int32, _ microseconds: Int64) -> String {
        var parts: [String] = []
        func add(_ number: Int32, _ unit: String) {
            if number != 0 { parts.append("\(number) \(unit)\(number == 1 || number == -1 ? "" : "s")") }
        }
        add(months / 12, "year")
        add(months % 12, "month")
        add(days, "day")
        if microseconds != 0 || parts.isEmpty {
            let size = microseconds.magnitude
            let seconds = size / 1_000_000
            let text = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
            parts.append((microseconds < 0 ? "-" : "") + text + fraction(Int64(size % 1_000_000), of: 1_000_000))
        }
        return parts.joined(separator: " ")
    }
}
