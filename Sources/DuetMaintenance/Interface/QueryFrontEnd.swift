public import DuetPipeline

/// A column of a relation: its name and its DuckDB type as text.
public struct ViewColumn: Hashable, Sendable {
    /// The name, unquoted.
    public var name: String
    /// The type as DuckDB writes it, for example `DECIMAL(15,2)`.
    public var type: String

    /// Creates a column.
    public init(name: String, type: String) {
        self.name = name
        self.type = type
    }
}

/// What the compiler asks of DuckDB; the library itself never talks to a database.
public protocol QueryFrontEnd {
    /// The tree that `json_serialize_sql` writes for a SELECT, parsed.
    func syntaxTree(of sql: String) throws -> JSONValue
    /// The SQL that `json_deserialize_sql` writes for a tree.
    func sql(of tree: JSONValue) throws -> String
    /// Names and types of a SELECT's columns, bound against the catalogue; nothing is run.
    func columns(of sql: String) throws -> [ViewColumn]
}

/// How a relation changed in one update, which decides the rules that may be used.
public enum ChangeKind: String, Hashable, Sendable, Codable {
    /// Every weight is 1, so that nothing need be multiplied by it.
    case insertsOnce
    /// Every weight is positive.
    case insertsOnly
    /// Every weight is −1.
    case deletesOnce
    /// Every weight is negative.
    case deletesOnly
    /// Weights of both signs, or unknown.
    case mixed

    /// The kind of a change that is not empty.
    ///
    /// - Parameters:
    ///   - least: Its least weight.
    ///   - greatest: Its greatest weight.
    public init(least: Int, greatest: Int) {
        switch (least, greatest) {
        case (1, 1): self = .insertsOnce
        case (-1, -1): self = .deletesOnce
        default: self = least > 0 ? .insertsOnly : greatest < 0 ? .deletesOnly : .mixed
        }
    }

    /// Whether rows come, go or both, however often each counts.
    public var direction: Self { onlyAdds ? .insertsOnly : onlyRemoves ? .deletesOnly : .mixed }

    /// Whether no row is taken away.
    public var onlyAdds: Bool { self == .insertsOnce || self == .insertsOnly }

    /// Whether no row is added.
    public var onlyRemoves: Bool { self == .deletesOnce || self == .deletesOnly }
}

/// A relation that the query reads by name.
public struct InputRelation: Hashable, Sendable {
    /// How callers name it in `change(changedInputs:)`.
    public var name: String
    /// The schema as the query may write it; empty when it has none.
    public var schema: String
    /// The table as the query writes it.
    public var table: String
    /// The columns, in the order in which the current rows have them.
    public var columns: [ViewColumn]
    /// SQL that stands in a FROM clause for the rows after the change: a quoted name or a SELECT in parentheses.
    ///
    /// It may have more columns than `columns`, but those come first.
    public var current: String
    /// SQL that stands in a FROM clause for the change: the same columns and then `__w BIGINT`, in which no two
    /// entries cancel.
    public var delta: String
    /// What its rows refer to; empty unless the caller vouches for it.
    public var references: [ForeignKey]
    /// Columns that are never NULL; empty unless the caller vouches for it.
    public var neverNull: [String]
    /// Sets of columns of which no two rows have the same values; empty unless the caller vouches for it.
    ///
    /// What foreign keys refer to need not be named here.
    public var uniqueKeys: [[String]]
    /// Whether columns of it may be compared by a collation, which their types do not tell.
    public var isCollated = false

    /// A rule that every row refers to exactly one row of another input, or to none by a NULL.
    ///
    /// It must hold before and after every update, and the columns referred to must be unique; nothing checks it. It
    /// spares a join to look for rows that refer to new or removed rows, since there cannot be any that did not change.
    public struct ForeignKey: Hashable, Sendable {
        /// The referring columns.
        public var columns: [String]
        /// The name of the input referred to.
        public var input: String
        /// Its columns, in the order of `columns`.
        public var target: [String]

        /// Creates a foreign key.
        public init(columns: [String], input: String, target: [String]) {
            self.columns = columns
            self.input = input
            self.target = target
        }
    }

    /// Creates an input; `current` is the quoted name unless given.
    public init(
        name: String,
        schema: String = "",
        table: String,
        columns: [ViewColumn],
        current: String? = nil,
        delta: String,
        references: [ForeignKey] = [],
        neverNull: [String] = [],
        uniqueKeys: [[String]] = [],
        isCollated: Bool = false
    ) {
        self.name = name
        self.schema = schema
        self.table = table
        self.columns = columns
        self.current = current ?? SQLText.qualified(schema, table)
        self.delta = delta
        self.references = references
        self.neverNull = neverNull
        self.uniqueKeys = uniqueKeys
        self.isCollated = isCollated
    }
}

/// What the compiler must know of functions, which DuckDB's syntax tree does not tell.
///
/// The lists are those of DuckDB 1.5.5. To take them from the running engine, query `duckdb_functions()`:
/// `function_type = 'aggregate'`, `stability = 'VOLATILE'` and `stability = 'CONSISTENT_WITHIN_QUERY'`.
public struct FunctionCatalogue: Hashable, Sendable {
    /// Aggregate functions, and macros that expand to one, in lower case.
    public var aggregates: Set<String>
    /// Functions that may answer differently for the same arguments, in lower case.
    public var volatile: Set<String>
    /// Functions and bare words that read the clock or the session, in lower case.
    public var clock: Set<String>

    /// Creates a catalogue.
    public init(aggregates: Set<String>, volatile: Set<String>, clock: Set<String>) {
        self.aggregates = aggregates
        self.volatile = volatile
        self.clock = clock
    }

    /// The functions of DuckDB 1.5.5.
    public static let standard = Self(
        aggregates: words(
            """
            any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null \
            arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or \
            bit_xor bitstring_agg bool_and bool_or corr count count_if count_star countif covar_pop covar_samp entropy \
            favg first fsum group_concat histogram histogram_exact kahan_sum kurtosis kurtosis_pop last list listagg \
            mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc regr_avgx \
            regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem \
            skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp variance \
            wavg weighted_avg geomean geometric_mean json_group_array json_group_object json_group_structure
            """
        ),
        volatile: words(
            """
            random uuid uuidv4 uuidv7 gen_random_uuid nextval currval setseed sleep_ms pg_sleep stats write_log \
            current_query current_query_id current_connection_id current_transaction_id txid_current
            """
        ),
        clock: words(
            """
            now today current_date current_time current_timestamp localtime localtimestamp get_current_time \
            get_current_timestamp transaction_timestamp current_localtime current_localtimestamp ago age \
            current_database current_schema current_schemas in_search_path current_user current_role session_user \
            user current_catalog current_setting getvariable
            """
        )
    )

    private static func words(_ text: String) -> Set<String> { Set(text.split(separator: " ").map(String.init)) }
}
