public import DuetPipeline

/// Where the columns of the published datasets come from, as a report shows it.
public struct LineageReport: Sendable, Hashable {
    /// A column that something depends on.
    public struct Origin: Sendable, Hashable {
        /// The dataset's name, `source x` or `model x`.
        public var relation: String
        /// The column's name.
        public var column: String
        /// In which ways it is depended on, as `identity` or `group_by`.
        public var kinds: [String]

        /// Creates an origin.
        public init(relation: String, column: String, kinds: [String]) {
            self.relation = relation
            self.column = column
            self.kinds = kinds
        }

        /// The origin for people.
        var text: String { "\(relation).\(column) (\(kinds.joined(separator: ", ")))" }
    }

    /// A column and its origins.
    public struct Column: Sendable, Hashable {
        /// The column's name.
        public var name: String
        /// What its dataset's own query makes it from.
        public var inputs: [Origin]
        /// The columns of sources, and models' answers, that it goes back to; empty when one on the way is not resolved.
        public var sources: [Origin]
        /// The datasets on the way, each after those it reads.
        public var through: [String]

        /// Creates a column.
        public init(name: String, inputs: [Origin], sources: [Origin], through: [String]) {
            self.name = name
            self.inputs = inputs
            self.sources = sources
            self.through = through
        }
    }

    /// A dataset's columns.
    public struct DatasetColumns: Sendable, Hashable {
        /// The dataset.
        public var name: DatasetName
        /// Whether no other dataset reads it.
        public var isLast: Bool
        /// Why its columns are not resolved, in words that follow "because"; nil when they are.
        public var unknown: String?
        /// What decides which rows there are.
        public var rows: [Origin]
        /// The columns, in order.
        public var columns: [Column]

        /// Creates a dataset's columns.
        public init(name: DatasetName, isLast: Bool, unknown: String?, rows: [Origin], columns: [Column]) {
            self.name = name
            self.isLast = isLast
            self.unknown = unknown
            self.rows = rows
            self.columns = columns
        }
    }

    /// The published datasets, each after those it reads.
    public var datasets: [DatasetColumns]
    /// Why there is no lineage, when there is none.
    public var problem: String?

    /// Creates a report.
    public init(datasets: [DatasetColumns], problem: String? = nil) {
        self.datasets = datasets
        self.problem = problem
    }

    /// The report as JSON.
    var json: JSONValue {
        [
            "problem": problem.map { .string($0) } ?? .null,
            "datasets": .array(
                datasets.map { dataset in
                    [
                        "dataset": .string(dataset.name.description), "last": .bool(dataset.isLast),
                        "unknown": dataset.unknown.map { .string($0) } ?? .null,
                        "rows": .array(dataset.rows.map(\.json)),
                        "columns": .array(
                            dataset.columns.map { column in
                                [
                                    "column": .string(column.name), "inputs": .array(column.inputs.map(\.json)),
                                    "sources": .array(column.sources.map(\.json)),
                                    "through": .array(column.through.map { .string($0) }),
                                ]
                            }
                        ),
                    ]
                }
            ),
        ]
    }

    /// What the Markdown template shows: the datasets at the end, which is where people ask.
    var model: [String: Any] {
        let shown = datasets.filter(\.isLast)
        return [
            "lineageProblem": problem.map { ["There is none: \($0)."] } ?? [],
            "lineageRows": shown.flatMap { dataset -> [[String: String]] in
                let name = dataset.name.description
                if let unknown = dataset.unknown {
                    return [Self.row(name, "all", "not resolved, because \(unknown)", "", "")]
                }
                let rows = dataset.rows.map(\.text).joined(separator: "; ")
                return dataset.columns.map {
                    Self.row(
                        name,
                        $0.name,
                        $0.inputs.map(\.text).joined(separator: "; "),
                        $0.sources.map(\.text).joined(separator: "; "),
                        $0.through.joined(separator: ", ")
                    )
                } + (rows.isEmpty ? [] : [Self.row(name, "*which rows there are*", rows, "", "")])
            },
        ]
    }

    private static func row(
        _ dataset: String,
        _ column: String,
        _ inputs: String,
        _ sources: String,
        _ through: String
    ) -> [String: String] {
        let dash = { (text: String) in text.isEmpty ? "-" : text }
        return [
            "dataset": dataset, "column": column, "inputs": dash(inputs), "origins": dash(sources),
            "through": dash(through),
        ]
    }
}

extension LineageReport.Origin {
    fileprivate var json: JSONValue {
        [
            "relation": .string(relation), "column": .string(column),
            "kinds": .array(kinds.map { .string($0) }),
        ]
    }
}
