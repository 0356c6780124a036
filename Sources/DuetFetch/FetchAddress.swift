/// What may be told of a URL, and which belong together; read as libcurl itself reads them.
public enum FetchAddress {
    /// The URL without credentials and without the values of its query, but for numbers and dates; for people.
    public static func redacted(_ url: String) -> String {
        do { return try Location(url).redacted } catch { return error.url }
    }

    /// The URL without credentials and secrets in its query: the same resource has the same identity.
    public static func identity(_ url: String) -> String {
        do { return try Location(url).identity } catch { return error.url }
    }

    /// Whether two URLs have scheme, host and port in common.
    public static func isSameHost(_ url: String, _ other: String) -> Bool {
        do { return try Location(url).origin == Location(other).origin } catch { return false }
    }

    /// An absolute URL from one that may be relative; `nil` when it is none.
    public static func absolute(_ text: String, relativeTo base: String) -> String? {
        do { return try Location(text, relativeTo: Location(base)).url } catch { return nil }
    }
}
