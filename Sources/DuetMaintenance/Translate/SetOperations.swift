import DuetPipeline

extension Translator {
    /// UNION, INTERSECT and EXCEPT, with ALL or without.
    func setOperation(_ node: JSONValue, _ tables: CommonTables, _ domain: Domain? = nil) throws -> Translated {
        guard let leftNode = node["left"], let rightNode = node["right"], let type = node["setop_type"]?.string else {
            throw Unsupported("a set operation without its parts")
        }
        let keepsAll = node["setop_all"]?.bool ?? false
        guard domain == nil || type != "UNION_BY_NAME" else {
            throw Unsupported("UNION BY NAME in a correlated subquery has no rule")
        }
        func side(_ node: JSONValue) throws -> Translated {
            guard let domain else { return try query(node, tables, parent: nil) }
            return try plainQuery(node, tables, parent: nil, domain: domain)
        }
        let left = try side(leftNode)
        let right = try side(rightNode)
        var result: Translated
        switch type {
        case "UNION", "UNION_BY_NAME":
            result = try union(left, right, byName: type == "UNION_BY_NAME")
            if !keepsAll {
                var none: [OrderTree] = []
                try distinct(&result, &none)
            }
        case "INTERSECT", "EXCEPT": result = try counted(left, right, type, keepsAll: keepsAll)
        default: throw Unsupported("\(type) has no rule")
        }
        result.keyCount = left.keyCount
        let block = Block(translator: self, node: node, tables: tables, parent: nil)
        let order = try block.orderKeys(result.outputs, isDistinct: block.isDistinct) { tree in
            if let position = tree["value"]?["value"]?.integer, result.outputs.indices.contains(position - 1) {
                return result.outputs[position - 1].value
            }
            throw Unsupported("ORDER BY of a set operation by an expression has no rule")
        }
        return try block.finished(result, qualify: nil, order: order)
    }

    private func branch(_ translated: Translated, _ values: [JSONValue], extra: [NamedExpression] = []) -> Relation {
        .project(
            translated.relation,
            values.map { NamedExpression(name: names.fresh("part"), expression: pool.intern($0)) } + extra
        )
    }

    private func union(_ left: Translated, _ right: Translated, byName: Bool) throws -> Translated {
        var leftValues = left.outputs.map(\.value)
        var rightValues = right.outputs.map(\.value)
        var outputNames = left.outputs.map(\.name)
        if byName {
            let wanted = right.outputs.map { $0.name.folded }
            rightValues = left.outputs.map { output in
                wanted.firstIndex(of: output.name.folded).map { right.outputs[$0].value } ?? SyntaxTree.null
            }
            let known = Set(left.outputs.map { $0.name.folded })
            for output in right.outputs where !known.contains(output.name.folded) {
                outputNames.append(output.name)
                leftValues.append(SyntaxTree.null)
                rightValues.append(output.value)
            }
        }
        guard leftValues.count == rightValues.count else { throw Unsupported("a union of different widths") }
        let columns = outputNames.map { names.fresh($0) }
        return Translated(
            relation: .union([branch(left, leftValues), branch(right, rightValues)], columns),
            outputs: zip(outputNames, columns).map { Scope.Column(name: $0, value: SyntaxTree.column($1)) }
        )
    }

    /// INTERSECT and EXCEPT: the copies of each row on each side are counted, and the counts say how many come out.
    private func counted(_ left: Translated, _ right: Translated, _ type: String, keepsAll: Bool) throws -> Translated {
        guard left.outputs.count == right.outputs.count else { throw Unsupported("sides of different widths") }
        func side(_ number: Int) -> NamedExpression {
            NamedExpression(name: names.fresh("side"), expression: pool.intern(SyntaxTree.constant(number)))
        }
        let columns = left.outputs.map { names.fresh($0.name) }
        let sideColumn = names.fresh("side")
        let tagged = Relation.union(
            [
                branch(left, left.outputs.map(\.value), extra: [side(0)]),
                branch(right, right.outputs.map(\.value), extra: [side(1)]),
            ],
            columns + [sideColumn]
        )
        func count(_ number: Int) -> JSONValue {
            let filter = SyntaxTree.comparison(
                "COMPARE_EQUAL",
                SyntaxTree.column(sideColumn),
                SyntaxTree.constant(number)
            )
            guard case .object(var call) = SyntaxTree.call("count_star", []) else { return .null }
            call["filter"] = filter
            return .object(call)
        }
        let groups = try group(
            tagged,
            keys: zip(left.outputs, columns).map { ($0.name, SyntaxTree.column($1)) },
            calls: [("left", count(0)), ("right", count(1))],
            rule: "rows counted on both sides"
        )
        let ours = SyntaxTree.column(groups.calls[0])
        let theirs = SyntaxTree.column(groups.calls[1])
        let zero = SyntaxTree.constant(0)
        var relation = groups.relation
        if keepsAll {
            let times =
                type == "INTERSECT"
                ? SyntaxTree.call("least", [ours, theirs])
                : SyntaxTree.call("greatest", [SyntaxTree.call("-", [ours, theirs]), zero])
            relation = .repeated(relation, times: pool.intern(times))
        } else {
            let other = type == "INTERSECT" ? "COMPARE_GREATERTHAN" : "COMPARE_EQUAL"
            relation = .joined(
                [relation],
                [
                    pool.intern(SyntaxTree.comparison("COMPARE_GREATERTHAN", ours, zero)),
                    pool.intern(SyntaxTree.comparison(other, theirs, zero)),
                ]
            )
        }
        return Translated(
            relation: relation,
            outputs: zip(left.outputs, groups.keys).map { Scope.Column(name: $0.name, value: SyntaxTree.column($1)) }
        )
    }
}
