internal import Foundation

/// What the language of a date decides: names, patterns and separators.
struct DateCulture: Sendable {
    var shortDate = "M/d/yyyy"
    var longDate = "dddd, MMMM d, yyyy"
    var shortTime = "h:mm tt"
    var longTime = "h:mm:ss tt"
    var monthDay = "MMMM d"
    var yearMonth = "MMMM yyyy"
    var dateSeparator = "/"
    var timeSeparator = ":"
    var morning = "AM"
    var afternoon = "PM"
    var era = "AD"
    private var names: Names?

    /// Names in a language other than English.
    private struct Names: Sendable {
        let months: [String]
        let shortMonths: [String]
        let monthsAlone: [String]
        let shortMonthsAlone: [String]
        let days: [String]
        let shortDays: [String]
    }

    /// American English, the language of the service.
    static let american = DateCulture()

    /// The language of machines: English names, fixed patterns.
    static let invariant: DateCulture = {
        var culture = DateCulture()
        culture.shortDate = "MM/dd/yyyy"
        culture.longDate = "dddd, dd MMMM yyyy"
        culture.shortTime = "HH:mm"
        culture.longTime = "HH:mm:ss"
        culture.monthDay = "MMMM dd"
        culture.yearMonth = "yyyy MMMM"
        return culture
    }()

    private init() { names = nil }

    /// The pattern that a standard format of one letter stands for.
    func pattern(_ letter: Unicode.Scalar) -> String? {
        switch letter {
        case "d": shortDate
        case "D": longDate
        case "f": longDate + " " + shortTime
        case "F": longDate + " " + longTime
        case "g": shortDate + " " + shortTime
        case "G": shortDate + " " + longTime
        case "m", "M": monthDay
        case "t": shortTime
        case "T": longTime
        case "y", "Y": yearMonth
        default: nil
        }
    }

    func month(_ month: Int, isShort: Bool, isGenitive: Bool) -> String {
        guard let names else {
            let name = EnglishNames.months[month - 1]
            return isShort ? String(name.prefix(3)) : name
        }
        return switch (isShort, isGenitive) {
        case (true, true): names.shortMonths[month - 1]
        case (true, false): names.shortMonthsAlone[month - 1]
        case (false, true): names.months[month - 1]
        case (false, false): names.monthsAlone[month - 1]
        }
    }

    func day(_ day: Int, isShort: Bool) -> String {
        guard let names else {
            let name = EnglishNames.days[day]
            return isShort ? String(name.prefix(3)) : name
        }
        return isShort ? names.shortDays[day] : names.days[day]
    }

    // MARK: - Other languages

    /// The culture of a name such as `de-DE`; nil if the text cannot be one.
    static func named(_ name: String) -> DateCulture? {
        if name.isEmpty { return .invariant }
        let isName = name.utf8.allSatisfy { byte in
            (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2D
                || byte == 0x5F
        }
        guard isName, name.utf8.count <= 85 else { return nil }
        let key = CaseMapping.lower(name)
        if key == "en-us" || key == "en" { return .american }
        let locale = Locale(identifier: name.replacing("-", with: "_"))
        guard let language = locale.language.languageCode, language.isISOLanguage else { return .invariant }
        return DateCulture(locale)
    }

    private init(_ locale: Locale) {
        let formatter = DateFormatter()
        formatter.locale = locale
        formatter.calendar = Calendar(identifier: .gregorian)
        let months: [String]? = formatter.monthSymbols
        let shortMonths: [String]? = formatter.shortMonthSymbols
        let monthsAlone: [String]? = formatter.standaloneMonthSymbols
        let shortMonthsAlone: [String]? = formatter.shortStandaloneMonthSymbols
        let days: [String]? = formatter.weekdaySymbols
        let shortDays: [String]? = formatter.shortWeekdaySymbols
        guard let months, let shortMonths, let monthsAlone, let shortMonthsAlone, let days, let shortDays,
            [months, shortMonths, monthsAlone, shortMonthsAlone].allSatisfy({ $0.count >= 12 }),
            days.count == 7, shortDays.count == 7
        else { return }
        names = Names(
            months: months,
            shortMonths: shortMonths,
            monthsAlone: monthsAlone,
            shortMonthsAlone: shortMonthsAlone,
            days: days,
            shortDays: shortDays
        )
        morning = formatter.amSymbol
        afternoon = formatter.pmSymbol
        func pattern(_ date: DateFormatter.Style, _ time: DateFormatter.Style) -> String? {
            formatter.dateStyle = date
            formatter.timeStyle = time
            let pattern: String? = formatter.dateFormat
            return pattern.map(Self.converted)
        }
        func template(_ template: String) -> String? {
            DateFormatter.dateFormat(fromTemplate: template, options: 0, locale: locale).map(Self.converted)
        }
        shortDate = (pattern(.short, .none) ?? shortDate).replacing("yyyy", with: "yy").replacing("yy", with: "yyyy")
        longDate = pattern(.full, .none) ?? longDate
        shortTime = pattern(.none, .short) ?? shortTime
        longTime = pattern(.none, .medium) ?? longTime
        monthDay = template("MMMMd") ?? monthDay
        yearMonth = template("yMMMM") ?? yearMonth
        dateSeparator = Self.separator(shortDate, letters: "dMy") ?? dateSeparator
        timeSeparator = Self.separator(shortTime, letters: "hHm") ?? timeSeparator
    }

    /// What stands between the first two parts of a pattern.
    private static func separator(_ pattern: String, letters: String) -> String? {
        guard let start = pattern.firstIndex(where: letters.contains) else { return nil }
        let rest = pattern[start...].drop { letters.contains($0) }
        let separator = rest.prefix { !letters.contains($0) && $0 != "'" }
        return separator.isEmpty ? nil : String(separator)
    }

    /// A pattern of Unicode's locale data in the letters of .NET.
    private static func converted(_ pattern: String) -> String {
        var output = ""
        var isQuoted = false
        var characters = Array(pattern)[...]
        while let letter = characters.first {
            if letter == "'" { isQuoted.toggle() }
            let run = isQuoted || letter == "'" ? 1 : characters.prefix { $0 == letter }.count
            characters = characters.dropFirst(run)
            guard !isQuoted else {
                output.append(letter)
                continue
            }
            switch letter {
            case "E", "c": output += run >= 4 ? "dddd" : "ddd"
            case "L": output += String(repeating: "M", count: run)
            case "y", "u": output += run == 2 ? "yy" : "yyyy"
            case "a", "b", "B": output += "tt"
            case "G": output += "gg"
            default: output += String(repeating: letter, count: run)
            }
        }
        return output
    }
}
