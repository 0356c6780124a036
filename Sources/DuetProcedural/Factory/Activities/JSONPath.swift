internal import DuckKit

/// A path into JSON as a mapping writes it: `$['a']['b']`, `$.a.b[0]`, or relative to a collection, `['a']`.
struct JSONPath {
    enum Step: Equatable {
        case member(String)
        case element(Int)
    }

    /// Whether it begins at the document, with `$`.
    let isRooted: Bool
    let steps: [Step]

    init(_ text: String) throws(ActivityFailure) {
        var rest = text[...]
        isRooted = rest.first == "$"
        if isRooted { rest = rest.dropFirst() }
        var steps: [Step] = []
        while let first = rest.first {
            if first == "[" {
                guard let (step, end) = Self.bracket(rest) else { throw Self.failure(text) }
                // All elements of the collection is what a collection is mapped by anyway.
                if let step { steps.append(step) }
                rest = rest[end...]
                continue
            }
            if first == "." { rest = rest.dropFirst() }
            let name = rest.prefix { $0 != "." && $0 != "[" }
            guard !name.isEmpty else { throw Self.failure(text) }
            steps.append(.member(String(name)))
            rest = rest[name.endIndex...]
        }
        self.steps = steps
    }

    /// What stands between brackets, nil for `*`, and where it ends; nil when it cannot be read.
    private static func bracket(_ text: Substring) -> (step: Step?, end: Substring.Index)? {
        let inner = text.dropFirst()
        if let quote = inner.first, quote == "'" || quote == "\"" {
            let name = inner.dropFirst()
            guard let close = name.firstIndex(of: quote) else { return nil }
            let behind = name.index(after: close)
            guard behind < text.endIndex, text[behind] == "]" else { return nil }
            return (.member(String(name[..<close])), text.index(after: behind))
        }
        guard let close = inner.firstIndex(of: "]") else { return nil }
        let content = inner[..<close]
        let end = text.index(after: close)
        if content == "*" { return (nil, end) }
        if let number = Int(content), number >= 0 { return (.element(number), end) }
        return content.isEmpty ? nil : (.member(String(content)), end)
    }

    private static func failure(_ text: String) -> ActivityFailure {
        ActivityFailure(
            "InvalidMapping",
            "'\(text)' is no path into JSON",
            hint: "write $['name']['inner'] or $.name.inner[0]",
            isFinal: true
        )
    }
}

/// A place in the rows of a source, as SQL with its type.
struct JSONPlace {
    var sql: String
    var type: LogicalType

    /// The member or element; nil when the type has no such thing.
    func selecting(_ step: JSONPath.Step) -> JSONPlace? {
        switch (type, step) {
        case (.structure(let fields), .member(let name)):
            guard
                let field = fields.first(where: { $0.name == name })
                    ?? fields.first(where: { $0.name.lowercased() == name.lowercased() })
            else { return nil }
            return JSONPlace(sql: "(\(sql)).\(SQL.identifier(field.name))", type: field.type)
        case (.map(_, let value), .member(let name)):
            return JSONPlace(sql: "map_extract_value(\(sql), \(SQL.literal(name)))", type: value)
        case (.list(let element), .element(let number)), (.array(let element, _), .element(let number)):
            return JSONPlace(sql: "(\(sql))[\(number + 1)]", type: element)
        case (.json, .member(let name)):
            let path = "$.\"\(name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
            return JSONPlace(sql: "json_extract(\(sql), \(SQL.literal(path)))", type: .json)
        case (.json, .element(let number)): return JSONPlace(sql: "json_extract(\(sql), '$[\(number)]')", type: .json)
        default: return nil
        }
    }

    func selecting(_ steps: some Sequence<JSONPath.Step>) -> JSONPlace? {
        var place: JSONPlace? = self
        for step in steps { place = place?.selecting(step) }
        return place
    }

    /// The value for a column: text of JSON without its quotes, and structures as JSON text where that is asked for.
    func value(complexAsText: Bool) -> String {
        switch type {
        case .json: "json_extract_string(\(sql), '$')"
        case .structure, .list, .array, .map: complexAsText ? "CAST(to_json(\(sql)) AS VARCHAR)" : sql
        default: sql
        }
    }
}
