/// Fills `${name}` in text from pipeline.yml's parameters and the command line's.
struct Parameters: Sendable {
    var values: [String: String]

    /// Replaces every `${name}`; `location` gives the place of an offset in the text for errors.
    func fill(_ text: String, location: (Int) -> SourceLocation) throws(DuetError) -> String {
        guard text.contains("${") else { return text }
        var output = ""
        var rest = text[...]
        while let open = rest.firstRange(of: "${") {
            output += rest[..<open.lowerBound]
            let offset = text.utf8.distance(from: text.startIndex, to: open.lowerBound)
            guard let close = rest[open.upperBound...].firstIndex(of: "}") else {
                throw DuetError(.sqlSyntax, "'${' without '}'", hint: "add '}'", at: location(offset))
            }
            output += try value(of: String(rest[open.upperBound..<close]), at: location(offset))
            rest = rest[rest.index(after: close)...]
        }
        return output + rest
    }

    func value(of name: String, at location: SourceLocation) throws(DuetError) -> String {
        if let value = values[name] { return value }
        throw DuetError(
            .unknownParameter,
            "'${\(name)}' names no parameter",
            hint: Suggestion.hint(for: name, among: values.keys, noun: "parameters")
                ?? "declare it in pipeline.yml: parameters: {\(name): ...}",
            at: location
        )
    }
}
