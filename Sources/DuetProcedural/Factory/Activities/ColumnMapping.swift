internal import DuckKit
internal import DuetExpression

/// Which column goes where, of `translator` in its forms.
///
/// Source: copy-activity-schema-and-type-mapping: explicit `mappings` by name, ordinal or path, with
/// `collectionReference` for a row per element; the older `columnMappings` and `schemaMapping`; without any of them
/// columns are mapped by name, or by place when the file has no header.
struct ColumnMapping {
    private enum Origin {
        case name(String)
        case ordinal(Int)
        case path(JSONPath, text: String)
    }

    private struct Pair {
        var origin: Origin
        /// Where it goes: a column, or members within members of JSON; empty for the source's own name.
        var target: [String]
    }

    private var pairs: [Pair] = []
    private var collection: JSONPath?
    private var complexAsText = false
    private static let element = "__duet_element"

    init(_ translator: ExpressionObject?) throws {
        guard let translator else { return }
        for element in translator.value(ignoringCase: "mappings")?.arrayValue ?? [] {
            if let pair = try Self.pair(element.objectValue ?? ExpressionObject()) { pairs.append(pair) }
        }
        if let text = translator.value(ignoringCase: "collectionReference")?.stringValue, !text.isEmpty {
            collection = try JSONPath(text)
        }
        complexAsText = LookupHandler.flag(translator.value(ignoringCase: "mapComplexValuesToString")) ?? false
        try readOlderForms(translator)
    }

    private static func pair(_ mapping: ExpressionObject) throws -> Pair? {
        let source = mapping.value(ignoringCase: "source")?.objectValue
        let sink = mapping.value(ignoringCase: "sink")?.objectValue
        let origin: Origin
        if let name = source?.value(ignoringCase: "name")?.stringValue {
            origin = .name(name)
        } else if let path = source?.value(ignoringCase: "path")?.stringValue {
            origin = .path(try JSONPath(path), text: path)
        } else if let ordinal = source?.value(ignoringCase: "ordinal").flatMap(Self.integer) {
            origin = .ordinal(ordinal)
        } else {
            return nil
        }
        var target: [String] = []
        if let name = sink?.value(ignoringCase: "name")?.stringValue {
            target = [name]
        } else if let path = sink?.value(ignoringCase: "path")?.stringValue {
            target = try JSONPath(path).steps.map { step in
                guard case .member(let name) = step else {
                    throw ActivityFailure(
                        "UnsupportedMapping",
                        "the sink's path '\(path)' names an element of a list",
                        hint: "name members only",
                        isFinal: true
                    )
                }
                return name
            }
        }
        return Pair(origin: origin, target: target)
    }

    private mutating func readOlderForms(_ translator: ExpressionObject) throws {
        switch translator.value(ignoringCase: "columnMappings") {
        case .string(let text)?:
            for pair in text.split(separator: ",") {
                let parts = pair.split(separator: ":").map { $0.trimmingSpaces }
                if parts.count == 2 { pairs.append(Pair(origin: .name(parts[0]), target: [parts[1]])) }
            }
        case .object(let object)?:
            for (name, sink) in zip(object.names, object.values) {
                pairs.append(Pair(origin: .name(name), target: sink.stringValue.map { [$0] } ?? []))
            }
        default: break
        }
        if let object = translator.value(ignoringCase: "schemaMapping")?.objectValue {
            for (path, sink) in zip(object.names, object.values) {
                let origin = Origin.path(try JSONPath(path), text: path)
                pairs.append(Pair(origin: origin, target: sink.stringValue.map { [$0] } ?? []))
            }
        }
    }

    private static func integer(_ value: ExpressionValue) -> Int? {
        if case .integer(let number) = value { Int(number) } else { nil }
    }

    // MARK: - The query

    /// The source's rows with the sink's names.
    func query(
        over source: SourceRelation,
        columns: [ColumnDescription],
        additional: [ExpressionValue]
    ) throws -> String {
        let root = JSONPlace(sql: "", type: .structure(columns.map { .init(name: $0.name, type: $0.type) }))
        var rest = "FROM (\(source.sql))"
        var inner: JSONPlace?
        if let collection {
            guard let place = Self.place(collection, in: root) else {
                throw Self.missing("collectionReference", columns)
            }
            switch place.type {
            case .list(let element):
                inner = JSONPlace(sql: SQL.identifier(Self.element), type: element)
                rest = "FROM (SELECT *, unnest(\(place.sql)) AS \(Self.element) \(rest))"
            case .json:
                inner = JSONPlace(sql: SQL.identifier(Self.element), type: .json)
                let list = "from_json(\(place.sql), '[\"JSON\"]')"
                rest = "FROM (SELECT *, unnest(\(list)) AS \(Self.element) \(rest))"
            default:
                throw ActivityFailure("InvalidMapping", "the collectionReference is no list", isFinal: true)
            }
        }
        var tree = ColumnTree()
        if pairs.isEmpty { tree.add(["*"], "*") }
        for pair in pairs {
            let (name, sql) = try value(of: pair, columns, root, inner)
            tree.add(pair.target.isEmpty ? [name] : pair.target, sql)
        }
        for element in additional {
            guard let object = element.objectValue, let name = object.value(ignoringCase: "name")?.stringValue else {
                continue
            }
            tree.add([name], try value(object, source))
        }
        return "SELECT \(tree.items.joined(separator: ", ")) \(rest)"
    }

    private func value(
        of pair: Pair,
        _ columns: [ColumnDescription],
        _ root: JSONPlace,
        _ inner: JSONPlace?
    ) throws -> (name: String, sql: String) {
        switch pair.origin {
        case .name(let name):
            guard let found = Self.column(name, columns) else { throw Self.missing(name, columns) }
            return (found, SQL.identifier(found))
        case .ordinal(let number):
            guard columns.indices.contains(number - 1) else { throw Self.missing("number \(number)", columns) }
            return (columns[number - 1].name, SQL.identifier(columns[number - 1].name))
        case .path(let path, let text):
            guard case .member(let name)? = path.steps.last ?? .member(text) else {
                return (text, try Self.sql(path, root, inner, complexAsText, or: { throw Self.missing(text, columns) }))
            }
            return (
                name,
                try Self.sql(path, root, inner, complexAsText) {
                    // What is deeper than the document goes in the service is null; a column that nobody has is told.
                    guard path.steps.count > 1 || inner != nil else { throw Self.missing(text, columns) }
                }
            )
        }
    }

    private static func sql(
        _ path: JSONPath,
        _ root: JSONPlace,
        _ inner: JSONPlace?,
        _ complexAsText: Bool,
        or missing: () throws -> Void
    ) throws -> String {
        let isInner = inner != nil && !path.isRooted
        let found = isInner ? inner?.selecting(path.steps) : place(path, in: root)
        if let found { return found.value(complexAsText: complexAsText) }
        try missing()
        return "NULL"
    }

    private static func place(_ path: JSONPath, in root: JSONPlace) -> JSONPlace? {
        guard let first = path.steps.first, case .structure(let fields) = root.type, case .member(let name) = first,
            let field = fields.first(where: { $0.name == name })
                ?? fields.first(where: { $0.name.lowercased() == name.lowercased() })
        else { return nil }
        return JSONPlace(sql: SQL.identifier(field.name), type: field.type).selecting(path.steps.dropFirst())
    }

    private static func missing(_ name: String, _ columns: [ColumnDescription]) -> ActivityFailure {
        ActivityFailure(
            "ColumnNotFound",
            "the source has no column '\(name)'",
            hint: "it has: \(columns.prefix(12).map(\.name).joined(separator: ", "))",
            isFinal: true
        )
    }

    private static func column(_ name: String, _ columns: [ColumnDescription]) -> String? {
        if let found = columns.first(where: { $0.name.lowercased() == name.lowercased() }) { return found.name }
        // Files without a header have Prop_0, Prop_1 … in the service.
        guard name.hasPrefix("Prop_"), let number = Int(name.dropFirst(5)), columns.indices.contains(number) else {
            return nil
        }
        return columns[number].name
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

/// Columns to be written, some of them members of structures.
private struct ColumnTree {
    private indirect enum Node {
        case value(String)
        case members([(name: String, node: Node)])
    }

    private var members: [(name: String, node: Node)] = []

    mutating func add(_ path: [String], _ sql: String) { members = Self.adding(path[...], sql, to: members) }

    private static func adding(
        _ path: ArraySlice<String>,
        _ sql: String,
        to members: [(name: String, node: Node)]
    ) -> [(name: String, node: Node)] {
        guard let name = path.first else { return members }
        var members = members
        guard path.count > 1 else {
            members.append((name, .value(sql)))
            return members
        }
        if let place = members.firstIndex(where: { $0.name == name }), case .members(let inner) = members[place].node {
            members[place].node = .members(adding(path.dropFirst(), sql, to: inner))
        } else {
            members.append((name, .members(adding(path.dropFirst(), sql, to: []))))
        }
        return members
    }

    var items: [String] {
        members.map { member in
            member.name == "*" ? "*" : "\(Self.sql(member.node)) AS \(SQL.identifier(member.name))"
        }
    }

    private static func sql(_ node: Node) -> String {
        switch node {
        case .value(let sql): return sql
        case .members(let members):
            let fields = members.map { "\(SQL.identifier($0.name)) := \(sql($0.node))" }
            return "struct_pack(\(fields.joined(separator: ", ")))"
        }
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
