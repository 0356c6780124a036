/// How often each row of a term of a change counts: a product of expressions, or 1 or −1 for every row.
struct Weight: Hashable, Sendable {
    private var factors: [String]
    private var isNegative = false

    /// Every row counts once.
    static let one = Self(factors: [])

    /// A weight that differs from row to row.
    init(_ expression: String) { factors = [expression] }

    private init(factors: [String], isNegative: Bool = false) {
        self.factors = factors
        self.isNegative = isNegative
    }

    /// 1 or −1 if it is the same for every row.
    var constant: Int? { factors.isEmpty ? (isNegative ? -1 : 1) : nil }

    /// The weight as SQL, a BIGINT if its factors are.
    var text: String {
        if factors.isEmpty { return "CAST(\(isNegative ? -1 : 1) AS BIGINT)" }
        let product = factors.joined(separator: " * ")
        if !isNegative { return product }
        return factors.count == 1 ? "-\(product)" : "-(\(product))"
    }

    static func * (left: Self, right: Self) -> Self {
        Self(factors: left.factors + right.factors, isNegative: left.isNegative != right.isNegative)
    }

    static prefix func - (weight: Self) -> Self {
        Self(factors: weight.factors, isNegative: !weight.isNegative)
    }
}

extension [DeltaTerm] {
    /// 1 or −1 if that is the weight of every row of every term.
    var constantWeight: Int? {
        guard let first = first?.weight.constant, allSatisfy({ $0.weight.constant == first }) else { return nil }
        return first
    }
}
