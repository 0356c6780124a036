/// How an input column takes part in an output: the kinds of OpenLineage's column lineage facet.
public enum ColumnInfluence: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The value is handed on as it is.
    case identity
    /// The value is computed from it, row by row.
    case transformation
    /// The value is computed from it over several rows.
    case aggregation
    /// It decides which rows are joined.
    case join
    /// It decides which rows stay.
    case filter
    /// It decides which rows are put together.
    case groupBy = "group_by"
    /// It decides the order.
    case sort
    /// It decides over which rows, or in which order, a window function works.
    case window
    /// It decides which of several values is taken.
    case conditional

    /// Whether values flow from the input to the output, rather than only depend on it.
    public var isDirect: Bool { [.identity, .transformation, .aggregation].contains(self) }

    /// By the order in which they are declared.
    public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// A column of a dataset or source that a query reads.
public struct InputColumn: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The dataset's name, or `source x`.
    public var relation: String
    /// The column's name as the relation spells it.
    public var column: String

    /// Names a column.
    public init(relation: String, column: String) {
        self.relation = relation
        self.column = column
    }

    /// A model's answers, as a column of the model named after the function that asks for them.
    init(model: String, function: String) { self.init(relation: "\(Self.modelPrefix)\(model)", column: function) }

    private static let modelPrefix = "model "

    /// The name of the model whose answers these are; nil for columns of datasets and sources.
    public var model: String? {
        relation.hasPrefix(Self.modelPrefix) ? String(relation.dropFirst(Self.modelPrefix.count)) : nil
    }

    /// `schema.table.column`.
    public var description: String { "\(relation).\(column)" }

    /// By relation, then by column.
    public static func < (a: Self, b: Self) -> Bool { (a.relation, a.column) < (b.relation, b.column) }
}

/// The input columns that something depends on, each with the ways in which it does.
public struct ColumnOrigins: Sendable, Hashable {
    /// The ways, by input column.
    public private(set) var influences: [InputColumn: Set<ColumnInfluence>]

    /// Starts with nothing.
    public init(_ influences: [InputColumn: Set<ColumnInfluence>] = [:]) { self.influences = influences }

    /// The models whose answers are depended on, by name.
    public var models: [String] { Set(influences.keys.compactMap(\.model)).sorted() }

    /// The input columns that values flow from.
    public var direct: [InputColumn] { columns { $0.isDirect } }

    /// The input columns that are depended on in some way.
    public func columns(where condition: (ColumnInfluence) -> Bool = { _ in true }) -> [InputColumn] {
        influences.filter { $0.value.contains(where: condition) }.keys.sorted()
    }

    /// Adds what something else depends on.
    mutating func add(_ other: Self) { influences.merge(other.influences) { $0.union($1) } }

    /// What depends on both.
    func adding(_ other: Self) -> Self {
        var result = self
        result.add(other)
        return result
    }

    /// What a computation over this depends on: values become transformed or aggregated, and stay what is more.
    func computed(_ step: ColumnInfluence) -> Self {
        Self(influences.mapValues { Set($0.map { $0.isDirect ? max($0, step) : $0 }) })
    }

    /// What depends on this only indirectly.
    func indirect(_ kind: ColumnInfluence) -> Self {
        Self(influences.mapValues { Set($0.map { $0.isDirect ? kind : $0 }) })
    }

    /// This seen through another step: the inputs are replaced by what they themselves depend on.
    func through(_ origins: (InputColumn) -> ColumnOrigins?) -> Self {
        var result = Self()
        for (column, ways) in influences {
            guard let inner = origins(column) else {
                result.add(Self([column: ways]))
                continue
            }
            for way in ways { result.add(way.isDirect ? inner.computed(way) : inner.indirect(way)) }
        }
        return result
    }
}

/// Where a query's columns come from.
public struct QueryLineage: Sendable, Hashable {
    /// An output column and what it depends on.
    public struct Output: Sendable, Hashable {
        /// The name.
        public var name: String
        /// What its values depend on.
        public var origins: ColumnOrigins
    }

    /// The columns in order.
    public var outputs: [Output]
    /// What decides which rows there are, and in what order: filters, joins, grouping.
    public var rows: ColumnOrigins
}

/// Why the lineage of a query's columns is not known.
public struct UnknownLineage: Error, Sendable, Hashable {
    /// In words that follow "because".
    public var reason: String
}
