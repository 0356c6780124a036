public import DuetPipeline

/// Holds JSON to a JSON Schema (draft 2020-12), as far as duet's own schemas use it.
///
/// A keyword that is not known is told as a fault, so that a schema never says more than is checked.
public struct JSONSchema: Sendable {
    private let root: JSONValue

    /// Reads a schema.
    ///
    /// - Throws: ``JSONError`` when it is not JSON.
    public init(_ text: String) throws { root = try JSONValue(parsing: text) }

    /// What is wrong with a value; empty when it is valid.
    public func faults(in value: JSONValue) -> [String] { faults(value, root, at: "$") }

    private static let notes = ["$schema", "$id", "title", "description", "$defs"]

    private func faults(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
        guard let rules = schema.object else { return ["\(path): the schema is no object"] }
        return rules.members.flatMap { key, rule -> [String] in
            switch key {
            case _ where Self.notes.contains(key): []
            case "$ref": reference(rule).map { faults(value, $0, at: path) } ?? ["\(path): no \(rule)"]
            case "type":
                Self.has(value, rule.string ?? "") ? [] : ["\(path): expected \(rule.string ?? ""), found \(value)"]
            case "const": value == rule ? [] : ["\(path): expected \(rule), found \(value)"]
            case "enum": (rule.array ?? []).contains(value) ? [] : ["\(path): \(value) is none of \(rule)"]
            case "minimum": (value.integer ?? 0) >= (rule.integer ?? 0) ? [] : ["\(path): \(value) is too small"]
            case "pattern": date(value, rule, path)
            case "anyOf":
                (rule.array ?? []).contains { faults(value, $0, at: path).isEmpty }
                    ? [] : ["\(path): nothing fits \(value)"]
            case "items": (value.array ?? []).enumerated().flatMap { faults($1, rule, at: "\(path)[\($0)]") }
            case "required":
                (rule.array ?? []).compactMap(\.string).filter { value.object?[$0] == nil }.map {
                    "\(path): no '\($0)'"
                }
            case "properties":
                (value.object?.members ?? []).flatMap { name, member in
                    rule.object?[name].map { faults(member, $0, at: "\(path).\(name)") } ?? []
                }
            case "additionalProperties":
                (value.object?.keys ?? []).filter { rules["properties"]?.object?[$0] == nil }
                    .map { "\(path): '\($0)' is not in the schema" }
            default: ["\(path): the keyword '\(key)' is not checked here"]
            }
        }
    }

    /// The one pattern in use: a date.
    private func date(_ value: JSONValue, _ rule: JSONValue, _ path: String) -> [String] {
        guard rule.string == "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" else {
            return ["\(path): the pattern \(rule) is not checked here"]
        }
        let isDate = value.string.map { $0.count == 10 && $0.allSatisfy { $0.isNumber || $0 == "-" } } ?? false
        return isDate ? [] : ["\(path): \(value) is no date"]
    }

    private func reference(_ rule: JSONValue) -> JSONValue? {
        var value: JSONValue? = root
        for part in (rule.string ?? "").split(separator: "/").dropFirst() { value = value?.object?[String(part)] }
        return value
    }

    private static func has(_ value: JSONValue, _ type: String) -> Bool {
        switch (type, value) {
        case ("string", .string), ("boolean", .bool), ("null", .null), ("array", .array), ("object", .object),
            ("integer", .integer), ("number", .integer), ("number", .double):
            true
        default: false
        }
    }
}
