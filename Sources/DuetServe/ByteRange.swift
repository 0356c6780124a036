/// Ranges and conditions of a request, held against a file.
///
/// Pure.
enum ByteRange: Equatable {
    /// The whole content.
    case whole
    /// These bytes.
    case part(Range<Int>)
    /// None of the bytes asked for is there.
    case unsatisfiable

    /// Reads a `Range` value.
    ///
    /// What cannot be read, and more than one range, is the whole content (RFC 9110, 14.2).
    init(_ text: String?, size: Int) {
        self = .whole
        guard let text, text.lowercased().hasPrefix("bytes=") else { return }
        let spec = text.dropFirst(6).filter { $0 != " " }
        let ends = spec.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, !spec.contains(",") else { return }
        if ends[0].isEmpty {
            guard let last = Int(ends[1]) else { return }
            self = last == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - last)..<size)
            return
        }
        guard let first = Int(ends[0]), first >= 0 else { return }
        let last = ends[1].isEmpty ? Int.max - 1 : Int(ends[1])
        guard let last, last >= first else { return }
        self = first < size ? .part(first..<min(last + 1, size)) : .unsatisfiable
    }
}

/// What a file's version is known by.
struct FileVersion: Sendable {
    var etag: String
    var lastModified: String
    var modifiedSeconds: Int

    /// Whether the client already has it (RFC 9110, 13.2.2).
    func isUnchanged(for headers: [String: String]) -> Bool {
        if let tags = headers["if-none-match"] {
            if tags == "*" { return true }
            return tags.split(separator: ",").contains { tag in
                let tag = tag.drop { $0 == " " }.prefix { $0 != " " }
                return (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == etag
            }
        }
        guard let date = headers["if-modified-since"], let seconds = HTTPDate.seconds(date) else { return false }
        return modifiedSeconds <= seconds
    }

    /// Whether a range may be served: without `If-Range`, or when it names this very version.
    func allowsRange(for headers: [String: String]) -> Bool {
        guard let condition = headers["if-range"] else { return true }
        return condition == etag || condition == lastModified
    }
}
