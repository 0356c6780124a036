/// Java's date patterns, which the data flow language uses, as those of DuckDB's `strftime`.
package enum DatePattern {
    /// The pattern; letters that mean nothing stay as they are.
    package static func strftime(_ pattern: String) -> String {
        var result = ""
        var rest = pattern[...]
        while let first = rest.first {
            if first == "'" {
                let inner = rest.dropFirst()
                let end = inner.firstIndex(of: "'") ?? inner.endIndex
                result += inner[..<end].replacing("%", with: "%%")
                rest = end == inner.endIndex ? inner[end...] : inner[inner.index(after: end)...]
                continue
            }
            let run = rest.prefix { $0 == first }
            result += directive(first, run.count) ?? String(run).replacing("%", with: "%%")
            rest = rest[run.endIndex...]
        }
        return result
    }

    private static func directive(_ letter: Character, _ count: Int) -> String? {
        switch letter {
        case "y", "u": count == 2 ? "%y" : "%Y"
        case "M": count >= 4 ? "%B" : count == 3 ? "%b" : count == 2 ? "%m" : "%-m"
        case "d": count == 2 ? "%d" : "%-d"
        case "D": "%j"
        case "H": count == 2 ? "%H" : "%-H"
        case "h": count == 2 ? "%I" : "%-I"
        case "m": count == 2 ? "%M" : "%-M"
        case "s": count == 2 ? "%S" : "%-S"
        case "S": count <= 3 ? "%g" : "%f"
        case "a": "%p"
        case "E": count >= 4 ? "%A" : "%a"
        case "Z", "z", "X": "%z"
        default: nil
        }
    }
}
