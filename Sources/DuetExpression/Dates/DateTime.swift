internal import Foundation

/// A moment as the language counts it: ticks of 100 nanoseconds since the start of the year 1.
struct DateTime: Equatable {
    enum Kind {
        /// Nothing says which zone it is in.
        case unspecified
        /// Written with `Z`.
        case utc
        /// Written with an offset; converted to the zone of the service, which is UTC.
        case local
    }

    var ticks: Int64
    var kind: Kind

    static let ticksPerSecond: Int64 = 10_000_000
    static let ticksPerDay: Int64 = 864_000_000_000
    static let maximumTicks: Int64 = 3_155_378_975_999_999_999

    init?(ticks: Int64, kind: Kind) {
        guard ticks >= 0, ticks <= Self.maximumTicks else { return nil }
        self.ticks = ticks
        self.kind = kind
    }

    /// A moment of the system's clock, in UTC.
    init?(_ date: Date) {
        let seconds = date.timeIntervalSince1970
        guard seconds.magnitude < 1e12 else { return nil }
        self.init(ticks: Int64(seconds * 1e7) + Self.unixEpoch, kind: .utc)
    }

    static let unixEpoch: Int64 = 621_355_968_000_000_000

    /// Seconds since 1970, rounded down.
    var unixSeconds: Int64 {
        let difference = ticks - Self.unixEpoch
        return difference >= 0 ? difference / 10_000_000 : -((-difference + 9_999_999) / 10_000_000)
    }

    // MARK: - Calendar

    static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    static func daysInMonth(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysBefore(year: Int) -> Int {
        let past = year - 1
        return past * 365 + past / 4 - past / 100 + past / 400
    }

    private static func daysBefore(month: Int, of year: Int) -> Int {
        (1..<month).reduce(0) { $0 + daysInMonth(year, $1) }
    }

    /// Midnight of a day, or nil if there is no such day.
    static func ticks(year: Int, month: Int, day: Int) -> Int64? {
        guard (1...9_999).contains(year), (1...12).contains(month), day >= 1, day <= daysInMonth(year, month) else {
            return nil
        }
        return Int64(daysBefore(year: year) + daysBefore(month: month, of: year) + day - 1) * ticksPerDay
    }

    /// The parts of the date.
    var date: (year: Int, month: Int, day: Int) {
        var days = Int(ticks / Self.ticksPerDay)
        var year = days / 366 + 1
        while year < 9_999, Self.daysBefore(year: year + 1) <= days { year += 1 }
        days -= Self.daysBefore(year: year)
        var month = 1
        while days >= Self.daysInMonth(year, month) {
            days -= Self.daysInMonth(year, month)
            month += 1
        }
        return (year, month, days + 1)
    }

    var dayOfYear: Int {
        let date = date
        return Self.daysBefore(month: date.month, of: date.year) + date.day
    }

    /// 0 is Sunday.
    var dayOfWeek: Int { Int((ticks / Self.ticksPerDay + 1) % 7) }

    var timeOfDay: Int64 { ticks % Self.ticksPerDay }
    var hour: Int { Int(timeOfDay / (3_600 * Self.ticksPerSecond)) }
    var minute: Int { Int(timeOfDay / (60 * Self.ticksPerSecond) % 60) }
    var second: Int { Int(timeOfDay / Self.ticksPerSecond % 60) }
    var fraction: Int { Int(timeOfDay % Self.ticksPerSecond) }

    // MARK: - Arithmetic

    /// The moment so many units later, or nil outside the calendar.
    func adding(_ amount: Int64, _ unit: TimeUnit) -> DateTime? {
        switch unit {
        case .month: return adding(months: amount)
        case .year:
            let (months, overflow) = amount.multipliedReportingOverflow(by: 12)
            return overflow ? nil : adding(months: months)
        default:
            let (difference, overflow) = amount.multipliedReportingOverflow(by: unit.ticks)
            let (sum, overflow2) = ticks.addingReportingOverflow(difference)
            return overflow || overflow2 ? nil : DateTime(ticks: sum, kind: kind)
        }
    }

    private func adding(months: Int64) -> DateTime? {
        guard months.magnitude <= 120_000 else { return nil }
        let date = date
        let total = date.year * 12 + date.month - 1 + Int(months)
        guard total >= 12 else { return nil }
        let year = total / 12
        let month = total % 12 + 1
        guard year <= 9_999 else { return nil }
        // A day that the month lacks becomes its last one.
        let day = min(date.day, Self.daysInMonth(year, month))
        return Self.ticks(year: year, month: month, day: day).flatMap { DateTime(ticks: $0 + timeOfDay, kind: kind) }
    }
}

/// A unit of time that dates are moved by.
enum TimeUnit: Int, CaseIterable {
    case second = 1
    case minute
    case hour
    case day
    case week
    case month
    case year

    var ticks: Int64 {
        switch self {
        case .second: DateTime.ticksPerSecond
        case .minute: 60 * DateTime.ticksPerSecond
        case .hour: 3_600 * DateTime.ticksPerSecond
        case .day: DateTime.ticksPerDay
        case .week: 7 * DateTime.ticksPerDay
        case .month, .year: 0
        }
    }

    var name: String {
        switch self {
        case .second: "Second"
        case .minute: "Minute"
        case .hour: "Hour"
        case .day: "Day"
        case .week: "Week"
        case .month: "Month"
        case .year: "Year"
        }
    }

    /// Reads a unit: its name in any case, or its number, 1 for Second up to 7 for Year.
    init?(_ text: String) {
        // The service reads an enumeration here, so names joined by commas are taken too, as their bits together.
        var bits = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = Whitespace.trim(String(part))
            if let unit = Self.allCases.first(where: { $0.name.isSameIgnoringCase(name) }) {
                bits |= unit.rawValue
            } else if let number = Int(name), number >= 0, text.utf8.count == part.utf8.count {
                bits |= number
            } else {
                return nil
            }
        }
        self.init(rawValue: bits)
    }
}
