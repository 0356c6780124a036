/// Writes dates in .NET's standard and custom formats.
struct DateTimeFormatter {
    let culture: DateCulture

    /// The format of results that no format was asked for.
    static let roundTrip = "o"

    /// The text, or nil if the format is malformed.
    func text(_ moment: DateTime, _ format: String) -> String? {
        var moment = moment
        var characters = Array(format.unicodeScalars)
        var culture = culture
        if characters.isEmpty { characters = ["G"] }
        if characters.count == 1, characters[0].value < 0x1_0000 {
            switch characters[0] {
            case "o", "O": return Self.roundTripText(moment)
            case "r", "R":
                characters = Array("ddd, dd MMM yyyy HH':'mm':'ss 'GMT'".unicodeScalars)
                culture = .invariant
            case "s":
                characters = Array("yyyy'-'MM'-'dd'T'HH':'mm':'ss".unicodeScalars)
                culture = .invariant
            case "u":
                characters = Array("yyyy'-'MM'-'dd HH':'mm':'ss'Z'".unicodeScalars)
                culture = .invariant
            case "U":
                moment.kind = .utc
                characters = Array((culture.longDate + " " + culture.longTime).unicodeScalars)
            default:
                guard let pattern = culture.pattern(characters[0]) else { return nil }
                characters = Array(pattern.unicodeScalars)
            }
        }
        return custom(moment, characters, culture)
    }

    private static func digits(_ value: Int, _ count: Int) -> String {
        let text = String(value)
        return text.count >= count ? text : String(repeating: "0", count: count - text.count) + text
    }

    private static func roundTripText(_ moment: DateTime) -> String {
        let (year, month, day) = moment.date
        let parts = [(year, 4), (month, 2), (day, 2), (moment.hour, 2), (moment.minute, 2), (moment.second, 2)]
        let separators: [UInt8] = [0x2D, 0x2D, 0x54, 0x3A, 0x3A, 0x2E]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(34)
        func append(_ value: Int, _ count: Int) {
            var divisor = 1
            for _ in 1..<count { divisor *= 10 }
            while divisor > 0 {
                bytes.append(UInt8(0x30 + value / divisor % 10))
                divisor /= 10
            }
        }
        for (part, separator) in zip(parts, separators) {
            append(part.0, part.1)
            bytes.append(separator)
        }
        append(moment.fraction, 7)
        return String(decoding: bytes, as: UTF8.self) + suffix(moment)
    }

    /// What `K` stands for.
    private static func suffix(_ moment: DateTime) -> String {
        switch moment.kind {
        case .unspecified: ""
        case .utc: "Z"
        case .local: "+00:00"
        }
    }

    private func custom(_ moment: DateTime, _ format: [Unicode.Scalar], _ culture: DateCulture) -> String? {
        var output = ""
        var position = 0
        let isDayInFormat = Self.hasDayOfMonth(format)
        while position < format.count {
            let letter = format[position]
            switch letter {
            case "'", "\"":
                guard let end = Self.appendQuoted(format, position, to: &output) else { return nil }
                position = end
                continue
            case "\\":
                guard position + 1 < format.count else { return nil }
                output.unicodeScalars.append(format[position + 1])
                position += 2
                continue
            case "%":
                // Makes a single letter a custom format; nothing else may follow it.
                guard position + 1 < format.count, format[position + 1] != "%" else { return nil }
                guard let text = part(moment, [format[position + 1]], culture, isDayInFormat, &output) else {
                    return nil
                }
                output += text
                position += 2
                continue
            default: break
            }
            var end = position + 1
            while end < format.count, format[end] == letter { end += 1 }
            guard let text = part(moment, format[position..<end], culture, isDayInFormat, &output) else { return nil }
            output += text
            position = end
        }
        return output
    }

    private static func appendQuoted(_ format: [Unicode.Scalar], _ start: Int, to output: inout String) -> Int? {
        var position = start + 1
        while position < format.count {
            if format[position] == format[start] { return position + 1 }
            if format[position] == "\\" {
                position += 1
                guard position < format.count else { return nil }
            }
            output.unicodeScalars.append(format[position])
            position += 1
        }
        return nil
    }

    /// Whether the day's number stands in the format, which in some languages changes the month's name.
    private static func hasDayOfMonth(_ format: [Unicode.Scalar]) -> Bool {
        var position = 0
        while position < format.count {
            guard format[position] == "d" else {
                position += 1
                continue
            }
            var end = position
            while end < format.count, format[end] == "d" { end += 1 }
            if end - position <= 2 { return true }
            position = end
        }
        return false
    }

    /// One run of the same letter.
    private func part(
        _ moment: DateTime,
        _ run: ArraySlice<Unicode.Scalar>,
        _ culture: DateCulture,
        _ isDayInFormat: Bool,
        _ output: inout String
    ) -> String? {
        guard let letter = run.first else { return "" }
        let count = run.count
        switch letter {
        case "y":
            let year = moment.date.year
            return count <= 2 ? Self.digits(year % 100, count) : Self.digits(year, count)
        case "M":
            let month = moment.date.month
            if count <= 2 { return Self.digits(month, count) }
            return culture.month(month, isShort: count == 3, isGenitive: isDayInFormat)
        case "d":
            if count <= 2 { return Self.digits(moment.date.day, count) }
            return culture.day(moment.dayOfWeek, isShort: count == 3)
        case "h":
            let hour = moment.hour % 12
            return Self.digits(hour == 0 ? 12 : hour, min(count, 2))
        case "H": return Self.digits(moment.hour, min(count, 2))
        case "m": return Self.digits(moment.minute, min(count, 2))
        case "s": return Self.digits(moment.second, min(count, 2))
        case "f", "F":
            guard count <= 7 else { return nil }
            let digits = String(Self.digits(moment.fraction, 7).prefix(count))
            if letter == "f" { return digits }
            var kept = digits[...]
            while kept.last == "0" { kept.removeLast() }
            // A fraction that is left out takes the point before it along.
            if kept.isEmpty, output.hasSuffix(".") { output.removeLast() }
            return String(kept)
        case "t":
            let half = moment.hour < 12 ? culture.morning : culture.afternoon
            return count == 1 ? String(half.prefix(1)) : half
        case "g": return culture.era
        case "K": return String(repeating: Self.suffix(moment), count: count)
        case "z": return count == 1 ? "+0" : count == 2 ? "+00" : "+00:00"
        case ":": return String(repeating: culture.timeSeparator, count: count)
        case "/": return String(repeating: culture.dateSeparator, count: count)
        default: return String(repeating: Character(letter), count: count)
        }
    }
}
