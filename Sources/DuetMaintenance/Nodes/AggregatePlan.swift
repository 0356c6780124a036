/// GROUP BY with aggregates that can be brought up to date from the change alone.
///
/// State: for each group its keys, the count of its rows and the accumulators below; a group whose count falls to zero
/// is removed. This is the rule for self-maintainable aggregates of J. Gray and others, "Data Cube" (1996), and D. Quass,
/// "Maintenance Expressions for Views with Aggregation" (1996).
struct AggregatePlan: Sendable {
    /// A value kept for each group.
    struct Accumulator: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            /// Rows; with an argument, rows where it is not NULL.
            case count(Expression?)
            /// A sum of exact numbers, NULL while `count` is zero.
            case sum(Expression, count: String, isWide: Bool)
            /// A least or greatest value.
            case extreme(Expression, isLeast: Bool)
        }

        /// Unique within the view.
        var name: String
        var kind: Kind
        var filter: Expression?
        /// The type in the state.
        var type: String
    }

    /// A column of the result and how it follows from keys and accumulators.
    struct Final: Hashable, Sendable {
        var name: String
        /// SQL over keys and accumulators.
        var text: String
    }

    var input: Relation
    /// Key columns, with unique names; none for a global aggregate, which always has its one row.
    var keys: [NamedExpression]
    var accumulators: [Accumulator]
    var finals: [Final]
    /// The name of the count of rows.
    var rows: String
    /// The visible columns over keys and finals.
    var outputs: [NamedExpression]
    /// Names of the keys that are never NULL.
    var strictKeys: Set<String> = []
    /// The keys by which changes find their groups, as `matchedKeys(_:)` gives them; nil for all.
    var matched: [NamedExpression]?

    var hasExtremes: Bool {
        accumulators.contains {
            if case .extreme = $0.kind { true } else { false }
        }
    }

    /// The state's name for each key and accumulator: that of a visible column with the same value, or a hidden one.
    var stateNames: [String: String] {
        // Looked up and not searched for: a view may have hundreds of columns.
        let texts = Dictionary(grouping: finals, by: \.name)
        var shownValues: [String: String] = [:]
        for output in outputs {
            guard let column = output.expression.columnName else { continue }
            let values = [SQLText.identifier(column)] + (texts[column] ?? []).map(\.text)
            for value in values where shownValues[value] == nil { shownValues[value] = output.name }
        }
        var names: [String: String] = [:]
        var hidden = 0
        for name in keys.map(\.name) + [rows] + accumulators.map(\.name) {
            if let shown = shownValues[SQLText.identifier(name)] {
                names[name] = shown
            } else {
                hidden += 1
                names[name] = "__h\(hidden)"
            }
        }
        return names
    }

    /// Keys and accumulators that no visible column carries, with their names in the state.
    var hiddenColumns: [(unique: String, state: String)] {
        let names = stateNames
        return (keys.map(\.name) + [rows] + accumulators.map(\.name)).compactMap { unique in
            guard let state = names[unique], state.hasPrefix("__h") else { return nil }
            return (unique, state)
        }
    }

    /// The state's columns computed from keys and accumulators.
    func stateColumns(_ renderer: RelationRenderer) -> [NamedText] {
        outputs.map { NamedText(renderer.text($0.expression), as: $0.name) }
            + hiddenColumns.map { NamedText(SQLText.identifier($0.unique), as: $0.state) }
    }

    /// The finals as columns beside keys and accumulators.
    var finalColumns: [NamedText] { finals.map { NamedText($0.text, as: $0.name) } }

    /// A group by over the rows as they are now: keys and accumulators.
    func grouped(_ relation: Relation, _ renderer: inout RelationRenderer) -> SelectText {
        let clause = renderer.from(relation)
        var columns = keys.map { NamedText(renderer.text($0.expression), as: $0.name) }
        columns.append(NamedText("count(*)", as: rows))
        for accumulator in accumulators {
            columns.append(NamedText(full(accumulator, renderer), as: accumulator.name))
        }
        return SelectText(
            columns: columns,
            from: clause.items,
            predicates: clause.predicates,
            suffix: keys.isEmpty
                ? [] : ["GROUP BY " + keys.map { renderer.text($0.expression) }.joined(separator: ", ")]
        )
    }

    private func full(_ accumulator: Accumulator, _ renderer: RelationRenderer) -> String {
        let call =
            switch accumulator.kind {
            case .count(nil): "count(*)"
            case .count(let argument?): "count(\(renderer.text(argument)))"
            case .sum(let argument, _, _): "sum(\(renderer.text(argument)))"
            case .extreme(let argument, let isLeast): "\(isLeast ? "min" : "max")(\(renderer.text(argument)))"
            }
        guard let filter = accumulator.filter else { return call }
        return "\(call) FILTER (WHERE \(renderer.text(filter)))"
    }

    /// The state in full.
    func shape(_ renderer: inout RelationRenderer) -> StateShape {
        let inner = grouped(input, &renderer).text
        let with = SelectText(columns: [.all] + finalColumns, from: ["(\(inner)) AS __g"])
        // In the order of the keys, so that changes that are close together touch few parts of the state.
        let order = keys.isEmpty ? [] : ["ORDER BY \(SQLText.list(keys.map(\.name)))"]
        return StateShape(
            select: SelectText(columns: stateColumns(renderer), from: ["(\(with.text)) AS __f"], suffix: order).text,
            hidden: hiddenColumns.map(\.state)
        )
    }
}
