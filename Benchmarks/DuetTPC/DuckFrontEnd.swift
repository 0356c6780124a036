package import DuckKit
package import DuetMaintenance
package import DuetPipeline

/// DuckDB as the compiler of change rules sees it.
package struct DuckFrontEnd: QueryFrontEnd {
    package let connection: Connection

    package init(connection: Connection) { self.connection = connection }

    package func syntaxTree(of sql: String) throws -> JSONValue {
        try JSONValue(parsing: try connection.syntaxTree(of: sql))
    }

    package func sql(of tree: JSONValue) throws -> String { try connection.sql(fromSyntaxTree: tree.text()) }

    package func columns(of sql: String) throws -> [ViewColumn] {
        try connection.describe(sql).map { ViewColumn(name: $0.name, type: $0.type.description) }
    }
}
