import DuetPipeline

/// Scalar subqueries that may give several rows as far as their form tells.
///
/// DuckDB takes the value of the one row there is, NULL where there is none, and refuses more than one; so the least value
/// with the number of rows is all there is to keep.
extension Translator {
    /// The value of a query that is held to at most one row, as a relation of exactly one row.
    func single(_ translated: Translated) throws -> (relation: Relation, value: JSONValue) {
        guard !translated.relation.leaves.contains(where: \.isGenerated) else {
            throw Unsupported("a function may make more rows than can be counted for a subquery")
        }
        let groups = try group(
            translated.relation,
            keys: [],
            calls: Self.calls(for: translated.outputs[0].value, isDistinct: false),
            rule: "the value of a subquery"
        )
        let value = Self.value(of: groups.calls, isDistinct: false)
        let column = NamedExpression(name: names.fresh("scalar"), expression: pool.intern(value))
        return (.project(groups.relation, [column]), SyntaxTree.column(column.name))
    }

    /// The aggregates that tell a value and whether there were several.
    static func calls(for value: JSONValue, isDistinct: Bool) -> [(name: String, tree: JSONValue)] {
        var calls = [("value", SyntaxTree.call("min", [value])), ("rows", SyntaxTree.call("count_star", []))]
        guard isDistinct else { return calls }
        // Equal rows are one row; a value and NULL are two.
        calls.append(("greatest", SyntaxTree.call("max", [value])))
        calls.append(("known", SyntaxTree.call("count", [value])))
        return calls
    }

    /// The value over the columns of ``calls(for:isDistinct:)``.
    ///
    /// - Parameters:
    ///   - columns: The columns.
    ///   - isDistinct: Whether equal rows count as one.
    ///   - ties: What ties the rows to those of the outer query. Several rows are refused only where somebody asks for
    ///     them, so the refusal must not be computed before the tables are joined.
    /// - Returns: The value, which refuses several rows.
    static func value(of columns: [String], isDistinct: Bool, ties: [JSONValue] = []) -> JSONValue {
        let trees = columns.map(SyntaxTree.column)
        var several = SyntaxTree.comparison("COMPARE_GREATERTHAN", trees[1], SyntaxTree.constant(1))
        if isDistinct {
            let isMixed = SyntaxTree.conjunction(
                "CONJUNCTION_AND",
                [
                    SyntaxTree.comparison("COMPARE_GREATERTHAN", trees[3], SyntaxTree.constant(0)),
                    SyntaxTree.comparison("COMPARE_LESSTHAN", trees[3], trees[1]),
                ]
            )
            several = SyntaxTree.conjunction(
                "CONJUNCTION_OR",
                [SyntaxTree.comparison("COMPARE_DISTINCT_FROM", trees[0], trees[2]), isMixed]
            )
        }
        if !ties.isEmpty { several = SyntaxTree.conjunction("CONJUNCTION_AND", ties + [several]) }
        let refusal = SyntaxTree.call("error", [SyntaxTree.constant(SyntaxTree.severalRows)])
        return SyntaxTree.choice([(several, refusal)], otherwise: trees[0])
    }
}
