import DuetPipeline
import Foundation

/// Checks JSON against JSON schemas, as far as OpenLineage's use the language: `$ref`, `allOf`, `anyOf`, `not`, types,
/// properties, items, enums and formats.
struct SchemaCheck {
    private let documents: [String: JSONValue]

    /// Reads all schemas of a folder.
    init(folder: String) throws {
        var documents: [String: JSONValue] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".json") {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            let schema = try JSONValue(parsing: text)
            documents[schema["$id"]?.string ?? name] = schema
        }
        self.documents = documents
    }

    /// What is wrong with a value, by its place; empty when nothing is.
    func faults(in value: JSONValue, against reference: String) -> [String] {
        guard let (schema, base) = find(reference, base: "") else { return ["there is no schema \(reference)"] }
        return faults(value, schema, base, at: "$")
    }

    private func find(_ reference: String, base: String) -> (schema: JSONValue, base: String)? {
        let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let document = parts[0].isEmpty ? base : parts[0]
        guard var schema = documents[document] else { return nil }
        for key in (parts.count > 1 ? parts[1] : "").split(separator: "/") {
            guard let inner = schema[String(key)] else { return nil }
            schema = inner
        }
        return (schema, document)
    }

    private func faults(_ value: JSONValue, _ schema: JSONValue, _ base: String, at place: String) -> [String] {
        var found: [String] = []
        if let reference = schema["$ref"]?.string {
            guard let (inner, document) = find(reference, base: base) else { return ["\(place): no \(reference)"] }
            found += faults(value, inner, document, at: place)
        }
        for part in schema["allOf"]?.array ?? [] { found += faults(value, part, base, at: place) }
        if let parts = schema["anyOf"]?.array, !parts.contains(where: { faults(value, $0, base, at: place).isEmpty }) {
            found.append("\(place): none of anyOf fits: \(parts.flatMap { faults(value, $0, base, at: place) })")
        }
        if let not = schema["not"], faults(value, not, base, at: place).isEmpty {
            found.append("\(place): is what it must not be")
        }
        if let type = schema["type"]?.string, !Self.isA(value, type) { found.append("\(place): is no \(type)") }
        if let allowed = schema["enum"]?.array, !allowed.contains(value) {
            found.append("\(place): is none of \(allowed)")
        }
        if let format = schema["format"]?.string, let text = value.string, !Self.has(text, format) {
            found.append("\(place): '\(text)' is no \(format)")
        }
        for (index, item) in (value.array ?? []).enumerated() {
            if let items = schema["items"] { found += faults(item, items, base, at: "\(place)[\(index)]") }
        }
        guard let object = value.object else { return found }
        for name in (schema["required"]?.array ?? []).compactMap(\.string) where object[name] == nil {
            found.append("\(place): lacks \(name)")
        }
        for member in object.members {
            if let inner = schema["properties"]?[member.key] {
                found += faults(member.value, inner, base, at: "\(place).\(member.key)")
            } else if let inner = schema["additionalProperties"], inner.object != nil {
                found += faults(member.value, inner, base, at: "\(place).\(member.key)")
            }
        }
        return found
    }

    private static func isA(_ value: JSONValue, _ type: String) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("integer", .integer),
            ("number", .integer), ("number", .double), ("null", .null):
            true
        default: false
        }
    }

    private static func has(_ text: String, _ format: String) -> Bool {
        switch format {
        case "uuid": UUID(uuidString: text) != nil
        case "uri": URL(string: text)?.scheme != nil
        case "date-time":
            text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/) != nil
        default: true
        }
    }
}
