import CCurl
import Glibc

/// Dates as HTTP writes them, read by libcurl.
enum HTTPDate {
    /// Seconds since 1970, or `nil` when the text is no date.
    static func seconds(_ text: String) -> Int? {
        let seconds = curl_getdate(text, nil)
        return seconds < 0 ? nil : Int(seconds)
    }

    /// The wait that a `Retry-After` value asks for: seconds or a date.
    static func wait(retryAfter text: String, now: Int) -> Duration? {
        if let seconds = Int(text) { return seconds < 0 ? nil : .seconds(seconds) }
        guard let date = seconds(text) else { return nil }
        return .seconds(max(0, date - now))
    }

    /// A time as HTTP writes it (RFC 9110, 5.6.7), whatever the process's locale.
    static func text(_ seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&time, &parts) != nil else { return "" }
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map(padded).joined(separator: ":")
        let day = "\(padded(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900)"
        return "\(days[Int(parts.tm_wday)]), \(day) \(clock) GMT"
    }

    static var now: Int { Int(time(nil)) }
}
