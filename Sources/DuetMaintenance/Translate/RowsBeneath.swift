import DuetPipeline

extension Translator {
    /// Rows that are kept so that what is computed of all of them need not read the tables they come from.
    struct RowsBeneath {
        var relation: Relation
        private let names: [String: String]

        fileprivate init(relation: Relation, names: [String: String]) {
            self.relation = relation
            self.names = names
        }

        /// An expression over the rows as one over the kept rows.
        func renamed(_ tree: JSONValue) -> JSONValue {
            SyntaxTree.substitute(tree) { names[$0].map(SyntaxTree.column) }
        }
    }

    /// Keeps the rows of a join beneath something that is about all of them, such as a list or a window.
    ///
    /// Computing that anew reads all rows, whatever is done; but it need not join them again. Rows of one table are read
    /// where they are, and rows of kept nodes are kept already.
    ///
    /// - Parameters:
    ///   - relation: The rows.
    ///   - trees: The expressions that will be computed of them.
    ///   - rule: The rule's name for people.
    /// - Returns: The kept rows; nil when there is nothing to win.
    /// - Throws: What DuckDB says of the types.
    func rowsBeneath(_ relation: Relation, for trees: [JSONValue], rule: String) throws -> RowsBeneath? {
        let sources = relation.leaves.compactMap(\.source)
        guard sources.count > 1, !sources.allSatisfy({ $0.hasPrefix("\(view)#") }),
            !relation.leaves.contains(where: \.isGenerated)
        else { return nil }
        var used: [String] = []
        for column in trees.flatMap(SyntaxTree.columns) where !used.contains(column) { used.append(column) }
        // Rows of which nothing is read are still counted.
        if used.isEmpty { used = Array(relation.columns.prefix(1)) }
        let outputs = used.map { NamedExpression(name: names.fresh($0), expression: .column($0)) }
        let types = try types(outputs.map(\.expression), over: relation)
        let leaf = keep(
            .bag(BagPlan(relation: relation, outputs: outputs)),
            zip(outputs, types).map { ViewColumn(name: $0.name, type: $1) },
            rule: rule
        )
        return RowsBeneath(
            relation: .leaf(leaf),
            names: Dictionary(zip(used, outputs.map(\.name)), uniquingKeysWith: { first, _ in first })
        )
    }
}
