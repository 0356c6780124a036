/// How a table's rows follow from events that say what was changed elsewhere: `AUTO CDC INTO`.
public struct ChangeCapture: Sendable, Hashable {
    /// What becomes of a row that an event replaces.
    public enum History: Int, Sendable, Hashable, Codable {
        /// It is gone.
        case none = 1
        /// It stays, with `__START_AT` and `__END_AT`.
        case versions = 2
    }

    /// A choice among the source's columns.
    public enum Columns: Sendable, Hashable {
        /// All of them.
        case all
        /// These.
        case only([ColumnName])
        /// All but these.
        case except([ColumnName])
    }

    /// A column's name as a statement has it.
    public struct ColumnName: Sendable, Hashable {
        /// The name.
        public var name: String
        /// Where it stands.
        public var location: SourceLocation
    }

    /// The columns that say which row an event is about.
    public var keys: [ColumnName] = []
    /// The expression by which events are ordered, in DuckDB's spelling.
    public var sequence: MappedText
    /// Whether the events are whole snapshots: a row that the next snapshot lacks was deleted.
    public var readsSnapshots = false
    /// When an event deletes its row.
    public var deleteCondition: MappedText?
    /// When an event deletes all rows.
    public var truncateCondition: MappedText?
    /// Whether a NULL in an event leaves the column as it was.
    public var ignoresNulls = false
    /// The columns the table has.
    public var columns = Columns.all
    /// Whether old versions are kept.
    public var history = History.none
    /// The columns whose changes make a new version.
    public var tracked = Columns.all
    /// The statement's first word.
    public var location: SourceLocation

    /// What decides whether a table is still what it was made from.
    public var definition: String {
        let text = { (columns: Columns) -> String in
            switch columns {
            case .all: "*"
            case .only(let names): "only \(names.map(\.name))"
            case .except(let names): "except \(names.map(\.name))"
            }
        }
        return [
            "keys \(keys.map(\.name))", "sequence \(sequence.text)", "delete \(deleteCondition?.text ?? "never")",
            "truncate \(truncateCondition?.text ?? "never")", "ignores nulls \(ignoresNulls)",
            "columns \(text(columns))", "snapshots \(readsSnapshots)", "history \(history.rawValue)",
            "tracked \(text(tracked))",
        ].joined(separator: "\n")
    }
}

/// `CREATE FLOW` or `AUTO CDC INTO`, before it is connected with its table.
struct FlowStatement: Sendable {
    /// The flow's own name; nil when the statement gives none.
    var name: String?
    var target: DatasetName
    var query: Query
    var isOnce = false
    /// For change events, with what they are read from in ``query``.
    var capture: ChangeCapture?
    /// Whether the events are the rows of a dataset as they stand.
    var readsDataset = false
    var location: SourceLocation
    var targetLocation: SourceLocation
    var excerpt: String
}
