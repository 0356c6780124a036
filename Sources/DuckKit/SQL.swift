/// Small pieces of SQL text, quoted so that no name and no string can end its own quotes.
public enum SQL {
    /// A name in double quotes, whether or not it needs them, with `"` doubled.
    ///
    /// - Parameter name: The name as it is stored, without quotes.
    /// - Returns: The quoted name.
    public static func identifier(_ name: String) -> String {
        quoted(name, by: "\"")
    }

    /// A name with its schema, each quoted: `"silver"."trips"`.
    ///
    /// - Parameters:
    ///   - schema: The schema's name; nil leaves it out.
    ///   - name: The table's, view's or function's name.
    /// - Returns: The quoted name.
    public static func qualified(_ schema: String?, _ name: String) -> String {
        guard let schema else { return identifier(name) }
        return "\(identifier(schema)).\(identifier(name))"
    }

    /// A name with its catalog and schema, each quoted: `"lake"."silver"."trips"`.
    ///
    /// - Parameters:
    ///   - catalog: The name of the attached database; nil leaves it out.
    ///   - schema: The schema's name.
    ///   - name: The table's, view's or function's name.
    /// - Returns: The quoted name.
    public static func qualified(catalog: String?, schema: String, name: String) -> String {
        guard let catalog else { return qualified(schema, name) }
        return "\(identifier(catalog)).\(qualified(schema, name))"
    }

    /// A string literal in single quotes, with `'` doubled.
    ///
    /// A backslash stands for itself in such a literal. Prefer a parameter wherever DuckDB takes one.
    ///
    /// - Parameter text: The text itself.
    /// - Returns: The quoted text.
    public static func literal(_ text: String) -> String {
        quoted(text, by: "'")
    }

    private static func quoted(_ text: String, by quote: Character) -> String {
        var result = String(quote)
        // By unicode scalar, since a quote followed by a combining mark is one Character, and not equal to the quote.
        for scalar in text.unicodeScalars {
            if quote.unicodeScalars.first == scalar { result.unicodeScalars.append(scalar) }
            result.unicodeScalars.append(scalar)
        }
        result.append(quote)
        return result
    }
}
