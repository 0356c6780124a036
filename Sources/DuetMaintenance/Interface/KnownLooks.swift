/// What looks at changes have found, so that views which read the same columns of a change need not look again.
///
/// Rows that take each other back in some columns do so in any choice of these columns. A pipeline has one wide table and
/// many views of few of its columns, and a look costs as much as a small view's whole update.
public struct KnownLooks: Sendable {
    /// By change: sets of columns, as positions, in which nothing is left of it.
    private var unchanged: [String: [Set<Int>]] = [:]

    /// Nothing is known yet.
    public init() {}

    /// Takes over what others have found.
    ///
    /// - Parameter other: What they know.
    public mutating func add(_ other: Self) {
        for (change, sets) in other.unchanged {
            for columns in sets { add(columns, of: change) }
        }
    }

    /// Notes that a change takes itself back in some columns.
    mutating func add(_ columns: Set<Int>, of change: String) {
        guard !isUnchanged(columns, in: change) else { return }
        unchanged[change, default: []].removeAll { $0.isSubset(of: columns) }
        unchanged[change, default: []].append(columns)
    }

    /// Whether a change is known to take itself back in some columns.
    func isUnchanged(_ columns: Set<Int>, in change: String) -> Bool {
        unchanged[change]?.contains { columns.isSubset(of: $0) } ?? false
    }
}
