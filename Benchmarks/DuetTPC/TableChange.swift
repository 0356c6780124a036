import DuckKit
package import DuetMaintenance

/// Rows that go from a table and rows that come.
package struct TableChange: Sendable {
    /// The table.
    package var table: String
    /// A condition for the rows that go.
    package var gone: String
    /// A SELECT of the rows that come; evaluated before any go.
    package var new: String

    package init(_ table: String, gone: String = "FALSE", new: String? = nil) {
        self.table = table
        self.gone = gone
        self.new = new ?? "SELECT * FROM \(table) LIMIT 0"
    }

    /// The temporary table that holds the change with its weights.
    static func delta(of table: String) -> String { "temp.\"delta_\(table)\"" }
}

/// One update of the sources, with a name for reports.
package struct SourceUpdate: Sendable {
    package var name: String
    package var changes: [TableChange]

    package init(_ name: String, _ changes: [TableChange]) {
        self.name = name
        self.changes = changes
    }
}

/// How the tables changed, as the change rules need to know it.
package struct AppliedUpdate: Sendable {
    /// The signs of each table's change; tables whose change is empty are left out.
    package var kinds: [String: ChangeKind] = [:]
    /// The rows of each change.
    package var sizes: [String: Int] = [:]
}

extension SourceUpdate {
    /// Makes the change tables and applies them to the tables.
    func apply(_ connection: Connection) throws -> AppliedUpdate {
        for change in changes {
            // A row that goes and comes is no change; the rows that come are kept apart so that it is there again.
            _ = try connection.execute("CREATE OR REPLACE TEMP TABLE \"new_\(change.table)\" AS \(change.new)")
            _ = try connection.execute(
                """
                CREATE OR REPLACE TEMP TABLE \"delta_\(change.table)\" AS
                SELECT * EXCLUDE (__w), CAST(sum(__w) AS BIGINT) AS __w FROM (
                SELECT *, -1 AS __w FROM \(change.table) WHERE \(change.gone)
                UNION ALL SELECT *, 1 FROM temp.\"new_\(change.table)\") GROUP BY ALL HAVING sum(__w) <> 0
                """
            )
        }
        var applied = AppliedUpdate()
        for change in changes {
            _ = try connection.execute("DELETE FROM \(change.table) WHERE \(change.gone)")
            _ = try connection.execute("INSERT INTO \(change.table) FROM temp.\"new_\(change.table)\"")
            let delta = TableChange.delta(of: change.table)
            let row = try connection.rows("SELECT count(*), min(__w), max(__w) FROM \(delta)").first ?? []
            guard let count = row.first?.int, count > 0, let least = row[1].int, let greatest = row[2].int else {
                continue
            }
            applied.sizes[change.table] = count
            applied.kinds[change.table] = ChangeKind(least: least, greatest: greatest)
        }
        return applied
    }
}
