import DuetExpression
import Testing

@Suite struct DateTests {
    @Test(arguments: [
        ("2018-03-15", "2018-03-15T00:00:00.0000000"), ("2018-3-5", "2018-03-05T00:00:00.0000000"),
        ("2018-03-15T13:00:00Z", "2018-03-15T13:00:00.0000000Z"), ("2018-03-15t13:00z", "2018-03-15T13:00:00.0000000Z"),
        ("2018-03-15 13:00:00.5", "2018-03-15T13:00:00.5000000"),
        ("2018-03-15T13:00:00+02:00", "2018-03-15T11:00:00.0000000+00:00"),
        ("2018-03-15T13:00:00+0200", "2018-03-15T11:00:00.0000000+00:00"),
        ("2018-03-15T13:00:00.99999999Z", "2018-03-15T13:00:01.0000000Z"),
        (" 2018-03-15Z ", "2018-03-15T00:00:00.0000000Z"),
        ("01/31/2018 1:02 PM", "2018-01-31T13:02:00.0000000"), ("March 15, 2018", "2018-03-15T00:00:00.0000000"),
        ("15-Mar-18", "2018-03-15T00:00:00.0000000"), ("Thu, 15 Mar 2018 13:00:00 GMT", "2018-03-15T13:00:00.0000000Z"),
        ("10:00", "2024-05-17T10:00:00.0000000"), ("3/5", "2024-03-05T00:00:00.0000000"),
        ("3/5/29", "2029-03-05T00:00:00.0000000"), ("3/5/30", "1930-03-05T00:00:00.0000000"),
        ("2018-03-15 12 AM", "2018-03-15T00:00:00.0000000"), ("2018 March 5", "2018-03-05T00:00:00.0000000"),
    ])
    func `dates are read in ISO form and in English`(_ text: String, _ wanted: String) {
        #expect(outcome("@formatDateTime('\(text)')") == "\"\(wanted)\"")
    }

    @Test(arguments: [
        "", "x", "20180315", "2018", "2018-W11-4", "2018-074", "2018-02-30", "2018-03-15T24:00:00",
        "2018-03-15T13:00:60",
        "2018-03-15T13", "2018-03-15T1:00", "12018-03-15", "13/03/2018", "Fri, 15 Mar 2018 13:00:00 GMT", "1521118800",
        "2018-03-15T13:00:00,5Z", "2018-03-15T13:00:00UTC", "2018-03-15T13:00:00+15:00", "9999-12-31T23:59:59-01:00",
        "2018-03-15-", "2018--03-15", "999999999999999999999999", "2018-03-15T13:00:00.",
    ])
    func `other text is no date`(_ text: String) {
        #expect(outcome("@formatDateTime('\(text)')") == "EXPRESSION_DATE")
    }

    @Test(arguments: [
        ("d", "1/5/2024"), ("D", "Friday, January 5, 2024"), ("f", "Friday, January 5, 2024 1:02 PM"),
        ("G", "1/5/2024 1:02:03 PM"), ("M", "January 5"), ("o", "2024-01-05T13:02:03.1200000Z"),
        ("r", "Fri, 05 Jan 2024 13:02:03 GMT"), ("s", "2024-01-05T13:02:03"), ("u", "2024-01-05 13:02:03Z"),
        ("t", "1:02 PM"), ("Y", "January 2024"), ("%d", "5"), ("y yy yyy yyyyy", "24 24 2024 02024"),
        ("ddd MMM MMMMM", "Fri Jan January"), ("h hh H HH t tt", "1 01 13 13 P PM"),
        ("f.ff.fff F.FFF", "1.12.120 1.12"),
        ("ss.FFFFFFF", "03.12"), ("zz zzz K", "+00 +00:00 Z"), ("\\d\\\\", "d\\"), ("\"it's\" yyyy", "it's 2024"),
        ("yyyy%M", "20241"), ("W Q", "W Q"),
    ])
    func `standard and custom formats are written`(_ format: String, _ wanted: String) {
        let format = format.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        let escaped = ExpressionValue.string(wanted).json
        #expect(outcome("@formatDateTime('2024-01-05T13:02:03.12Z', '\(format)')") == escaped)
    }

    @Test(arguments: ["q", "%", "%%", "yyyy%", "yyyy\\", "\"open", "ffffffff", "K", " "])
    func `malformed formats are refused`(_ format: String) {
        #expect(outcome("@formatDateTime('2024-01-05', '\(format)')") == "EXPRESSION_FORMAT")
    }

    @Test(arguments: [
        ("D", "de-de", "Freitag, 5. Januar 2024"), ("d", "de-de", "05.01.2024"),
        ("dddd, dd MMMM yyyy", "fr-fr", "vendredi, 05 janvier 2024"),
        ("d", "en-gb", "05/01/2024"), ("MM/dd", "de-de", "01.05"), ("d MMMM", "pl-pl", "5 stycznia"),
        ("MMMM yyyy", "pl-pl", "styczeń 2024"), ("D", "en-us", "Friday, January 5, 2024"),
    ])
    func `a locale changes names and patterns`(_ format: String, _ locale: String, _ wanted: String) {
        #expect(outcome("@formatDateTime('2024-01-05', '\(format)', '\(locale)')") == "\"\(wanted)\"")
    }

    @Test(arguments: [
        ("addToTime('2024-01-31', 1, 'MONTH', 'yyyy-MM-dd')", #""2024-02-29""#),
        ("subtractFromTime('2024-03-31', 1, 'month', 'yyyy-MM-dd')", #""2024-02-29""#),
        ("addDays('9999-12-31', 1)", "EXPRESSION_OVERFLOW"),
        ("addDays('2018-01-01', 9223372036854775807)", "EXPRESSION_OVERFLOW"),
        ("addToTime('2018-01-01', 1, 'Days')", "EXPRESSION_UNIT"), ("addDays('2018-01-01', 1.5)", "EXPRESSION_TYPE"),
        ("addSeconds('0001-01-01', -1)", "EXPRESSION_OVERFLOW"), ("dayOfWeek('2018-03-15T23:27:36-05:00')", "5"),
        ("dayOfYear('2020-12-31')", "366"), ("ticks('9999-12-31T23:59:59.9999999Z')", "3155378975999999999"),
        ("startOfMonth('2018-03-31T23:30:30-05:00')", #""2018-04-01T00:00:00.0000000+00:00""#),
        ("subtractFromTime('2018-01-01', -9223372036854775808, 'Year')", "EXPRESSION_OVERFLOW"),
    ])
    func `moving keeps to the calendar`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }

    @Test func `the clock comes from the context`() {
        #expect(outcome("@utcNow()") == #""2024-05-17T06:30:15.2500000Z""#)
        #expect(outcome("@getPastTime(1, 'Day', 'yyyy-MM-dd')") == #""2024-05-16""#)
        #expect(outcome("@getFutureTime(2, 'Hour', 'HH:mm')") == #""08:30""#)
    }
}

@Suite struct TimeZoneTests {
    @Test(arguments: [
        ("W. Europe Standard Time", "Europe/Berlin"), ("Pacific Standard Time", "America/Los_Angeles"),
        ("india standard time", "Asia/Kolkata"), ("GMT Standard Time", "Europe/London"), ("UTC-02", "Etc/GMT+2"),
        ("AUS Eastern Standard Time", "Australia/Sydney"), ("US/Pacific", "America/Los_Angeles"),
        ("Tokyo Standard Time", "Asia/Tokyo"), ("Nepal Standard Time", "Asia/Kathmandu"),
    ])
    func `Windows names mean the same as IANA names`(_ name: String, _ same: String) {
        for moment in ["2018-01-15T08:00:00Z", "2018-07-15T08:00:00Z"] {
            let result = outcome("@convertFromUtc('\(moment)', '\(name)')")
            #expect(result == outcome("@convertFromUtc('\(moment)', '\(same)')"))
            #expect(result.hasPrefix("\"2018"))
        }
    }

    @Test(arguments: ["", "Nope/Zone", "PST", "GMT+2", "europe", "/etc/passwd", "../UTC", "Europe/../UTC"])
    func `other names are no zones`(_ name: String) {
        #expect(outcome("@convertFromUtc('2018-01-15T08:00:00Z', '\(name)')") == "EXPRESSION_TIME_ZONE")
    }

    @Test(arguments: [
        ("convertFromUtc('2018-01-01T08:00:00Z', 'UTC')", #""2018-01-01T08:00:00.0000000Z""#),
        ("convertFromUtc('2018-01-01T08:00:00', 'UTC')", "EXPRESSION_DATE"),
        ("convertToUtc('2018-03-11T02:30:00', 'Pacific Standard Time')", "EXPRESSION_DATE"),
        ("convertToUtc('2018-11-04T01:30:00', 'Pacific Standard Time')", "EXPRESSION_DATE"),
        ("convertToUtc('2018-01-01T00:00:00Z', 'Europe/Berlin')", "EXPRESSION_DATE"),
        ("convertToUtc('2024-05-01T00:00:00Z', 'UTC')", #""2024-05-01T00:00:00.0000000Z""#),
        ("convertTimeZone('2018-01-01T08:00:00+01:00', 'UTC', 'Asia/Tokyo')", #""2018-01-01T16:00:00.0000000""#),
        ("convertTimeZone('2018-01-01T08:00:00', 'Europe/Berlin', 'UTC')", #""2018-01-01T07:00:00.0000000Z""#),
    ])
    func `conversion refuses local times that do not exist or occur twice`(_ text: String, _ wanted: String) {
        #expect(outcome("@" + text) == wanted)
    }
}
