internal import DuckKit
internal import DuetPipeline

/// What to write in place of SQL that means something in Spark and nothing, or something else, in DuckDB.
enum SpellingHint {
    /// A hint for an error at a place of the user's text; nil when there is nothing to say beyond DuckDB's own words.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - text: The user's text.
    ///   - offset: Where in it the error is.
    ///   - known: What is to be said anyhow: names that are near.
    /// - Returns: The hint.
    static func hint(
        for error: DuckDBError,
        in text: MappedText,
        at offset: Int,
        besides known: String? = nil
    ) -> String? {
        let bytes = Array(text.text.utf8)
        let rest = String(decoding: bytes[min(offset, bytes.count)...], as: UTF8.self)
        if error.message.contains("\"_rescued_data\"") {
            return "the files' columns are those of the table that reads them: there, write rescuedDataColumn => "
                + "'_rescued_data' in read_files"
        }
        if error.message.contains("column \"_c"), error.message.contains(/"_c[0-9]+"/) {
            return "columns of files without names are called column0, column1, ...; schema => 'id INT, ...' names them"
        }
        if error.kind == .binder || error.kind == .catalog {
            if let column = quoted(in: error.message, after: "Referenced column "),
                isQuoted(column, rest), text.file.line(text.location(at: offset).line).contains("\"\(column)\"")
            {
                let quotes = "texts stand in single quotes, names in double ones: write '\(column)' if this is a text"
                return known.map { "\($0) Or, as \(quotes)" } ?? quotes
            }
            guard let name = quoted(function: error.message) else { return nil }
            return functions[name]
        }
        // A query's syntax is told by the function that gives its tree, with another kind of error.
        guard error.message.contains("syntax error") else { return nil }
        let word = rest.prefix { $0.isLetter || $0 == "_" }.uppercased()
        if word == "CREATE" || word == "APPLY" { return "is a ';' missing before it?" }
        let next = rest.dropFirst(word.count).drop { $0.isWhitespace }.prefix { $0.isLetter }.uppercased()
        if word == "WITH", next == "ROLLUP" || next == "CUBE" { return "write GROUP BY \(next) (a, b)" }
        let name = before(bytes, offset)
        if name == "WINDOW", rest.hasPrefix("(") { return functions["window"] }
        if reserved.contains(name) {
            return
                "\(name.lowercased()) is a word of SQL; a column of that name stands in quotes: \"\(name.lowercased())\""
        }
        return nil
    }

    /// Functions of Spark that have no rule of their own here.
    private static let functions = [
        "window": "write time_bucket(INTERVAL '1 hour', at) for the beginning of the window",
        "months_between": "write date_diff('month', a, b), which counts how often a month begins between them",
        "xxhash64": "hash() gives other numbers; md5() and sha256() are the same everywhere",
        "sha1": "write sha256() or md5()", "inline": "write unnest(list, max_depth := 2)",
        "posexplode": "write LATERAL VIEW posexplode(list) t AS position, value",
        "monotonically_increasing_id": "number rows by what is in them: row_number() OVER (ORDER BY ...)",
        "date_format": "the format must stand in the query as a text, such as 'yyyy-MM-dd'",
        "from_json": "the schema must stand in the query as a text, such as 'a INT, b STRING'",
        "exists": "write len(list_filter(list, lambda x: ...)) > 0",
        "aggregate": "write list_reduce(list, lambda a, x: ..., start)",
        "read_kafka": "no message queue is read from here; land its messages as files, and read those with read_files",
        "read_kinesis":
            "no message queue is read from here; land its messages as files, and read those with read_files",
        "ai_forecast": "models answer ai_classify, ai_query and ai_embed, see docs/inference.md",
        "date_from_unix_date": "write DATE '1970-01-01' + days",
    ]

    private static let reserved: Set<String> = [
        "AT", "OFFSET", "END", "DESC", "ASC", "WINDOW", "LIMIT", "TO", "DO", "ONLY", "PLACING", "INITIALLY", "ANALYSE",
        "USER", "ORDER", "GROUP", "TABLE", "COLUMN", "DEFAULT", "CHECK", "REFERENCES",
    ]

    private static func quoted(in message: String, after start: String) -> String? {
        guard let range = message.firstRange(of: start + "\"") else { return nil }
        return String(message[range.upperBound...].prefix { $0 != "\"" })
    }

    private static func quoted(function message: String) -> String? {
        guard let range = message.firstRange(of: "Function with name ") else { return nil }
        return String(message[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }).lowercased()
    }

    /// Whether a name stands in double quotes where the error is, or right behind an operator there.
    private static func isQuoted(_ name: String, _ rest: String) -> Bool {
        rest.hasPrefix("\"\(name)\"")
            || rest.prefix(4).contains("\"") && rest.drop { $0 != "\"" }.hasPrefix("\"\(name)\"")
    }

    /// The word before a place, in capitals.
    private static func before(_ bytes: [UInt8], _ offset: Int) -> String {
        var end = min(offset, bytes.count)
        while end > 0, bytes[end - 1] <= 0x20 { end -= 1 }
        var start = end
        while start > 0, isLetter(bytes[start - 1]) { start -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self).uppercased()
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
}
