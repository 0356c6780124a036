/// Finds the name a user probably meant.
public enum Suggestion {
    /// The known name nearest to a mistyped one, when it is near enough to be worth saying.
    ///
    /// The measure is the Damerau-Levenshtein distance in its optimal-string-alignment form, case ignored; a name is near
    /// when at most a third of its letters differ, and never more than 4.
    public static func nearest(to name: String, among known: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased())
        var best: (name: String, distance: Int)?
        for candidate in known {
            let distance = distance(wanted, Array(candidate.lowercased()))
            let limit = min(4, max(1, max(wanted.count, candidate.count) / 3))
            if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `did you mean 'x'?`, or the known names when none is near, or nil when there are none.
    public static func hint(for name: String, among known: some Sequence<String>, noun: String) -> String? {
        let names = known.sorted()
        if let near = nearest(to: name, among: names) { return "did you mean '\(near)'?" }
        guard !names.isEmpty else { return nil }
        let shown = names.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        return "known \(noun): \(shown)\(names.count > 8 ? ", and \(names.count - 8) more" : "")"
    }

    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var current = [i] + [Int](repeating: 0, count: b.count)
            for j in 1...b.count {
                let substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                current[j] = min(last[j] + 1, current[j - 1] + 1, substitution)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    current[j] = min(current[j], beforeLast[j - 2] + 1)
                }
            }
            beforeLast = last
            last = current
        }
        return last[b.count]
    }
}
