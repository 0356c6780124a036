package import DuckKit

/// A row that can be compared with a tolerance for floating point.
package struct ComparedRow: Comparable {
    package let values: [Value]
    /// For messages.
    package let text: String
    private let key: String

    package init(_ values: [Value]) {
        self.values = values
        text = values.map { "\($0)" }.joined(separator: "|")
        key = values.map { value in
            guard case .double(let number) = value else { return "\(value)" }
            return "\((number * 1e6).rounded())"
        }.joined(separator: "|")
    }

    package static func < (a: Self, b: Self) -> Bool { a.key < b.key }

    package static func == (a: Self, b: Self) -> Bool { a.key == b.key }

    /// Whether two rows differ in the last digits of floating point at most.
    package func isClose(to other: Self) -> Bool {
        values.count == other.values.count
            && zip(values, other.values).allSatisfy { a, b in
                if case .double(let x) = a, case .double(let y) = b {
                    return x == y || abs(x - y) <= 1e-9 * max(abs(x), abs(y)) || (x.isNaN && y.isNaN)
                }
                return a == b
            }
    }
}
