/// One statement of a text that may have several.
public struct SQLStatement: Hashable, Sendable {
    /// The statement's own text, without the white space and comments around it and the `;` after it.
    public var sql: String
    /// Where it starts in the whole text: a zero-based offset in UTF-8 bytes.
    public var offset: Int

    /// Makes a statement.
    ///
    /// - Parameters:
    ///   - sql: Its text.
    ///   - offset: Where it starts in the whole text, in UTF-8 bytes.
    public init(sql: String, offset: Int) {
        self.sql = sql
        self.offset = offset
    }
}
