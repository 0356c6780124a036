/// Functions on dates.
enum DateFunctions {
    static let all: [Function] = [
        Function("utcNow", 0...1) { call throws(Failure) in
            let format = try format(call, 0)
            return .string(try text(try now(call), format, call))
        },
        adding("addSeconds", .second), adding("addMinutes", .minute), adding("addHours", .hour),
        adding("addDays", .day),
        Function("addToTime", 3...4) { call throws(Failure) in try move(call, sign: 1) },
        Function("subtractFromTime", 3...4) { call throws(Failure) in try move(call, sign: -1) },
        Function("getFutureTime", 2...3) { call throws(Failure) in try fromNow(call, sign: 1) },
        Function("getPastTime", 2...3) { call throws(Failure) in try fromNow(call, sign: -1) },
        Function("formatDateTime", 1...3, formatDateTime),
        start("startOfHour") { $0.ticks - $0.timeOfDay % (3_600 * DateTime.ticksPerSecond) },
        start("startOfDay") { $0.ticks - $0.timeOfDay },
        start("startOfMonth") { $0.ticks - $0.timeOfDay - Int64($0.date.day - 1) * DateTime.ticksPerDay },
        part("dayOfWeek") { Int64($0.dayOfWeek) },
        part("dayOfMonth") { Int64($0.date.day) },
        part("dayOfYear") { Int64($0.dayOfYear) },
        part("ticks") { $0.ticks },
        Function("convertFromUtc", 2...3, convertFromUTC),
        Function("convertToUtc", 2...3, convertToUTC),
        Function("convertTimeZone", 3...4, convertTimeZone),
    ]

    // MARK: - Shared steps

    private static func now(_ call: FunctionCall) throws(Failure) -> DateTime {
        guard let now = DateTime(call.services.now()) else {
            throw call.failure(.date, "got a present moment outside the calendar from the clock")
        }
        return now
    }

    private static func moment(_ call: FunctionCall, _ position: Int = 0) throws(Failure) -> DateTime {
        let text = try call.string(position, "the date")
        guard let moment = DateTimeParser.parse(text, today: DateTime(call.services.now())) else {
            throw call.failure(
                .date,
                "cannot read '\(FunctionCall.short(text))' as a date",
                hint: "write it as in 2024-05-17T06:30:15Z"
            )
        }
        return moment
    }

    /// The format argument at this place, or the usual format if there is none.
    private static func format(_ call: FunctionCall, _ position: Int) throws(Failure) -> String {
        call.count > position ? try call.string(position, "the format") : DateTimeFormatter.roundTrip
    }

    private static func text(
        _ moment: DateTime,
        _ format: String,
        _ call: FunctionCall,
        _ culture: DateCulture = .american
    ) throws(Failure) -> String {
        guard let text = DateTimeFormatter(culture: culture).text(moment, format) else {
            throw call.failure(
                .format,
                "got the malformed date format '\(FunctionCall.short(format))'",
                hint: format.count == 1 ? "for the single letter as a custom format write '%\(format)'" : nil
            )
        }
        return text
    }

    private static func part(_ name: String, _ value: @escaping @Sendable (DateTime) -> Int64) -> Function {
        Function(name, 1...1) { call throws(Failure) in .integer(value(try moment(call))) }
    }

    private static func start(_ name: String, _ ticks: @escaping @Sendable (DateTime) -> Int64) -> Function {
        Function(name, 1...2) { call throws(Failure) in
            var moment = try moment(call)
            moment.ticks = ticks(moment)
            return .string(try text(moment, try format(call, 1), call))
        }
    }

    // MARK: - Moving

    private static func adding(_ name: String, _ unit: TimeUnit) -> Function {
        Function(name, 2...3) { call throws(Failure) in
            let moment = try moment(call)
            let amount = try call.integer(1, "the amount")
            let format = try format(call, 2)
            guard let moved = moment.adding(amount, unit) else { throw outOfCalendar(amount, unit, call) }
            return .string(try text(moved, format, call))
        }
    }

    private static func outOfCalendar(_ amount: Int64, _ unit: TimeUnit, _ call: FunctionCall) -> Failure {
        call.failure(.overflow, "by \(amount) of \(unit.name) leaves the years 1 to 9999")
    }

    private static func unit(_ call: FunctionCall, _ position: Int) throws(Failure) -> TimeUnit {
        let name = try call.string(position, "the unit")
        if let unit = TimeUnit(name) { return unit }
        let names = TimeUnit.allCases.map(\.name)
        throw call.failure(
            .unit,
            "has no time unit '\(FunctionCall.short(name))'",
            hint: Suggestion.hint(for: name, among: names) ?? "the units are " + names.joined(separator: ", ")
        )
    }

    private static func move(_ call: FunctionCall, sign: Int64) throws(Failure) -> ExpressionValue {
        let moment = try moment(call)
        let amount = try call.integer(1, "the amount")
        let unit = try unit(call, 2)
        let format = try format(call, 3)
        return .string(try text(try moved(moment, amount, unit, sign, call), format, call))
    }

    private static func fromNow(_ call: FunctionCall, sign: Int64) throws(Failure) -> ExpressionValue {
        let amount = try call.integer(0, "the amount")
        let unit = try unit(call, 1)
        let format = try format(call, 2)
        return .string(try text(try moved(try now(call), amount, unit, sign, call), format, call))
    }

    private static func moved(
        _ moment: DateTime,
        _ amount: Int64,
        _ unit: TimeUnit,
        _ sign: Int64,
        _ call: FunctionCall
    ) throws(Failure) -> DateTime {
        guard let small = Int32(exactly: amount), let moved = moment.adding(Int64(small) * sign, unit) else {
            throw outOfCalendar(amount, unit, call)
        }
        return moved
    }

    private static func formatDateTime(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let moment = try moment(call)
        let format = try format(call, 1)
        guard call.count > 2 else { return .string(try text(moment, format, call)) }
        let name = try call.string(2, "the locale")
        guard let culture = DateCulture.named(name) else {
            throw call.failure(
                .format,
                "does not know the locale '\(FunctionCall.short(name))'",
                hint: "write it as in 'en-us' or 'de-de'"
            )
        }
        return .string(try text(moment, format, call, culture))
    }

    // MARK: - Time zones

    private static func zone(_ call: FunctionCall, _ position: Int, _ role: String) throws(Failure) -> ZoneRules {
        let name = try call.string(position, role)
        if let zone = ZoneRules(named: name) { return zone }
        throw call.failure(
            .timeZone,
            "does not know the time zone '\(FunctionCall.short(name))'",
            hint: Suggestion.hint(for: name, among: ZoneRules.knownNames)
                ?? "use a Windows name such as 'W. Europe Standard Time' or an IANA name such as 'Europe/Berlin'"
        )
    }

    private static func shifted(
        _ moment: DateTime,
        _ seconds: Int,
        _ kind: DateTime.Kind,
        _ call: FunctionCall
    )
        throws(Failure) -> DateTime
    {
        // At the calendar's ends a conversion stops, as .NET's does, in place of failing.
        let moved = moment.ticks + Int64(seconds) * DateTime.ticksPerSecond
        let ticks = min(max(0, moved), DateTime.maximumTicks)
        guard let shifted = DateTime(ticks: ticks, kind: kind) else {
            throw call.failure(.overflow, "leaves the years 1 to 9999")
        }
        return shifted
    }

    private static func local(_ moment: DateTime, _ zone: ZoneRules, _ call: FunctionCall) throws(Failure) -> DateTime {
        let offset = zone.isUTC ? 0 : zone.offset(atUnixSeconds: moment.unixSeconds)
        return try shifted(moment, offset, zone.isUTC ? .utc : .unspecified, call)
    }

    /// The moment in UTC that a local time means.
    private static func universal(
        _ moment: DateTime,
        _ zone: ZoneRules,
        _ call: FunctionCall
    ) throws(Failure) -> DateTime {
        if zone.isUTC { return try shifted(moment, 0, .utc, call) }
        switch zone.meaning(ofLocalUnixSeconds: moment.unixSeconds) {
        case .offset(let offset): return try shifted(moment, -offset, .utc, call)
        case .skipped:
            throw call.failure(.date, "got a time that clocks skipped in its time zone, when they were put forward")
        case .repeated:
            throw call.failure(
                .date,
                "got a time that occurs twice in its time zone, because clocks were put back",
                hint: "give the time with Z or an offset"
            )
        }
    }

    private static func convertFromUTC(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let moment = try moment(call)
        let zone = try zone(call, 1, "the target time zone")
        let format = try format(call, 2)
        guard moment.kind == .utc else {
            throw call.failure(
                .date,
                "takes a date in UTC",
                hint: "write it with Z at its end, or use convertTimeZone()"
            )
        }
        return .string(try text(try local(moment, zone, call), format, call))
    }

    private static func convertToUTC(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        let moment = try moment(call)
        let zone = try zone(call, 1, "the source time zone")
        let format = try format(call, 2)
        guard moment.kind == .unspecified || (moment.kind == .utc && zone.isUTC) else {
            throw call.failure(
                .date,
                "takes a date without Z or offset, because the time zone says what it means",
                hint: "use convertTimeZone() for a date that has one"
            )
        }
        return .string(try text(try universal(moment, zone, call), format, call))
    }

    private static func convertTimeZone(_ call: FunctionCall) throws(Failure) -> ExpressionValue {
        var moment = try moment(call)
        let source = try zone(call, 1, "the source time zone")
        let target = try zone(call, 2, "the target time zone")
        let format = try format(call, 3)
        if moment.kind == .unspecified {
            moment = try universal(moment, source, call)
        } else if !source.isUTC {
            // A moment that is certain is refused all the same if the source zone shows its time twice.
            let shown = try local(moment, source, call)
            if source.meaning(ofLocalUnixSeconds: shown.unixSeconds) == .repeated {
                throw call.failure(
                    .date,
                    "got a moment in an hour that occurs twice in the source time zone",
                    hint: "name 'UTC' as the source: a date with Z or an offset needs no other"
                )
            }
        }
        return .string(try text(try local(moment, target, call), format, call))
    }
}
