internal import DuckKit
internal import DuetFactory

/// Transformations over several streams or several rows.
extension DataFlowRun {
    func combine(_ step: DataFlowScript.Step, _ left: DataFlowStream) throws {
        guard step.inputs.count == 2 else {
            throw DataFlowError("'\(step.name)' needs two streams", at: step.offset)
        }
        let right = try stream(step.inputs[1], for: step)
        let both = writer(left, right)
        let condition =
            try step.values.first { value in
                if case .call(let name, _, _) = value.kind {
                    !["asc", "desc", "partitionby"].contains(name)
                } else {
                    true
                }
            }.map(both.sql) ?? "true"
        let from = "FROM \(left.relation) AS l"
        if step.kind == "exists" {
            let sign = step.flag("negate") == true ? "NOT EXISTS" : "EXISTS"
            let rest = "\(from) WHERE \(sign) (SELECT 1 FROM \(right.relation) AS r WHERE \(condition))"
            let join = step.flag("negate") == true ? "ANTI JOIN" : "SEMI JOIN"
            return try define(
                step.name,
                items(left, alias: "l"),
                rest,
                recorded: "\(from) \(join) \(right.relation) AS r ON \(condition)",
                step: step
            )
        }
        var all = items(left, alias: "l") + items(right, alias: "r").filter { !$0.isHidden }
        if step.kind == "lookup" {
            all.removeAll { $0.name == DataFlowStream.match && $0.isHidden }
            all.append(
                DataFlowItem(
                    name: DataFlowStream.match,
                    sql: "coalesce(r.\(DataFlowStream.match)_found, false)",
                    isHidden: true
                )
            )
            let found = "(SELECT *, true AS \(DataFlowStream.match)_found FROM \(right.relation)) AS r"
            guard step.flag("multiple") == false else {
                return try define(step.name, all, "\(from) LEFT JOIN \(found) ON \(condition)", step: step)
            }
            return try lookup(step, left, right, all, "\(found) ON \(condition)")
        }
        let type = step.text("joinType")?.lowercased() ?? "inner"
        let join =
            switch type {
            case "left", "left_outer": "LEFT JOIN"
            case "right", "right_outer": "RIGHT JOIN"
            case "outer", "full", "full_outer": "FULL JOIN"
            case "inner", "cross": "JOIN"
            default: throw DataFlowError("'\(type)' is no type of join", at: step.offset)
            }
        try define(step.name, all, "\(from) \(join) \(right.relation) AS r ON \(condition)", step: step)
    }

    /// One match for each row: any, or the first or last in an order.
    private func lookup(
        _ step: DataFlowScript.Step,
        _ left: DataFlowStream,
        _ right: DataFlowStream,
        _ all: [DataFlowItem],
        _ match: String
    ) throws {
        var order = try step.ordering(writer(left, right))
        if step.text("pickup")?.lowercased() == "last" {
            order = order.map { part in
                part.contains(" ASC ")
                    ? part.replacing(" ASC ", with: " DESC ").replacing("NULLS FIRST", with: "NULLS LAST")
                    : part.replacing(" DESC ", with: " ASC ").replacing("NULLS LAST", with: "NULLS FIRST")
            }
        }
        let sorted = order.isEmpty ? "" : " ORDER BY \(order.joined(separator: ", "))"
        let rest = """
            FROM (SELECT *, row_number() OVER () AS __duet_number FROM \(left.relation)) AS l
            LEFT JOIN \(match)
            QUALIFY row_number() OVER (PARTITION BY l.__duet_number\(sorted)) = 1
            """
        try define(step.name, all, rest, isFixed: true, step: step)
    }

    func union(_ step: DataFlowScript.Step) throws {
        let inputs = try step.inputs.map { try stream($0, for: step) }
        let isByName = step.flag("byName") ?? true
        var names: [String] = []
        var streams: [Set<String>] = []
        for input in inputs {
            for (place, column) in input.columns.enumerated() {
                let name = column.isHidden ? column.physical : column.name
                let known = isByName ? names.firstIndex { $0.lowercased() == name.lowercased() } : place
                if let known, names.indices.contains(known) {
                    streams[known].formUnion(column.streams)
                } else {
                    names.append(name)
                    streams.append(column.streams)
                }
            }
        }
        let parts = inputs.map { input in
            let list = names.enumerated().map { place, name in
                let column =
                    isByName
                    ? input.columns.first { ($0.isHidden ? $0.physical : $0.name).lowercased() == name.lowercased() }
                    : input.columns.indices.contains(place) ? input.columns[place] : nil
                let missing = name == DataFlowStream.rowMark ? "0" : "NULL"
                return "\(column.map { SQL.identifier($0.physical) } ?? missing) AS c\(place)"
            }
            return "SELECT \(list.joined(separator: ", ")) FROM \(input.relation)"
        }
        let all = names.enumerated().map { place, name in
            DataFlowItem(
                name: name,
                sql: "c\(place)",
                streams: streams[place],
                isHidden: [DataFlowStream.rowMark, DataFlowStream.errors, DataFlowStream.match].contains(name)
            )
        }
        try define(step.name, all, "FROM (\(parts.joined(separator: " UNION ALL ")))", step: step)
    }

    /// A branch for each condition, and one for what is left.
    func split(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        let conditions = try step.values.map { "coalesce(\(try writer.sql($0)), false)" }
        let isEvery = step.flag("disjoint") ?? false
        for (number, branch) in step.branches.enumerated() {
            let before = conditions.prefix(isEvery && number < conditions.count ? 0 : number).map { "NOT \($0)" }
            let own = number < conditions.count ? [conditions[number]] : []
            let all = (before + own).joined(separator: " AND ")
            try define(
                "\(step.name)@\(branch)",
                items(input),
                "FROM \(input.relation)" + (all.isEmpty ? "" : " WHERE \(all)"),
                step: step
            )
        }
    }

    // MARK: - Groups and windows

    func aggregate(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        let groups = try assigned(step.clause("groupby") ?? [], input, writer)
        var open = input
        // A pattern means the columns that are not grouped by.
        open.columns.removeAll { column in groups.contains { $0.name.lowercased() == column.name.lowercased() } }
        let values = try assigned(step.arguments.filter(Self.isAssignment), open, writer)
        let keys = groups.indices.map { "\($0 + 1)" }.joined(separator: ", ")
        let rest = "FROM \(input.relation)" + (groups.isEmpty ? "" : " GROUP BY \(keys)")
        try define(step.name, groups + values, rest, isFixed: true, step: step)
    }

    private static func isAssignment(_ argument: DataFlowArgument) -> Bool {
        switch argument {
        case .assignment: true
        case .value(let value): if case .call("each", _, _) = value.kind { true } else { false }
        default: false
        }
    }

    func window(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        var writer = writer(input)
        let parts = try assigned(step.clause("over") ?? [], input, writer).map(\.sql)
        let order = try step.ordering(writer)
        var over = parts.isEmpty ? "" : "PARTITION BY \(parts.joined(separator: ", "))"
        if !order.isEmpty { over += " ORDER BY \(order.joined(separator: ", "))" }
        func bound(_ number: Int?, _ open: String) -> String {
            guard let number else { return "UNBOUNDED \(open)" }
            return number == 0 ? "CURRENT ROW" : number < 0 ? "\(-number) PRECEDING" : "\(number) FOLLOWING"
        }
        let start = bound(step.number("startRowOffset"), "PRECEDING")
        let end = bound(step.number("endRowOffset"), "FOLLOWING")
        if !order.isEmpty { over += " ROWS BETWEEN \(start) AND \(end)" }
        writer.over = over
        let new = try assigned(step.arguments.filter(Self.isAssignment), input, writer)
        try define(step.name, replaced(items(input), by: new), "FROM \(input.relation)", isFixed: true, step: step)
    }

    func rank(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let order = try step.ordering(writer(input)).joined(separator: ", ")
        guard let output = step.declared.first else {
            throw DataFlowError("'\(step.name)' names no column for the rank", at: step.offset)
        }
        let function = step.flag("dense") == true ? "dense_rank()" : "rank()"
        let item = DataFlowItem(
            name: output.name,
            sql: "CAST(\(function) OVER (ORDER BY \(order)) AS \(DataFlowTypes.sql(output.type)))"
        )
        try define(step.name, replaced(items(input), by: [item]), "FROM \(input.relation)", isFixed: true, step: step)
    }

    func keyGenerate(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        guard let output = step.declared.first else {
            throw DataFlowError("'\(step.name)' names no column for the key", at: step.offset)
        }
        let writer = writer(input)
        let start = try step.property("startAt").map { try constant(try writer.sql($0), at: $0.offset) }?.int ?? 1
        let stride = try step.property("stepValue").map { try constant(try writer.sql($0), at: $0.offset) }?.int ?? 1
        let item = DataFlowItem(
            name: output.name,
            sql: "CAST(\(start) + (row_number() OVER () - 1) * \(stride) AS \(DataFlowTypes.sql(output.type)))"
        )
        try define(step.name, replaced(items(input), by: [item]), "FROM \(input.relation)", isFixed: true, step: step)
    }

    // MARK: - Shapes

    /// A column for each value and each aggregate.
    func pivot(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        let groups = try assigned(step.clause("groupby") ?? [], input, writer)
        guard let clause = step.clause("pivotby"), let first = clause.first else {
            throw DataFlowError("'\(step.name)' has no pivotBy", at: step.offset)
        }
        let key: String
        switch first {
        case .value(let value), .assignment(_, let value): key = try writer.sql(value)
        default: throw DataFlowError("pivotBy needs a column", at: step.offset)
        }
        var values: [String] = []
        if clause.count > 1, case .value(let list) = clause[1] {
            values = try texts(try writer.sql(list))
        } else {
            // Without a list the values are those of the rows.
            values = try connection.rows(
                "SELECT DISTINCT CAST(\(key) AS VARCHAR) AS k FROM \(input.relation) WHERE k IS NOT NULL ORDER BY k"
            ).compactMap { $0.first?.string }
        }
        let naming = step.text("columnNaming") ?? "$N$V"
        var columns: [DataFlowItem] = []
        for value in values {
            for case .assignment(let target, let expression) in step.arguments {
                guard case .column(let name, _) = target.kind else { continue }
                var inner = writer
                inner.only = "CAST(\(key) AS VARCHAR) = \(SQL.literal(value))"
                columns.append(
                    DataFlowItem(
                        name: naming.replacing("$N", with: name).replacing("$V", with: value),
                        sql: try inner.sql(expression)
                    )
                )
            }
        }
        let keys = groups.indices.map { "\($0 + 1)" }.joined(separator: ", ")
        let rest = "FROM \(input.relation)" + (groups.isEmpty ? "" : " GROUP BY \(keys)")
        try define(step.name, groups + columns, rest, isFixed: true, step: step)
    }

    /// A row for each column that is not grouped by.
    func unpivot(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let groups = try assigned(step.clause("ungroupby") ?? [], input, writer(input))
        guard step.declared.count == 2 else {
            throw DataFlowError("'\(step.name)' needs output(name as type, value as type)", at: step.offset)
        }
        let open = input.visible.filter { column in
            !groups.contains { $0.name.lowercased() == column.name.lowercased() }
        }
        guard !open.isEmpty else {
            throw DataFlowError("'\(step.name)' has no column left to unpivot", at: step.offset)
        }
        let type = DataFlowTypes.sql(step.declared[1].type)
        let names = open.map { SQL.literal($0.name) }.joined(separator: ", ")
        let values = open.map { "CAST(\(SQL.identifier($0.physical)) AS \(type))" }.joined(separator: ", ")
        let all =
            groups + [
                DataFlowItem(name: step.declared[0].name, sql: "__duet_pair.n"),
                DataFlowItem(name: step.declared[1].name, sql: "__duet_pair.v"),
            ]
        let pairs = "unnest(list_transform(list_zip([\(names)], [\(values)]), x -> struct_pack(n := x[1], v := x[2])))"
        let filter = step.flag("ignoreNullPivots") == true ? " WHERE __duet_pair.v IS NOT NULL" : ""
        let rest = "FROM (SELECT *, \(pairs) AS __duet_pair FROM \(input.relation))\(filter)"
        try define(step.name, all, rest, isFixed: true, step: step)
    }

    /// A row for each element of an array.
    func foldDown(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        guard let clause = step.clause("unroll"), case .value(let array)? = clause.first,
            let path = DataFlowWriter.path(array)
        else { throw DataFlowError("'\(step.name)' has no unroll(array)", at: step.offset) }
        var writer = writer(input)
        let list = try writer.sql(array)
        writer.unrolled = (path, "__duet_element")
        let all = try assigned(step.clause("mapcolumn") ?? [], input, writer)
        let rest = "FROM (SELECT *, unnest(\(list)) AS __duet_element FROM \(input.relation))"
        try define(step.name, all.isEmpty ? items(input) : all, rest, isFixed: true, step: step)
    }
}
