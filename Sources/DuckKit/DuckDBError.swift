/// What DuckDB, or this binding, refused to do.
///
/// One value says which step failed, what kind of failure it was, DuckDB's own words and, when a statement was
/// involved, its text and the place in it.
public struct DuckDBError: Error, Hashable, Sendable {
    /// The step that failed.
    public var operation: Operation
    /// The class of the failure, as DuckDB names it.
    public var kind: Kind
    /// DuckDB's words, without the leading `Binder Error: `; it may have several lines.
    public var message: String
    /// The text of the one statement that failed, or nil if no statement was involved.
    ///
    /// When several statements were passed in one text, this is the failing one alone, without the `;` after it.
    public var sql: String?
    /// Where in ``sql`` the failure is: a zero-based offset in UTF-8 bytes, or nil if DuckDB does not say.
    public var position: Int?
    /// Where ``sql`` starts in the text that was passed in, in UTF-8 bytes; 0 unless the text had several statements.
    ///
    /// `statementOffset + position` is therefore an offset into the whole text.
    public var statementOffset: Int
    /// A finer class, such as `COLUMN_NOT_FOUND`, `MISSING_ENTRY` or `SYNTAX_ERROR`, when DuckDB gives one.
    public var subtype: String?
    /// What sort of catalog entry is missing, such as `Table` or `Scalar Function`, when DuckDB says so.
    public var entryType: String?
    /// The name that was not found, when DuckDB gives it.
    public var name: String?
    /// The names DuckDB offers in its place, best first; empty when it offers none.
    ///
    /// DuckDB joins them by commas, so that a name with a comma in it arrives in pieces.
    public var candidates: [String]

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - operation: The step that failed.
    ///   - kind: The class of the failure.
    ///   - message: What happened, without a prefix.
    ///   - sql: The statement that failed.
    ///   - position: A zero-based offset into `sql` in UTF-8 bytes.
    ///   - statementOffset: Where `sql` starts in the text that was passed in, in UTF-8 bytes.
    ///   - subtype: A finer class in DuckDB's spelling.
    ///   - entryType: The sort of catalog entry that is missing.
    ///   - name: The name that was not found.
    ///   - candidates: Names to offer in its place.
    public init(
        operation: Operation,
        kind: Kind,
        message: String,
        sql: String? = nil,
        position: Int? = nil,
        statementOffset: Int = 0,
        subtype: String? = nil,
        entryType: String? = nil,
        name: String? = nil,
        candidates: [String] = []
    ) {
        self.operation = operation
        self.kind = kind
        self.message = message
        self.sql = sql
        self.position = position
        self.statementOffset = statementOffset
        self.subtype = subtype
        self.entryType = entryType
        self.name = name
        self.candidates = candidates
    }

    /// The step during which an error arose.
    public enum Operation: String, Hashable, Sendable {
        /// Opening a database file or a database in memory.
        case open
        /// Opening a connection, or using one that was closed.
        case connect
        /// Parsing or binding a statement.
        case prepare
        /// Giving values to the parameters of a statement.
        case bind
        /// Running a statement.
        case execute
        /// Adding rows through an appender.
        case append
        /// Reading a result.
        case read
        /// Closing, where closing can lose data.
        case close
    }
}

extension DuckDBError: CustomStringConvertible {
    /// The kind and the message, then the statement and the byte offset when they are known.
    public var description: String {
        var text = "\(kind) error during \(operation.rawValue): \(message)"
        if let sql {
            text += "\n- while running `\(sql)`"
            if let position { text += ", at byte \(position)" }
        }
        return text
    }
}
