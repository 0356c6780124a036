/// Calls of Spark's functions, by the table of ``SparkCalls`` and some by hand.
extension QueryReader {
    /// Reads a call of a function that DuckDB does not have, or not with these arguments.
    mutating func sparkCall(at index: Int, in tokens: ArraySlice<SQLToken>) throws(DuetError) -> Int? {
        let token = tokens[index]
        let name = token.text.lowercased()
        guard SparkCalls.names.contains(name) else { return nil }
        if index > tokens.startIndex {
            let before = tokens[index - 1]
            // A type's name, a table's method, a name in a list of names.
            if before.isSymbol("::") || before.isSymbol(".") || before.isWord("AS") { return nil }
            if before.kind == .quotedName || before.kind == .word && !Self.beginsValue(before), isType(token) {
                return nil
            }
        }
        var reader = TokenReader(file: file, tokens: Array(tokens[(index + 1)...]))
        let inner = try reader.bracketed("after '\(token.text)'")
        let end = index + 1 + reader.index
        let arguments = StatementParser.arguments(inner)
        let follows = end < tokens.endIndex ? tokens[end] : nil
        guard let template = try template(name, arguments, followed: follows) else { return nil }
        var parts: [MappedText] = []
        for argument in arguments {
            guard let part = try part(Self.withoutDistinct(argument, name)) else { return nil }
            parts.append(part)
        }
        replace(token.range.lowerBound..<tokens[end - 1].range.upperBound, by: template, with: parts)
        return end
    }

    private func isType(_ token: SQLToken) -> Bool {
        SparkCalls.templates["\(token.text.lowercased())/1"]?.hasPrefix("CAST($1 AS \(token.text.uppercased()))")
            == true
    }

    private static func withoutDistinct(_ argument: ArraySlice<SQLToken>, _ name: String) -> ArraySlice<SQLToken> {
        name.hasPrefix("collect_") && argument.first?.isWord("DISTINCT") == true ? argument.dropFirst() : argument
    }

    private func template(
        _ name: String,
        _ arguments: [ArraySlice<SQLToken>],
        followed next: SQLToken?
    ) throws(DuetError) -> String? {
        if let form = SparkCalls.formatted[name], arguments.count == 2, let pattern = Self.text(arguments[1]) {
            // DuckDB's own patterns have a percent sign before each letter.
            if pattern.contains("%") { return name.hasPrefix("to_") || name.hasPrefix("try_") ? form : nil }
            guard let format = SparkCalls.format(pattern) else {
                throw error("the format '\(pattern)' has letters that are not read here", at: arguments[1].first)
            }
            return form.replacing("$2", with: Self.literal(format))
        }
        switch name {
        case "collect_list", "collect_set": return Self.collected(name, arguments, followed: next)
        case "first", "last", "first_value", "last_value", "any_value":
            guard arguments.count == 2, arguments[1].first?.isWord("TRUE") == true else { return nil }
            let plain = name.split(separator: "_").first.map(String.init) ?? name
            return next?.isWord("OVER") == true
                ? "\(plain)_value($1 IGNORE NULLS)"
                : "\(plain == "any" ? "any_value" : plain)($1) FILTER (WHERE $1 IS NOT NULL)"
        case "sha2" where arguments.count == 2 && ["256", "0"].contains(arguments[1].first?.text): return "sha256($1)"
        case "format_number" where arguments.count == 2 && Int(arguments[1].first?.text ?? "") != nil:
            return "format('{:,.\(arguments[1].first?.text ?? "0")f}', CAST($1 AS DOUBLE))"
        case "substring_index" where arguments.count == 3:
            let count = arguments[2].map(\.text).joined()
            guard let number = Int(count) else { return nil }
            return "array_to_string(string_split($1, $2)[\(number < 0 ? "\(number):" : ":\(number)")], $2)"
        case "named_struct" where arguments.count.isMultiple(of: 2): return Self.fields(arguments)
        case "map" where arguments.count >= 2 && arguments.count.isMultiple(of: 2):
            guard let key = arguments[0].first, arguments.count > 2 || key.kind == .string || key.kind == .number else {
                return nil
            }
            let pick = { (odd: Int) in
                arguments.indices.filter { $0 % 2 == odd }.map { "$\($0 + 1)" }.joined(separator: ", ")
            }
            return "map([\(pick(0))], [\(pick(1))])"
        case "from_json" where arguments.count == 2:
            guard let schema = Self.text(arguments[1]), schema.first.map({ !"{[\"".contains($0) }) == true,
                let structure = SparkCalls.structure(schema)
            else { return nil }
            return "from_json($1, \(Self.literal(structure)))"
        case "date_trunc" where arguments.count == 2, "trunc" where arguments.count == 2:
            return Self.truncated(name, arguments)
        default: return Self.ofUnits(name, arguments) ?? SparkCalls.templates["\(name)/\(arguments.count)"]
        }
    }

    /// Lists leave NULLs out, and are empty where nothing is left.
    private static func collected(
        _ name: String,
        _ arguments: [ArraySlice<SQLToken>],
        followed next: SQLToken?
    ) -> String? {
        guard arguments.count == 1, next?.isWord("FILTER") != true else { return nil }
        let isSet = name == "collect_set" || arguments[0].first?.isWord("DISTINCT") == true
        let list = "list(\(isSet ? "DISTINCT $1 ORDER BY $1" : "$1")) FILTER (WHERE $1 IS NOT NULL)"
        return next?.isWord("OVER") == true ? list : "coalesce(\(list), [])"
    }

    private static func fields(_ arguments: [ArraySlice<SQLToken>]) -> String? {
        var fields: [String] = []
        for index in stride(from: 0, to: arguments.count, by: 2) {
            guard let name = text(arguments[index]) else { return nil }
            fields.append("\"\(name)\" := $\(index + 2)")
        }
        return "struct_pack(\(fields.joined(separator: ", ")))"
    }

    private static func truncated(_ name: String, _ arguments: [ArraySlice<SQLToken>]) -> String? {
        let written = text(arguments[name == "trunc" ? 1 : 0])?.uppercased() ?? ""
        guard let unit = SparkCalls.units[written] else { return nil }
        if name == "trunc" { return "CAST(date_trunc('\(unit)', CAST($1 AS DATE)) AS DATE)" }
        return unit.uppercased() == written ? nil : "date_trunc('\(unit)', $2)"
    }

    /// `datediff(DAY, a, b)`, `dateadd(HOUR, 2, a)`, `date_add(a, 3)`.
    private static func ofUnits(_ name: String, _ arguments: [ArraySlice<SQLToken>]) -> String? {
        if arguments.count == 2, name == "date_add" || name == "dateadd", arguments[1].last?.kind == .number,
            !arguments[1].contains(where: { $0.isWord("INTERVAL") })
        {
            return "(CAST($1 AS DATE) + CAST($2 AS INTEGER))"
        }
        guard arguments.count == 3, arguments[0].count == 1, let unit = arguments[0].first, unit.kind == .word,
            SparkCalls.bareUnits.contains(unit.text.uppercased())
        else { return nil }
        if SparkCalls.differences.contains(name) {
            return "date_sub('\(unit.text.lowercased())', CAST($2 AS TIMESTAMP), CAST($3 AS TIMESTAMP))"
        }
        guard SparkCalls.additions.contains(name) else { return nil }
        return "(CAST($3 AS TIMESTAMP) + CAST($2 AS INTEGER) * INTERVAL 1 \(unit.text.uppercased()))"
    }

    /// The text that an argument is, if it is nothing else.
    private static func text(_ argument: ArraySlice<SQLToken>) -> String? {
        guard argument.count == 1, let token = argument.first,
            token.kind == .string || token.kind == .quotedName && token.text.hasPrefix("\"")
        else { return nil }
        return token.unquoted
    }

    private static func literal(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}

extension StatementParser {
    /// The arguments of a call: what stands between commas outside brackets of all kinds.
    static func arguments(_ tokens: ArraySlice<SQLToken>) -> [ArraySlice<SQLToken>] {
        var arguments: [ArraySlice<SQLToken>] = []
        var start = tokens.startIndex
        var depth = 0
        for index in tokens.indices {
            if ["(", "[", "{"].contains(where: tokens[index].isSymbol) { depth += 1 }
            if [")", "]", "}"].contains(where: tokens[index].isSymbol) { depth -= 1 }
            if depth == 0, tokens[index].isSymbol(",") {
                arguments.append(tokens[start..<index])
                start = index + 1
            }
        }
        arguments.append(tokens[start...])
        return arguments.filter { !$0.isEmpty }
    }
}
