extension DateTimeParser {
    // MARK: - The usual form

    /// `yyyy-MM-ddTHH:mm:ss` with an optional fraction and `Z`, read without any detour.
    static func parseCommon(_ bytes: [UInt8]) -> DateTime? {
        guard bytes.count >= 19, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54, bytes[13] == 0x3A,
            bytes[16] == 0x3A
        else { return nil }
        func number(_ start: Int, _ count: Int) -> Int? {
            var value = 0
            for byte in bytes[start..<start + count] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte) - 0x30
            }
            return value
        }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), hour < 24, minute < 60, second < 60,
            let midnight = DateTime.ticks(year: year, month: month, day: day)
        else { return nil }
        var position = 19
        var fraction: Int64 = 0
        if position < bytes.count, bytes[position] == 0x2E {
            position += 1
            var scale: Int64 = 1_000_000
            while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39, scale > 0 {
                fraction += Int64(bytes[position] - 0x30) * scale
                scale /= 10
                position += 1
            }
            guard scale < 1_000_000 else { return nil }
        }
        let isUTC = position < bytes.count && bytes[position] == 0x5A
        guard position + (isUTC ? 1 : 0) == bytes.count else { return nil }
        let seconds = Int64(hour * 3_600 + minute * 60 + second)
        let ticks = midnight + seconds * DateTime.ticksPerSecond + fraction
        return DateTime(ticks: ticks, kind: isUTC ? .utc : .unspecified)
    }

    // MARK: - Putting the parts together

    func finish() -> DateTime? {
        guard let midnight = midnight() else { return nil }
        if let weekday, let day = DateTime(ticks: midnight, kind: .unspecified), day.dayOfWeek != weekday { return nil }
        var ticks = midnight + (time ?? 0)
        if let offset {
            ticks -= Int64(offset) * 60 * DateTime.ticksPerSecond
            // On the first day of the calendar only the time of day counts.
            if ticks < 0, midnight == 0 { ticks += DateTime.ticksPerDay }
            return DateTime(ticks: ticks, kind: .local)
        }
        return DateTime(ticks: ticks, kind: isUTC ? .utc : .unspecified)
    }

    private func midnight() -> Int64? {
        guard !marks.isEmpty else {
            guard time != nil, weekday == nil, let today else { return nil }
            return today.ticks - today.timeOfDay
        }
        // A date without a day or a year takes no time after it, and no letter for the zone.
        if marks.count == 2, isTimeLast || isUTC { return nil }
        var month: Int?
        var monthPlace: Int?
        var numbers: [(value: Int, digits: Int)] = []
        for (place, mark) in marks.enumerated() {
            switch mark {
            case .month(let value):
                month = value
                monthPlace = place
            case .number(let value, let digits): numbers.append((value, digits))
            }
        }
        let yearPlace = numbers.firstIndex { $0.digits >= 3 }
        if let month, let monthPlace { return named(month, monthPlace, numbers, yearPlace) }
        switch (numbers.count, yearPlace) {
        case (3, 0?): return day(numbers[0], numbers[1], numbers[2])
        case (3, 1?): return day(numbers[1], numbers[0], numbers[2])
        case (3, _): return day(numbers[2], numbers[0], numbers[1])
        case (2, 0?): return day(numbers[0], numbers[1], (1, 1))
        case (2, 1?): return day(numbers[1], numbers[0], (1, 1))
        case (2, _): return thisYear(numbers[0].value, numbers[1].value)
        default: return nil
        }
    }

    private func named(
        _ month: Int,
        _ monthPlace: Int,
        _ numbers: [(value: Int, digits: Int)],
        _ yearPlace: Int?
    ) -> Int64? {
        let month = (value: month, digits: 2)
        switch (numbers.count, yearPlace) {
        case (2, 0?): return day(numbers[0], month, numbers[1])
        case (2, _): return day(numbers[1], month, numbers[0]) ?? day(numbers[0], month, numbers[1])
        case (1, 0?): return day(numbers[0], month, (1, 1))
        // A short number after the name is a day, before it a year.
        case (1, _): return monthPlace == 0 ? thisYear(month.value, numbers[0].value) : day(numbers[0], month, (1, 1))
        default: return nil
        }
    }

    private func thisYear(_ month: Int, _ day: Int) -> Int64? {
        today.flatMap { DateTime.ticks(year: $0.date.year, month: month, day: day) }
    }

    private func day(
        _ year: (value: Int, digits: Int),
        _ month: (value: Int, digits: Int),
        _ day: (value: Int, digits: Int)
    ) -> Int64? {
        guard month.digits <= 2, day.digits <= 2, year.digits <= 4 else { return nil }
        var number = year.value
        // Two digits mean the years 1930 to 2029.
        if year.digits <= 2 { number += number < 30 ? 2_000 : 1_900 }
        return DateTime.ticks(year: number, month: month.value, day: day.value)
    }
}
