internal import DuckKit
internal import DuetExpression

/// Which column goes where, of `translator` in its forms.
///
/// Source: copy-activity-schema-and-type-mapping: explicit `mappings`, the older `columnMappings`; without either columns
/// are mapped by name, or by place when the file has no header.
struct ColumnMapping {
    private struct Pair {
        var name: String?
        var ordinal: Int?
        var sink: String?
        var sinkOrdinal: Int?
    }

    private var pairs: [Pair] = []

    init(_ translator: ExpressionObject?) throws {
        for element in translator?.value(ignoringCase: "mappings")?.arrayValue ?? [] {
            let source = element.objectValue?.value(ignoringCase: "source")?.objectValue
            let sink = element.objectValue?.value(ignoringCase: "sink")?.objectValue
            var name = source?.value(ignoringCase: "name")?.stringValue
            if name == nil, let path = source?.value(ignoringCase: "path")?.stringValue { name = try Self.column(path) }
            var sinkName = sink?.value(ignoringCase: "name")?.stringValue
            if sinkName == nil, let path = sink?.value(ignoringCase: "path")?.stringValue {
                sinkName = try Self.column(path)
            }
            pairs.append(
                Pair(
                    name: name,
                    ordinal: source?.value(ignoringCase: "ordinal").flatMap(Self.integer),
                    sink: sinkName,
                    sinkOrdinal: sink?.value(ignoringCase: "ordinal").flatMap(Self.integer)
                )
            )
        }
        switch translator?.value(ignoringCase: "columnMappings") {
        case .string(let text)?:
            for pair in text.split(separator: ",") {
                let parts = pair.split(separator: ":").map { $0.trimmingSpaces }
                if parts.count == 2 { pairs.append(Pair(name: parts[0], sink: parts[1])) }
            }
        case .object(let object)?:
            for (name, sink) in zip(object.names, object.values) {
                pairs.append(Pair(name: name, sink: sink.stringValue))
            }
        default: break
        }
    }

    private static func integer(_ value: ExpressionValue) -> Int? {
        if case .integer(let number) = value { Int(number) } else { nil }
    }

    /// `$['name']` and `$.name` as a column; deeper paths need a data flow or SQL.
    private static func column(_ path: String) throws -> String {
        var text = path
        if text.hasPrefix("$") { text = String(text.dropFirst()) }
        if text.hasPrefix("['"), text.hasSuffix("']") { text = String(text.dropFirst(2).dropLast(2)) }
        if text.hasPrefix(".") { text = String(text.dropFirst()) }
        guard !text.contains("[") else {
            throw ActivityFailure("UnsupportedMapping", "the path '\(path)' goes into nested values", isFinal: true)
        }
        return text
    }

    /// The source's rows with the sink's names.
    func query(
        over source: SourceRelation,
        columns: [String],
        additional: [ExpressionValue],
        header: Bool
    ) throws -> String {
        var items: [String] = []
        if pairs.isEmpty { items.append("*") }
        for pair in pairs {
            guard let name = column(of: pair, columns) else {
                throw ActivityFailure(
                    "ColumnNotFound",
                    "the source has no column '\(pair.name ?? pair.ordinal.map { "number \($0)" } ?? "")'",
                    hint: "it has: \(columns.prefix(12).joined(separator: ", "))",
                    isFinal: true
                )
            }
            items.append("\(SQL.identifier(name)) AS \(SQL.identifier(pair.sink ?? name))")
        }
        for element in additional {
            guard let object = element.objectValue, let name = object.value(ignoringCase: "name")?.stringValue else {
                continue
            }
            items.append("\(try value(object, source)) AS \(SQL.identifier(name))")
        }
        return "SELECT \(items.joined(separator: ", ")) FROM (\(source.sql))"
    }

    private func column(of pair: Pair, _ columns: [String]) -> String? {
        if let name = pair.name {
            if let found = columns.first(where: { $0.lowercased() == name.lowercased() }) { return found }
            // Files without a header have Prop_0, Prop_1 … in the service.
            guard name.hasPrefix("Prop_"), let number = Int(name.dropFirst(5)), columns.indices.contains(number) else {
                return nil
            }
            return columns[number]
        }
        guard let ordinal = pair.ordinal, columns.indices.contains(ordinal - 1) else { return nil }
        return columns[ordinal - 1]
    }

    private func value(_ object: ExpressionObject, _ source: SourceRelation) throws -> String {
        let value = object.value(ignoringCase: "value") ?? .null
        guard case .string(let text) = value else { return SQLText.literal(value) }
        if text.hasPrefix("$$COLUMN:") { return SQL.identifier(String(text.dropFirst("$$COLUMN:".count))) }
        guard text == "$$FILEPATH" else { return SQL.literal(text) }
        guard source.files.count == 1 else {
            throw ActivityFailure("UnsupportedColumn", "$$FILEPATH is there for copies of one file", isFinal: true)
        }
        return SQL.literal(source.files[0].relative)
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        var text = self
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
