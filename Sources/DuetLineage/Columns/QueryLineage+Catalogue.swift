public import DuckKit
import DuetEngine
import DuetPipeline

extension QueryLineage {
    /// The lineage of a SELECT over the tables of a database.
    ///
    /// - Parameters:
    ///   - sql: The SELECT.
    ///   - connection: A connection to the database.
    /// - Returns: Its columns under the names that DuckDB gives them; relations are told as `schema.table`.
    /// - Throws: ``UnknownLineage`` for a query that there is no rule for, ``DuckDBError`` for a wrong one.
    public static func of(_ sql: String, _ connection: Connection) throws -> QueryLineage {
        var tables: [String: ColumnResolver.Relation] = [:]
        for row in try connection.rows(
            "SELECT schema_name, table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
                + "WHERE NOT internal GROUP BY ALL"
        ) {
            guard let schema = row[0].string, let table = row[1].string, case .list(let names) = row[2] else {
                continue
            }
            let relation = ColumnResolver.Relation(name: "\(schema).\(table)", columns: names.compactMap(\.string))
            tables["\(schema).\(table)".lowercased()] = relation
            if tables[table.lowercased()] == nil || schema == "main" { tables[table.lowercased()] = relation }
        }
        let aggregates = try connection.rows(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
        ).compactMap { $0.first?.string }
        let known = tables
        return try ColumnResolver(aggregates: Set(aggregates)) { schema, table in
            known[(schema.isEmpty ? table : "\(schema).\(table)").lowercased()]
        }.lineage(
            of: try QueryAnalysis.tree(of: sql, connection),
            names: try connection.describe(sql).map(\.name)
        )
    }
}
