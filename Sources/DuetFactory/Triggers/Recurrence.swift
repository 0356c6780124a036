public import Foundation

/// Moments by the calendar of a time zone.
///
/// Source: concepts-pipeline-execution-triggers, "Schedule trigger": what `schedule` does to each frequency. A moment that
/// the clocks skip falls behind the gap; one they repeat counts the first time.
public struct Recurrence: Sendable {
    /// How long a period is.
    public enum Frequency: String, Sendable {
        /// The periods.
        case minute, hour, day, week, month, year
    }

    /// The first, second … last such day of a month.
    public struct Occurrence: Sendable {
        /// From 1 for Sunday.
        public var weekday: Int
        /// From 1; negative from the month's end.
        public var number: Int
    }

    /// How long a period is.
    public var frequency: Frequency
    /// How many of these lie between.
    public var interval: Int
    /// The first moment there can be.
    public var start: Date
    /// Nothing happens from here on; nil for never.
    public var end: Date?
    /// Whose calendar it is.
    public var zone: TimeZone
    /// Minutes of the hour; empty for the start's.
    public var minutes: [Int]
    /// Hours of the day; empty for the start's.
    public var hours: [Int]
    /// Days of the week from 1 for Sunday; empty for the start's.
    public var weekdays: [Int]
    /// Days of the month, negative from its end; empty for the start's.
    public var monthDays: [Int]
    /// Such and such weekdays of the month.
    public var occurrences: [Occurrence]

    // What one call gives at most: a trigger of a minute has so many in two years.
    private static let most = 1_000_000

    /// The moments from one up to another, in order.
    public func moments(from: Date, to: Date) -> [Date] {
        let last = min(to, end ?? .distantFuture)
        guard last > start else { return [] }
        switch frequency {
        case .minute: return steps(60, from: from, to: last, minutes: [])
        case .hour: return steps(3_600, from: from, to: last, minutes: minutes)
        default: return byCalendar(from: from, to: last)
        }
    }

    /// Minutes and hours are counted as time goes by, whatever the clocks say.
    private func steps(_ unit: Double, from: Date, to: Date, minutes: [Int]) -> [Date] {
        let step = unit * Double(interval)
        var number = max(0, Int((from.timeIntervalSince(start) / step).rounded(.down)))
        var moments: [Date] = []
        while moments.count < Self.most {
            let moment = start.addingTimeInterval(Double(number) * step)
            guard moment < to else { break }
            if minutes.isEmpty {
                if moment >= from { moments.append(moment) }
            } else {
                let hour = moment.addingTimeInterval(-Double(calendar.component(.minute, from: moment)) * 60)
                moments += minutes.sorted().map { hour.addingTimeInterval(Double($0) * 60) }
                    .filter { $0 >= max(from, start) && $0 < to }
            }
            number += 1
        }
        return moments
    }

    private var calendar: Calendar {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        return calendar
    }

    private func byCalendar(from: Date, to: Date) -> [Date] {
        let calendar = calendar
        let first = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second, .weekday], from: start)
        let component: Calendar.Component =
            switch frequency {
            case .week: .weekOfYear
            case .month: .month
            case .year: .year
            default: .day
            }
        // Periods are counted from the beginning of the start's own, so that "every second week" stays what it is.
        var anchor = calendar.startOfDay(for: start)
        if frequency == .week {
            anchor = calendar.date(byAdding: .day, value: -((first.weekday ?? 1) - 1), to: anchor) ?? anchor
        } else if frequency == .month || frequency == .year {
            anchor = calendar.date(from: DateComponents(year: first.year, month: first.month, day: 1)) ?? anchor
        }
        let longest: Double =
            switch frequency {
            case .week: 7 * 86_400
            case .month: 31 * 86_400
            case .year: 366 * 86_400
            default: 86_400
            }
        var number = max(0, Int(from.timeIntervalSince(anchor) / (longest * Double(interval))) - 1)
        var moments: [Date] = []
        while moments.count < Self.most {
            guard let period = calendar.date(byAdding: component, value: number * interval, to: anchor), period < to
            else { break }
            number += 1
            for day in days(of: period, first, calendar) {
                for hour in hours.isEmpty ? [first.hour ?? 0] : hours.sorted() {
                    for minute in minutes.isEmpty ? [first.minute ?? 0] : minutes.sorted() {
                        var parts = calendar.dateComponents([.year, .month, .day], from: day)
                        parts.hour = hour
                        parts.minute = minute
                        parts.second = first.second
                        guard let moment = calendar.date(from: parts), moment >= max(from, start), moment < to else {
                            continue
                        }
                        moments.append(moment)
                    }
                }
            }
        }
        return moments.sorted()
    }

    /// The days of a period on which something happens.
    private func days(of period: Date, _ first: DateComponents, _ calendar: Calendar) -> [Date] {
        func day(_ number: Int) -> Date? { calendar.date(byAdding: .day, value: number, to: period) }
        switch frequency {
        case .week:
            let wanted = weekdays.isEmpty ? [first.weekday ?? 1] : weekdays
            return wanted.sorted().compactMap { day($0 - 1) }
        case .month, .year:
            let count = calendar.range(of: .day, in: .month, for: period)?.count ?? 30
            let all = (0..<count).compactMap(day)
            if !occurrences.isEmpty {
                return occurrences.compactMap { occurrence in
                    let fitting = all.filter { calendar.component(.weekday, from: $0) == occurrence.weekday }
                    let place = occurrence.number > 0 ? occurrence.number - 1 : fitting.count + occurrence.number
                    return fitting.indices.contains(place) ? fitting[place] : nil
                }
            }
            let wanted = monthDays.isEmpty && weekdays.isEmpty ? [first.day ?? 1] : monthDays
            var chosen = wanted.compactMap { number -> Date? in
                let place = number > 0 ? number - 1 : count + number
                return all.indices.contains(place) ? all[place] : nil
            }
            chosen += all.filter { weekdays.contains(calendar.component(.weekday, from: $0)) }
            return Array(Set(chosen)).sorted()
        default:
            let isWanted = weekdays.isEmpty || weekdays.contains(calendar.component(.weekday, from: period))
            return isWanted ? [period] : []
        }
    }
}

/// Moments as triggers write them.
public enum TriggerTime {
    /// The moment of ISO 8601 text; without a zone it is the given zone's.
    public static func date(_ text: String, _ zone: TimeZone) -> Date? {
        let hasZone = text.hasSuffix("Z") || text.dropFirst(10).contains { $0 == "+" || $0 == "-" }
        if hasZone {
            let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
            guard case .success(let date) = Result(catching: { try style.parse(text) }) else { return nil }
            return date
        }
        let numbers = text.split { !$0.isNumber }.map { Int($0) ?? -1 }
        guard numbers.count >= 3, text.count >= 10 else { return nil }
        var parts = DateComponents(year: numbers[0], month: numbers[1], day: numbers[2])
        parts.hour = numbers.count > 3 ? numbers[3] : 0
        parts.minute = numbers.count > 4 ? numbers[4] : 0
        parts.second = numbers.count > 5 ? numbers[5] : 0
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        guard parts.isValidDate(in: calendar) || zone != .gmt else { return nil }
        return calendar.date(from: parts)
    }

    /// The moment as `2026-01-31T02:30:00Z`.
    public static func text(_ date: Date) -> String { date.formatted(.iso8601) }
}
