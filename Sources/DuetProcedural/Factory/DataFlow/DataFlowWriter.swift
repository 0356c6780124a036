internal import DuckKit
internal import DuetFactory

/// Writes expressions of the data flow language as SQL over some columns.
struct DataFlowWriter {
    /// What kind of value an expression gives, as far as it changes how operators are written.
    enum Category { case text, number, moment, other }

    struct Written {
        var sql: String
        var category: Category = .other
    }

    struct Source {
        var column: DataFlowStream.Column
        /// How the column is written here.
        var reference: String
    }

    /// What a pattern has matched.
    struct Match {
        var reference: String
        var type: LogicalType?
        var captures: [String]
    }

    var sources: [Source]
    let parameters: [String: Written]
    let flow: DataFlowRun
    /// Words that stand for something else than a column: `name`, `type` … of a pattern, `#item` of an array function.
    var words: [String: Written] = [:]
    var match: Match?
    /// Behind each aggregate: the window it works over.
    var over: String?
    /// Behind each aggregate: the rows it counts.
    var only: String?
    /// The path of an array that is being unrolled, and what stands for its element.
    var unrolled: (path: String, reference: String)?

    init(_ sources: [Source], _ flow: DataFlowRun) {
        self.sources = sources
        self.flow = flow
        parameters = flow.parameters
    }

    func sql(_ expression: DataFlowExpression) throws -> String { try write(expression).sql }

    func write(_ expression: DataFlowExpression) throws -> Written {
        if let unrolled, Self.path(expression) == unrolled.path { return Written(sql: unrolled.reference) }
        switch expression.kind {
        case .text(let text): return Written(sql: SQL.literal(text), category: .text)
        case .integer(let number): return Written(sql: "\(number)", category: .number)
        case .number(let text): return Written(sql: text, category: .number)
        case .boolean(let value): return Written(sql: value ? "true" : "false")
        case .column(let name, let stream): return try column(name, stream, at: expression.offset)
        case .parameter(let name):
            guard let value = parameters[name.lowercased()] else {
                throw DataFlowError("the data flow has no parameter '$\(name)'", at: expression.offset)
            }
            return value
        case .matched(let number): return try matched(number, at: expression.offset)
        case .local(let name):
            if let value = words["#\(name)"] { return value }
            throw DataFlowError("'#\(name)' stands outside a function over an array", at: expression.offset)
        case .member(let base, let name):
            return Written(sql: "(\(try sql(base))).\(SQL.identifier(name))")
        case .index(let base, let index): return Written(sql: "(\(try sql(base)))[\(try sql(index))]")
        case .unary(let sign, let inner):
            let value = try write(inner)
            return sign == "!" ? Written(sql: "(NOT \(value.sql))") : Written(sql: "(-\(value.sql))", category: .number)
        case .binary(let sign, let left, let right): return try binary(sign, left, right)
        case .array(let elements):
            if let map = try map(elements) { return map }
            return Written(sql: "[\(try elements.map(sql).joined(separator: ", "))]")
        case .structure(let members):
            let fields = try members.map { "\(SQL.identifier($0.name)) := \(try sql($0.value))" }
            return Written(sql: "struct_pack(\(fields.joined(separator: ", ")))")
        case .interpolation(let parts):
            let pieces = try parts.map { "coalesce(CAST(\(try sql($0)) AS VARCHAR), '')" }
            return Written(sql: "(\(pieces.joined(separator: " || ")))", category: .text)
        case .call(let name, let arguments, let sink):
            return try call(name, arguments, sink: sink, at: expression.offset)
        }
    }

    /// `['a' -> 1, 'b' -> 2]`; nil when the elements are no pairs.
    private func map(_ elements: [DataFlowExpression]) throws -> Written? {
        var keys: [String] = []
        var values: [String] = []
        for element in elements {
            guard case .binary("->", let key, let value) = element.kind else { return nil }
            keys.append(try sql(key))
            values.append(try sql(value))
        }
        guard !keys.isEmpty else { return nil }
        return Written(sql: "map([\(keys.joined(separator: ", "))], [\(values.joined(separator: ", "))])")
    }

    /// `a.b.c` as text, for comparison; nil for anything else.
    static func path(_ expression: DataFlowExpression) -> String? {
        switch expression.kind {
        case .column(let name, _): name.lowercased()
        case .member(let base, let name): path(base).map { "\($0).\(name.lowercased())" }
        default: nil
        }
    }

    // MARK: - Columns

    private func matched(_ number: Int?, at offset: Int) throws -> Written {
        guard let match else { throw DataFlowError("'$$' stands outside a column pattern", at: offset) }
        if let number {
            guard match.captures.indices.contains(number) else {
                throw DataFlowError("the pattern has no group \(number)", at: offset)
            }
            return Written(sql: SQL.literal(match.captures[number]), category: .text)
        }
        return Written(sql: match.reference, category: Self.category(match.type))
    }

    private func column(_ name: String, _ stream: String?, at offset: Int) throws -> Written {
        if stream == nil, let word = words[name.lowercased()] { return word }
        if let source = find(name, stream) {
            return Written(sql: source.reference, category: Self.category(source.column.type))
        }
        let known = sources.filter { !$0.column.isHidden }.map(\.column.name)
        throw DataFlowError(
            "there is no column '\(stream.map { "\($0)@" } ?? "")\(name)' here",
            at: offset,
            hint: "it has: \(known.prefix(12).joined(separator: ", "))"
        )
    }

    func find(_ name: String, _ stream: String? = nil) -> Source? {
        sources.first { source in
            !source.column.isHidden && source.column.name.lowercased() == name.lowercased()
                && (stream.map { source.column.streams.contains($0.lowercased()) } ?? true)
        }
    }

    static func category(_ type: LogicalType?) -> Category {
        switch type {
        case .varchar?, .json?, .uuid?: .text
        case .tinyint?, .smallint?, .integer?, .bigint?, .hugeint?, .float?, .double?, .decimal?, .utinyint?,
            .usmallint?, .uinteger?, .ubigint?:
            .number
        case .date?, .timestamp?, .timestampTZ?, .timestampS?, .timestampMS?, .timestampNS?: .moment
        default: .other
        }
    }

    // MARK: - Operators

    private func binary(_ sign: String, _ left: DataFlowExpression, _ right: DataFlowExpression) throws -> Written {
        var a = try write(left)
        var b = try write(right)
        switch sign {
        case "&&": return Written(sql: "(\(a.sql) AND \(b.sql))")
        case "||":
            let isText = a.category == .text && b.category == .text
            return Written(sql: "(\(a.sql) \(isText ? "||" : "OR") \(b.sql))", category: isText ? .text : .other)
        case "+" where a.category == .text || b.category == .text:
            return Written(sql: "(\(a.sql) || \(b.sql))", category: .text)
        case "+", "-":
            let isMoment = a.category == .moment || b.category == .moment
            return Written(sql: "(\(a.sql) \(sign) \(b.sql))", category: isMoment ? .moment : .number)
        case "/", "%":
            return Written(sql: "(\(Self.number(a)) \(sign) nullif(\(Self.number(b)), 0))", category: .number)
        case "*": return Written(sql: "(\(Self.number(a)) * \(Self.number(b)))", category: .number)
        case "^":
            return a.category == .number && b.category == .number
                ? Written(sql: "xor(\(a.sql), \(b.sql))", category: .number)
                : Written(sql: "(\(a.sql) <> \(b.sql))")
        case "<=>" where a.category == .text && b.category == .text:
            return Written(sql: "(lower(\(a.sql)) IS NOT DISTINCT FROM lower(\(b.sql)))")
        default:
            align(&a, &b)
            let operators = [
                "==": "=", "===": "=", "!=": "<>", "<=>": "IS NOT DISTINCT FROM",
            ]
            return Written(sql: "(\(a.sql) \(operators[sign] ?? sign) \(b.sql))")
        }
    }

    private static func number(_ value: Written) -> String {
        value.category == .text ? "try_cast(\(value.sql) AS DOUBLE)" : value.sql
    }

    /// Spark compares text with a number or moment as such.
    private func align(_ a: inout Written, _ b: inout Written) {
        func cast(_ text: inout Written, _ other: Written) {
            guard text.category == .text, other.category == .number || other.category == .moment else { return }
            text.sql = "try_cast(\(text.sql) AS \(other.category == .number ? "DOUBLE" : "TIMESTAMP"))"
        }
        let (first, second) = (a, b)
        cast(&a, second)
        cast(&b, first)
    }
}
