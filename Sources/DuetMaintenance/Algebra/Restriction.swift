extension Relation {
    /// The rows whose key expressions have one of the values listed in `keys`, which must list each once.
    ///
    /// The restriction goes as far down as it can without changing the result: the sooner rows are left out, the less
    /// the joins above read. It may go below the kept side of an outer, semi or anti join, and into a union's branches.
    ///
    /// - Parameters:
    ///   - keys: The relation that lists the wanted values.
    ///   - pairs: Key expressions over this relation's columns, with the column of `keys` that lists their values.
    ///   - matchesNull: Whether NULL is a value like any other.
    ///   - strict: Columns of `keys` that are never NULL, whatever `matchesNull` says; plain equality is cheaper.
    /// - Returns: The restricted relation; it has this relation's columns, and may have those of `keys` beside them.
    func restricted(
        to keys: Leaf,
        _ pairs: [(Expression, String)],
        matchesNull: Bool,
        strict: Set<String> = []
    ) -> Self {
        let used = Set(pairs.flatMap(\.0.columns))
        switch self {
        case .semi(var join):
            join.left = join.left.restricted(to: keys, pairs, matchesNull: matchesNull, strict: strict)
            let tied = Self.tied(pairs, join.condition)
            if !tied.pairs.isEmpty {
                join.right = join.right.wanted(by: keys, tied.pairs, matchesNull, tied.strict.union(strict))
            }
            return .semi(join)
        case .outer(var join) where join.kind == .left && used.isSubset(of: join.left.columns):
            join.left = join.left.restricted(to: keys, pairs, matchesNull: matchesNull, strict: strict)
            return .outer(join)
        case .project(let source, let outputs):
            var inner: [(Expression, String)] = []
            for (expression, key) in pairs {
                guard let name = expression.columnName, let output = outputs.first(where: { $0.name == name }),
                    !output.expression.multipliesRows
                else {
                    return joined(keys, pairs, matchesNull, strict)
                }
                inner.append((output.expression, key))
            }
            return .project(source.restricted(to: keys, inner, matchesNull: matchesNull, strict: strict), outputs)
        case .union(let parts, let columns) where pairs.allSatisfy { $0.0.columnName != nil }:
            let restricted = parts.map { part in
                let names = Dictionary(zip(columns, part.columns), uniquingKeysWith: { first, _ in first })
                let inner = pairs.map { pair in
                    (pair.0.columnName.flatMap { names[$0] }.map(Expression.column) ?? pair.0, pair.1)
                }
                return Relation.project(
                    part.restricted(to: keys, inner, matchesNull: matchesNull, strict: strict),
                    part.columns.map { NamedExpression(name: $0, expression: .column($0)) }
                )
            }
            return .union(restricted, columns)
        case .join(var parts, let predicates):
            if let index = parts.firstIndex(where: { used.isSubset(of: $0.columns) }), !parts[index].isLeaf {
                parts[index] = parts[index].restricted(to: keys, pairs, matchesNull: matchesNull, strict: strict)
                return .join(parts, predicates)
            }
            return joined(keys, pairs, matchesNull, strict)
        case .lateral(let source, let call, let columns) where used.isSubset(of: source.columns):
            let restricted = source.restricted(to: keys, pairs, matchesNull: matchesNull, strict: strict)
            return .lateral(restricted, call: call, columns: columns)
        case .repeated(let source, let times):
            return .repeated(source.restricted(to: keys, pairs, matchesNull: matchesNull, strict: strict), times: times)
        case .leaf, .outer, .lateral, .union:
            return joined(keys, pairs, matchesNull, strict)
        }
    }

    /// Whether the columns of a leaf can be read beside this relation's own.
    func showsLeaf(_ leaf: Leaf) -> Bool {
        guard case .join(let parts, _) = self else { return self == .leaf(leaf) }
        return parts.contains { $0.showsLeaf(leaf) }
    }

    private var isLeaf: Bool {
        if case .leaf = self { return true }
        return false
    }

    private func joined(
        _ keys: Leaf,
        _ pairs: [(Expression, String)],
        _ matchesNull: Bool,
        _ strict: Set<String>
    ) -> Self {
        .join(
            [self, .leaf(keys)],
            pairs.map { .match($0.0, .column($0.1), matchesNull: matchesNull && !strict.contains($0.1)) }
        )
    }

    /// What the other side of a join has to be equal to, where the join ties it to restricted expressions.
    private static func tied(
        _ pairs: [(Expression, String)],
        _ condition: JoinCondition
    ) -> (pairs: [(Expression, String)], strict: Set<String>) {
        var strict: Set<String> = []
        let tied = pairs.compactMap { pair -> (Expression, String)? in
            guard let equality = condition.equal.first(where: { $0.left == pair.0 }) else { return nil }
            if !equality.matchesNull { strict.insert(pair.1) }
            return (equality.right, pair.1)
        }
        return (tied, strict)
    }

    /// The rows that a semi or anti join with restricted rows can ask for; some may be there more than once.
    private func wanted(
        by keys: Leaf,
        _ pairs: [(Expression, String)],
        _ matchesNull: Bool,
        _ strict: Set<String>
    ) -> Self {
        .project(
            restricted(to: keys, pairs, matchesNull: matchesNull, strict: strict),
            columns.map { NamedExpression(name: $0, expression: .column($0)) }
        )
    }
}

extension Expression {
    /// A condition that two expressions are equal; resolved when it is written, since the texts are not known here.
    static func match(_ left: Self, _ right: Self, matchesNull: Bool) -> Self {
        Self(
            body: .equality(ExpressionPair(left: left, right: right), matchesNull: matchesNull),
            columns: left.columns + right.columns.filter { !left.columns.contains($0) }
        )
    }
}

/// Two expressions that are compared.
final class ExpressionPair: Hashable, Sendable {
    let left: Expression
    let right: Expression

    init(left: Expression, right: Expression) {
        self.left = left
        self.right = right
    }

    static func == (a: ExpressionPair, b: ExpressionPair) -> Bool { a.left == b.left && a.right == b.right }

    func hash(into hasher: inout Hasher) {
        hasher.combine(left)
        hasher.combine(right)
    }
}
