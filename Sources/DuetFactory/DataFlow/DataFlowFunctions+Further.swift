/// Functions of the data flow language that are used less often.
extension DataFlowFunctions {
    typealias List = [(String, ClosedRange<Int>, String)]

    static let furtherTexts: List = [
        ("soundex", 1...1, soundex), ("hex", 1...1, "lower(hex($1))"),
    ]

    /// As Spark does it: vowels part equal codes, H and W do not, and text that begins with no letter stays as it is.
    private static let soundex: String = {
        let first = "translate(upper(left($1, 1)), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '01230120022455012623010202')"
        let rest = "regexp_replace(upper(substring($1, 2)), '[HW]', '', 'g')"
        let codes = "translate(\(rest), 'ABCDEFGIJKLMNOPQRSTUVXYZ', '012301202245501262301202')"
        var collapsed = "regexp_replace(\(first) || \(codes), '[^0-9]', '0', 'g')"
        for digit in 1...6 { collapsed = "regexp_replace(\(collapsed), '\(digit)+', '\(digit)', 'g')" }
        let code = "left(replace(substring(\(collapsed), 2), '0', '') || '000', 3)"
        return "(CASE WHEN regexp_matches($1, '^[A-Za-z]') THEN upper(left($1, 1)) || \(code) ELSE $1 END)"
    }()

    /// The first of equal elements, in their order, which DuckDB's own function does not keep.
    private static let once = "list_filter($1, (x, i) -> list_position($1, x) = i)"

    static let furtherScalars: List = [
        ("cosh", 1...1, "cosh($1)"), ("sinh", 1...1, "sinh($1)"), ("tanh", 1...1, "tanh($1)"),
        ("notnull", 1...1, "($1 IS NOT NULL)"), ("regexsplit", 2...2, "regexp_split_to_array($1, $2)"),
        ("jarowinkler", 2...2, "jaro_winkler_similarity($1, $2)"), ("unhex", 1...1, "unhex($1)"),
        ("random", 0...1, "CAST(floor(random() * 9007199254740992) AS BIGINT)"), ("partitionid", 0...0, "0"),
        ("isbyte", 1...1, "(try_cast($1 AS TINYINT) IS NOT NULL)"),
        ("isshort", 1...1, "(try_cast($1 AS SMALLINT) IS NOT NULL)"),
        ("isfloat", 1...1, "(try_cast($1 AS FLOAT) IS NOT NULL)"),
        ("isdecimal", 1...1, "(try_cast($1 AS DECIMAL(38, 10)) IS NOT NULL)"),
        ("distinct", 1...1, once),
        ("except", 2...2, "list_filter(\(once), x -> NOT coalesce(list_contains($2, x), false))"),
        ("intersect", 2...2, "list_filter(\(once), x -> coalesce(list_contains($2, x), false))"),
        (
            "union", 2...2,
            "list_concat(\(once), list_filter(\(once.replacing("$1", with: "$2")), x -> NOT coalesce(list_contains($1, x), false)))"
        ),
        ("unfold", 1...1, "unnest($1)"),
        ("keyvalues", 2...2, "map($1, $2)"),
    ]

    /// A number written with a pattern: what is neither digit, point nor sign is left out.
    static let formattedConversions: List = {
        let plain = "regexp_replace(CAST($1 AS VARCHAR), '[^0-9.-]', '', 'g')"
        let whole = "trunc(try_cast(\(plain) AS DOUBLE))"
        return [
            ("tointeger", 2...3, "try_cast(\(whole) AS INTEGER)"), ("toshort", 2...3, "try_cast(\(whole) AS SMALLINT)"),
            ("tobyte", 2...3, "try_cast(\(whole) AS TINYINT)"), ("tolong", 2...3, "try_cast(\(whole) AS BIGINT)"),
            ("todouble", 2...3, "try_cast(\(plain) AS DOUBLE)"), ("tofloat", 2...3, "try_cast(\(plain) AS FLOAT)"),
            ("isinteger", 2...2, "(try_cast(\(plain) AS INTEGER) IS NOT NULL)"),
            ("isshort", 2...2, "(try_cast(\(plain) AS SMALLINT) IS NOT NULL)"),
            ("islong", 2...2, "(try_cast(\(plain) AS BIGINT) IS NOT NULL)"),
            ("isdouble", 2...2, "(try_cast(\(plain) AS DOUBLE) IS NOT NULL)"),
            ("isfloat", 2...2, "(try_cast(\(plain) AS FLOAT) IS NOT NULL)"),
        ]
    }()

    static let conditionalAggregates: List = {
        let one = [
            ("meanif", "avg"), ("kurtosisif", "kurtosis"), ("skewnessif", "skewness"), ("stddevif", "stddev_samp"),
            ("stddevpopulationif", "stddev_pop"), ("stddevsampleif", "stddev_samp"), ("varianceif", "var_samp"),
            ("variancepopulationif", "var_pop"), ("variancesampleif", "var_samp"),
        ]
        let two = [("covariancepopulationif", "covar_pop"), ("covariancesampleif", "covar_samp"), ("corrif", "corr")]
        return one.map { ($0.0, 2...2, "\($0.1)($2) FILTER (WHERE $1)") }
            + two.map { ($0.0, 3...3, "\($0.1)($2, $3) FILTER (WHERE $1)") }
            + [("sumdistinctif", 2...2, "sum(DISTINCT $2) FILTER (WHERE $1)")]
    }()
}
