import DuetPipeline

/// Types whose values are equal only if they are the same value.
///
/// DuckDB compares values of different types after a cast, and a cast may make one value of two: `'1'` and `'01'` both equal
/// the number 1, and whole numbers that a DOUBLE cannot tell apart equal the same DOUBLE. Rules that look values up by
/// key, or count rows by key, are right only where equal values are one key.
enum EqualTypes {
    /// Whether an equality between values of two types holds for at most one value of either for each of the other.
    static func agree(_ a: String, _ b: String) -> Bool {
        if a == b { return !a.isEmpty && a != "\"NULL\"" }
        if let first = digits(a), let second = digits(b) {
            return max(first.whole, second.whole) + max(first.scale, second.scale) <= 38
        }
        return exact.contains { $0.contains(a) && $0.contains(b) }
    }

    /// Types that have the values of one another but for their range or their precision.
    private static let exact: [Set<String>] = [
        ["FLOAT", "DOUBLE"], ["DATE", "TIMESTAMP"],
        ["TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "DOUBLE"],
        ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"],
    ]

    /// How many digits a number has before and after the point; nil for other types.
    private static func digits(_ type: String) -> (whole: Int, scale: Int)? {
        let whole = [
            "TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "UTINYINT": 3, "USMALLINT": 5, "UINTEGER": 10,
            "UBIGINT": 20,
        ]
        if let digits = whole[type] { return (digits, 0) }
        guard type.hasPrefix("DECIMAL("), type.hasSuffix(")") else { return nil }
        let numbers = type.dropFirst("DECIMAL(".count).dropLast().split(separator: ",").compactMap {
            Int($0.drop { $0 == " " })
        }
        return numbers.count == 2 ? (numbers[0] - numbers[1], numbers[1]) : nil
    }

    /// Whether a type has values within values, whose order is not that of MIN and MAX.
    static func isNested(_ type: String) -> Bool {
        type.hasSuffix("]") || ["STRUCT(", "MAP(", "UNION("].contains { type.hasPrefix($0) }
    }
}

extension Translator {
    /// Whether an equality holds for equal values only; see ``EqualTypes``.
    func isIdentity(_ a: Expression, _ left: Relation, _ b: Expression, _ right: Relation) throws -> Bool {
        let first = try type(of: a, over: left)
        // The type of a row without names can be no column's.
        if a.columnName == nil, EqualTypes.isNested(first) { return false }
        let second = try type(of: b, over: right)
        return EqualTypes.agree(first, second) && !(b.columnName == nil && EqualTypes.isNested(second))
    }

    /// The same for pairs of expressions; refuses the others.
    func requireIdentity(_ pairs: [(JSONValue, JSONValue)], _ left: Relation, _ right: Relation) throws {
        for (a, b) in pairs where try !isIdentity(pool.intern(a), left, pool.intern(b), right) {
            throw Unsupported("values of different types are compared, of which several may equal the same one")
        }
    }

    /// The type of an expression over a relation.
    func type(of expression: Expression, over relation: Relation) throws -> String {
        if let known = expression.columnName.flatMap(relation.type) { return known }
        return try types([expression], over: relation).first ?? ""
    }
}

extension Relation {
    /// A column's type; nil when the tree alone does not tell.
    func type(of column: String) -> String? {
        switch self {
        case .leaf(let leaf):
            guard leaf.types.count == leaf.columns.count else { return nil }
            return leaf.columns.firstIndex(of: column).map { leaf.types[$0] }
        case .join(let parts, _): return parts.lazy.compactMap { $0.type(of: column) }.first
        case .outer(let join): return join.left.type(of: column) ?? join.right.type(of: column)
        case .semi(let join): return join.left.type(of: column)
        case .project(let source, let outputs):
            return outputs.first { $0.name == column }?.expression.columnName.flatMap(source.type)
        case .union(let parts, let columns):
            guard let index = columns.firstIndex(of: column) else { return nil }
            let types = Set(parts.map { $0.type(of: $0.columns[index]) })
            return types.count == 1 ? types.first ?? nil : nil
        case .lateral(let source, _, _), .repeated(let source, _): return source.type(of: column)
        }
    }
}
