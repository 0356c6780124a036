/// The functions of the data flow language as SQL of the warehouse.
///
/// `$1`, `$2` … stand for the arguments and `$*` for all of them. Source: data-flow-expressions-usage; where Spark and
/// DuckDB differ, the SQL does as Spark does.
package enum DataFlowFunctions {
    /// What a function is, for where it may stand.
    package enum Kind: Sendable {
        /// One value from the row's values.
        case scalar
        /// One value from many rows; stands in aggregate, window and pivot.
        case aggregate
        /// Stands in window only.
        case window
    }

    /// How one function is written.
    package struct Form: Sendable {
        /// What it is.
        package var kind: Kind
        /// How many arguments it takes.
        package var arity: ClosedRange<Int>
        /// The SQL.
        package var sql: String
        /// Whether it gives text, which makes `+` a concatenation.
        package var isText: Bool
    }

    /// The form of a function with so many arguments; nil when there is none.
    package static func form(_ name: String, _ count: Int) -> Form? {
        forms[name]?.first { $0.arity.contains(count) }
    }

    /// Whether there is a function of this name, in lower case.
    package static func isKnown(_ name: String) -> Bool { forms[name] != nil || special.contains(name) }

    /// The names that the translator writes itself.
    package static let special: Set<String> = [
        "byname", "bynames", "bypath", "byposition", "columnnames", "columns", "iserror", "haserror", "case", "md5",
        "sha1",
        "sha2", "crc32", "todate", "totimestamp", "tostring", "map", "filter", "any", "exists", "contains", "todecimal",
        "isinsert", "isupdate", "isdelete", "isupsert", "output", "outputs", "lookup", "in", "null", "mapindex",
        "reduce", "sort", "concat", "concatws", "each", "match", "minus", "find", "mapif", "maploop", "mapassociation",
        "reassociate", "associate", "at", "mlookup", "hascolumn", "haspath", "byitem", "byorigin", "byorigins",
        "origincolumns", "expr", "escape", "unescape", "nextsequence", "ismatch", "isignore", "size", "isdistinct",
        "round", "isdate",
        "istimestamp", "typematch",
    ]

    /// The form's SQL with arguments in it.
    package static func filled(_ form: Form, _ arguments: [String]) -> String {
        var sql = ""
        var rest = form.sql[...]
        while let dollar = rest.firstIndex(of: "$") {
            sql += rest[..<dollar]
            let sign = rest[rest.index(after: dollar)...].prefix(1)
            if sign == "*" {
                sql += arguments.joined(separator: ", ")
            } else if let number = Int(sign), arguments.indices.contains(number - 1) {
                sql += arguments[number - 1]
            }
            rest = rest[sign.endIndex...]
        }
        return sql + rest
    }

    private static let forms: [String: [Form]] = {
        var forms: [String: [Form]] = [:]
        func add(_ kind: Kind, text: Bool = false, _ list: [(String, ClosedRange<Int>, String)]) {
            for (name, arity, sql) in list {
                forms[name, default: []].append(Form(kind: kind, arity: arity, sql: sql, isText: text))
            }
        }
        add(.scalar, text: true, textFunctions)
        add(.scalar, scalarFunctions)
        add(.scalar, dateFunctions)
        add(.scalar, conversions)
        add(.aggregate, aggregates)
        add(.window, windows)
        add(.scalar, text: true, furtherTexts)
        add(.scalar, furtherScalars)
        add(.scalar, formattedConversions)
        add(.aggregate, conditionalAggregates)
        return forms
    }()

    private static let textFunctions: [(String, ClosedRange<Int>, String)] = [
        ("upper", 1...1, "upper($1)"), ("lower", 1...1, "lower($1)"), ("toupper", 1...1, "upper($1)"),
        ("tolower", 1...1, "lower($1)"), ("trim", 1...1, "trim($1)"), ("trim", 2...2, "trim($1, $2)"),
        ("ltrim", 1...1, "ltrim($1)"), ("ltrim", 2...2, "ltrim($1, $2)"), ("rtrim", 1...1, "rtrim($1)"),
        ("rtrim", 2...2, "rtrim($1, $2)"), ("lpad", 3...3, "lpad($1, CAST($2 AS INTEGER), $3)"),
        ("rpad", 3...3, "rpad($1, CAST($2 AS INTEGER), $3)"), ("left", 2...2, "left($1, $2)"),
        ("right", 2...2, "right($1, $2)"), ("substring", 2...2, "substring($1, $2)"),
        ("substring", 3...3, "substring($1, $2, $3)"), ("replace", 2...2, "replace($1, $2, '')"),
        ("replace", 3...3, "replace($1, $2, $3)"), ("reverse", 1...1, "reverse($1)"),
        ("regexextract", 2...2, "regexp_extract($1, $2, 1)"), ("regexextract", 3...3, "regexp_extract($1, $2, $3)"),
        ("regexreplace", 3...3, "regexp_replace($1, $2, $3, 'g')"), ("translate", 3...3, "translate($1, $2, $3)"),
        (
            "initcap", 1...1,
            "array_to_string(list_transform(string_split($1, ' '), x -> upper(left(x, 1)) || lower(substring(x, 2))), ' ')"
        ),
        ("uuid", 0...0, "CAST(uuid() AS VARCHAR)"), ("tobase64", 1...1, "to_base64(encode($1))"),
        ("frombase64", 1...1, "decode(from_base64($1))"), ("char", 1...1, "chr($1)"),
        ("replicate", 2...2, "repeat($1, $2)"), ("dropleft", 2...2, "substring($1, $2 + 1)"),
        ("dropright", 2...2, "left($1, greatest(length($1) - $2, 0))"),
    ]

    private static let scalarFunctions: [(String, ClosedRange<Int>, String)] = [
        ("length", 1...1, "length($1)"), ("instr", 2...2, "instr($1, $2)"), ("locate", 2...2, "instr($2, $1)"),
        (
            "locate", 3...3,
            "(CASE WHEN instr(substring($2, $3), $1) = 0 THEN 0 ELSE instr(substring($2, $3), $1) + $3 - 1 END)"
        ),
        ("startswith", 2...2, "starts_with($1, $2)"), ("endswith", 2...2, "ends_with($1, $2)"),
        ("like", 2...2, "($1 LIKE $2)"), ("ilike", 2...2, "($1 ILIKE $2)"),
        ("rlike", 2...2, "regexp_matches($1, $2)"), ("regexmatch", 2...2, "regexp_full_match($1, $2)"),
        ("split", 2...2, "string_split($1, $2)"), ("ascii", 1...1, "ascii($1)"),
        ("levenshtein", 2...2, "levenshtein($1, $2)"),
        ("equals", 2...2, "($1 = $2)"), ("notequals", 2...2, "($1 <> $2)"), ("lesser", 2...2, "($1 < $2)"),
        ("greater", 2...2, "($1 > $2)"), ("lesserorequal", 2...2, "($1 <= $2)"),
        ("greaterorequal", 2...2, "($1 >= $2)"), ("equalsignorecase", 2...2, "(lower($1) = lower($2))"),
        ("between", 3...3, "($1 BETWEEN $2 AND $3)"),
        ("compare", 2...2, "(CASE WHEN $1 < $2 THEN -1 WHEN $1 > $2 THEN 1 ELSE 0 END)"),
        ("and", 2...2, "($1 AND $2)"), ("or", 2...2, "($1 OR $2)"), ("not", 1...1, "(NOT $1)"),
        ("xor", 2...2, "($1 <> $2)"), ("isnull", 1...1, "($1 IS NULL)"), ("isnan", 1...1, "isnan($1)"),
        ("iif", 2...2, "(CASE WHEN $1 THEN $2 END)"), ("iif", 3...3, "(CASE WHEN $1 THEN $2 ELSE $3 END)"),
        ("iifnull", 1...2, "coalesce($*)"), ("iifnull", 3...3, "(CASE WHEN $1 IS NULL THEN $2 ELSE $3 END)"),
        ("iifnull", 4...99, "coalesce($*)"), ("coalesce", 1...99, "coalesce($*)"),
        ("greatest", 1...99, "greatest($*)"), ("least", 1...99, "least($*)"),
        ("add", 2...2, "($1 + $2)"), ("multiply", 2...2, "($1 * $2)"), ("divide", 2...2, "($1 / nullif($2, 0))"),
        ("mod", 2...2, "($1 % nullif($2, 0))"), ("pmod", 2...2, "((($1 % $2) + $2) % $2)"),
        ("negate", 1...1, "(-$1)"), ("abs", 1...1, "abs($1)"), ("ceil", 1...1, "CAST(ceil($1) AS BIGINT)"),
        ("floor", 1...1, "CAST(floor($1) AS BIGINT)"), ("power", 2...2, "power($1, $2)"), ("sqrt", 1...1, "sqrt($1)"),
        ("cbrt", 1...1, "cbrt($1)"),
        ("exp", 1...1, "exp($1)"), ("log", 1...1, "ln($1)"), ("log", 2...2, "(ln($1) / ln($2))"),
        ("log10", 1...1, "log10($1)"), ("sin", 1...1, "sin($1)"), ("cos", 1...1, "cos($1)"), ("tan", 1...1, "tan($1)"),
        ("asin", 1...1, "asin($1)"), ("acos", 1...1, "acos($1)"), ("atan", 1...1, "atan($1)"),
        ("atan2", 2...2, "atan2($1, $2)"), ("degrees", 1...1, "degrees($1)"), ("radians", 1...1, "radians($1)"),
        ("factorial", 1...1, "factorial($1)"), ("array", 0...99, "[$*]"),
        ("slice", 2...2, "list_slice($1, $2, -1)"), ("slice", 3...3, "list_slice($1, $2, $2 + $3 - 1)"),
        ("flatten", 1...1, "flatten($1)"),
        ("indexof", 2...2, "coalesce(list_position($1, $2), 0)"),
        ("isboolean", 1...1, "(try_cast($1 AS BOOLEAN) IS NOT NULL)"),
        ("isinteger", 1...1, "(try_cast($1 AS INTEGER) IS NOT NULL)"),
        ("islong", 1...1, "(try_cast($1 AS BIGINT) IS NOT NULL)"),
        ("isdouble", 1...1, "(try_cast($1 AS DOUBLE) IS NOT NULL)"),
        ("rand", 0...1, "random()"),
        ("bitwiseand", 2...2, "($1 & $2)"), ("bitwiseor", 2...2, "($1 | $2)"), ("bitwisexor", 2...2, "xor($1, $2)"),
    ]

    private static let dateFunctions: [(String, ClosedRange<Int>, String)] = [
        ("currentdate", 0...1, "current_date"), ("currenttimestamp", 0...0, "CAST(current_timestamp AS TIMESTAMP)"),
        ("currentutc", 0...1, "(current_timestamp AT TIME ZONE 'UTC')"), ("year", 1...1, "year($1)"),
        ("month", 1...1, "month($1)"), ("dayofmonth", 1...1, "day($1)"), ("hour", 1...2, "hour($1)"),
        ("minute", 1...2, "minute($1)"), ("second", 1...2, "second($1)"),
        ("millisecond", 1...2, "(millisecond($1) % 1000)"), ("dayofweek", 1...1, "(dayofweek($1) + 1)"),
        ("dayofyear", 1...1, "dayofyear($1)"), ("weekofyear", 1...1, "weekofyear($1)"),
        ("quarter", 1...1, "quarter($1)"), ("adddays", 2...2, "($1 + to_days(CAST($2 AS INTEGER)))"),
        ("subdays", 2...2, "($1 - to_days(CAST($2 AS INTEGER)))"),
        ("addmonths", 2...3, "($1 + to_months(CAST($2 AS INTEGER)))"),
        ("submonths", 2...3, "($1 - to_months(CAST($2 AS INTEGER)))"), ("lastdayofmonth", 1...1, "last_day($1)"),
        (
            "monthsbetween", 2...4,
            "((year($1) - year($2)) * 12 + month($1) - month($2) + CASE WHEN day($1) = day($2) OR (last_day(CAST($1 AS DATE)) = CAST($1 AS DATE) AND last_day(CAST($2 AS DATE)) = CAST($2 AS DATE)) THEN 0 ELSE round((day($1) - day($2) + (epoch(CAST($1 AS TIMESTAMP)) % 86400 - epoch(CAST($2 AS TIMESTAMP)) % 86400) / 86400.0) / 31.0, 8) END)"
        ),
        ("trunc", 2...2, "date_trunc($2, $1)"), ("toutc", 1...1, "$1"), ("fromutc", 1...1, "$1"),
        ("toutc", 2...2, "timezone('UTC', timezone($2, CAST($1 AS TIMESTAMP)))"),
        ("fromutc", 2...2, "timezone($2, timezone('UTC', CAST($1 AS TIMESTAMP)))"),
        // Durations are milliseconds, so that they can be added to moments.
        ("milliseconds", 1...1, "to_milliseconds($1)"), ("seconds", 1...1, "to_seconds($1)"),
        ("minutes", 1...1, "to_minutes($1)"), ("hours", 1...1, "to_hours($1)"),
        ("days", 1...1, "to_days(CAST($1 AS INTEGER))"),
        ("weeks", 1...1, "to_weeks(CAST($1 AS INTEGER))"), ("unixtimestamp", 1...1, "epoch_ms($1)"),
    ]

    private static let conversions: [(String, ClosedRange<Int>, String)] = [
        ("tointeger", 1...1, "try_cast(trunc(try_cast($1 AS DOUBLE)) AS INTEGER)"),
        ("toshort", 1...1, "try_cast(trunc(try_cast($1 AS DOUBLE)) AS SMALLINT)"),
        ("tobyte", 1...1, "try_cast(trunc(try_cast($1 AS DOUBLE)) AS TINYINT)"),
        ("tolong", 1...1, "coalesce(try_cast($1 AS BIGINT), try_cast(trunc(try_cast($1 AS DOUBLE)) AS BIGINT))"),
        ("todouble", 1...1, "try_cast($1 AS DOUBLE)"), ("tofloat", 1...1, "try_cast($1 AS FLOAT)"),
        (
            "toboolean", 1...1,
            "(CASE lower(CAST($1 AS VARCHAR)) WHEN 'true' THEN true WHEN 't' THEN true WHEN 'yes' THEN true WHEN 'y' THEN true WHEN '1' THEN true WHEN 'false' THEN false WHEN 'f' THEN false WHEN 'no' THEN false WHEN 'n' THEN false WHEN '0' THEN false END)"
        ),
        ("tobinary", 1...1, "encode(CAST($1 AS VARCHAR))"),
    ]

    private static let aggregates: [(String, ClosedRange<Int>, String)] = [
        ("sum", 1...1, "sum($1)"), ("avg", 1...1, "avg($1)"), ("mean", 1...1, "avg($1)"), ("min", 1...1, "min($1)"),
        ("max", 1...1, "max($1)"), ("count", 0...0, "count(*)"), ("count", 1...99, "count($1)"),
        ("countall", 1...99, "count(*)"), ("countdistinct", 1...1, "count(DISTINCT $1)"),
        ("countdistinct", 2...99, "count(DISTINCT ($*))"), ("approxdistinctcount", 1...2, "approx_count_distinct($1)"),
        ("first", 1...1, "first($1)"), ("first", 2...2, "first($1) FILTER (WHERE NOT $2 OR $1 IS NOT NULL)"),
        ("last", 1...1, "last($1)"), ("last", 2...2, "last($1) FILTER (WHERE NOT $2 OR $1 IS NOT NULL)"),
        ("stddev", 1...1, "stddev_samp($1)"), ("stddevpopulation", 1...1, "stddev_pop($1)"),
        ("stddevsample", 1...1, "stddev_samp($1)"), ("variance", 1...1, "var_samp($1)"),
        ("variancepopulation", 1...1, "var_pop($1)"), ("variancesample", 1...1, "var_samp($1)"),
        ("sumif", 2...2, "sum($2) FILTER (WHERE $1)"), ("avgif", 2...2, "avg($2) FILTER (WHERE $1)"),
        ("minif", 2...2, "min($2) FILTER (WHERE $1)"), ("maxif", 2...2, "max($2) FILTER (WHERE $1)"),
        ("countif", 1...2, "count(*) FILTER (WHERE $1)"), ("sumdistinct", 1...1, "sum(DISTINCT $1)"),
        ("collect", 1...1, "list($1)"), ("collectunique", 1...1, "list(DISTINCT $1)"),
        ("corr", 2...2, "corr($1, $2)"), ("covariancesample", 2...2, "covar_samp($1, $2)"),
        ("covariancepopulation", 2...2, "covar_pop($1, $2)"), ("kurtosis", 1...1, "kurtosis($1)"),
        ("skewness", 1...1, "skewness($1)"),
    ]

    private static let windows: [(String, ClosedRange<Int>, String)] = [
        ("rownumber", 0...0, "row_number()"), ("rank", 0...99, "rank()"), ("denserank", 0...99, "dense_rank()"),
        ("ntile", 0...0, "ntile(2)"), ("ntile", 1...1, "ntile($1)"), ("cumedist", 0...0, "cume_dist()"),
        ("percentrank", 0...0, "percent_rank()"), ("lag", 1...1, "lag($1)"), ("lag", 2...3, "lag($*)"),
        ("lead", 1...1, "lead($1)"), ("lead", 2...3, "lead($*)"), ("firstvalue", 1...1, "first_value($1)"),
        ("lastvalue", 1...1, "last_value($1)"), ("nthvalue", 2...2, "nth_value($1, $2)"),
    ]
}
