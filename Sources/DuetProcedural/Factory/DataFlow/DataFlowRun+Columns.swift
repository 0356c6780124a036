internal import DuckKit
internal import DuetFactory

/// Transformations that change columns: select, derive, cast, filter, alterRow, assert.
extension DataFlowRun {
    func transform(_ step: DataFlowScript.Step) throws {
        if step.kind == "compose" { return try compose(step) }
        guard let first = step.inputs.first else {
            throw DataFlowError("'\(step.name)' reads no stream", at: step.offset)
        }
        let input = try stream(first, for: step)
        switch step.kind {
        case "select": try select(step, input)
        case "derive": try derive(step, input)
        case "cast": try castColumns(step, input)
        case "filter":
            guard let condition = step.values.first else {
                throw DataFlowError("'\(step.name)' has no condition", at: step.offset)
            }
            let sql = try writer(input).sql(condition)
            try define(step.name, items(input), "FROM \(input.relation) WHERE \(sql)", step: step)
        case "alterrow": try alterRow(step, input)
        case "assert": try check(step, input)
        case "join", "lookup", "exists": try combine(step, input)
        case "union": try union(step)
        case "split": try split(step, input)
        case "aggregate": try aggregate(step, input)
        case "window": try window(step, input)
        case "rank": try rank(step, input)
        case "sort":
            let order = try step.ordering(writer(input)).joined(separator: ", ")
            let rest = "FROM \(input.relation)" + (order.isEmpty ? "" : " ORDER BY \(order)")
            try define(step.name, items(input), rest, isFixed: true, step: step)
        case "keygenerate": try keyGenerate(step, input)
        case "pivot": try pivot(step, input)
        case "unpivot": try unpivot(step, input)
        case "folddown": try foldDown(step, input)
        case "parse": try parse(step, input)
        case "stringify": try stringify(step, input)
        case "call": try callOut(step, input)
        default:
            throw DataFlowError(
                "duet does not run the transformation '\(step.kind)'",
                at: step.offset,
                hint: "it runs: \(DataFlowScript.runnableKinds.sorted().joined(separator: ", "))"
            )
        }
    }

    // MARK: - Mappings and patterns

    /// The columns that a list of assignments, columns and patterns means.
    func assigned(
        _ arguments: [DataFlowArgument],
        _ input: DataFlowStream,
        _ writer: DataFlowWriter
    ) throws -> [DataFlowItem] {
        var items: [DataFlowItem] = []
        for argument in arguments {
            switch argument {
            case .assignment(let target, let value):
                let name = try targetName(target, writer)
                var streams: Set<String> = []
                if case .column(let column, let stream) = value.kind {
                    streams = writer.find(column, stream)?.column.streams ?? []
                }
                items.append(DataFlowItem(name: name, sql: try writer.sql(value), streams: streams))
            case .value(let value):
                if case .call("each", let inner, _) = value.kind {
                    items += try pattern(inner, input, writer, at: value.offset)
                } else {
                    let name: String
                    switch value.kind {
                    case .column(let column, _): name = column
                    case .member(_, let member): name = member
                    default: throw DataFlowError("expected column = expression", at: value.offset)
                    }
                    var streams: Set<String> = []
                    if case .column(let column, let stream) = value.kind {
                        streams = writer.find(column, stream)?.column.streams ?? []
                    }
                    items.append(DataFlowItem(name: name, sql: try writer.sql(value), streams: streams))
                }
            // A value with a type behind it is converted; parse and stringify read this in their own way.
            case .converted(let target, let value, let type):
                let sql = DataFlowTypes.cast(try writer.sql(value), to: type)
                items.append(DataFlowItem(name: try targetName(target, writer), sql: sql))
            default: break
            }
        }
        return items
    }

    func targetName(_ target: DataFlowExpression, _ writer: DataFlowWriter) throws -> String {
        switch target.kind {
        case .column(let name, nil): return name
        case .text(let text): return text
        case .member:
            throw DataFlowError("a member of a structure cannot be assigned on its own here", at: target.offset)
        default: return try constant(try writer.sql(target), at: target.offset).string ?? ""
        }
    }

    /// `each(match(condition), name = expression)`: an item for each column that fits.
    private func pattern(
        _ arguments: [DataFlowArgument],
        _ input: DataFlowStream,
        _ writer: DataFlowWriter,
        at offset: Int
    ) throws -> [DataFlowItem] {
        guard case .value(let matcher)? = arguments.first, case .call(let kind, let inner, _) = matcher.kind,
            kind == "match" || kind == "patternmatch", case .value(let condition)? = inner.first
        else { throw DataFlowError("expected each(match(…), …)", at: offset) }
        var items: [DataFlowItem] = []
        for (position, column) in input.visible.enumerated() {
            var words = DataFlowWriter([], self)
            words.words = [
                "name": .init(sql: SQL.literal(column.name), category: .text),
                "type": .init(sql: SQL.literal(DataFlowTypes.name(column.type)), category: .text),
                "stream": .init(sql: SQL.literal(input.columns.isEmpty ? "" : step(column)), category: .text),
                "position": .init(sql: "\(position + 1)", category: .number),
                "origin": .init(sql: SQL.literal(step(column)), category: .text),
            ]
            var captures: [String] = [column.name]
            if kind == "patternmatch" {
                let text = SQL.literal(column.name)
                let expression = try words.sql(condition)
                guard try constant("regexp_full_match(\(text), \(expression))", at: offset) == .boolean(true) else {
                    continue
                }
                for group in 1...9 {
                    // A group the expression does not have ends the list.
                    guard
                        case .success(let value) = Result(catching: {
                            try connection.scalar("SELECT regexp_extract(\(text), \(expression), \(group))")
                        })
                    else { break }
                    captures.append(value.string ?? "")
                }
            } else {
                guard try constant(try words.sql(condition), at: condition.offset) == .boolean(true) else { continue }
            }
            let reference = writer.find(column.name)?.reference ?? SQL.identifier(column.physical)
            var value = writer
            value.match = .init(reference: reference, type: column.type, captures: captures)
            guard arguments.count > 1 else {
                items.append(DataFlowItem(name: column.name, sql: reference, streams: column.streams))
                continue
            }
            words.match = .init(reference: SQL.literal(column.name), type: .varchar, captures: captures)
            words.words["$"] = nil
            for case .assignment(let target, let expression) in arguments.dropFirst() {
                let name: String
                if case .text(let template) = target.kind {
                    name = Self.filled(template, captures)
                } else {
                    name = try constant(try words.sql(target), at: target.offset).string ?? column.name
                }
                items.append(DataFlowItem(name: name, sql: try value.sql(expression), streams: column.streams))
            }
        }
        return items
    }

    /// The stream a column was made by.
    private func step(_ column: DataFlowStream.Column) -> String {
        order.first { column.streams.contains($0.name.lowercased()) }?.name ?? ""
    }

    /// `'$0_x'` with the groups' texts.
    private static func filled(_ template: String, _ captures: [String]) -> String {
        var text = template.replacing("$$", with: captures.first ?? "")
        for (number, capture) in captures.enumerated().reversed() { text = text.replacing("$\(number)", with: capture) }
        return text
    }

    // MARK: - Transformations

    private func select(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let mapping = step.clause("mapcolumn") ?? []
        var chosen = try assigned(mapping, input, writer(input))
        if step.flag("skipDuplicateMapOutputs") ?? true {
            var seen: Set<String> = []
            chosen = chosen.filter { seen.insert($0.name.lowercased()).inserted }
        }
        chosen += items(input).filter(\.isHidden)
        try define(step.name, chosen, "FROM \(input.relation)", step: step)
    }

    private func derive(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        try define(
            step.name,
            replaced(items(input), by: try assigned(step.arguments, input, writer(input))),
            "FROM \(input.relation)",
            step: step
        )
    }

    /// The columns with some of them given anew, and what is new behind them.
    func replaced(_ items: [DataFlowItem], by new: [DataFlowItem]) -> [DataFlowItem] {
        var result = items
        for item in new {
            if let place = result.firstIndex(where: { !$0.isHidden && $0.name.lowercased() == item.name.lowercased() })
            {
                result[place].sql = item.sql
                result[place].name = item.name
            } else {
                result.append(item)
            }
        }
        return result
    }

    private func castColumns(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        let casts = try step.declared.map { name, type in
            guard let source = writer.find(name) else {
                throw DataFlowError("there is no column '\(name)' to cast", at: step.offset)
            }
            return DataFlowItem(name: name, sql: DataFlowTypes.cast(source.reference, to: type))
        }
        try define(step.name, replaced(items(input), by: casts), "FROM \(input.relation)", step: step)
    }

    /// Marks what is to become of a row: 0 insert, 1 update, 2 upsert, 3 delete; the first condition met counts.
    private func alterRow(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input)
        var cases = ""
        for value in step.values {
            guard case .call(let name, let arguments, _) = value.kind,
                let number = ["insertif", "updateif", "upsertif", "deleteif"].firstIndex(of: name),
                case .value(let condition)? = arguments.first
            else { continue }
            cases += " WHEN \(try writer.sql(condition)) THEN \(number)"
        }
        var all = items(input).filter { $0.name != DataFlowStream.rowMark }
        // A row that meets no condition is not written.
        let mark = cases.isEmpty ? "0" : "CASE\(cases) ELSE 4 END"
        all.append(DataFlowItem(name: DataFlowStream.rowMark, sql: mark, isHidden: true))
        try define(step.name, all, "FROM \(input.relation)", step: step)
    }

    /// Notes which asserts a row fails, and stops the flow for those that say so.
    private func check(_ step: DataFlowScript.Step, _ input: DataFlowStream) throws {
        let writer = writer(input, alias: "l")
        let known = input.hidden(DataFlowStream.errors).map { Self.reference($0, "l") }
        var errors: [String] = []
        var fatal: [(condition: String, text: String)] = []
        for value in step.values {
            guard case .call(let kind, let arguments, _) = value.kind, kind.hasPrefix("expect") else { continue }
            let parts = arguments.compactMap { if case .value(let value) = $0 { value } else { nil } }
            // Several columns may have to be unique together; the flag ends them.
            let flagPlace = parts.firstIndex { if case .boolean = $0.kind { true } else { false } } ?? parts.count
            let place = max(1, flagPlace)
            guard let first = parts.first else { continue }
            var condition: String
            switch kind {
            case "expecttrue": condition = "coalesce(NOT \(try writer.sql(first)), true)"
            case "expectunique":
                let columns = try parts.prefix(place).map(writer.sql).joined(separator: ", ")
                condition = "count(*) OVER (PARTITION BY \(columns)) > 1"
            case "expectexists":
                guard step.inputs.count > 1 else {
                    throw DataFlowError("expectExists needs a second stream", at: value.offset)
                }
                let other = try stream(step.inputs[1], for: step)
                let both = self.writer(input, other)
                condition = "NOT EXISTS (SELECT 1 FROM \(other.relation) AS r WHERE \(try both.sql(first)))"
            default: throw DataFlowError("duet does not know '\(kind)'", at: value.offset)
            }
            let rest = Array(parts.dropFirst(place))
            func text(_ number: Int) throws -> String? {
                guard rest.indices.contains(number) else { return nil }
                if case .call("null", _, _) = rest[number].kind { return nil }
                return try writer.sql(rest[number])
            }
            if let filter = try text(2) { condition = "(\(filter)) AND (\(condition))" }
            let id = try text(1) ?? "'assert'"
            errors.append("CASE WHEN \(condition) THEN \(id) END")
            let isFatal = rest.first.map { if case .boolean(true) = $0.kind { true } else { false } } ?? false
            if isFatal || step.flag("abort") == true { fatal.append((condition, try text(3) ?? id)) }
        }
        for (condition, text) in fatal {
            let failed = try connection.rows(
                "SELECT CAST(\(text) AS VARCHAR) FROM (SELECT l.*, \(condition) AS __duet_failed FROM \(input.relation) AS l) AS l WHERE __duet_failed LIMIT 1"
            )
            if let row = failed.first {
                throw ActivityFailure(
                    "DFExecutorUserError",
                    "the assert '\(step.name)' failed: \(row.first?.string ?? "")",
                    isFinal: true
                )
            }
        }
        let list = "list_filter([\(errors.joined(separator: ", "))], x -> x IS NOT NULL)"
        var all = items(input, alias: "l").filter { $0.name != DataFlowStream.errors }
        let whole = known.map { "list_concat(\($0), \(list))" } ?? list
        all.append(DataFlowItem(name: DataFlowStream.errors, sql: whole, isHidden: true))
        try define(step.name, all, "FROM \(input.relation) AS l", step: step)
    }
}
