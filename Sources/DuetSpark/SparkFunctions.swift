/// What DuckDB's functions are in Spark.
///
/// Only functions that give the same for the same values are here: where the two differ for some values (`concat` and
/// NULL, `log`, `round` of what lies between two doubles), the rule writes what does not, or there is none. A name on the
/// right is one that duet reads back (see `QueryReader+Spelling` for those that DuckDB has not).
enum SparkFunctions {
    /// Functions of one value, or several, with the same name and meaning.
    static let same: Set<String> = [
        "abs", "acos", "asin", "atan", "atan2", "ceil", "chr", "cos", "cot", "current_date", "degrees", "exp",
        "floor", "greatest", "least", "length", "ln", "log10", "log2", "lower", "lpad", "ltrim", "make_date", "md5",
        "nullif", "pi", "radians", "repeat", "replace", "reverse", "round", "rpad", "rtrim", "sign", "sin", "sqrt",
        "tan",
        "translate", "trim", "upper", "ifnull",
        "year", "month", "day", "hour", "minute", "quarter", "dayofmonth", "dayofyear", "weekofyear",
        "any_value", "bool_and", "bool_or", "corr", "count", "count_if", "covar_pop", "covar_samp",
        "max", "max_by", "median", "min", "min_by", "regr_count", "regr_slope", "regr_intercept", "regr_r2",
        "stddev", "stddev_pop", "stddev_samp", "sum", "var_pop", "var_samp", "variance",
        "concat_ws", "date_trunc",
    ]

    /// Functions that Spark has under another name.
    static let renamed = [
        "pow": "power", "power": "power", "ceiling": "ceil", "ucase": "upper", "lcase": "lower",
        "char_length": "length", "character_length": "length", "len": "length", "strpos": "instr", "instr": "instr",
        "starts_with": "startswith", "prefix": "startswith", "ends_with": "endswith", "suffix": "endswith",
        "contains": "contains", "week": "weekofyear", "arg_max": "max_by", "arg_min": "min_by", "argmax": "max_by",
        "argmin": "min_by", "mean": "avg", "error": "raise_error", "today": "current_date", "left": "left",
        "right": "right", "list_value": "array",
    ]

    /// Parts of a date that `date_part` and `extract` give alike.
    static let parts = [
        "year": "year", "month": "month", "day": "day", "quarter": "quarter", "hour": "hour", "minute": "minute",
        "week": "weekofyear", "doy": "dayofyear", "dayofyear": "dayofyear",
    ]

    /// Units of intervals.
    static let units = [
        "to_years": "YEAR", "to_months": "MONTH", "to_weeks": "WEEK", "to_days": "DAY", "to_hours": "HOUR",
        "to_minutes": "MINUTE", "to_seconds": "SECOND",
    ]

    /// Operators that are written between their values.
    static let operators: Set<String> = ["+", "-", "*", "||"]

    private static let ranks: Set<String> = [
        "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead",
    ]
    private static let values: Set<String> = ["first_value", "last_value", "nth_value"]
    private static let aggregates: Set<String> = [
        "avg", "count", "max", "min", "sum", "stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance",
        "bool_and", "bool_or", "count_if", "any_value",
    ]

    static func isWindow(_ name: String) -> Bool {
        ranks.contains(name) || values.contains(name) || aggregates.contains(name)
    }

    static func takesFrame(_ name: String) -> Bool { !ranks.contains(name) }

    /// What to do about functions that are often used and have no rule.
    static let hints = [
        "strftime":
            "the letters of its formats differ; export a date as it is, or build the text with year(), month(), day() and lpad()",
        "strptime": "the letters of its formats differ; cast the text, or build the date with make_date()",
        "string_agg": "rows are joined in no fixed order in Spark",
        "list": "rows are listed in no fixed order in Spark", "array_agg": "rows are listed in no fixed order in Spark",
        "first": "write any_value, or min and max, which do not depend on the order of rows",
        "last": "write any_value, or min and max, which do not depend on the order of rows",
        "unnest": "Spark unpacks lists with explode, which this export does not write",
        "random": "it gives other rows each time", "uuid": "it gives other rows each time",
        "hash": "its numbers differ between the engines; md5 is the same in both",
        "regexp_replace":
            "DuckDB replaces the first match and Spark all, and their patterns differ; use replace() where a text will do",
        "log": "it is to base 10 in DuckDB and natural in Spark; write log10 or ln",
        "ai_classify": "open-source Spark calls no models; run this part with duet and give its rows as a source",
        "ai_query": "open-source Spark calls no models; run this part with duet and give its rows as a source",
        "ai_embed": "open-source Spark calls no models; run this part with duet and give its rows as a source",
    ]
}
