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

    static var now: Int { Int(time(nil)) }
}
