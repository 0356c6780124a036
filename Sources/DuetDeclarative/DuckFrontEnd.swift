internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// DuckDB as the compiler of change rules asks it.
struct DuckFrontEnd: QueryFrontEnd {
    let connection: Connection

    func syntaxTree(of sql: String) throws -> JSONValue { try QueryAnalysis.tree(of: sql, connection) }

    func sql(of tree: JSONValue) throws -> String { try connection.sql(fromSyntaxTree: tree.text()) }

    func columns(of sql: String) throws -> [ViewColumn] {
        try connection.describe(sql).map { ViewColumn(name: $0.name, type: "\($0.type)") }
    }
}
