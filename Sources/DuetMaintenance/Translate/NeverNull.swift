import DuetPipeline

extension Translator {
    /// The columns of a relation that no row has NULL in.
    ///
    /// What is known of them: that the caller says so, that a condition would not be true otherwise, and that they are
    /// computed from such columns.
    func neverNull(_ relation: Relation) -> Set<String> {
        switch relation {
        case .leaf(let leaf): return Set(leaf.neverNull.map { leaf.columns[$0] })
        case .join(let parts, let predicates):
            return parts.reduce(into: Set(predicates.flatMap(\.strict))) { $0.formUnion(neverNull($1)) }
        case .outer(let join): return join.kind == .left ? neverNull(join.left) : []
        case .semi(let join):
            let left = neverNull(join.left)
            if join.isAnti { return left }
            let strict =
                join.condition.equal.filter { !$0.matchesNull }.compactMap(\.left.columnName)
                + join.condition.residual.flatMap(\.strict)
            return left.union(Set(strict).intersection(join.left.columns))
        case .project(let source, let outputs):
            let known = neverNull(source)
            return Set(outputs.filter { isNeverNull($0.expression, known) }.map(\.name))
        case .union(let parts, let columns):
            let known = parts.map { part in
                let own = neverNull(part)
                return Set(part.columns.enumerated().filter { own.contains($0.element) }.map(\.offset))
            }
            return Set(
                columns.enumerated().filter { column in known.allSatisfy { $0.contains(column.offset) } }.map(\.element)
            )
        case .lateral(let source, _, _): return neverNull(source)
        case .repeated(let source, _): return neverNull(source)
        }
    }

    /// Whether an expression has a value wherever the given columns have one.
    func isNeverNull(_ expression: Expression, _ known: Set<String>) -> Bool {
        if let name = expression.columnName { return known.contains(name) }
        guard case .pooled(let number) = expression.body else { return false }
        return Self.isNeverNull(pool.tree(number), known)
    }

    /// Only what is certain for all types: division may give NULL, as may a cast from JSON, and functions of dates.
    private static func isNeverNull(_ tree: JSONValue, _ known: Set<String>) -> Bool {
        let children = tree["children"]?.array ?? []
        switch tree["class"]?.string {
        case "COLUMN_REF":
            return SyntaxTree.columnNames(of: tree).map { $0.count == 1 && known.contains($0[0]) } ?? false
        case "CONSTANT": return tree["value"]?["is_null"]?.bool == false
        case "CAST":
            guard let child = tree["child"], tree["try_cast"]?.bool == false else { return false }
            return child["class"]?.string == "CONSTANT" && isNeverNull(child, known)
        case "CASE":
            let results = (tree["case_checks"]?.array ?? []).map { $0["then_expr"] } + [tree["else_expr"]]
            return results.allSatisfy { $0.map { isNeverNull($0, known) } ?? false }
        case "FUNCTION":
            let isArithmetic = ["+", "-", "*"].contains(tree["function_name"]?.string ?? "")
            return isArithmetic && tree["is_operator"]?.bool == true && children.allSatisfy { isNeverNull($0, known) }
        case "OPERATOR":
            return tree["type"]?.string == "OPERATOR_COALESCE" && children.contains { isNeverNull($0, known) }
        default: return false
        }
    }
}
