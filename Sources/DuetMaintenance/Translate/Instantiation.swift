import DuetPipeline

extension Translator {
    /// The same query under new names, so that it can stand twice in one FROM clause.
    func instantiated(_ translated: Translated) -> Translated {
        var new: [String: String] = [:]
        let relation = renamed(translated.relation, &new)
        return Translated(
            relation: relation,
            outputs: translated.outputs.map {
                Scope.Column(name: $0.name, value: renamed($0.value, new))
            },
            rows: translated.rows
        )
    }

    private func renamed(_ tree: JSONValue, _ new: [String: String]) -> JSONValue {
        SyntaxTree.substitute(tree) { new[$0].map(SyntaxTree.column) }
    }

    private func renamed(_ expression: Expression, _ new: [String: String]) -> Expression {
        if let name = expression.columnName { return .column(new[name] ?? name) }
        guard case .pooled(let number) = expression.body else { return expression }
        return pool.intern(renamed(pool.tree(number), new))
    }

    private func renamed(_ condition: JoinCondition, _ new: [String: String]) -> JoinCondition {
        JoinCondition(
            equal: condition.equal.map {
                KeyPair(left: renamed($0.left, new), right: renamed($0.right, new), matchesNull: $0.matchesNull)
            },
            residual: condition.residual.map { renamed($0, new) }
        )
    }

    private func fresh(_ columns: [String], _ new: inout [String: String]) -> [String] {
        columns.map { column in
            if let known = new[column] { return known }
            let name = names.fresh(column)
            new[column] = name
            return name
        }
    }

    private func renamed(_ relation: Relation, _ new: inout [String: String]) -> Relation {
        switch relation {
        case .leaf(var leaf):
            leaf.columns = fresh(leaf.columns, &new)
            leaf.alias = names.fresh(leaf.alias)
            return .leaf(leaf)
        case .join(let parts, let predicates):
            let inner = parts.map { renamed($0, &new) }
            return .join(inner, predicates.map { renamed($0, new) })
        case .outer(var join):
            join.left = renamed(join.left, &new)
            join.right = renamed(join.right, &new)
            join.condition = renamed(join.condition, new)
            if let keys = join.rightKeys {
                join.rightKeys = KeptKeys(
                    relation: renamed(keys.relation, &new),
                    columns: keys.columns.map { renamed($0, new) }
                )
            }
            return .outer(join)
        case .semi(var join):
            join.left = renamed(join.left, &new)
            join.right = renamed(join.right, &new)
            join.condition = renamed(join.condition, new)
            return .semi(join)
        case .project(let source, let outputs):
            let inner = renamed(source, &new)
            let expressions = outputs.map { renamed($0.expression, new) }
            let columns = fresh(outputs.map(\.name), &new)
            return .project(inner, zip(columns, expressions).map { NamedExpression(name: $0, expression: $1) })
        case .union(let parts, let columns):
            let inner = parts.map { renamed($0, &new) }
            return .union(inner, fresh(columns, &new))
        case .lateral(let source, let call, let columns):
            let inner = renamed(source, &new)
            return .lateral(inner, call: renamed(call, new), columns: fresh(columns, &new))
        case .repeated(let source, let times):
            let inner = renamed(source, &new)
            return .repeated(inner, times: renamed(times, new))
        }
    }
}
