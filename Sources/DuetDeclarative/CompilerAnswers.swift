internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline
internal import Synchronization

/// What DuckDB has answered when change rules were worked out, kept in the warehouse for later runs.
///
/// The same questions come at every update of a view, and asking takes longer than a small update itself.
final class CompilerAnswers: Sendable {
    /// The most answers that are kept; those of changed queries are never asked for again and have to go at some time.
    private static let mostKept = 50_000

    private struct Content {
        var known: [String: String]?
        var new: [String: String] = [:]
    }

    private let content = Mutex(Content())

    /// The answer to a question, from memory where it is there.
    ///
    /// - Parameters:
    ///   - question: What is asked, with everything that the answer depends on but DuckDB's version.
    ///   - connection: Where answers are kept.
    ///   - ask: Asks DuckDB.
    /// - Returns: The answer.
    /// - Throws: ``DuckDBError`` when answers cannot be read, and what `ask` throws, which is not kept.
    func answer(_ question: String, _ connection: Connection, _ ask: () throws -> String) throws -> String {
        let key = "\(Database.libraryVersion) \(question)"
        let found = try content.withLock { content in
            let known = try content.known ?? Self.load(connection)
            content.known = known
            return known[key] ?? content.new[key]
        }
        if let found { return found }
        let answer = try ask()
        content.withLock { $0.new[key] = answer }
        return answer
    }

    /// Keeps the answers that are new; once in a run, since they may be lost with a run that is killed.
    ///
    /// - Throws: ``DuckDBError`` when they cannot be written.
    func keep(_ connection: Connection) throws {
        let (new, count) = content.withLock { ($0.new, $0.known?.count ?? 0) }
        guard !new.isEmpty else { return }
        try connection.transaction {
            // Warehouses made before there were answers have no table for them.
            try connection.execute("CREATE TABLE IF NOT EXISTS duet.answers (question VARCHAR, answer VARCHAR)")
            if count + new.count > Self.mostKept { try connection.execute("DELETE FROM duet.answers") }
            let appender = try connection.appender(table: "answers", schema: WarehouseState.schema)
            for (question, answer) in new { try appender.appendRow([.varchar(question), .varchar(answer)]) }
            try appender.close()
        }
    }

    private static func load(_ connection: Connection) throws -> [String: String] {
        var known: [String: String] = [:]
        let tables = try connection.scalar(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = 'answers'",
            [.varchar(WarehouseState.schema)]
        )
        guard tables.int ?? 0 > 0 else { return known }
        for row in try connection.rows("SELECT question, answer FROM duet.answers") {
            guard let question = row[0].string, let answer = row[1].string else { continue }
            known[question] = answer
        }
        return known
    }
}

/// DuckDB as the compiler of change rules asks it, with a memory.
struct RememberingFrontEnd: QueryFrontEnd {
    let base: DuckFrontEnd
    let answers: CompilerAnswers
    /// The relations that queries read, on whose columns theirs depend.
    let inputs: [InputRelation]

    func syntaxTree(of sql: String) throws -> JSONValue {
        let text = try answers.answer("tree of \(sql)", base.connection) { try base.connection.syntaxTree(of: sql) }
        return try QueryAnalysis.tree(read: text)
    }

    func sql(of tree: JSONValue) throws -> String {
        let text = tree.text()
        return try answers.answer("SQL of \(text)", base.connection) {
            try base.connection.sql(fromSyntaxTree: text)
        }
    }

    func columns(of sql: String) throws -> [ViewColumn] {
        let known = inputs.map { input in
            "\(input.name)(\(input.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")))"
        }
        let text = try answers.answer("columns over \(known.joined(separator: ", ")) of \(sql)", base.connection) {
            let columns = try base.columns(of: sql)
            return JSONValue.array(columns.flatMap { [.string($0.name), .string($0.type)] }).text()
        }
        guard let words = try QueryAnalysis.tree(read: text).array?.compactMap(\.string), words.count.isMultiple(of: 2)
        else { return try base.columns(of: sql) }
        return stride(from: 0, to: words.count, by: 2).map { ViewColumn(name: words[$0], type: words[$0 + 1]) }
    }
}
