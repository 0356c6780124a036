import DuetPipeline

extension Translator {
    /// Keeps the keys of a join's right side where finding them again would be costly.
    ///
    /// Whether a row has a match is asked for every key that a change is about, and answering it from the rows means to
    /// read them all. Where their conditions search in texts, that costs more than to keep the keys.
    ///
    /// - Parameters:
    ///   - side: The side, with its own conditions.
    ///   - condition: The join's condition.
    /// - Returns: The keys; nil when they are not all that counts, or the rows are cheap to read.
    /// - Throws: What DuckDB says of the keys' types.
    func keptKeys(of side: Relation, _ condition: JoinCondition) throws -> KeptKeys? {
        guard condition.residual.isEmpty, !condition.equal.isEmpty, searchesTexts(side),
            !side.leaves.contains(where: \.isGenerated)
        else { return nil }
        let groups = try group(
            side,
            keys: condition.equal.map { ("key", tree(of: $0.right)) },
            calls: [],
            rule: "keys that a join looks for"
        )
        return KeptKeys(relation: groups.relation, columns: groups.keys.map(Expression.column))
    }

    private func tree(of expression: Expression) -> JSONValue {
        if case .pooled(let number) = expression.body { return pool.tree(number) }
        return SyntaxTree.column(expression.columns.first ?? "")
    }

    /// Whether a condition of the relation searches in texts.
    private func searchesTexts(_ relation: Relation) -> Bool {
        switch relation {
        case .leaf, .union, .outer: false
        case .join(let parts, let predicates):
            predicates.contains(where: searchesTexts) || parts.contains(where: searchesTexts)
        case .semi(let join): searchesTexts(join.left)
        case .project(let source, _), .lateral(let source, _, _), .repeated(let source, _): searchesTexts(source)
        }
    }

    private func searchesTexts(_ condition: Expression) -> Bool {
        guard case .pooled(let number) = condition.body else { return false }
        return SyntaxTree.contains(pool.tree(number)) { object in
            Self.textSearches.contains(object["function_name"]?.string?.folded ?? "")
        }
    }

    /// LIKE and its kin, regular expressions, and searches.
    private static let textSearches: Set<String> = [
        "~~", "!~~", "~~*", "!~~*", "~~~", "like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape",
        "regexp_matches", "regexp_full_match", "regexp_extract", "contains", "levenshtein", "jaro_similarity",
        "jaro_winkler_similarity", "strpos", "instr",
    ]
}

extension SemiJoin {
    /// The same join that asks kept keys instead of the rows they come from.
    func asking(_ keys: KeptKeys) -> Self {
        var join = self
        join.right = keys.relation
        join.condition.equal = zip(condition.equal, keys.columns).map {
            KeyPair(left: $0.left, right: $1, matchesNull: $0.matchesNull)
        }
        return join
    }
}
