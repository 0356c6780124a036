import DuetPipeline

extension Translator {
    /// The program of a view that has been understood.
    func program(_ node: JSONValue, _ columns: [ViewColumn], _ frontEnd: any QueryFrontEnd) throws -> ViewProgram {
        let translated = try query(node, CommonTables(), parent: nil)
        guard translated.outputs.count == columns.count else {
            throw TypeMismatch(description: "its columns could not be followed")
        }
        let outputs = translated.outputs.map { pool.intern($0.value) }
        let types = try types(outputs, over: translated.relation)
        guard types == columns.map(\.type) else {
            throw TypeMismatch(description: "its types could not be followed")
        }
        addResult(translated, columns)
        keepJoins()
        return try finish(direct: directPlan(node, columns, []))
    }

    /// The program of a view that is computed in full each time.
    func fullProgram(
        _ node: JSONValue,
        _ columns: [ViewColumn],
        _ problems: [String],
        _ findings: Findings
    ) throws -> ViewProgram {
        let plan = try directPlan(node, columns, problems)
        add(plan)
        return try finish(direct: plan, findings)
    }

    private func directPlan(_ node: JSONValue, _ columns: [ViewColumn], _ problems: [String]) throws -> NodePlan {
        NodePlan(
            name: view,
            table: SQLText.qualified(stateSchema, view),
            prefix: "duet_\(view)",
            kind: .opaque(try opaquePlan(node, CommonTables())),
            visible: columns,
            rule: "full recomputation",
            issues: problems
        )
    }

    /// Makes the view's own node: the last hidden one if the view only renames its columns, else a bag of its rows.
    private func addResult(_ translated: Translated, _ columns: [ViewColumn]) {
        var result = NodePlan(
            name: view,
            table: SQLText.qualified(stateSchema, view),
            prefix: "duet_\(view)",
            kind: .bag(
                BagPlan(
                    relation: translated.relation,
                    outputs: zip(columns, translated.outputs).map {
                        NamedExpression(name: $0.name, expression: pool.intern($1.value))
                    }
                )
            ),
            visible: columns,
            rule: rule(of: translated.relation),
            issues: []
        )
        if case .leaf(let leaf) = translated.relation, let last = nodes.last, last.name == leaf.source,
            let kind = absorbed(last, leaf, translated.outputs, columns)
        {
            result.kind = kind
            result.rule = last.rule
            result.issues = last.issues
            removeLastNode()
        }
        add(result)
    }

    /// A hidden node's plan with the view's columns in place of its own.
    private func absorbed(
        _ node: NodePlan,
        _ leaf: Leaf,
        _ outputs: [Scope.Column],
        _ columns: [ViewColumn]
    ) -> NodePlan.Kind? {
        func over(_ own: [NamedExpression]) -> [NamedExpression]? {
            let names = own.compactMap(\.expression.columnName)
            guard names.count == own.count else { return nil }
            let new = Dictionary(
                zip(leaf.columns, names.map(SyntaxTree.column)),
                uniquingKeysWith: { first, _ in first }
            )
            return zip(columns, outputs).map { column, output in
                NamedExpression(
                    name: column.name,
                    expression: pool.intern(SyntaxTree.substitute(output.value) { new[$0] })
                )
            }
        }
        switch node.kind {
        case .aggregate(var plan):
            guard let outputs = over(plan.outputs) else { return nil }
            plan.outputs = outputs
            return .aggregate(plan)
        case .partition(var plan):
            guard let outputs = over(plan.outputs) else { return nil }
            plan.outputs = outputs
            return .partition(plan)
        case .opaque:
            let isSame = zip(leaf.columns, outputs).allSatisfy { SyntaxTree.columnNames(of: $1.value) == [$0] }
            return isSame && leaf.columns.count == outputs.count ? node.kind : nil
        case .bag: return nil
        }
    }

    private func rule(of relation: Relation) -> String {
        switch relation {
        case .leaf(let leaf):
            leaf.source?.hasPrefix("\(view)#") ?? false ? "rows of another node" : "filter and projection"
        case .join(let parts, _): parts.count > 1 ? "inner join" : parts.first.map(rule(of:)) ?? "constant"
        case .outer(let join): join.kind == .left ? "left join" : "full join"
        case .semi(let join): join.isAnti ? "anti join" : "semi join"
        case .project(let source, _): rule(of: source)
        case .union: "union"
        case .lateral: "rows unnested"
        case .repeated: "rows counted"
        }
    }

    private func finish(direct: NodePlan, _ findings: Findings = Findings()) throws -> ViewProgram {
        try pool.flush()
        // Nodes that an abandoned attempt left behind are read by nobody.
        var wanted: Set<String> = [view]
        for node in nodes.reversed() where wanted.contains(node.name) { wanted.formUnion(node.sources) }
        let kept = nodes.filter { wanted.contains($0.name) }
        let programs = try kept.map {
            NodeProgram(
                plan: $0,
                texts: pool.texts,
                columns: try stateColumns(of: $0),
                isHidden: { $0.hasPrefix("\(self.view)#") }
            )
        }
        let read = inputs.map(\.name).filter { wanted.contains($0) }
        return ViewProgram(
            view: view,
            nodes: programs,
            direct: NodeProgram(plan: direct, texts: pool.texts, isHidden: { _ in false }),
            blocks: programs.map { program in
                BlockReport(
                    node: program.name,
                    rule: program.rule,
                    strategy: program.bestStrategy,
                    reason: program.issues.isEmpty ? program.bestReason : program.issues.joined(separator: "; ")
                )
            },
            issues: programs.filter { !$0.isIncremental }.flatMap(\.issues),
            isDeterministic: findings.isDeterministic,
            readsClock: findings.readsClock,
            inputs: read,
            uses: InputUse.all(of: Set(read), kept, pool.texts, prefix: direct.prefix)
        )
    }

    /// The columns of a node's state where some of them are to be stored in a way of their own; else none.
    private func stateColumns(of plan: NodePlan) throws -> [StateColumn] {
        let leaves: [Leaf]
        var types = plan.visible.map(\.type)
        switch plan.kind {
        case .bag(let bag): leaves = bag.relation.leaves
        case .aggregate(let aggregate):
            leaves = aggregate.input.leaves
            types += aggregate.accumulators.map(\.type)
        case .partition(let partition): leaves = partition.input.leaves
        case .opaque: return []
        }
        guard types.contains(where: { StateColumn(name: "", type: $0).isWide }),
            leaves.allSatisfy({ $0.types.count == $0.columns.count })
        else { return [] }
        let columns = try frontEnd.columns(of: plan.shape(pool.texts, readsTypesOnly: true).select)
            .map { StateColumn(name: $0.name, type: $0.type) }
        // A column that is NULL in every row has no type of its own.
        return columns.contains { $0.type.contains("NULL") } ? [] : columns
    }
}
