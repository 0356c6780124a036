internal import DuckKit
internal import DuetFactory

/// Functions that look at columns, marks of rows, and text that is an expression itself.
extension DataFlowWriter {
    func metadata(_ name: String, _ values: [DataFlowExpression], at offset: Int) throws -> Written? {
        switch (name, values.count) {
        case ("hascolumn", 1...2): return Written(sql: "\(try found(values) != nil)")
        case ("byorigin", 1...2): return try looked("byname", values, at: offset)
        case ("byorigins", 1...2): return try special("bynames", values, at: offset)
        case ("haspath", 1...2): return Written(sql: "\(try place(path: values[0]) != nil)")
        case ("byitem", 2):
            guard let place = try item(values[0], values[1]) else {
                return Written(sql: "CAST(NULL AS VARCHAR)", category: .text)
            }
            return Written(sql: place.value(complexAsText: false), category: Self.category(place.type))
        case ("expr", 1):
            let text = try flow.constant(try sql(values[0]), at: values[0].offset).string ?? ""
            let expression: DataFlowExpression
            do throws(DataFlowError) {
                expression = try DataFlowExpression(parsing: text)
            } catch {
                throw DataFlowError("'\(text.prefix(60))' is no expression: \(error.message)", at: values[0].offset)
            }
            return try write(expression)
        case ("nextsequence", 0): return Written(sql: "nextval('\(try flow.sequence())')", category: .number)
        case ("ismatch", 0...1): return Written(sql: hidden(DataFlowStream.match) ?? "false")
        case ("isignore", 0...1):
            return Written(sql: hidden(DataFlowStream.rowMark).map { "(\($0) = 4)" } ?? "false")
        case ("isdistinct", 1...):
            let columns = try values.map(sql).joined(separator: ", ")
            var sql = "count(DISTINCT \(values.count == 1 ? columns : "(\(columns))")) = count(*)"
            if let over { sql = sql.replacing("count(*)", with: "count(*) OVER (\(over))") }
            return Written(sql: "(\(sql))")
        case ("typematch", 2): return try typeMatch(values)
        case ("escape", 2), ("unescape", 2): return try escaped(name, values)
        default: return nil
        }
    }

    private func found(_ values: [DataFlowExpression]) throws -> Source? {
        guard let first = values.first, let name = try flow.constant(try sql(first), at: first.offset).string else {
            return nil
        }
        let stream = try values.dropFirst().first.map { try flow.constant(try sql($0), at: $0.offset).string } ?? nil
        return find(name, stream)
    }

    // MARK: - Places within columns

    /// What `byItem(parent, name)` means: the parent is a column, or an item itself.
    private func item(_ parent: DataFlowExpression, _ name: DataFlowExpression) throws -> JSONPlace? {
        guard let name = try flow.constant(try sql(name), at: name.offset).string, let whole = try place(parent) else {
            return nil
        }
        if case .list(let element) = whole.type {
            // Of a list of structures, the items of all of them.
            guard let inner = JSONPlace(sql: "duet_part", type: element).selecting(.member(name)) else { return nil }
            return JSONPlace(
                sql: "list_transform(\(whole.sql), duet_part -> \(inner.sql))",
                type: .list(inner.type)
            )
        }
        return whole.selecting(.member(name))
    }

    private func place(_ expression: DataFlowExpression) throws -> JSONPlace? {
        func values(_ arguments: [DataFlowArgument]) -> [DataFlowExpression] {
            arguments.compactMap { if case .value(let value) = $0 { value } else { nil } }
        }
        switch expression.kind {
        case .column(let name, let stream):
            return find(name, stream).map { JSONPlace(sql: $0.reference, type: $0.column.type) }
        case .member(let base, let name): return try place(base)?.selecting(.member(name))
        case .call("byname", let arguments, nil), .call("byorigin", let arguments, nil):
            return try found(values(arguments)).map { JSONPlace(sql: $0.reference, type: $0.column.type) }
        case .call("bypath", let arguments, nil): return try values(arguments).first.flatMap { try place(path: $0) }
        case .call("byitem", let arguments, nil):
            let parts = values(arguments)
            return parts.count == 2 ? try item(parts[0], parts[1]) : nil
        default: return nil
        }
    }

    /// The place of a path such as `column.member["other"][1]`; elements count from 1.
    private func place(path expression: DataFlowExpression) throws -> JSONPlace? {
        guard let text = try flow.constant(try sql(expression), at: expression.offset).string else {
            throw DataFlowError("a path is expected", at: expression.offset)
        }
        let path: JSONPath
        do throws(ActivityFailure) {
            path = try JSONPath(text)
        } catch {
            throw DataFlowError(error.message, at: expression.offset, hint: error.hint)
        }
        guard case .member(let name)? = path.steps.first, let source = find(name) else { return nil }
        let steps = path.steps.dropFirst().map { step -> JSONPath.Step in
            if case .element(let number) = step { .element(number - 1) } else { step }
        }
        return JSONPlace(sql: source.reference, type: source.column.type).selecting(steps)
    }

    /// `byPath('column.member["other"][1]')`: a value within a structure, null where there is none.
    func followed(_ values: [DataFlowExpression], at offset: Int) throws -> Written {
        guard let first = values.first else { throw DataFlowError("byPath needs a path", at: offset) }
        guard let place = try place(path: first) else { return Written(sql: "CAST(NULL AS VARCHAR)", category: .text) }
        return Written(sql: place.value(complexAsText: false), category: Self.category(place.type))
    }

    // MARK: - Types, texts and numbers

    /// `typeMatch(type, 'number')`.
    private func typeMatch(_ values: [DataFlowExpression]) throws -> Written {
        let kinds = [
            "number": ["short", "integer", "long", "double", "float", "decimal"],
            "integral": ["short", "integer", "long"], "fractional": ["double", "float", "decimal"],
            "datetime": ["date", "timestamp"],
        ]
        let type = try sql(values[0])
        let base = try flow.constant(try sql(values[1]), at: values[1].offset).string ?? ""
        let names = (kinds[base.lowercased()] ?? [base]).map { SQL.literal($0) }
        return Written(sql: "(\(type) IN (\(names.joined(separator: ", "))))")
    }

    private func escaped(_ name: String, _ values: [DataFlowExpression]) throws -> Written {
        let text = "CAST(\(try sql(values[0])) AS VARCHAR)"
        let format = try flow.constant(try sql(values[1]), at: values[1].offset).string?.lowercased() ?? ""
        switch format {
        case "json", "java", "ecmascript":
            let inner = "CAST(to_json(\(text)) AS VARCHAR)"
            let sql =
                name == "escape"
                ? "substring(\(inner), 2, length(\(inner)) - 2)"
                : "CASE WHEN json_valid('\"' || \(text) || '\"') THEN json_extract_string('\"' || \(text) || '\"', '$') END"
            return Written(sql: "(\(sql))", category: .text)
        case "xml", "html":
            let signs = [
                ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"),
                ("'", format == "xml" ? "&apos;" : "&#39;"),
            ]
            // The ampersand is the first to be written and the last to be read.
            let sql =
                name == "escape"
                ? signs.reduce(text) { "replace(\($0), \(SQL.literal($1.0)), \(SQL.literal($1.1)))" }
                : signs.reversed().reduce(text) { "replace(\($0), \(SQL.literal($1.1)), \(SQL.literal($1.0)))" }
            return Written(sql: sql, category: .text)
        default:
            throw DataFlowError(
                "'\(format)' is no format to escape text for",
                at: values[1].offset,
                hint: "write 'json', 'xml', 'html', 'java' or 'ecmascript'"
            )
        }
    }

    /// `round(number, scale, mode)`: half up unless the mode says otherwise.
    func rounded(_ values: [DataFlowExpression]) throws -> Written {
        let number = try sql(values[0])
        let scale = values.count > 1 ? try sql(values[1]) : "0"
        let mode = values.count > 2 ? try flow.constant(try sql(values[2]), at: values[2].offset).int ?? 5 : 5
        let power = "power(10, \(scale))"
        let sql: String
        switch mode {
        case 1: sql = "sign(\(number)) * ceil(abs(\(number)) * \(power)) / \(power)"
        case 2: sql = "trunc(\(number) * \(power)) / \(power)"
        case 3: sql = "ceil(\(number) * \(power)) / \(power)"
        case 4: sql = "floor(\(number) * \(power)) / \(power)"
        case 5: sql = values.count == 1 ? "round(\(number))" : "round(\(number), \(scale))"
        case 6: sql = "sign(\(number)) * ceil(abs(\(number)) * \(power) - 0.5) / \(power)"
        case 7: sql = "round_even(\(number), \(scale))"
        case 8: sql = number
        default:
            throw DataFlowError(
                "\(mode) is no mode of rounding",
                at: values[2].offset,
                hint: "write 1 to 8; 5 is half up"
            )
        }
        return Written(sql: "(\(sql))", category: .number)
    }
}

/// A Java pattern of a number, as far as it is written here: `#,##0.0#`.
struct NumberPattern {
    private let isGrouped: Bool
    private let leastWhole: Int
    private let leastFraction: Int
    private let mostFraction: Int

    init?(_ pattern: String) {
        let parts = pattern.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard !pattern.isEmpty, parts[0].allSatisfy({ "#0,".contains($0) }) else { return nil }
        let fraction = parts.count > 1 ? parts[1] : ""
        guard fraction.allSatisfy({ "#0".contains($0) }) else { return nil }
        isGrouped = parts[0].contains(",")
        leastWhole = parts[0].count { $0 == "0" }
        leastFraction = fraction.count { $0 == "0" }
        mostFraction = fraction.count
    }

    /// The number as text, half to even as Java rounds.
    func sql(_ number: String) -> String {
        let rounded = "round_even(CAST(\(number) AS DOUBLE), \(mostFraction))"
        let width = leastWhole + (mostFraction > 0 ? mostFraction + 1 : 0)
        let padded = leastWhole > 1 && !isGrouped ? "0\(width)" : ""
        var text = "format('{:\(padded)\(isGrouped ? "," : "").\(mostFraction)f}', \(rounded))"
        if mostFraction > leastFraction {
            text = "regexp_replace(\(text), '0{1,\(mostFraction - leastFraction)}$', '')"
            if leastFraction == 0 { text = "rtrim(\(text), '.')" }
        }
        return text
    }
}
