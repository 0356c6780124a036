import DuetPipeline

/// Names and texts as Spark writes them.
enum SparkName {
    /// Words that must be quoted in Spark or in DuckDB, which reads the export back.
    private static let reserved = Set(
        """
        all analyse analyze and anti any array as asc asymmetric both case cast check collate column constraint create cross \
        current_date current_time current_timestamp current_user default deferrable desc describe distinct div do else end \
        except exists false fetch filter for foreign from full grant group having in initially inner intersect into is join \
        lambda lateral leading left like limit minus natural not null offset on only or order outer over overlaps pivot \
        placing primary qualify references returning right rlike select semi session_user show some stream summarize \
        symmetric table then to trailing true try_cast unbounded union unique unknown unpivot user using values variadic \
        watermark when where window with within
        """
        .split(separator: " ").map(String.init)
    )

    /// A name, in backquotes where it needs them.
    static func quoted(_ name: String) -> String {
        let first = name.utf8.first.map { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
        let isSimple = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        if first, isSimple, !reserved.contains(name.lowercased()) { return name }
        return "`\(name.replacing("`", with: "``"))`"
    }

    /// A text in quotes.
    ///
    /// Spark reads a backslash in one as an escape, and DuckDB does not: such a text is refused by the caller.
    static func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }

    /// A dataset's name: views have none with a schema.
    static func dataset(_ dataset: Dataset) -> String {
        isView(dataset)
            ? quoted("\(dataset.name.schema)_\(dataset.name.table)")
            : "\(quoted(dataset.name.schema)).\(quoted(dataset.name.table))"
    }

    /// Whether a dataset is written as a view.
    static func isView(_ dataset: Dataset) -> Bool { dataset.kind == .view || dataset.visibility == .temporary }

    /// A type in Spark's words; nil for types that Spark has not.
    static func type(_ type: JSONValue) -> String? {
        guard let name = type["id"]?.string else { return nil }
        let plain = [
            "BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INTEGER": "INT", "BIGINT": "BIGINT",
            "FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "VARCHAR": "STRING", "BLOB": "BINARY", "DATE": "DATE",
            // Both mean an instant in UTC: the project's session has that zone.
            "TIMESTAMP": "TIMESTAMP", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
            // Narrower whole numbers hold all values of these.
            "UTINYINT": "SMALLINT", "USMALLINT": "INT", "UINTEGER": "BIGINT", "HUGEINT": "DECIMAL(38, 0)",
            "UBIGINT": "DECIMAL(20, 0)",
        ]
        if let plain = plain[name] { return plain }
        let info = type["type_info"]
        switch name {
        case "DECIMAL":
            guard let width = info?["width"]?.integer, let scale = info?["scale"]?.integer else {
                return "DECIMAL(18, 3)"
            }
            return "DECIMAL(\(width), \(scale))"
        case "UNBOUND": return unbound(info)
        case "LIST":
            return info?["child_type"].flatMap(Self.type).map { "ARRAY<\($0)>" }
        default: return nil
        }
    }

    /// A type that the parser has only the name of.
    private static func unbound(_ info: JSONValue?) -> String? {
        let name = (info?["name"]?.string ?? "").uppercased()
        let known = [
            "BOOL": "BOOLEAN", "INT": "INT", "INT4": "INT", "INT8": "BIGINT", "LONG": "BIGINT", "STRING": "STRING",
            "TEXT": "STRING", "REAL": "FLOAT", "SHORT": "SMALLINT",
        ]
        return known[name] ?? type(["id": .string(name)])
    }
}
