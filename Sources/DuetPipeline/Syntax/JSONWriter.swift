extension JSONValue {
    /// The value as JSON text.
    ///
    /// - Parameter pretty: Whether to put each member on its own line, indented by two spaces.
    /// - Returns: The text, without a line break at its end.
    public func text(pretty: Bool = false) -> String {
        var output = ""
        write(into: &output, pretty: pretty, depth: 0)
        return output
    }

    private func write(into output: inout String, pretty: Bool, depth: Int) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .unsigned(let value): output += String(value)
        // JSON has no infinities; null is what other writers put in their place.
        case .double(let value): output += value.isFinite ? "\(value)" : "null"
        case .string(let value): Self.quote(value, into: &output)
        case .array(let values):
            Self.list(values, brackets: ("[", "]"), into: &output, pretty: pretty, depth: depth) { value, output in
                value.write(into: &output, pretty: pretty, depth: depth + 1)
            }
        case .object(let object):
            Self.list(object.members, brackets: ("{", "}"), into: &output, pretty: pretty, depth: depth) {
                member,
                output in
                Self.quote(member.key, into: &output)
                output += pretty ? ": " : ":"
                member.value.write(into: &output, pretty: pretty, depth: depth + 1)
            }
        }
    }

    private static func list<T>(
        _ items: [T],
        brackets: (String, String),
        into output: inout String,
        pretty: Bool,
        depth: Int,
        item: (T, inout String) -> Void
    ) {
        output += brackets.0
        for (index, element) in items.enumerated() {
            if index > 0 { output += "," }
            if pretty { output += "\n" + String(repeating: "  ", count: depth + 1) }
            item(element, &output)
        }
        if pretty, !items.isEmpty { output += "\n" + String(repeating: "  ", count: depth) }
        output += brackets.1
    }

    private static func quote(_ text: String, into output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case let control where control.value < 0x20:
                let hex = String(control.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
