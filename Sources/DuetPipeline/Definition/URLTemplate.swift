/// A URL with `{name}` where values go, and the values.
public struct URLTemplate: Sendable, Hashable {
    /// One place and what goes there.
    public struct Variable: Sendable, Hashable {
        /// The values a place takes.
        public enum Values: Sendable, Hashable {
            /// These.
            case list([String])
            /// Whole numbers, both ends included.
            case numbers(from: Int, to: Int, step: Int)
            /// Days or months, both ends included, written by a pattern of `yyyy`, `MM` and `dd`.
            case dates(from: CalendarDay, to: DateBound, monthly: Bool, pattern: String)
        }

        /// The name between the braces.
        public var name: String
        /// The values.
        public var values: Values
    }

    /// The last day of a series of dates.
    public enum DateBound: Sendable, Hashable {
        /// This day.
        case day(CalendarDay)
        /// So many days before today, in UTC.
        case today(minus: Int)
    }

    /// The URL with its places.
    public var text: String
    /// The values, the first varying slowest.
    public var variables: [Variable]

    /// The URLs, in order.
    ///
    /// - Parameter today: the day that `today` means.
    /// - Returns: one for each combination of values.
    public func expanded(today: CalendarDay) -> [String] {
        variables.reduce([text]) { texts, variable in
            let values = variable.values.expanded(today: today)
            return texts.flatMap { text in values.map { text.replacing("{\(variable.name)}", with: $0) } }
        }
    }
}

extension URLTemplate.Variable.Values {
    func expanded(today: CalendarDay) -> [String] {
        switch self {
        case .list(let values): return values
        case .numbers(let from, let to, let step):
            return from <= to ? stride(from: from, through: to, by: max(1, step)).map(String.init) : []
        case .dates(let from, let bound, let monthly, let pattern):
            let last: CalendarDay =
                switch bound {
                case .day(let day): day
                case .today(let days): CalendarDay(number: today.number - days)
                }
            var texts: [String] = []
            var day = from
            while day.number <= last.number {
                texts.append(day.text(pattern))
                day = monthly ? day.nextMonth : CalendarDay(number: day.number + 1)
            }
            return texts
        }
    }
}

/// A day of the Gregorian calendar.
public struct CalendarDay: Sendable, Hashable {
    /// Days since 1 January 1970.
    public let number: Int
    let year: Int
    let month: Int
    let day: Int

    /// The day so many days after 1 January 1970.
    public init(number: Int) {
        // Days are counted from 1 March of year 0, so that a leap day is the last of its year.
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        self.number = number
    }

    /// Reads `yyyy-MM-dd` or `yyyy-MM`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts[0].count == 4, let year = Int(parts[0]), let month = Int(parts[1]),
            let day = parts.count == 3 ? Int(parts[2]) : 1
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let number = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        self.init(number: number)
        guard self.year == year, self.month == month, self.day == day else { return nil }
    }

    var nextMonth: CalendarDay {
        let first = CalendarDay(number: number - day + 1)
        var next = CalendarDay(number: first.number + 31)
        next = CalendarDay(number: next.number - next.day + 1)
        return next
    }

    func text(_ pattern: String) -> String {
        func padded(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return pattern.replacing("yyyy", with: padded(year, 4)).replacing("MM", with: padded(month, 2))
            .replacing("dd", with: padded(day, 2))
    }
}
