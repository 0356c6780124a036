/// Reads dates as the service does: ISO 8601 above all, and the common English ways of writing a date.
struct DateTimeParser {
    enum Mark: Equatable {
        case number(value: Int, digits: Int)
        case month(Int)
    }

    private let bytes: [UInt8]
    private var position = 0
    private(set) var marks: [Mark] = []
    /// Whether something stood after the date, so that no further part of it may follow.
    private var isDateClosed = false
    /// Whether the time stood after the date.
    private(set) var isTimeLast = false
    private(set) var weekday: Int?
    private(set) var time: Int64?
    private(set) var offset: Int?
    private(set) var isUTC = false
    /// Ticks of today's midnight and this year, for texts that leave them out.
    let today: DateTime?

    static func parse(_ text: String, today: @autoclosure () -> DateTime?) -> DateTime? {
        let bytes = Array(text.utf8)
        guard bytes.count <= 100 else { return nil }
        if let fast = parseCommon(bytes) { return fast }
        var parser = DateTimeParser(bytes: bytes, today: today())
        return parser.parse()
    }

    private init(bytes: [UInt8], today: DateTime?) {
        self.bytes = bytes
        self.today = today
    }

    // MARK: - The general form

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }

    private func isLetter(_ byte: UInt8?) -> Bool { byte.map { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A } ?? false }

    private mutating func skipSpace() {
        while true {
            if let byte = current, byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) {
                position += 1
            } else if position + 1 < bytes.count, bytes[position] == 0xC2, bytes[position + 1] == 0xA0 {
                position += 2
            } else {
                return
            }
        }
    }

    private mutating func readNumber(limit: Int = 9) -> (value: Int, digits: Int)? {
        let start = position
        var value = 0
        while let byte = current, isDigit(byte), position - start < limit {
            value = value * 10 + Int(byte) - 0x30
            position += 1
        }
        guard position > start, !isDigit(current) else { return nil }
        return (value, position - start)
    }

    private mutating func parse() -> DateTime? {
        skipSpace()
        let isHashed = current == 0x23
        if isHashed { position += 1 }
        while true {
            skipSpace()
            guard let byte = current else { break }
            if isHashed, byte == 0x23, position == bytes.count - 1 {
                position += 1
                break
            }
            if isDigit(byte) {
                guard readDigits() else { return nil }
            } else if isLetter(byte) {
                guard readWord() else { return nil }
            } else if byte == 0x2B || (byte == 0x2D && (time != nil || marks.count == 3)) {
                guard !marks.isEmpty || time != nil, readOffset() else { return nil }
            } else {
                return nil
            }
            guard readSeparator() else { return nil }
        }
        return finish()
    }

    /// What may stand between two parts of a date; nothing may follow the last one.
    private mutating func readSeparator() -> Bool {
        let start = position
        skipSpace()
        if let byte = current, byte == 0x2F || byte == 0x2E || byte == 0x2C {
            position += 1
            let isSlash = byte == 0x2F
            skipSpace()
            // The time that a T introduces follows the date at once.
            if let letter = current, letter | 0x20 == 0x74, isDigit(following(1)) { return false }
            return !isSlash || current != nil
        }
        if current == 0x2D, !isDateClosed, !marks.isEmpty, marks.count < 3,
            position == start || isDigit(following(1)) || following(1) == 0x20
        {
            position += 1
            skipSpace()
            return isDigit(current) || isLetter(current)
        }
        position = start
        return true
    }

    private func following(_ distance: Int) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    private mutating func readDigits() -> Bool {
        let start = position
        guard let (value, digits) = readNumber() else { return false }
        let afterNumber = position
        skipSpace()
        if current == 0x3A {
            position = start
            return readTime()
        }
        if let isAfternoon = readHalfDay() {
            guard time == nil, let hour = hour(value, isAfternoon: isAfternoon) else { return false }
            time = Int64(hour) * 3_600 * DateTime.ticksPerSecond
            closeDate()
            return true
        }
        position = afterNumber
        guard !isDateClosed, marks.count < 3 else { return false }
        marks.append(.number(value: value, digits: digits))
        return true
    }

    private mutating func closeDate() {
        isTimeLast = !marks.isEmpty
        isDateClosed = isTimeLast
    }

    /// `AM` or `PM`, as words of their own.
    private mutating func readHalfDay() -> Bool? {
        guard let byte = current, byte | 0x20 == 0x61 || byte | 0x20 == 0x70, following(1).map({ $0 | 0x20 }) == 0x6D,
            !isLetter(following(2))
        else { return nil }
        position += 2
        return byte | 0x20 == 0x70
    }

    private func hour(_ hour: Int, isAfternoon: Bool?) -> Int? {
        guard let isAfternoon else { return hour < 24 ? hour : nil }
        if isAfternoon { return hour < 12 ? hour + 12 : hour < 24 ? hour : nil }
        return hour == 12 ? 0 : hour < 12 ? hour : nil
    }

    private mutating func readTime() -> Bool {
        guard time == nil, let (hour, hourDigits) = readNumber(), hourDigits <= 2 else { return false }
        skipSpace()
        position += 1
        skipSpace()
        guard let (minute, minuteDigits) = readNumber(), minuteDigits <= 2, minute < 60 else { return false }
        var seconds = 0
        var fraction: Int64 = 0
        let afterMinute = position
        skipSpace()
        if current == 0x3A {
            position += 1
            skipSpace()
            guard let (second, digits) = readNumber(), digits <= 2, second < 60 else { return false }
            seconds = second
            if current == 0x2E {
                guard let ticks = readFraction() else { return false }
                fraction = ticks
            }
        } else {
            position = afterMinute
        }
        let afterTime = position
        skipSpace()
        let half = readHalfDay()
        if half == nil { position = afterTime }
        guard let hour = self.hour(hour, isAfternoon: half) else { return false }
        time = Int64(hour * 3_600 + minute * 60 + seconds) * DateTime.ticksPerSecond + fraction
        closeDate()
        return true
    }

    /// A point and digits, rounded to ticks.
    private mutating func readFraction() -> Int64? {
        position += 1
        let start = position
        var value = 0.0
        var scale = 0.1
        while let byte = current, isDigit(byte) {
            value += Double(byte - 0x30) * scale
            scale /= 10
            position += 1
        }
        guard position > start else { return nil }
        if position - start <= 7 {
            var ticks: Int64 = 0
            for index in 0..<7 {
                ticks = ticks * 10 + (start + index < position ? Int64(bytes[start + index] - 0x30) : 0)
            }
            return ticks
        }
        return Int64((value * 1e7).rounded(.toNearestOrEven))
    }

    private mutating func readWord() -> Bool {
        let start = position
        while isLetter(current) { position += 1 }
        let word = CaseMapping.lower(String(decoding: bytes[start..<position], as: UTF8.self))
        switch word {
        case "t":
            // After a year, month and day the time follows strictly.
            guard time == nil, case .number(_, let digits)? = marks.first, digits >= 3, marks.count == 3,
                !marks.contains(where: Self.isMonth)
            else { return false }
            return readStrictTime()
        case "z", "gmt":
            guard offset == nil, !isUTC, time != nil || !marks.isEmpty else { return false }
            isUTC = true
            isDateClosed = true
            return true
        case "ad":
            return !marks.isEmpty
        case "a" where current == 0x2E && following(1).map({ $0 | 0x20 }) == 0x64 && following(2) == 0x2E:
            position += 3
            return !marks.isEmpty
        default: break
        }
        if let month = Self.find(word, EnglishNames.months) {
            guard !isDateClosed, marks.count < 3, !marks.contains(where: Self.isMonth) else { return false }
            marks.append(.month(month + 1))
            return true
        }
        guard let day = Self.find(word, EnglishNames.days), weekday == nil else { return false }
        weekday = day
        return true
    }

    private static func isMonth(_ mark: Mark) -> Bool {
        if case .month = mark { true } else { false }
    }

    private static func find(_ word: String, _ names: [String]) -> Int? {
        names.firstIndex { CaseMapping.lower($0) == word || CaseMapping.lower(String($0.prefix(3))) == word }
    }

    private mutating func readStrictTime() -> Bool {
        skipSpace()
        guard let (hour, hourDigits) = readNumber(), hourDigits == 2, hour < 24, readColon() else { return false }
        guard let (minute, minuteDigits) = readNumber(), minuteDigits == 2, minute < 60 else { return false }
        var ticks = Int64(hour * 3_600 + minute * 60) * DateTime.ticksPerSecond
        if readColon() {
            guard let (second, digits) = readNumber(), digits == 2, second < 60 else { return false }
            ticks += Int64(second) * DateTime.ticksPerSecond
            if current == 0x2E {
                guard let fraction = readFraction() else { return false }
                ticks += fraction
            }
        }
        time = ticks
        isDateClosed = true
        skipSpace()
        if current == 0x2B || current == 0x2D { guard readOffset() else { return false } }
        if let byte = current, byte | 0x20 == 0x7A, offset == nil {
            isUTC = true
            position += 1
        }
        skipSpace()
        return current == nil || (current == 0x23 && position == bytes.count - 1)
    }

    /// A colon with what space there is around it; without one nothing is read.
    private mutating func readColon() -> Bool {
        let start = position
        skipSpace()
        guard current == 0x3A else {
            position = start
            return false
        }
        position += 1
        skipSpace()
        return true
    }

    /// `+2`, `+02`, `+0200` or `+02:00`.
    private mutating func readOffset() -> Bool {
        guard offset == nil, !isUTC, let sign = current else { return false }
        position += 1
        guard let (value, digits) = readNumber(), digits <= 4 else { return false }
        var hours = value
        var minutes = 0
        if digits > 2 {
            hours = value / 100
            minutes = value % 100
        } else if current == 0x3A {
            position += 1
            guard let (value, digits) = readNumber(), digits <= 2 else { return false }
            minutes = value
        }
        guard minutes < 60, hours * 60 + minutes <= 14 * 60 else { return false }
        offset = (hours * 60 + minutes) * (sign == 0x2D ? -1 : 1)
        isDateClosed = true
        return true
    }
}

/// English names of months and days.
enum EnglishNames {
    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
}
