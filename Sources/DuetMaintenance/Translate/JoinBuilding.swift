import DuetPipeline

extension Translator {
    /// A left or full join; what concerns only a right side that may be missing becomes a filter of that side.
    func outerJoin(
        _ kind: OuterJoin.Kind,
        _ left: Relation,
        _ right: Relation,
        _ conditions: [JSONValue]
    ) throws -> OuterJoin {
        let parts = try split(conditions, left, right)
        var right = right
        var condition = parts.condition
        if kind == .left {
            right = .joined([right], parts.rightOnly)
        } else {
            condition.residual += parts.rightOnly
        }
        return OuterJoin(
            kind: kind,
            left: left,
            right: right,
            condition: condition,
            rightKeys: kind == .left ? try keptKeys(of: right, condition) : nil
        )
    }

    /// A semi or anti join.
    func semiJoin(_ left: Relation, _ right: Relation, _ conditions: [JSONValue], isAnti: Bool) throws -> Relation {
        let parts = try split(conditions, left, right)
        let known = Set(left.columns).union(right.columns)
        let used =
            parts.condition.equal.flatMap { $0.left.columns + $0.right.columns }
            + parts.condition.residual.flatMap(\.columns) + parts.rightOnly.flatMap(\.columns)
        guard used.allSatisfy({ known.contains($0) }) else {
            throw Unsupported("a subquery that uses columns from more than one query further out has no rule")
        }
        var join = SemiJoin(
            isAnti: isAnti,
            left: left,
            right: .joined([right], parts.rightOnly),
            condition: parts.condition
        )
        if let keys = try keptKeys(of: join.right, join.condition) { join = join.asking(keys) }
        return .semi(join)
    }

    private func split(
        _ conditions: [JSONValue],
        _ left: Relation,
        _ right: Relation
    ) throws -> (condition: JoinCondition, rightOnly: [Expression]) {
        let leftColumns = Set(left.columns)
        let rightColumns = Set(right.columns)
        var condition = JoinCondition()
        var rightOnly: [Expression] = []
        for tree in conditions {
            let type = tree["type"]?.string
            let matchesNull = type == "COMPARE_NOT_DISTINCT_FROM"
            if type == "COMPARE_EQUAL" || matchesNull, let a = tree["left"], let b = tree["right"] {
                let first = pool.intern(a)
                let second = pool.intern(b)
                if Self.isOver(first, leftColumns), Self.isOver(second, rightColumns),
                    try isIdentity(first, left, second, right)
                {
                    condition.equal.append(KeyPair(left: first, right: second, matchesNull: matchesNull))
                    continue
                }
                if Self.isOver(second, leftColumns), Self.isOver(first, rightColumns),
                    try isIdentity(second, left, first, right)
                {
                    condition.equal.append(KeyPair(left: second, right: first, matchesNull: matchesNull))
                    continue
                }
            }
            let expression = pool.intern(tree)
            if Self.isOver(expression, rightColumns) {
                rightOnly.append(expression)
            } else {
                condition.residual.append(expression)
            }
        }
        return (condition, rightOnly)
    }

    private static func isOver(_ expression: Expression, _ columns: Set<String>) -> Bool {
        !expression.columns.isEmpty && expression.columns.allSatisfy { columns.contains($0) }
    }
}
