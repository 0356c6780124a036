/// Spark's functions that DuckDB does not have, in DuckDB's words.
///
/// Only names, or numbers of arguments, that mean nothing in DuckDB are here: what both have, each in its own way
/// (`dayofweek`, `concat`, `regexp_replace`), stays DuckDB's.
enum SparkCalls {
    /// What a call becomes, with its arguments as `$1`, `$2`; keys are names with their number of arguments.
    static let templates: [String: String] = {
        var all = [
            "nvl/2": "coalesce($1, $2)", "nvl2/3": "CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END",
            "isnull/1": "($1 IS NULL)", "isnotnull/1": "($1 IS NOT NULL)", "zeroifnull/1": "coalesce($1, 0)",
            "iff/3": "if($1, $2, $3)", "try_divide/2": "($1 / nullif($2, 0))", "signum/1": "sign($1)",
            "pmod/2": "((($1 % $2) + $2) % $2)", "rand/0": "random()", "std/1": "stddev($1)", "btrim/1": "trim($1)",
            "size/1": "len($1)", "array_size/1": "len($1)", "array_join/2": "array_to_string($1, $2)",
            "sort_array/1": "list_sort($1, 'ASC', 'NULLS FIRST')", "transform/2": "list_transform($1, $2)",
            "sequence/2": "generate_series($1, $2)", "sequence/3": "generate_series($1, $2, $3)",
            "slice/3": "list_slice($1, $2, $2 + $3 - 1)", "map_from_arrays/2": "map($1, $2)",
            "explode/1": "unnest($1)", "explode_outer/1": "unnest(CASE WHEN len($1) > 0 THEN $1 ELSE [NULL] END)",
            "rlike/2": "regexp_matches($1, $2)", "locate/2": "instr($2, $1)", "charindex/2": "instr($2, $1)",
            "space/1": "repeat(' ', $1)", "every/1": "bool_and($1)", "get_json_object/2": "json_extract_string($1, $2)",
            "percentile/2": "quantile_cont($1, $2)", "percentile_approx/2": "quantile_disc($1, $2)",
            "approx_percentile/2": "quantile_disc($1, $2)",
            "initcap/1": "array_to_string(list_transform(string_split(lower($1), ' '), "
                + "lambda w: upper(w[1]) || w[2:]), ' ')",
            "current_timestamp/0": "current_timestamp", "curdate/0": "current_date",
            "input_file_name/0": "_metadata.file_path",
            "to_date/1": "CAST($1 AS DATE)", "try_to_date/1": "TRY_CAST($1 AS DATE)",
            "try_to_timestamp/1": "TRY_CAST($1 AS TIMESTAMP)",
            "from_unixtime/1": "strftime(make_timestamp(CAST($1 AS BIGINT) * 1000000), '%Y-%m-%d %H:%M:%S')",
            "unix_timestamp/0": "CAST(floor(epoch(current_timestamp)) AS BIGINT)",
            "unix_timestamp/1": "CAST(floor(epoch(CAST($1 AS TIMESTAMP))) AS BIGINT)",
            "to_unix_timestamp/1": "CAST(floor(epoch(CAST($1 AS TIMESTAMP))) AS BIGINT)",
            "unix_seconds/1": "CAST(floor(epoch($1)) AS BIGINT)", "unix_millis/1": "epoch_ms($1)",
            "unix_micros/1": "epoch_us($1)", "timestamp_seconds/1": "make_timestamp(CAST($1 * 1000000 AS BIGINT))",
            "timestamp_millis/1": "make_timestamp(CAST($1 AS BIGINT) * 1000)",
            "timestamp_micros/1": "make_timestamp(CAST($1 AS BIGINT))",
            "datediff/2": "date_diff('day', CAST($2 AS DATE), CAST($1 AS DATE))",
            "date_diff/2": "date_diff('day', CAST($2 AS DATE), CAST($1 AS DATE))",
            "date_sub/2": "(CAST($1 AS DATE) - CAST($2 AS INTEGER))",
            "add_months/2": "CAST(CAST($1 AS DATE) + to_months(CAST($2 AS INTEGER)) AS DATE)",
        ]
        // A type's name as a function.
        for type in ["int", "bigint", "smallint", "tinyint", "float", "double", "string", "boolean", "timestamp"] {
            all["\(type)/1"] = "CAST($1 AS \(type.uppercased()))"
        }
        return all
    }()

    /// Functions whose second argument is a pattern of letters for dates.
    static let formatted = [
        "date_format": "strftime(CAST($1 AS TIMESTAMP), $2)", "to_date": "CAST(strptime($1, $2) AS DATE)",
        "to_timestamp": "strptime($1, $2)", "try_to_date": "CAST(try_strptime($1, $2) AS DATE)",
        "try_to_timestamp": "try_strptime($1, $2)",
        "from_unixtime": "strftime(make_timestamp(CAST($1 AS BIGINT) * 1000000), $2)",
        "unix_timestamp": "CAST(floor(epoch(strptime($1, $2))) AS BIGINT)",
        "to_unix_timestamp": "CAST(floor(epoch(strptime($1, $2))) AS BIGINT)",
    ]

    /// Names of all functions that may have to be said otherwise.
    static let names: Set<String> = Set(templates.keys.map { String($0.prefix { $0 != "/" }) })
        .union(formatted.keys).union(differences).union(additions)
        .union([
            "collect_list", "collect_set", "first", "last", "first_value", "last_value", "any_value", "sha2",
            "format_number", "substring_index", "named_struct", "map", "from_json", "date_trunc", "trunc",
        ])

    /// Functions of a unit that is written without quotes: whole units between two times.
    static let differences: Set<String> = ["datediff", "date_diff", "timestampdiff"]
    /// Functions of a unit that is written without quotes: a time so many units later.
    static let additions: Set<String> = ["dateadd", "date_add", "timestampadd"]

    /// Spark's shorter names for parts of a date, as `date_trunc` and `trunc` take them.
    static let units = [
        "MM": "month", "MON": "month", "MONTH": "month", "DD": "day", "YYYY": "year", "YY": "year", "YEAR": "year",
        "QUARTER": "quarter", "WEEK": "week",
    ]

    /// Units that may stand without quotes.
    static let bareUnits: Set<String> = [
        "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR",
    ]

    /// Letters of Java's date patterns in those of `strftime`; nil where a pattern has others.
    static func format(_ pattern: String) -> String? {
        let letters = [
            "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
            "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S",
            "SSS": "%g", "SSSSSS": "%f", "a": "%p", "E": "%a", "EEE": "%a", "EEEE": "%A", "DDD": "%j", "D": "%-j",
            "y": "%Y", "Z": "%z", "XXX": "%z",
        ]
        var result = ""
        var rest = Substring(pattern)
        while let first = rest.first {
            if first == "'" {
                let text = rest.dropFirst().prefix { $0 != "'" }
                result +=
                    text.isEmpty
                    ? "'" : text.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
                rest = rest.dropFirst(text.count + 2)
            } else if first.isLetter {
                let run = rest.prefix { $0 == first }
                guard let letter = letters[String(run)] else { return nil }
                result += letter
                rest = rest.dropFirst(run.count)
            } else {
                result += first == "%" ? "%%" : String(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    /// A schema in Spark's words, as DuckDB's `from_json` takes it.
    static func structure(_ schema: String) -> String? {
        let type =
            schema.contains("<") && !schema.prefix(while: { $0 != "<" }).contains(" ") ? schema : "STRUCT<\(schema)>"
        return shape(type).map { $0.text() }
    }

    private static func shape(_ type: String) -> JSONValue? {
        let type = trimming(type)
        guard let open = type.firstIndex(of: "<") else {
            let word = TypeSpelling.duckDB(type)
            return word.isEmpty ? nil : .string(word)
        }
        guard type.last == ">" else { return nil }
        let parts = TypeSpelling.pieces(type[type.index(after: open)..<type.index(before: type.endIndex)])
        switch trimming(String(type[..<open])).uppercased() {
        case "ARRAY": return parts.count == 1 ? shape(parts[0]).map { .array([$0]) } : nil
        case "MAP":
            guard parts.count == 2, let value = shape(parts[1]), case .string(let text) = value else { return nil }
            return .string("MAP(\(TypeSpelling.duckDB(parts[0])), \(text))")
        case "STRUCT":
            var fields: [(String, JSONValue)] = []
            for part in parts {
                let field = trimming(part)
                let name = field.prefix { !$0.isWhitespace && $0 != ":" }
                let rest = trimming(String(field.dropFirst(name.count).drop { $0 == ":" || $0.isWhitespace }))
                guard !name.isEmpty, let value = shape(rest) else { return nil }
                fields.append((name.filter { $0 != "`" }, value))
            }
            return .object(JSONObject(fields))
        default: return nil
        }
    }

    private static func trimming(_ text: String) -> String {
        String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
