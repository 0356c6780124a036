import DuetPipeline

/// Reads a FROM clause.
struct FromReader {
    let translator: Translator
    let tables: CommonTables
    /// Rows of a query further out that the items may use; the first item read is joined with them.
    var leading: Relation?

    /// Whether an item may be joined with rows further out by joining what is leftmost in it.
    static func startsWithKeptSide(_ item: JSONValue) -> Bool {
        guard item["type"]?.string == "JOIN" else { return true }
        guard let type = item["join_type"]?.string, !["RIGHT", "FULL"].contains(type) else { return false }
        return item["left"].map(startsWithKeptSide) ?? true
    }

    private func led(_ relation: Relation) -> Relation { leading.map { .joined([$0, relation]) } ?? relation }

    /// The relation of a FROM item; its tables are added to the scope.
    func read(_ item: JSONValue, into scope: Scope) throws -> Relation {
        if let sample = item["sample"], !sample.isNull { throw Unsupported("a sample is different every time") }
        switch item["type"]?.string {
        case "EMPTY": return leading ?? .join([], [])
        case "BASE_TABLE": return led(try table(item, scope))
        case "SUBQUERY": return try subquery(item, scope)
        case "JOIN": return try join(item, scope)
        case "EXPRESSION_LIST": return led(try values(item, scope))
        case "TABLE_FUNCTION":
            if let leading, let rows = try unnested(item, leading, Scope(parent: scope.parent), into: scope) {
                return rows
            }
            let call = try self.call(item, Scope(parent: nil))
            if Self.isNumbered(item) { throw Unsupported("\(call.alias) WITH ORDINALITY over no columns has no rule") }
            let column = translator.names.fresh(call.column)
            if let generated = try generated(item, call, column) {
                add([Scope.Column(name: call.column, value: SyntaxTree.column(column))], item, call.alias, scope)
                return led(.leaf(generated))
            }
            let expression = NamedExpression(name: column, expression: translator.pool.intern(call.tree))
            add([Scope.Column(name: call.column, value: SyntaxTree.column(column))], item, call.alias, scope)
            return led(.project(.join([], []), [expression]))
        case let type: throw Unsupported("\(type ?? "this") in FROM has no rule")
        }
    }

    private func subquery(_ item: JSONValue, _ scope: Scope) throws -> Relation {
        guard let query = item["subquery"]?["node"] else { throw Unsupported("a subquery without a body") }
        let alias = item["alias"]?.string ?? ""
        do {
            let translated = try translator.query(query, tables, parent: nil)
            add(typed(translated), item, alias, scope)
            return led(translated.relation)
        } catch let unsupported as Unsupported {
            guard let leading else { throw unsupported }
            let around = Scope(parent: scope.parent)
            let result = try translator.lateral(query, tables, outer: around, over: leading)
            add(result.outputs, item, alias, scope)
            return result.relation
        }
    }

    func add(_ columns: [Scope.Column], _ item: JSONValue, _ alias: String, _ scope: Scope, schema: String = "") {
        var columns = columns
        let names = item["column_name_alias"]?.array?.compactMap(\.string) ?? []
        for (index, name) in names.enumerated() where index < columns.count { columns[index].name = name }
        scope.tables.append(Scope.Table(schema: schema, alias: alias, columns: columns))
    }

    private func table(_ item: JSONValue, _ scope: Scope) throws -> Relation {
        let table = item["table_name"]?.string ?? ""
        let schema = item["schema_name"]?.string ?? ""
        let written = item["alias"]?.string ?? ""
        if let time = item["at_clause"], !time.isNull { throw Unsupported("AT (…) has no rule") }
        if schema.isEmpty, let entry = tables.entry(table) {
            let translated = try translator.commonTable(entry)
            add(typed(translated), item, written.isEmpty ? table : written, scope)
            return translated.relation
        }
        guard let input = translator.input(schema: schema, table: table) else {
            throw Unsupported("'\(SQLText.qualified(schema, table))' is not a dataset whose changes are known")
        }
        let leaf = translator.leaf(input)
        let columns = zip(input.columns, leaf.columns).map { column, name in
            Scope.Column(name: column.name, value: SyntaxTree.column(name), type: { column.type })
        }
        add(columns, item, written.isEmpty ? table : written, scope, schema: written.isEmpty ? schema : "")
        return .leaf(leaf)
    }

    /// The columns of a query with what tells their types.
    private func typed(_ translated: Translated) -> [Scope.Column] {
        translated.outputs.map { output in
            var column = output
            column.type = { [translator] in
                try translator.type(of: translator.pool.intern(output.value), over: translated.relation)
            }
            return column
        }
    }

    /// Whether a type is one of those that have no fields.
    static func isScalar(_ type: String) -> Bool {
        let scalars = [
            "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
            "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIME", "TIMESTAMP", "INTERVAL", "BLOB",
            "UUID",
            "BIT", "TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
        ]
        return scalars.contains(type) || type.hasPrefix("DECIMAL(") && type.hasSuffix(")") || type.hasSuffix("]")
            || type.hasPrefix("ENUM(")
    }

    private func values(_ item: JSONValue, _ scope: Scope) throws -> Relation {
        let rows = (item["values"]?.array ?? []).map { $0.array ?? [] }
        guard let width = rows.first?.count, width > 0 else { throw Unsupported("VALUES without rows") }
        let empty = Scope(parent: nil)
        let block = Block(translator: translator, node: .null, tables: tables, parent: empty)
        let parts = try rows.map { row in
            Relation.project(
                .join([], []),
                try row.map {
                    NamedExpression(
                        name: translator.names.fresh("value"),
                        expression: translator.pool.intern(try block.resolve($0, .columnsFirst))
                    )
                }
            )
        }
        let columns = (0..<width).map { translator.names.fresh("col\($0)") }
        let outputs = columns.enumerated().map {
            Scope.Column(name: "col\($0.offset)", value: SyntaxTree.column($0.element))
        }
        add(outputs, item, item["alias"]?.string ?? "", scope)
        return .union(parts, columns)
    }

    // MARK: Table functions

    struct Call {
        var tree: JSONValue
        var alias: String
        var column: String
    }

    /// A call of UNNEST, range or generate_series as an expression that gives one column of rows.
    func call(_ item: JSONValue, _ scope: Scope) throws -> Call {
        guard let function = item["function"], let name = function["function_name"]?.string?.folded,
            ["unnest", "range", "generate_series"].contains(name)
        else {
            let name = item["function"]?["function_name"]?.string ?? "a table function"
            throw Unsupported("\(name) reads what duet does not see change")
        }
        if Block.hasSubquery(function) { throw Unsupported("a subquery in \(name) has no rule") }
        let block = Block(translator: translator, node: .null, tables: tables, parent: scope)
        let arguments = try (function["children"]?.array ?? []).map { try block.resolve($0, .columnsFirst) }
        let list = name == "unnest" ? arguments : [SyntaxTree.call(name, arguments)]
        let alias = item["alias"]?.string ?? ""
        return Call(
            tree: SyntaxTree.call("unnest", list),
            alias: alias.isEmpty ? name : alias,
            column: name == "unnest" && !alias.isEmpty ? alias : name
        )
    }

    /// A call of range or generate_series that uses no columns, read as a table: as a list all its rows would be in memory.
    private func generated(_ item: JSONValue, _ call: Call, _ column: String) throws -> Leaf? {
        guard item["function"]?["function_name"]?.string?.folded != "unnest",
            SyntaxTree.columns(in: call.tree).isEmpty, let list = call.tree["children"]?.array?.first
        else { return nil }
        let text = try translator.frontEnd.sql(of: SyntaxTree.statement(SyntaxTree.selection([list])))
        let select = "SELECT * FROM \(text.dropFirst("SELECT ".count))"
        return Leaf(
            current: "(\(select))",
            alias: translator.names.fresh(call.alias),
            columns: [column],
            types: try translator.frontEnd.columns(of: select).map(\.type),
            isGenerated: true
        )
    }

    // MARK: Joins

    private func join(_ item: JSONValue, _ scope: Scope) throws -> Relation {
        guard let leftItem = item["left"], let rightItem = item["right"],
            let type = item["join_type"]?.string, let reference = item["ref_type"]?.string
        else { throw Unsupported("a join without its parts") }
        guard ["REGULAR", "CROSS", "NATURAL"].contains(reference) else {
            throw Unsupported("a \(reference) join has no rule")
        }
        // The sides see only their own tables; the scope around them comes back at the end.
        let sides = Scope(parent: scope.parent)
        let isLed = leading != nil && Self.startsWithKeptSide(item)
        let left = try FromReader(translator: translator, tables: tables, leading: isLed ? leading : nil)
            .read(leftItem, into: sides)
        let middle = sides.tables.count
        let others = FromReader(translator: translator, tables: tables)
        let right: Relation
        do {
            right = try others.read(rightItem, into: sides)
        } catch let unsupported as Unsupported {
            // It may use columns of the left side.
            guard let result = try others.lateral(item, left, type, sides) else { throw unsupported }
            scope.tables += sides.tables
            return result
        }
        let result = try joined(item, left, right, type, sides, middle)
        scope.tables += sides.tables
        return result
    }

    private func joined(
        _ item: JSONValue,
        _ left: Relation,
        _ right: Relation,
        _ type: String,
        _ sides: Scope,
        _ middle: Int
    ) throws -> Relation {
        var left = left
        var right = right
        if ["RIGHT", "FULL"].contains(type) { left = plain(left, sides, 0..<middle) }
        if ["LEFT", "FULL"].contains(type) { right = plain(right, sides, middle..<sides.tables.count) }
        var conditions = try usingConditions(item, type, sides, middle)
        conditions += try onConditions(item, sides, isInner: type == "INNER")
        let known = Set(left.columns).union(right.columns)
        guard conditions.allSatisfy({ SyntaxTree.columns(in: $0).allSatisfy(known.contains) }) else {
            throw Unsupported("a join's condition that uses columns from further out has no rule")
        }
        switch type {
        case "INNER":
            return try withSubqueries(item, .joined([left, right], conditions.map(translator.pool.intern)), sides)
        case "LEFT":
            return .outer(try translator.outerJoin(.left, left, right, conditions))
        case "RIGHT":
            return .outer(try translator.outerJoin(.left, right, left, conditions))
        case "FULL":
            return .outer(try translator.outerJoin(.full, left, right, conditions))
        case "SEMI", "ANTI":
            sides.tables.removeSubrange(middle...)
            return try translator.semiJoin(left, right, conditions, isAnti: type == "ANTI")
        default: throw Unsupported("a \(type) join has no rule")
        }
    }

    /// The conditions after ON; of an inner join, those without subqueries.
    func onConditions(_ item: JSONValue, _ sides: Scope, isInner: Bool = false) throws -> [JSONValue] {
        try SyntaxTree.conjuncts(item["condition"]).compactMap { tree in
            if Block.hasSubquery(tree) {
                guard isInner else { throw Unsupported("a subquery in an outer join's condition has no rule") }
                return nil
            }
            let block = Block(translator: translator, node: .null, tables: tables, parent: sides)
            return try block.resolve(tree, .columnsFirst)
        }
    }

    /// The rows of an inner join for which its conditions with subqueries hold; they are as good as in WHERE.
    func withSubqueries(_ item: JSONValue, _ rows: Relation, _ sides: Scope) throws -> Relation {
        let conditions = SyntaxTree.conjuncts(item["condition"]).filter(Block.hasSubquery)
        guard !conditions.isEmpty else { return rows }
        let block = Block(over: rows, translator: translator, tables: tables, scope: sides)
        for condition in conditions { try block.addCondition(condition) }
        guard block.correlated.isEmpty else {
            throw Unsupported("a subquery in a join's condition that uses columns from further out has no rule")
        }
        return block.relation
    }

    /// The equalities of USING and NATURAL, and the merging of their columns in the scope.
    private func usingConditions(
        _ item: JSONValue,
        _ type: String,
        _ sides: Scope,
        _ middle: Int
    ) throws -> [JSONValue] {
        var names = item["using_columns"]?.array?.compactMap { $0.string?.folded } ?? []
        if item["ref_type"]?.string == "NATURAL" {
            let right = Set(visibleColumns(sides, middle..<sides.tables.count))
            names = visibleColumns(sides, 0..<middle).filter { right.contains($0) }
            if names.isEmpty { throw Unsupported("a NATURAL join without common columns") }
        }
        return try names.map { name in
            let (leftTable, leftColumn) = try find(name, sides, 0..<middle)
            let (rightTable, rightColumn) = try find(name, sides, middle..<sides.tables.count)
            let leftValue = sides.tables[leftTable].columns[leftColumn].value
            let rightValue = sides.tables[rightTable].columns[rightColumn].value
            if ["RIGHT", "FULL"].contains(type) {
                let own = sides.tables[leftTable].columns[leftColumn]
                sides.tables[leftTable].columns[leftColumn].qualified = own.qualified ?? own.value
                sides.tables[leftTable].columns[leftColumn].value =
                    type == "RIGHT" ? rightValue : SyntaxTree.op("OPERATOR_COALESCE", [leftValue, rightValue])
            }
            sides.tables[rightTable].merged.insert(name)
            return SyntaxTree.comparison("COMPARE_EQUAL", leftValue, rightValue)
        }
    }

    private func visibleColumns(_ scope: Scope, _ range: Range<Int>) -> [String] {
        scope.tables[range].flatMap { table in
            table.columns.map { $0.name.folded }.filter { !table.merged.contains($0) }
        }
    }

    private func find(_ name: String, _ scope: Scope, _ range: Range<Int>) throws -> (Int, Int) {
        for table in range where !scope.tables[table].merged.contains(name) {
            if let column = scope.tables[table].columns.firstIndex(where: { $0.name.folded == name }) {
                return (table, column)
            }
        }
        throw Unsupported("column '\(name)' of USING is not on both sides")
    }

    /// The side of an outer join that may be missing: its columns must be computed below the join.
    private func plain(_ relation: Relation, _ scope: Scope, _ range: Range<Int>) -> Relation {
        var computed: [JSONValue: String] = [:]
        for table in range {
            for column in scope.tables[table].columns {
                for value in [column.value, column.qualified].compactMap(\.self)
                where SyntaxTree.columnNames(of: value) == nil && computed[value] == nil {
                    computed[value] = translator.names.fresh(column.name)
                }
            }
        }
        guard !computed.isEmpty else { return relation }
        func named(_ value: JSONValue) -> JSONValue { computed[value].map(SyntaxTree.column) ?? value }
        for table in range {
            for index in scope.tables[table].columns.indices {
                let column = scope.tables[table].columns[index]
                scope.tables[table].columns[index].value = named(column.value)
                scope.tables[table].columns[index].qualified = column.qualified.map(named)
            }
        }
        let outputs =
            relation.columns.map { NamedExpression(name: $0, expression: .column($0)) }
            + computed.sorted { $0.value < $1.value }.map {
                NamedExpression(name: $0.value, expression: translator.pool.intern($0.key))
            }
        return .project(relation, outputs)
    }
}
