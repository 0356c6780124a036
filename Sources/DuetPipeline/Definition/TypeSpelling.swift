/// Types as Spark spells them, in DuckDB's words: `ARRAY<STRING>`, `MAP<STRING, INT>`, `STRUCT<a: INT, b: STRING>`.
///
/// Simple types need nothing: DuckDB knows `STRING`, `LONG`, `BINARY` and the like by the same names.
public enum TypeSpelling {
    /// A type in DuckDB's words.
    ///
    /// - Parameter type: The type as written.
    /// - Returns: The same type; what is not one of Spark's nested types is left as it is.
    public static func duckDB(_ type: String) -> String {
        let trimmed = trimming(type[...])
        guard let open = trimmed.firstIndex(of: "<"), trimmed.last == ">" else {
            return simple[trimmed.uppercased()] ?? String(trimmed)
        }
        let word = trimming(trimmed[..<open]).uppercased()
        let inner = trimmed[trimmed.index(after: open)..<trimmed.index(before: trimmed.endIndex)]
        let parts = pieces(inner)
        switch word {
        case "ARRAY" where parts.count == 1: return duckDB(parts[0]) + "[]"
        case "MAP" where parts.count == 2: return "MAP(\(parts.map(duckDB).joined(separator: ", ")))"
        case "STRUCT":
            let fields = parts.map { part -> String in
                let field = trimming(part[...])
                let name = field.prefix { !$0.isWhitespace && $0 != ":" }
                let rest = trimming(field.dropFirst(name.count))
                return "\(name) \(duckDB(String(rest.hasPrefix(":") ? rest.dropFirst() : rest)))"
            }
            return "STRUCT(\(fields.joined(separator: ", ")))"
        default: return String(trimmed)
        }
    }

    /// Types that DuckDB calls otherwise.
    private static let simple = [
        "TIMESTAMP_NTZ": "TIMESTAMP", "TIMESTAMP_LTZ": "TIMESTAMPTZ", "BYTE": "TINYINT", "VOID": "VARCHAR",
    ]

    /// The pieces between commas outside brackets of any kind.
    package static func pieces(_ text: some StringProtocol) -> [String] {
        var pieces = [""]
        var depth = 0
        for character in text {
            if "(<".contains(character) { depth += 1 }
            if ")>".contains(character) { depth -= 1 }
            if character == ",", depth == 0 { pieces.append("") } else { pieces[pieces.count - 1].append(character) }
        }
        return pieces
    }

    private static func trimming(_ text: Substring) -> Substring {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
