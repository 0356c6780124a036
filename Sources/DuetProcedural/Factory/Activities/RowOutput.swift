internal import DuckKit
internal import DuetExpression
internal import Foundation

/// Rows of a query as the service's activities give them.
enum RowOutput {
    /// Rows as objects, at most so many.
    static func rows(_ result: QueryResult, limit: Int) throws -> [ExpressionValue] {
        var rows: [ExpressionValue] = []
        let names = result.columns.map(\.name)
        while rows.count < limit, let chunk = try result.nextChunk() {
            for row in try chunk.rows().prefix(limit - rows.count) {
                rows.append(.object(ExpressionObject(zip(names, row).map { ($0, value($1)) })))
            }
        }
        return rows
    }

    /// A value as JSON has it; moments as the service writes them.
    static func value(_ value: Value) -> ExpressionValue {
        switch value {
        case .null: .null
        case .boolean(let flag): .boolean(flag)
        case .float, .double: value.double.map { .float($0) } ?? .null
        case .decimal: value.int.map { .float(Double($0)) } ?? value.double.map { .float($0) } ?? .null
        case .date, .timestamp, .timestampTZ, .timestampS, .timestampMS, .timestampNS:
            .string(moment(value.description))
        case .list(let elements), .array(let elements): .array(elements.map(Self.value))
        case .structure(let fields): .object(ExpressionObject(fields.map { ($0.name, Self.value($0.value)) }))
        default: value.int.map { .integer(Int64($0)) } ?? .string(value.description)
        }
    }

    /// `2013-01-31 10:00:00` as `2013-01-31T10:00:00Z`.
    private static func moment(_ text: String) -> String {
        var text = text
        if let plus = text.lastIndex(of: "+") { text = String(text[..<plus]) }
        guard let space = text.firstIndex(of: " ") else { return text + "T00:00:00Z" }
        text.replaceSubrange(space...space, with: "T")
        return text + "Z"
    }
}
