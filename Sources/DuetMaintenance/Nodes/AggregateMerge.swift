/// Changes merged into groups by one statement, for groups whose change nobody reads.
///
/// Most of what a small update takes is the planning of its statements, so one takes a fraction of five.
extension AggregatePlan {
    /// The most rows a state may have to be read whole, instead of only the parts that can hold the groups touched.
    ///
    /// Updates in place also write whole vectors to the log, which costs more than they save where groups are far apart.
    static let mostRows = 50_000

    /// A statement that takes the input's change into the groups and gives what it did to each.
    ///
    /// A group counts as written when one of its counts or sums has changed.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - stateRows: How many groups there are; nil when that is not known.
    ///   - builder: Takes the statements that must run before.
    /// - Returns: The statement; nil when the groups had better be replaced, or may need to be computed anew.
    func merge(_ node: NodePlan, stateRows: Int?, _ builder: inout DeltaBuilder) -> String? {
        guard !hasExtremes, keys.isEmpty || (stateRows ?? .max) <= Self.mostRows else { return nil }
        var (touched, weight) = changeByGroup(&builder)
        let changed =
            ["\(SQLText.identifier(rows)) <> 0"]
            + accumulators.map { accumulator in
                let value = SQLText.identifier(accumulator.name)
                if case .count = accumulator.kind { return "\(value) <> 0" }
                return "coalesce(\(value) <> 0, FALSE)"
            }
        // Where all weights are the same, every group that is there has changed.
        if weight == nil {
            touched += "\nHAVING " + changed.joined(separator: " OR ")
        } else if keys.isEmpty {
            touched += "\nHAVING \(changed[0])"
        }
        return isShownPlainly
            ? mergeOfSums(node, "(\(touched))")
            : mergeOfRows(
                node,
                mergedGroups(
                    node,
                    .init(changes: "(\(touched)) AS d", readsWholeState: true, showsOld: false),
                    builder.renderer
                )
            )
    }

    /// Whether every column of the state is a key, a count or a sum as it is.
    private var isShownPlainly: Bool {
        let names = Set(stateNames.values)
        return outputs.allSatisfy { names.contains($0.name) }
    }

    /// Adds the change's sums to the state's.
    private func mergeOfSums(_ node: NodePlan, _ changes: String) -> String {
        let names = stateNames
        func state(_ name: String) -> String { SQLText.column("s", names[name] ?? name) }
        func change(_ name: String) -> String { SQLText.column("d", name) }
        func target(_ name: String) -> String { SQLText.identifier(names[name] ?? name) }
        func count(_ name: String) -> String { "\(state(name)) + \(change(name))" }

        var updates = ["\(target(rows)) = \(count(rows))"]
        var inserts = keys.map { ($0.name, change($0.name)) } + [(rows, change(rows))]
        for accumulator in accumulators {
            let name = accumulator.name
            switch accumulator.kind {
            case .count:
                updates.append("\(target(name)) = \(count(name))")
                inserts.append((name, change(name)))
            case .sum(_, let counter, _):
                let isNeverEmpty = isNeverEmpty(counter)
                let sum =
                    isNeverEmpty
                    ? "CAST(\(state(name)) + \(change(name)) AS \(accumulator.type))"
                    : Self.total(state(name), change(name), count: count(counter), type: accumulator.type)
                updates.append("\(target(name)) = \(sum)")
                let new = "CAST(\(change(name)) AS \(accumulator.type))"
                inserts.append((name, isNeverEmpty ? new : "CASE WHEN \(change(counter)) > 0 THEN \(new) END"))
            case .extreme: break
            }
        }
        return statement(
            node,
            source: "\(changes) AS d",
            on: keys.isEmpty ? "TRUE" : keyMatch("s", "d"),
            isGone: "\(count(rows)) <= 0",
            updates: updates,
            isNew: "\(change(rows)) > 0",
            inserts: inserts.map { (target($0.0), $0.1) }
        )
    }

    /// Puts the groups' new rows in the place of the old ones.
    private func mergeOfRows(_ node: NodePlan, _ groups: String) -> String {
        let columns = outputs.map(\.name) + hiddenColumns.map(\.state)
        return statement(
            node,
            source: "(\(groups)) AS d",
            on: "s.rowid = d.__rid",
            isGone: "NOT d.__alive",
            updates: columns.map { "\(SQLText.identifier($0)) = \(SQLText.column("d", $0))" },
            isNew: "d.__alive",
            inserts: columns.map { (SQLText.identifier($0), SQLText.column("d", $0)) }
        )
    }

    private func statement(
        _ node: NodePlan,
        source: String,
        on: String,
        isGone: String,
        updates: [String],
        isNew: String,
        inserts: [(column: String, value: String)]
    ) -> String {
        // A global aggregate keeps its row.
        let removal = keys.isEmpty ? "" : "\nWHEN MATCHED AND \(isGone) THEN DELETE"
        let addition = keys.isEmpty ? "" : " AND \(isNew)"
        return """
            MERGE INTO \(node.table) AS s USING \(source) ON \(on)\(removal)
            WHEN MATCHED THEN UPDATE SET \(updates.joined(separator: ", "))
            WHEN NOT MATCHED\(addition) THEN INSERT (\(inserts.map(\.column).joined(separator: ", ")))
            VALUES (\(inserts.map(\.value).joined(separator: ", ")))
            RETURNING merge_action
            """
    }
}

/// Expressions over a change's rows, each computed once.
struct ArgumentColumns {
    private(set) var columns: [NamedText] = []

    /// The column that holds an expression's value.
    mutating func name(of text: String) -> String {
        if let known = columns.first(where: { $0.expression == text }) { return known.name }
        let name = "__x\(columns.count)"
        columns.append(NamedText(text, as: name))
        return name
    }
}
