extension DeltaBuilder {
    /// The change of a semi or anti join.
    ///
    /// Δ(A ▷ B) = ΔA ▷ B + A_old × s, where s(a) is 1 for rows that lost their last match, −1 for rows that got their
    /// first one, and 0 else; a semi join has −s. Only rows that match a changed row of B can have s ≠ 0, and
    /// A_old = A − ΔA.
    mutating func semiTerms(_ join: SemiJoin) -> [DeltaTerm] {
        var leftChanges: [DeltaTerm] = []
        if isChanged(join.left) {
            leftChanges = [readable(join.left, "left")]
        }
        let isByKey = join.condition.residual.isEmpty && !join.condition.equal.isEmpty
        // Where both sides ask how often keys are there, they are counted at once.
        let counts = isByKey && isChanged(join.right) ? countedKeys(join, leftChanges) : nil
        var result = leftChanges.map { kept($0, join, counts) }
        guard isChanged(join.right) else { return result }
        let turned = counts.map { turnedKeys(join, $0) } ?? turnedRows(join, leftChanges)
        let leaf = turnedLeaf(turned)
        let sign = Weight(SQLText.column(leaf.alias, leaf.columns[leaf.columns.count - 1]))
        let pairs = Array(zip(turned.expressions, leaf.columns))
        let matchesNull = !isByKey || join.condition.matchesNull
        let strict = strictColumns(join.condition, pairs)
        var touched = join.left.restricted(to: leaf, pairs, matchesNull: matchesNull, strict: strict)
        if !touched.showsLeaf(leaf) {
            // The restriction went into a part that does not show the sign, so the sign is joined once more.
            let inner = turnedLeaf(turned)
            let innerPairs = Array(zip(turned.expressions, inner.columns))
            let innerStrict = strictColumns(join.condition, innerPairs)
            touched = .joined(
                [
                    join.left.restricted(to: inner, innerPairs, matchesNull: matchesNull, strict: innerStrict),
                    .leaf(leaf),
                ],
                pairs.map { .match($0.0, .column($0.1), matchesNull: matchesNull && !strict.contains($0.1)) }
            )
        }
        result.append(
            DeltaTerm(clause: renderer.from(touched), weight: join.isAnti ? sign : -sign)
        )
        for change in leftChanges {
            var term = change
            term.clause.items += renderer.from(.leaf(leaf)).items
            term.clause.predicates += pairs.map {
                renderer.text(.match($0.0, .column($0.1), matchesNull: matchesNull && !strict.contains($0.1)))
            }
            term.weight = join.isAnti ? -(term.weight * sign) : term.weight * sign
            result.append(term)
        }
        return result
    }

    /// The rows of the left side's change that the join keeps.
    private mutating func kept(_ change: DeltaTerm, _ join: SemiJoin, _ counts: CountedKeys?) -> DeltaTerm {
        var term = single(change, join.left.columns)
        let right: String
        let on: String
        if let counts {
            let alias = renderer.freshAlias("m")
            let columns = counts.names.map { "\(alias)_\($0)" }
            right = SQLText.temporary(counts.table) + SQLText.alias(alias, columns + ["m"])
            on = SQLText.and(
                zip(join.condition.equal, columns).map {
                    renderer.text(.match($0.left, .column($1), matchesNull: $0.matchesNull))
                }
            )
        } else {
            let reduced = reduced(join.right, to: term, join.condition)
            right = renderer.item(renderer.from(reduced), join.right.columns)
            on = renderer.text(join.condition)
        }
        let keyword = join.isAnti ? "ANTI JOIN" : "SEMI JOIN"
        term.clause = FromClause(items: ["(\(term.clause.items[0]) \(keyword) \(right) ON \(on))"])
        return term
    }

    /// The rows of a join's right side that a change of its left side can match.
    ///
    /// - Parameters:
    ///   - right: The right side.
    ///   - change: The left side's change, from temporary tables: DuckDB knows that they are small.
    ///   - condition: The join's condition; without an equality every row may match.
    /// - Returns: The right side with only those rows, or all of it when no equality ties the sides.
    mutating func reduced(_ right: Relation, to change: DeltaTerm, _ condition: JoinCondition) -> Relation {
        guard !condition.equal.isEmpty else { return right }
        let names = condition.equal.indices.map { "k\($0)" }
        let keys = zip(condition.equal, names).map { NamedText(renderer.text($0.left), as: $1) }
        let select = SelectText(
            columns: keys,
            from: change.clause.items,
            predicates: change.clause.predicates + notNull(condition.equal, \.left),
            prefix: "DISTINCT "
        )
        // Another statement would take longer than to find the values of a small change once more where they are needed.
        let alias = renderer.freshAlias("k")
        let leaf = Leaf(current: "(\(select.text))", alias: alias, columns: names.map { "\(alias)_\($0)" })
        return right.restricted(
            to: leaf,
            Array(zip(condition.equal.map(\.right), leaf.columns)),
            matchesNull: condition.matchesNull,
            strict: Self.strict(condition.equal, leaf.columns)
        )
    }

    /// Conditions that keys are not NULL, as NULL never equals anything; none for keys of which it does.
    private func notNull(_ keys: [KeyPair], _ side: (KeyPair) -> Expression) -> [String] {
        keys.filter { !$0.matchesNull }.map { "\(renderer.text(side($0))) IS NOT NULL" }
    }

    /// Those of the columns that list values of keys for which NULL equals nothing.
    private static func strict(_ keys: [KeyPair], _ columns: [String]) -> Set<String> {
        Set(zip(keys, columns).filter { !$0.0.matchesNull }.map(\.1))
    }

    /// The columns of a list of matching rows that cannot be NULL, as a row with NULL there matches nothing.
    private func strictColumns(_ condition: JoinCondition, _ pairs: [(Expression, String)]) -> Set<String> {
        let equal = condition.equal.filter { !$0.matchesNull }.map(\.left)
        let never = Set(equal.compactMap(\.columnName) + condition.residual.flatMap(\.strict))
        return Set(
            pairs.filter { equal.contains($0.0) || $0.0.columnName.map(never.contains) ?? false }.map(\.1)
        )
    }

    private mutating func turnedLeaf(_ turned: Turned) -> Leaf {
        let alias = renderer.freshAlias("s")
        return Leaf(
            current: SQLText.temporary(turned.table),
            alias: alias,
            columns: turned.expressions.indices.map { "\(alias)_\($0)" } + ["\(alias)_s"]
        )
    }

    /// Values of the left side whose rows gained or lost the property of having a match, with 1 or −1.
    private struct Turned {
        var table: String
        var expressions: [Expression]
    }

    /// How many rows of the right side there are for the keys that a change is about.
    private struct CountedKeys {
        /// The keys whose rows changed, with the sum of their weights as `d`.
        var changed: String
        /// The counts as `m`; keys without rows are not there.
        var table: String
        /// The keys' columns in both tables.
        var names: [String]
    }

    /// Counts the right side's rows by key, for keys of its own change and for those of the left side's.
    private mutating func countedKeys(_ join: SemiJoin, _ leftChanges: [DeltaTerm]) -> CountedKeys {
        let keys = join.condition.equal
        let names = keys.indices.map { "k\($0)" }
        let outputs = zip(keys, names).map { NamedText(renderer.text($0.right), as: $1) }
        let changes = terms(of: join.right).map { term in
            var term = term
            term.clause.predicates += notNull(keys, \.right)
            return term
        }
        let changedKeys = store(
            "SELECT \(SQLText.list(names)), CAST(sum(__w) AS BIGINT) AS d\n"
                + "FROM (\(union(changes, outputs))) GROUP BY ALL HAVING sum(__w) <> 0",
            "keys"
        )
        var asked = SQLText.temporary(changedKeys)
        for change in leftChanges {
            let sought = SelectText(
                columns: zip(keys, names).map { NamedText(renderer.text($0.left), as: $1) },
                from: change.clause.items,
                predicates: change.clause.predicates + notNull(keys, \.left)
            )
            asked = "(SELECT \(SQLText.list(names)) FROM \(asked)\nUNION\n\(sought.text))"
        }
        let alias = renderer.freshAlias("k")
        let columns = names.map { "\(alias)_\($0)" }
        let leaf = Leaf(
            current: asked,
            alias: alias,
            columns: leftChanges.isEmpty ? columns + ["\(alias)_d"] : columns
        )
        let matching = renderer.from(
            join.right.restricted(
                to: leaf,
                Array(zip(keys.map(\.right), columns)),
                matchesNull: join.condition.matchesNull,
                strict: Self.strict(keys, columns)
            )
        )
        let counts = SelectText(
            columns: outputs + [NamedText("count(*)", as: "m")],
            from: matching.items,
            predicates: matching.predicates,
            suffix: ["GROUP BY ALL"]
        )
        return CountedKeys(changed: changedKeys, table: store(counts.text, "counts"), names: names)
    }

    /// The rule when the condition consists of equalities: it is enough to count rows of B by key.
    private mutating func turnedKeys(_ join: SemiJoin, _ counts: CountedKeys) -> Turned {
        let names = counts.names
        let table = store(
            "SELECT \(names.map { SQLText.column("k", $0) }.joined(separator: ", ")), "
                + "CASE WHEN coalesce(c.m, 0) = 0 THEN 1 ELSE -1 END AS s\n"
                + "FROM \(SQLText.temporary(counts.changed)) AS k LEFT JOIN \(SQLText.temporary(counts.table)) AS c ON "
                + SQLText.and(
                    zip(join.condition.equal, names).map { key, name in
                        let comparison = key.matchesNull ? "IS NOT DISTINCT FROM" : "="
                        return "\(SQLText.column("k", name)) \(comparison) \(SQLText.column("c", name))"
                    }
                )
                + "\nWHERE (coalesce(c.m, 0) = 0) <> (coalesce(c.m, 0) = k.d)",
            "turned"
        )
        return Turned(table: table, expressions: join.condition.equal.map(\.left))
    }

    /// The rule for other conditions: matches are counted for each combination of the columns of A that the condition
    /// uses.
    private mutating func turnedRows(_ join: SemiJoin, _ leftChanges: [DeltaTerm]) -> Turned {
        let left = Set(join.left.columns)
        let used =
            (join.condition.equal.flatMap { $0.left.columns + $0.right.columns }
            + join.condition.residual.flatMap(\.columns)).filter { left.contains($0) }
        var columns: [String] = []
        for column in used where !columns.contains(column) { columns.append(column) }
        let change = readable(join.right, "right")
        let on = renderer.text(join.condition)

        var touched: [String] = []
        let outputs = columns.isEmpty ? [NamedText("1", as: "__one")] : columns.map { NamedText(column: $0) }
        let sides = join.condition.swapped
        let now = renderer.from(reduced(join.left, to: change, sides))
        for clause in [now] + leftChanges.map(\.clause) {
            touched.append(
                SelectText(
                    columns: outputs,
                    from: clause.items + change.clause.items,
                    predicates: clause.predicates + change.clause.predicates + [on],
                    prefix: "DISTINCT "
                ).text
            )
        }
        let rows = store(touched.joined(separator: "\nUNION\n"), "touched")
        let names = outputs.map(\.name)
        let item = SQLText.temporary(rows) + " AS t"
        let matches = renderer.from(join.right)
        let counts = SelectText(
            columns: outputs + [NamedText("count(*)", as: "__m")],
            from: [item] + matches.items,
            predicates: matches.predicates + [on],
            suffix: ["GROUP BY ALL"]
        )
        let changes = SelectText(
            columns: outputs + [NamedText("sum(\(change.weight.text))", as: "__d")],
            from: [item] + change.clause.items,
            predicates: change.clause.predicates + [on],
            suffix: ["GROUP BY ALL"]
        )
        func match(_ alias: String) -> String {
            SQLText.same(names.map { (SQLText.column("t", $0), SQLText.column(alias, $0)) })
        }
        let table = store(
            "SELECT \(names.map { SQLText.column("t", $0) }.joined(separator: ", ")), "
                + "CASE WHEN coalesce(c.__m, 0) = 0 THEN 1 ELSE -1 END AS s\n"
                + "FROM \(item) LEFT JOIN (\(counts.text)) AS c ON \(match("c"))\n"
                + "LEFT JOIN (\(changes.text)) AS d ON \(match("d"))\n"
                + "WHERE (coalesce(c.__m, 0) = 0) <> (coalesce(c.__m, 0) = coalesce(d.__d, 0))",
            "turned"
        )
        let expressions = columns.isEmpty ? [Expression(body: .text("1"), columns: [])] : columns.map(Expression.column)
        return Turned(table: table, expressions: expressions)
    }
}
