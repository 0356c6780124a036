import DuetPipeline

extension Block {
    /// A subquery taken apart.
    private struct Opened {
        var translated: Translated
        /// Conditions that also use columns of this block.
        var correlated: [JSONValue] = []
        /// The subquery's own block, when it is correlated.
        var block: Block?
    }

    /// A condition of WHERE that holds a subquery.
    func addCondition(_ tree: JSONValue) throws {
        var inner = tree
        var isNegated = false
        while inner["type"]?.string == "OPERATOR_NOT", let child = inner["children"]?.array?.first {
            inner = child
            isNegated.toggle()
        }
        if inner["class"]?.string == "SUBQUERY" {
            let kind = inner["subquery_type"]?.string
            if kind == "EXISTS" || kind == "NOT_EXISTS" || kind == "ANY" {
                return try attempt {
                    if kind == "ANY" {
                        try addMembership(inner, isNegated: isNegated)
                    } else {
                        try addExists(inner, isNegated: isNegated != (kind == "NOT_EXISTS"))
                    }
                } orElse: {
                    try addDependent(inner, isNegated: isNegated)
                }
            }
        }
        if Self.rejectsNull(tree) { rejectsNull += 1 }
        defer { if Self.rejectsNull(tree) { rejectsNull -= 1 } }
        let value = try resolve(tree, .columnsFirst)
        let expression = translator.pool.intern(value)
        if scope.parent != nil, seat == nil, !Set(relation.columns).isSuperset(of: expression.columns) {
            correlated.append(value)
        } else {
            relation = .joined([relation], [expression])
        }
    }

    /// Tries a rule that needs little to be kept, and where it is none for this query, another one.
    private func attempt<Result>(_ rule: () throws -> Result, orElse other: () throws -> Result) throws -> Result {
        let before = (relation, besideGroups, correlated)
        do {
            return try rule()
        } catch let unsupported as Unsupported {
            (relation, besideGroups, correlated) = before
            do {
                return try other()
            } catch is Unsupported {
                throw unsupported
            }
        }
    }

    private func addExists(_ tree: JSONValue, isNegated: Bool) throws {
        let opened = try open(tree)
        if opened.correlated.isEmpty {
            let value = try existence(opened.translated)
            let condition = isNegated ? SyntaxTree.op("OPERATOR_NOT", [value]) : value
            relation = .joined([relation], [translator.pool.intern(condition)])
        } else {
            relation = try translator.semiJoin(
                relation,
                opened.translated.relation,
                opened.correlated,
                isAnti: isNegated
            )
        }
    }

    private func addMembership(_ tree: JSONValue, isNegated: Bool) throws {
        guard let child = tree["child"] else { throw Unsupported("a comparison with a subquery needs a left side") }
        let opened = try open(tree)
        guard tree["comparison_type"]?.string == "COMPARE_EQUAL" else {
            guard opened.correlated.isEmpty else { throw Unsupported("a comparison with ANY or ALL has no rule here") }
            let value = try comparison(tree, with: opened.translated)
            let condition = isNegated ? SyntaxTree.op("OPERATOR_NOT", [value]) : value
            relation = .joined([relation], [translator.pool.intern(condition)])
            return
        }
        let values = opened.translated.outputs.map(\.value)
        let left =
            values.count == 1
            ? [try resolveCompared(child)]
            : try (child["children"]?.array ?? []).map { try resolveCompared($0) }
        guard left.count == values.count, !values.contains(where: Self.multipliesRows) else {
            throw Unsupported("this form of IN has no rule")
        }
        let equalities = zip(left, values).map { SyntaxTree.comparison("COMPARE_EQUAL", $0, $1) }
        if !isNegated {
            relation = try translator.semiJoin(
                relation,
                opened.translated.relation,
                equalities + opened.correlated,
                isAnti: false
            )
            return
        }
        guard opened.correlated.isEmpty, values.count == 1 else {
            throw Unsupported("NOT IN with a correlated subquery has no rule")
        }
        // NOT IN is true when there are no rows, or when nothing is NULL and nothing is equal.
        let facts = try membershipFacts(translator.instantiated(opened.translated))
        relation = try translator.semiJoin(relation, opened.translated.relation, equalities, isAnti: true)
        let isKnown = SyntaxTree.conjunction(
            "CONJUNCTION_AND",
            [SyntaxTree.op("OPERATOR_IS_NOT_NULL", [left[0]]), SyntaxTree.op("OPERATOR_NOT", [facts.hasNull])]
        )
        let condition = SyntaxTree.conjunction("CONJUNCTION_OR", [facts.isEmpty, isKnown])
        relation = .joined([relation, facts.relation], [translator.pool.intern(condition)])
    }

    /// What a subquery inside an expression stands for; what it needs joins the block's rows.
    func subqueryValue(_ tree: JSONValue, _ clause: Clause = .columnsFirst) throws -> JSONValue {
        try attempt {
            try ownValue(tree)
        } orElse: {
            guard isGrouping else { return try dependentValue(tree) }
            // It is computed over the groups once these are known.
            let name = translator.names.fresh("subquery")
            deferred.append((name, tree, clause))
            return SyntaxTree.column(name)
        }
    }

    private func ownValue(_ tree: JSONValue) throws -> JSONValue {
        let opened = try open(tree)
        switch tree["subquery_type"]?.string {
        case "SCALAR": return try scalar(opened)
        case "EXISTS": return try opened.correlated.isEmpty ? existence(opened.translated) : mark(opened)
        case "NOT_EXISTS":
            let value = try opened.correlated.isEmpty ? existence(opened.translated) : mark(opened)
            return SyntaxTree.op("OPERATOR_NOT", [value])
        case "ANY": return try membership(tree, opened)
        default: throw Unsupported("this kind of subquery has no rule")
        }
    }

    private func scalar(_ opened: Opened) throws -> JSONValue {
        let translated = opened.translated
        if let inner = opened.block {
            let pairs = try correlation(opened)
            try translator.requireIdentity(pairs.map { ($0.outer, $0.inner) }, relation, translated.relation)
            try restrict(inner, to: pairs)
            let groups = try GroupedBlock(block: inner).correlatedValue(
                by: pairs.map(\.inner),
                outer: pairs.map(\.outer)
            )
            let isStrict = rejectsNull > 0 && Self.isStrict(inner.items.first?.tree ?? .null)
            let conditions = zip(pairs, groups.keys).map {
                SyntaxTree.comparison("COMPARE_EQUAL", $0.outer, SyntaxTree.column($1))
            }
            guard !isGrouping else { throw Unsupported("a correlated subquery over groups has no rule") }
            if isStrict {
                relation = .joined([relation, groups.relation], conditions.map(translator.pool.intern))
            } else {
                relation = .outer(try translator.outerJoin(.left, relation, groups.relation, conditions))
            }
            return groups.value
        }
        guard translated.outputs.count == 1 else { throw Unsupported("a scalar subquery of several columns") }
        switch translated.rows {
        case .one: try attach(translated.relation)
        case .atMostOne where !isGrouping:
            let column = NamedExpression(
                name: translator.names.fresh("scalar"),
                expression: translator.pool.intern(translated.outputs[0].value)
            )
            let side = Relation.project(translated.relation, [column])
            relation = .outer(try translator.outerJoin(.left, relation, side, []))
            return SyntaxTree.column(column.name)
        case .atMostOne, .many:
            let single = try translator.single(translated)
            try attach(single.relation)
            return single.value
        }
        return translated.outputs[0].value
    }

    /// Joins a relation of exactly one row.
    func attach(_ one: Relation) throws {
        if isGrouping {
            besideGroups.append(one)
        } else {
            relation = .joined([relation, one])
        }
    }

    /// Whether a query has rows, as a column of a kept row; its change is empty unless the answer changes.
    private func existence(_ translated: Translated) throws -> JSONValue {
        let rows = translator.names.fresh("found")
        let facts = try translator.facts(of: translated, [(rows, "count(*) > 0")])
        try attach(facts)
        return SyntaxTree.column(facts.columns[0])
    }

    private struct MembershipFacts {
        var relation: Relation
        var isEmpty: JSONValue
        var hasNull: JSONValue
    }

    private func membershipFacts(_ translated: Translated) throws -> MembershipFacts {
        let facts = try translator.facts(
            of: translated,
            [
                (translator.names.fresh("empty"), "count(*) = 0"),
                (translator.names.fresh("nulls"), "count(*) > count(value)"),
            ]
        )
        return MembershipFacts(
            relation: facts,
            isEmpty: SyntaxTree.column(facts.columns[0]),
            hasNull: SyntaxTree.column(facts.columns[1])
        )
    }

    /// EXISTS within an expression: a left join with the distinct keys of the subquery.
    private func mark(_ opened: Opened) throws -> JSONValue {
        let pairs = try correlation(opened)
        return try matched(
            opened.translated.relation,
            pairs.map(\.inner),
            pairs.map(\.outer)
        )
    }

    private func matched(_ right: Relation, _ inner: [JSONValue], _ outer: [JSONValue]) throws -> JSONValue {
        guard !isGrouping else { throw Unsupported("a subquery over groups has no rule here") }
        try translator.requireIdentity(Array(zip(outer, inner)), relation, right)
        let groups = try translator.group(
            right,
            keys: inner.map { ("key", $0) },
            calls: [],
            rule: "distinct values a subquery looks for"
        )
        let conditions = zip(outer, groups.keys).map {
            SyntaxTree.comparison("COMPARE_EQUAL", $0, SyntaxTree.column($1))
        }
        relation = .outer(try translator.outerJoin(.left, relation, groups.relation, conditions))
        return SyntaxTree.op("OPERATOR_IS_NOT_NULL", [SyntaxTree.column(groups.keys[0])])
    }

    /// IN within an expression, which may be true, false or unknown.
    private func membership(_ tree: JSONValue, _ opened: Opened) throws -> JSONValue {
        if opened.correlated.isEmpty, tree["comparison_type"]?.string != "COMPARE_EQUAL" {
            return try comparison(tree, with: opened.translated)
        }
        guard opened.correlated.isEmpty, opened.translated.outputs.count == 1, let child = tree["child"],
            tree["comparison_type"]?.string == "COMPARE_EQUAL",
            !Self.multipliesRows(opened.translated.outputs[0].value)
        else { throw Unsupported("this form of IN has no rule within an expression") }
        let value = try resolveCompared(child)
        let facts = try membershipFacts(translator.instantiated(opened.translated))
        try attach(facts.relation)
        let isMatched = try matched(opened.translated.relation, [opened.translated.outputs[0].value], [value])
        let isUnknown = SyntaxTree.conjunction(
            "CONJUNCTION_OR",
            [SyntaxTree.op("OPERATOR_IS_NULL", [value]), facts.hasNull]
        )
        return Self.answer(isEmpty: facts.isEmpty, isTrue: isMatched, isUnknown: isUnknown)
    }

    // MARK: Correlation

    /// The subquery's rows and the conditions that tie it to this block.
    private func open(_ tree: JSONValue) throws -> Opened {
        guard let query = tree["subquery"]?["node"] else { throw Unsupported("a subquery without a body") }
        do {
            return Opened(translated: try translator.query(query, tables, parent: nil))
        } catch is Unsupported {
            // It may use columns of this block.
        }
        guard query["type"]?.string == "SELECT_NODE" else {
            throw Unsupported("a correlated subquery of this kind has no rule")
        }
        let inner = Block(
            translator: translator,
            node: query,
            tables: try translator.withCommonTables(query, tables),
            parent: scope
        )
        try inner.readRows()
        guard inner.modifier("LIMIT_MODIFIER") == nil, inner.modifier("LIMIT_PERCENT_MODIFIER") == nil,
            (query["group_expressions"]?.array ?? []).isEmpty, query["having"]?.isNull ?? true,
            query["qualify"]?.isNull ?? true
        else { throw Unsupported("a correlated subquery with GROUP BY, HAVING or LIMIT has no rule") }
        let kind = tree["subquery_type"]?.string
        var outputs: [Scope.Column] = []
        if kind == "SCALAR" {
            return Opened(
                translated: Translated(relation: inner.relation, outputs: []),
                correlated: inner.correlated,
                block: inner
            )
        }
        if try GroupedBlock(block: inner).isNeeded() {
            throw Unsupported("a correlated subquery with aggregates has no rule here")
        }
        if kind == "ANY" {
            outputs = try inner.items.map { Scope.Column(name: $0.name, value: try inner.value(of: $0)) }
            let known = Set(inner.relation.columns)
            guard outputs.allSatisfy({ SyntaxTree.columns(in: $0.value).allSatisfy(known.contains) }),
                !outputs.contains(where: { Self.hasWindow($0.value) })
            else { throw Unsupported("a correlated subquery that selects outer columns has no rule") }
        }
        if inner.correlated.isEmpty { throw Unsupported("a subquery of this form has no rule") }
        return Opened(
            translated: Translated(relation: inner.relation, outputs: outputs),
            correlated: inner.correlated
        )
    }

    /// The equalities of a correlated subquery as expressions of its own rows and of this block's.
    private func correlation(_ opened: Opened) throws -> [(inner: JSONValue, outer: JSONValue)] {
        let own = Set(opened.translated.relation.columns)
        func isOwn(_ tree: JSONValue) -> Bool {
            let columns = SyntaxTree.columns(in: tree)
            return !columns.isEmpty && columns.allSatisfy(own.contains)
        }
        func isOuter(_ tree: JSONValue) -> Bool {
            let columns = SyntaxTree.columns(in: tree)
            return !columns.isEmpty && columns.allSatisfy(relation.columns.contains)
        }
        return try opened.correlated.map { tree in
            guard tree["type"]?.string == "COMPARE_EQUAL", let a = tree["left"], let b = tree["right"] else {
                throw Unsupported("a subquery tied by more than equalities has no rule here")
            }
            if isOwn(a), isOuter(b) { return (a, b) }
            if isOwn(b), isOuter(a) { return (b, a) }
            throw Unsupported("a subquery tied by more than equalities has no rule here")
        }
    }

    /// Whether a condition is never true when its scalar subquery is NULL.
    private static func rejectsNull(_ tree: JSONValue) -> Bool {
        let strict = [
            "COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
            "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO",
        ]
        guard strict.contains(tree["type"]?.string ?? ""), let left = tree["left"], let right = tree["right"] else {
            return false
        }
        return [left, right].allSatisfy { !hasSubquery($0) || isStrict($0) }
    }

    /// Aggregates that are NULL over no rows.
    static let strictAggregates: Set<String> = ["sum", "avg", "min", "max"]

    /// Whether an expression is NULL when the subquery or the aggregate in it is.
    static func isStrict(_ tree: JSONValue) -> Bool {
        switch tree["class"]?.string {
        case "SUBQUERY": return tree["subquery_type"]?.string == "SCALAR"
        case "CONSTANT", "COLUMN_REF": return true
        case "CAST": return tree["child"].map(isStrict) ?? false
        case "FUNCTION":
            let name = tree["function_name"]?.string ?? ""
            if ["+", "-", "*", "/"].contains(name) { return (tree["children"]?.array ?? []).allSatisfy(isStrict) }
            return strictAggregates.contains(name.folded)
        default: return false
        }
    }
}
