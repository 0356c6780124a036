/// A table or view that the pipeline makes, as a statement of its SQL files declares it.
public struct Dataset: Sendable {
    /// What kind of dataset it is.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// Fed by flows that read each row of their streams once.
        case streamingTable = "streaming table"
        /// Always equal to its query.
        case materializedView = "materialized view"
        /// A query with a name; holds no rows.
        case view
    }

    /// Who may see it.
    public enum Visibility: String, Sendable, Hashable, Codable {
        /// Everybody.
        case published
        /// The pipeline alone; its rows are kept.
        case `private`
        /// The pipeline alone, as a named query.
        case temporary
    }

    /// The name.
    public var name: DatasetName
    /// The kind.
    public var kind: Kind
    /// The visibility.
    public var visibility: Visibility
    /// Columns as far as the statement lists them; empty when the query says it all.
    public var columns: [ColumnDeclaration]
    /// Whether the listed columns name the query's by their places, as in a view.
    public var takesColumnsByPlace = false
    /// Whether its only flow inserts BY NAME, so that a listed column which the flow lacks is NULL.
    public var isFedByName = false
    /// The rules its rows are held to.
    public var expectations: [Expectation]
    /// The rules that all its rows together are held to.
    public var tableChecks: [TableCheck] = []
    /// The columns that tell its rows apart, as far as the statement says; nothing checks it.
    public var primaryKey: [String] = []
    /// Whether `RELY` is written behind the primary key: change rules may go by it.
    public var reliesOnPrimaryKey = false
    /// The datasets that its rows refer to, as far as the statement says; nothing checks it.
    public var foreignKeys: [ForeignKey] = []
    /// What the `COMMENT` says.
    public var comment: String?
    /// `TBLPROPERTIES`, in order.
    public var properties: [Property]
    /// `CLUSTER BY` and `PARTITIONED BY` as written: they are shown, and have no effect.
    public var layout: [String] = []
    /// The wish for incremental or full refreshes.
    public var refreshPolicy: RefreshPolicy
    /// What feeds it: its query, as far as the definition alone tells it.
    ///
    /// A table that several flows feed has one query here that reads them all; each of those flows is a dataset of its
    /// own, see ``flowTarget``.
    public var flows: [Flow]
    /// The statement's first word.
    public var location: SourceLocation
    /// The table that this dataset is a flow into; nil for datasets that users name.
    public var flowTarget: DatasetName? = nil
    /// Whether it is filled once, and again only at a full refresh.
    public var isOnce = false
    /// The flows whose rows together are this table's; empty unless there are several.
    public var unitedFlows: [DatasetName] = []
    /// How its rows follow from change events; nil unless `AUTO CDC INTO` feeds it.
    public var capture: ChangeCapture? = nil
    /// The models its query calls, each with its version: another model or prompt makes another dataset; nil for none.
    public var models: String? = nil
    /// What the log is told after an update of it: text with figures and SQL expressions over its rows in braces.
    public var logMessage: String? = nil
    /// The columns that hold answers of models as they are.
    public var inferenceColumns: [InferenceColumn] = []

    /// The layer: the schema when it is one of the three, else nil.
    public var layer: String? {
        ["bronze", "silver", "gold"].first { $0 == name.schema.lowercased() }
    }

    /// Whether its query is written when the columns of what it reads are known.
    public var isDerivedFromFlows: Bool { capture != nil || !unitedFlows.isEmpty }
}

/// A column as a statement lists it.
public struct ColumnDeclaration: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The type as written; nil when only the name is given.
    public var type: String?
    /// Whether `NOT NULL` is declared.
    public var isRequired: Bool
    /// The column's comment.
    public var comment: String?
    /// The expression over the other columns that `GENERATED ALWAYS AS` gives; nil for a column of the query.
    public var generated: MappedText? = nil
    /// Where it stands.
    public var location: SourceLocation
    /// The line it stands in.
    public var excerpt: String
}

/// A table property.
public struct Property: Sendable, Hashable {
    /// The key.
    public var key: String
    /// The value as text.
    public var value: String
}

/// How a materialized view is to be brought up to date.
public enum RefreshPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// Whatever costs less.
    case auto = "AUTO"
    /// Incrementally where a rule exists.
    case incremental = "INCREMENTAL"
    /// Incrementally, or the update fails.
    case incrementalStrict = "INCREMENTAL STRICT"
    /// In full, always.
    case full = "FULL"
}

/// A rule that rows are held to.
public struct Expectation: Sendable, Hashable {
    /// What happens to a row that violates it.
    public enum Action: String, Sendable, Hashable, Codable, CaseIterable {
        /// It is counted and kept.
        case warn
        /// It is counted, left out, and found again in the quarantine.
        case drop
        /// The update of the dataset fails and leaves it as it was.
        case fail
    }

    /// The constraint's name, unique within its dataset.
    public var name: String
    /// The condition, as DuckDB reads it; a row passes only when it is true (not when it is NULL).
    public var condition: MappedText
    /// The action.
    public var action: Action
    /// Where it stands.
    public var location: SourceLocation

    /// Creates a rule.
    package init(name: String, condition: MappedText, action: Action, location: SourceLocation) {
        self.name = name
        self.condition = condition
        self.action = action
        self.location = location
    }

    /// The name of the rule that a column's `NOT NULL` is.
    package static func name(required column: String) -> String { "\(column) is not null" }
}

/// What brings rows into a dataset.
public struct Flow: Sendable {
    /// The name; the default flow has its dataset's.
    public var name: String
    /// The query.
    public var query: Query
    /// Where it stands.
    public var location: SourceLocation
}

/// A dataset's query, ready for DuckDB: parameters filled in, duet's own words taken out.
public struct Query: Sendable {
    /// The text for DuckDB.
    ///
    /// Files are read through relations named by ``FileRead/relation``.
    public var text: MappedText
    /// The offsets in ``text`` of relations that are read as streams.
    public var streamOffsets: [Int]
    /// The `read_files` calls.
    public var fileReads: [FileRead]
    /// The query as the user wrote it.
    public var original: String
    /// Clauses of the query that were read and have no effect.
    public var notes: [DuetError] = []
    /// What the dataset's list of columns makes of the query; ``text`` has it around it.
    public private(set) var frame: ColumnFrame? = nil
    /// The query as it is without the frame; ``streamOffsets`` are places in it.
    public private(set) var unframed: MappedText? = nil

    /// Where the user's query begins in ``text``, in UTF-8.
    public var start: Int { frame?.prefix().utf8.count ?? 0 }

    /// Puts the query into a dataset's list of columns.
    public mutating func take(_ frame: ColumnFrame) {
        self.frame = frame
        unframed = text
        text = frame.text(text)
    }
}

/// One `read_files(...)` of a query.
public struct FileRead: Sendable, Hashable {
    /// The relation that stands for it in the query's text.
    public var relation: String
    /// The source's name in pipeline.yml.
    public var source: String
    /// The call's own options.
    public var options: [ReadOption]
    /// Whether it is read as a stream: each file once.
    public var isStream: Bool
    /// Whether the query uses `_metadata`.
    public var usesMetadata = false
    /// Whether the query uses the row's number in its file, which costs more than the rest of `_metadata`.
    public var usesRowNumber = false
    /// The path or address, when the call names one instead of a source of pipeline.yml.
    public var path: String? = nil
    /// Where the call stands.
    public var location: SourceLocation
}
