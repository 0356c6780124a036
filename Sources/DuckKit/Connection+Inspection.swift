#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What can be known of a text without running it.
extension Connection {
    /// Splits a text into its statements, after DuckDB has checked that all of them parse.
    ///
    /// A statement that DuckDB expands into several, such as `PIVOT`, counts as the one that was written.
    ///
    /// - Parameter sql: Any number of statements.
    /// - Returns: The statements in order, each with its own text and offset.
    /// - Throws: ``DuckDBError`` of kind `parser`.
    public func statements(in sql: String) throws(DuckDBError) -> [SQLStatement] {
        let pieces = try live().pieces(of: sql)
        // A single one comes with the text as it was passed; its own text has no comments and `;` around it.
        guard pieces.count == 1 else { return pieces.map { $0.source } }
        return StatementSplitter.split(sql)
    }

    /// The columns a SELECT would give, without running it.
    ///
    /// - Parameter select: One statement. Tables and columns it names must exist.
    /// - Returns: The columns in order.
    /// - Throws: ``DuckDBError`` with operation `prepare`; of kind `binder` if the columns depend on a parameter whose
    ///   type is not settled, as in `SELECT ?`.
    public func describe(_ select: String) throws(DuckDBError) -> [ColumnDescription] {
        let columns = try prepare(select).columns
        guard !columns.isEmpty else {
            throw DuckDBError(
                operation: .prepare,
                kind: .binder,
                message: "the columns depend on the type of a parameter; cast it, as in ?::INTEGER",
                sql: select
            )
        }
        return columns
    }

    /// The syntax tree of SELECT statements, as JSON in DuckDB's own layout.
    ///
    /// Nothing is bound, so that tables need not exist. The layout belongs to the version of DuckDB.
    ///
    /// - Parameter select: One or more SELECT statements.
    /// - Returns: An object with the key `statements`.
    /// - Throws: ``DuckDBError`` of kind `parser` with `position` for a syntax error, and of kind `notImplemented` for
    ///   a statement that is not a SELECT, and for PIVOT.
    public func syntaxTree(of select: String) throws(DuckDBError) -> String {
        try rejectNUL(select, as: "the SQL text", operation: .prepare, sql: select)
        let json = try scalar("SELECT json_serialize_sql(?::VARCHAR)", [.varchar(select)]).string ?? ""
        guard json.hasPrefix("{\"error\":true") else { return json }
        let failure: SyntaxFailure
        do {
            failure = try JSONDecoder().decode(SyntaxFailure.self, from: Data(json.utf8))
        } catch {
            throw DuckDBError(operation: .prepare, kind: .unknown, message: json, sql: select)
        }
        throw failure.error(sql: select)
    }

    /// The SQL text for a syntax tree, in DuckDB's own style: fully parenthesised, comments and layout gone.
    ///
    /// - Parameter json: What ``syntaxTree(of:)`` gave, or a changed form of it, with exactly one statement.
    /// - Returns: The statement.
    /// - Throws: ``DuckDBError`` if the text is not JSON or not a tree.
    public func sql(fromSyntaxTree json: String) throws(DuckDBError) -> String {
        try rejectNUL(json, as: "the syntax tree", operation: .execute)
        guard let sql = try scalar("SELECT json_deserialize_sql(?::JSON)", [.varchar(json)]).string else {
            throw DuckDBError(operation: .execute, kind: .invalidInput, message: "the syntax tree is empty")
        }
        return sql
    }
}

/// What `json_serialize_sql` gives in place of a tree.
private struct SyntaxFailure: Decodable {
    var type: String
    var message: String
    var subtype: String?
    var position: String?

    private enum CodingKeys: String, CodingKey {
        case type = "error_type"
        case message = "error_message"
        case subtype = "error_subtype"
        case position
    }

    func error(sql: String) -> DuckDBError {
        let kind: DuckDBError.Kind =
            switch type {
            case "parser": .parser
            case "not implemented": .notImplemented
            default: .init(exceptionType: type)
            }
        return DuckDBError(
            operation: .prepare,
            kind: kind,
            message: message,
            sql: sql,
            position: position.flatMap { Int($0) },
            subtype: subtype
        )
    }
}
