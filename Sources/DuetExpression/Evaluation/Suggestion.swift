/// Finds the name somebody most likely meant.
enum Suggestion {
    /// "did you mean 'x'?" for the nearest candidate, if one is near enough.
    static func hint(for name: String, among candidates: some Sequence<String>) -> String? {
        // Far-off names mislead more than they help, and long hostile names cost time.
        let wanted = Array(CaseMapping.lower(name).unicodeScalars.prefix(128))
        var best: (name: String, distance: Int)?
        // Of candidates as near the first by name, whatever order a dictionary gave them in.
        for candidate in candidates.sorted().prefix(1_000) {
            let letters = Array(CaseMapping.lower(candidate).unicodeScalars.prefix(128))
            let limit = max(1, min(4, max(wanted.count, letters.count) / 3))
            guard abs(letters.count - wanted.count) <= limit else { continue }
            let distance = editDistance(wanted, letters)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best.map { "did you mean '\($0.name)'?" }
    }

    private static func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for (row, a) in left.enumerated() {
            var current = [row + 1]
            for (column, b) in right.enumerated() {
                var cost = min(previous[column] + (a == b ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
                // Two swapped letters are one slip.
                if row > 0, column > 0, a == right[column - 1], left[row - 1] == b {
                    cost = min(cost, beforePrevious[column - 1] + 1)
                }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
