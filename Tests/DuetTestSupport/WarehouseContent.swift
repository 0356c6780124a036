internal import DuckKit
public import DuetEngine

extension PipelineFixture {
    /// All that a style's warehouse shows and remembers of its datasets, as text to compare; "" when there is none.
    ///
    /// The record of runs and of files is left out: a failed run is noted, and what it has fetched is known.
    ///
    /// - Parameters:
    ///   - style: The style.
    ///   - layers: The schemas to look at, with the hidden tables behind them.
    /// - Returns: A line for each relation and each row.
    /// - Throws: An error when the warehouse cannot be read.
    public func content(_ style: Style, of layers: [String] = ["bronze", "silver", "gold"]) throws -> String {
        try Self.content(of: home.warehouse(style), layers: layers)
    }

    /// As ``content(_:of:)``, of any warehouse.
    public static func content(
        of path: String,
        layers: [String] = ["bronze", "silver", "gold"]
    ) throws -> String {
        guard TemporaryFolder.exists(path) else { return "" }
        let connection = try Warehouse(path: path, isReadOnly: true).connect()
        let isWanted = { (name: String) in layers.contains { name.hasPrefix("\($0).") } }
        let relations = try connection.rows(
            """
            SELECT schema_name, table_name FROM duckdb_tables()
            WHERE schema_name <> 'duet' OR table_name IN ('datasets', 'seen_inputs', 'seen_files')
            UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal
            ORDER BY ALL
            """
        )
        var lines: [String] = []
        for row in relations {
            let schema = row[0].string ?? ""
            let table = row[1].string ?? ""
            guard schema == "duet" || isWanted("\(schema).") || isWanted(table) else { continue }
            let name = SQL.qualified(schema, table)
            lines.append(name)
            // The state's tables begin with the name of the dataset that a row is about.
            for row in try connection.rows("SELECT * FROM \(name) ORDER BY ALL")
            where schema != "duet" || isWanted(row[0].description) {
                lines.append("  \(row.map(\.description).joined(separator: " | "))")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// The SHA-256 and the name of each file of a pattern, in order.
    public func digests(_ pattern: String) throws -> [(digest: String, name: String)] {
        let connection = try Warehouse.scratch()
        return try connection.rows(
            "SELECT sha256(content), parse_filename(filename) FROM read_blob(\(SQL.literal("\(folder.path)/\(pattern)"))) "
                + "ORDER BY 2"
        ).map { ($0[0].string ?? "", $0[1].string ?? "") }
    }
}
