internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// What a view's updates took, kept for the cost model.
struct CostRecords {
    let connection: Connection
    let dataset: DatasetName

    /// Notes what an update took; only the last of its kind is kept.
    ///
    /// - Parameters:
    ///   - seconds: How long it took.
    ///   - changes: The changed rows of each input; nil for a full computation.
    /// - Throws: ``DuckDBError`` when it cannot be written.
    func record(seconds: Double, changes: [String: Int]?) throws {
        let kind = changes.map { Self.text($0.keys.sorted()) } ?? "full"
        let name = Value.varchar(dataset.description)
        try connection.execute("DELETE FROM duet.costs WHERE dataset = ? AND kind = ?", [name, .varchar(kind)])
        let sizes = JSONValue.object(
            JSONObject((changes ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })
        )
        try connection.execute(
            "INSERT INTO duet.costs VALUES (?, ?, ?, ?)",
            [name, .varchar(kind), .varchar(sizes.text()), .double(seconds)]
        )
    }

    /// How long the view last took to compute in full; nil when that was not measured.
    func fullSeconds() throws -> Double? {
        try connection.scalar(
            "SELECT seconds FROM duet.costs WHERE dataset = ? AND kind = 'full'",
            [.varchar(dataset.description)]
        ).double
    }

    /// How long taking in changes took, once for each set of changed inputs.
    func incrementalRuns() throws -> [UpdateSizes.Run] {
        let rows = try connection.rows(
            "SELECT changes, seconds FROM duet.costs WHERE dataset = ? AND kind <> 'full'",
            [.varchar(dataset.description)]
        )
        return try rows.map { row in
            let sizes = try JSONValue(parsing: row[0].string ?? "{}").object ?? [:]
            let changes = sizes.members.compactMap { member in member.value.integer.map { (member.key, $0) } }
            return UpdateSizes.Run(changes: Dictionary(changes) { first, _ in first }, seconds: row[1].double ?? 0)
        }
    }

    /// Rows of the inputs and of the tables kept for a view, by the names the program uses.
    func keptRows(of program: ViewProgram, inputs: [(name: DatasetName, rows: Int)]) throws -> [String: Int] {
        var rows = Dictionary(inputs.map { ($0.name.key, $0.rows) }) { first, _ in first }
        let tables = try connection.rows(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = ? "
                + "AND (table_name = ? OR starts_with(table_name, ?))",
            [.varchar(WarehouseState.data), .varchar(dataset.description), .varchar(dataset.description)]
        )
        let sizes = Dictionary(tables.map { ($0[0].string ?? "", $0[1].int ?? 0) }) { first, _ in first }
        for node in program.nodes {
            rows[node.name] = sizes.first { node.stateTable.hasSuffix(SQL.identifier($0.key)) }?.value ?? 0
        }
        return rows
    }

    private static func text(_ inputs: [String]) -> String { "changes of " + inputs.joined(separator: ", ") }
}
