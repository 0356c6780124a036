import DuetPipeline

extension ColumnBlock {
    /// Adds the tables of a FROM item to a scope.
    func read(_ item: JSONValue, _ scope: ColumnScope) throws(UnknownLineage) {
        switch item["type"]?.string {
        case "EMPTY": return
        case "BASE_TABLE": try readTable(item, scope)
        case "SUBQUERY":
            guard let query = item["subquery"]?["node"] else {
                throw UnknownLineage(reason: "a subquery has no body")
            }
            // A LATERAL one sees the tables before it.
            let result = try resolver.query(query, tables, parent: scope)
            rows.add(result.rows)
            add(result.outputs, item, alias: item["alias"]?.string ?? "", scope)
        case "JOIN": try readJoin(item, scope)
        case "EXPRESSION_LIST": try readValues(item, scope)
        case "TABLE_FUNCTION": try readFunction(item, scope)
        case let type: throw UnknownLineage(reason: "\(type ?? "this") in FROM has no rule")
        }
    }

    private func add(
        _ columns: [ColumnScope.Column],
        _ item: JSONValue,
        alias: String,
        schema: String = "",
        _ scope: ColumnScope
    ) {
        var columns = columns
        let names = item["column_name_alias"]?.array?.compactMap(\.string) ?? []
        for (index, name) in names.enumerated() where index < columns.count { columns[index].name = name }
        scope.tables.append(ColumnScope.Table(schema: schema, alias: alias, columns: columns))
    }

    private func readTable(_ item: JSONValue, _ scope: ColumnScope) throws(UnknownLineage) {
        let table = item["table_name"]?.string ?? ""
        let schema = item["schema_name"]?.string ?? ""
        let alias = item["alias"]?.string ?? ""
        if schema.isEmpty, let common = tables.last(where: { $0.name.lowercased() == table.lowercased() }) {
            rows.add(common.rows)
            return add(common.columns, item, alias: alias.isEmpty ? table : alias, scope)
        }
        guard let relation = resolver.relation(schema, table) else {
            throw UnknownLineage(
                reason: "the columns of '\(schema.isEmpty ? table : "\(schema).\(table)")' are not known"
            )
        }
        let columns = relation.columns.map { name in
            ColumnScope.Column(
                name: name,
                origins: ColumnOrigins([InputColumn(relation: relation.name, column: name): [.identity]])
            )
        }
        add(columns, item, alias: alias.isEmpty ? table : alias, schema: alias.isEmpty ? schema : "", scope)
    }

    private func readValues(_ item: JSONValue, _ scope: ColumnScope) throws(UnknownLineage) {
        let lists = (item["values"]?.array ?? []).map { $0.array ?? [] }
        var columns = (0..<(lists.first?.count ?? 0)).map {
            ColumnScope.Column(name: "col\($0)", origins: ColumnOrigins())
        }
        for list in lists {
            for (index, tree) in list.enumerated() where index < columns.count {
                columns[index].origins.add(try origins(tree, in: scope))
            }
        }
        add(columns, item, alias: item["alias"]?.string ?? "", scope)
    }

    private func readFunction(_ item: JSONValue, _ scope: ColumnScope) throws(UnknownLineage) {
        guard let function = item["function"], let name = function["function_name"]?.string?.lowercased() else {
            throw UnknownLineage(reason: "a table function has no name")
        }
        guard ["unnest", "range", "generate_series"].contains(name) else {
            throw UnknownLineage(reason: "the columns of the table function '\(name)' are not known")
        }
        var found = ColumnOrigins()
        for argument in function["children"]?.array ?? [] {
            found.add(try origins(argument, in: scope).computed(.transformation))
        }
        let alias = item["alias"]?.string ?? ""
        let column = name == "unnest" && !alias.isEmpty ? alias : name
        add([ColumnScope.Column(name: column, origins: found)], item, alias: alias.isEmpty ? name : alias, scope)
    }

    private func readJoin(_ item: JSONValue, _ scope: ColumnScope) throws(UnknownLineage) {
        guard let left = item["left"], let right = item["right"] else {
            throw UnknownLineage(reason: "a join lacks a side")
        }
        let start = scope.tables.count
        try read(left, scope)
        let middle = scope.tables.count
        try read(right, scope)
        var names = item["using_columns"]?.array?.compactMap { $0.string?.lowercased() } ?? []
        if item["ref_type"]?.string == "NATURAL" {
            let known = visibleNames(scope, start..<middle)
            names = visibleNames(scope, middle..<scope.tables.count).filter(known.contains)
        }
        let type = item["join_type"]?.string ?? "INNER"
        for name in names { merge(name, scope, start, middle, type) }
        if let condition = item["condition"]?.present {
            rows.add(try origins(condition, in: scope).indirect(.join))
        }
        if type == "SEMI" || type == "ANTI" {
            for index in middle..<scope.tables.count { scope.tables[index].isVisible = false }
        }
    }

    private func visibleNames(_ scope: ColumnScope, _ range: Range<Int>) -> [String] {
        scope.tables[range].flatMap { table in
            table.columns.map { $0.name.lowercased() }.filter { !table.merged.contains($0) }
        }
    }

    /// Makes one column of two that USING names.
    private func merge(_ name: String, _ scope: ColumnScope, _ start: Int, _ middle: Int, _ type: String) {
        func find(_ range: Range<Int>) -> (table: Int, column: Int)? {
            for table in range where !scope.tables[table].merged.contains(name) {
                if let column = scope.tables[table].columns.firstIndex(where: { $0.name.lowercased() == name }) {
                    return (table, column)
                }
            }
            return nil
        }
        guard let left = find(start..<middle), let right = find(middle..<scope.tables.count) else { return }
        let own = scope.tables[left.table].columns[left.column].origins
        let other = scope.tables[right.table].columns[right.column].origins
        rows.add(own.indirect(.join))
        rows.add(other.indirect(.join))
        if type == "FULL" || type == "OUTER" {
            scope.tables[left.table].columns[left.column].origins = own.adding(other).computed(.transformation)
        } else if type == "RIGHT" {
            scope.tables[left.table].columns[left.column].origins = other
        }
        scope.tables[right.table].merged.insert(name)
    }
}
