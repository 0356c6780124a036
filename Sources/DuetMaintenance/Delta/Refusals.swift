import DuetPipeline

extension DeltaBuilder {
    /// The terms as an expression that refuses subqueries of several rows sees them.
    ///
    /// Terms of a change may have rows that neither were there before nor are there now, since one term takes away what
    /// another adds. Such a row must not refuse the update. A row that was there was not refused then. So what the query
    /// refuses is there if, and only if, more rows to refuse are added than taken away; a statement of its own counts them.
    ///
    /// - Parameters:
    ///   - terms: A change.
    ///   - expressions: What is computed of its rows, by `RelationRenderer.accepting(_:)`.
    /// - Returns: The terms without rows to refuse.
    mutating func accepted(_ terms: [DeltaTerm], _ expressions: [Expression]) -> [DeltaTerm] {
        var conditions: [String] = []
        for refusal in expressions.compactMap(\.refusal) {
            let text = renderer.texts[refusal.condition]
            if !conditions.contains(text) { conditions.append(text) }
        }
        guard !conditions.isEmpty, !terms.isEmpty else { return terms }
        let condition = conditions.joined(separator: " OR ")
        func limited(_ predicate: String) -> [DeltaTerm] {
            terms.map { term in
                var term = term
                term.clause.predicates.append(predicate)
                return term
            }
        }
        let counted = union(limited("(\(condition))"), [])
        _ = store(
            """
            SELECT CASE WHEN sum(__w) > 0 THEN error('\(SyntaxTree.severalRows)') END AS refused
            FROM (\(counted))
            """,
            "refused"
        )
        return limited("(\(condition)) IS NOT TRUE")
    }
}

extension SyntaxTree {
    /// What DuckDB says about a scalar subquery of several rows.
    static let severalRows = "more than one row returned by a subquery used as an expression"

    /// The condition under which an expression refuses a subquery of several rows, and the expression where it does not;
    /// nil if it refuses none.
    static func refusal(in tree: JSONValue) -> (condition: JSONValue, accepting: JSONValue)? {
        var conditions: [JSONValue] = []
        let accepting = accepting(tree, &conditions)
        guard let first = conditions.first else { return nil }
        return (conditions.count == 1 ? first : conjunction("CONJUNCTION_OR", conditions), accepting)
    }

    /// Replaces every choice made by `Translator.value(of:isDistinct:ties:)` by its value.
    private static func accepting(_ tree: JSONValue, _ conditions: inout [JSONValue]) -> JSONValue {
        switch tree {
        case .array(let values):
            return .array(values.map { accepting($0, &conditions) })
        case .object(let object):
            if let checks = tree["case_checks"]?.array, checks.count == 1, let check = checks.first,
                let condition = check["when_expr"], let value = tree["else_expr"],
                check["then_expr"]?["function_name"]?.string == "error",
                check["then_expr"]?["children"]?.array?.first?["value"]?["value"]?.string == severalRows
            {
                if !conditions.contains(condition) { conditions.append(condition) }
                return accepting(value, &conditions)
            }
            return .object(object.mapValues { accepting($0, &conditions) })
        default:
            return tree
        }
    }
}
