package import DuckKit
internal import DuetEngine
package import DuetPipeline

/// What is kept beside a dataset's rows so that later updates are cheap: changes that some reader has still to take, and
/// the tables of inner query blocks.
package struct KeptState: Sendable, Hashable {
    /// Rows in the change log.
    package var logRows = 0
    /// Bytes of the change log, uncompressed.
    package var logBytes = 0
    /// Rows in hidden tables.
    package var hiddenRows = 0
    /// Bytes of hidden tables, uncompressed.
    package var hiddenBytes = 0

    /// All bytes.
    package var bytes: Int { logBytes + hiddenBytes }

    /// Looks at what is kept.
    ///
    /// Bytes are the number of rows times the width of the first thousand: exact for columns of fixed width.
    ///
    /// - Parameters:
    ///   - connection: A connection to the warehouse.
    ///   - datasets: The datasets to look at; nil for all.
    /// - Returns: What is kept, for datasets with any.
    /// - Throws: ``DuckDBError`` when a table cannot be read.
    package static func measure(
        _ connection: Connection,
        of datasets: Set<DatasetName>? = nil
    ) throws -> [String: KeptState] {
        let wanted = datasets.map { Set($0.map(\.key)) }
        var kept: [String: KeptState] = [:]
        // A block's table has its dataset's name and a number: `gold.daily__1`.
        let tables = try connection.rows(
            "SELECT schema_name, table_name, CASE WHEN schema_name = $1 THEN table_name "
                + "ELSE regexp_replace(table_name, '__[0-9]+$', '') END AS dataset FROM duckdb_tables() "
                + "WHERE schema_name = $1 OR schema_name = $2 AND regexp_matches(table_name, '__[0-9]+$') "
                + "AND table_name NOT IN (SELECT name FROM duet.datasets)",
            [.varchar(WarehouseState.changes), .varchar(WarehouseState.data)]
        )
        for table in tables {
            guard let schema = table[0].string, let name = table[1].string, let dataset = table[2].string else {
                continue
            }
            let isLog = schema == WarehouseState.changes
            guard wanted?.contains(dataset.lowercased()) ?? true else { continue }
            let (rows, bytes) = try size(of: SQL.qualified(schema, name), connection)
            var state = kept[dataset] ?? KeptState()
            if isLog {
                state.logRows += rows
                state.logBytes += bytes
            } else {
                state.hiddenRows += rows
                state.hiddenBytes += bytes
            }
            kept[dataset] = state
        }
        return kept
    }

    private static func size(of table: String, _ connection: Connection) throws -> (rows: Int, bytes: Int) {
        let widths = try connection.describe("SELECT * FROM \(table)").map { column in
            fixedWidth("\(column.type)").map(String.init)
                ?? "coalesce(strlen(\(SQL.identifier(column.name))::VARCHAR), 0)"
        }
        let row = try connection.rows(
            "SELECT (SELECT count(*) FROM \(table)), (SELECT coalesce(avg(\(widths.joined(separator: " + "))), 0)::DOUBLE "
                + "FROM (SELECT * FROM \(table) LIMIT 1000))"
        ).first
        let rows = row?[0].int ?? 0
        return (rows, Int((Double(rows) * (row?[1].double ?? 0)).rounded()))
    }

    /// The bytes of a value of a type; nil where they depend on the value.
    private static func fixedWidth(_ type: String) -> Int? {
        if type.hasPrefix("DECIMAL") { return 8 }
        if type.hasPrefix("TIMESTAMP") || type.hasPrefix("TIME") { return 8 }
        return [
            "BOOLEAN": 1, "TINYINT": 1, "UTINYINT": 1, "SMALLINT": 2, "USMALLINT": 2, "INTEGER": 4, "UINTEGER": 4,
            "DATE": 4, "FLOAT": 4, "BIGINT": 8, "UBIGINT": 8, "DOUBLE": 8, "HUGEINT": 16, "UHUGEINT": 16, "UUID": 16,
            "INTERVAL": 16,
        ][type]
    }
}
