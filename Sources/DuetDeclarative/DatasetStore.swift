internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// The tables behind one dataset: its rows, its changes that readers have still to take, and the view others see.
struct DatasetStore {
    let dataset: Dataset
    let connection: Connection

    /// The table of rows, hidden columns included; SQL.
    var rows: String { SQL.qualified(WarehouseState.data, dataset.name.description) }
    /// The table of changes with `__w` and `__version`; SQL.
    var changes: String { SQL.qualified(WarehouseState.changes, dataset.name.description) }
    /// The name others use; SQL.
    var published: String { SQL.qualified(dataset.name.schema, dataset.name.table) }
    /// The table of rows that were kept out; SQL.
    var quarantine: String { SQL.qualified(WarehouseState.quarantine, dataset.name.description) }

    /// The columns of the rows that belong to the user, in order.
    func visibleColumns(of relation: String) throws -> [ColumnDescription] {
        try connection.describe("SELECT * FROM \(relation)").filter { !HiddenColumn.matches($0.name) }
    }

    /// The columns that readers see, as change rules take them.
    func viewColumns() throws -> [ViewColumn] {
        try visibleColumns(of: published).map { ViewColumn(name: $0.name, type: "\($0.type)") }
    }

    static func list(_ columns: [ColumnDescription]) -> String {
        columns.map { SQL.identifier($0.name) }.joined(separator: ", ")
    }

    /// Makes the view that others see.
    func publish() throws {
        let columns = Self.list(try visibleColumns(of: rows))
        let filter = ExpectationCheck(dataset).keepCondition.map { " WHERE \($0)" } ?? ""
        try connection.execute("CREATE OR REPLACE VIEW \(published) AS SELECT \(columns) FROM \(rows)\(filter)")
        try DatasetComments.write(dataset, isView: true, connection)
    }

    /// Keeps a change for readers until all have taken it.
    ///
    /// - Parameters:
    ///   - change: A relation with the rows' columns and `__w`.
    ///   - version: The version that it leads to.
    ///   - columns: The rows' columns.
    ///   - isFiltered: Whether the change is already one of the rows that readers see.
    ///   - exists: Whether the table of changes is there.
    /// - Throws: ``DuckDBError`` when a statement fails.
    func log(_ change: String, version: Int, columns: [String], isFiltered: Bool, exists: Bool) throws {
        let keep = isFiltered ? "" : ExpectationCheck(dataset).keepCondition.map { " WHERE \($0)" } ?? ""
        try connection.execute(logStatement("\(change)\(keep)", version: version, columns: columns, exists: exists))
    }

    /// The statement that adds to the table of changes, or makes it.
    ///
    /// - Parameters:
    ///   - change: What follows `FROM`: a relation with the rows' columns and `__w`.
    ///   - version: The version that it leads to.
    ///   - columns: The rows' columns.
    ///   - exists: Whether the table is there.
    /// - Returns: The statement, which tells how many entries it has added.
    func logStatement(_ change: String, version: Int, columns: [String], exists: Bool) -> String {
        let list = columns.map(SQL.identifier).joined(separator: ", ")
        let select = "SELECT \(list), __w, \(version)::BIGINT AS __version FROM \(change)"
        if exists { return "INSERT INTO \(changes) \(select)" }
        // The types are the rows': a change may hold nothing but NULLs in a column, which alone have no type.
        let none = "SELECT \(list), 0::BIGINT AS __w, 0::BIGINT AS __version FROM \(rows) WHERE FALSE"
        return "CREATE TABLE \(changes) AS \(none) UNION ALL \(select)"
    }

    /// The entries of the log that one update made.
    func logged(version: Int) -> ChangeRows { ChangeRows(table: changes, condition: "__version = \(version)") }

    /// Forgets kept changes, for when the rows were made anew.
    func forgetChanges() throws { try connection.execute("DROP TABLE IF EXISTS \(changes)") }

    /// The change since a version, one entry for equal rows, as a query.
    ///
    /// - Parameters:
    ///   - version: The version.
    ///   - columns: The columns that readers see.
    ///   - isLone: Whether one update at most came after it.
    /// - Returns: The query.
    func changeQuery(since version: Int, columns: [String], isLone: Bool = false) -> String {
        let list = columns.map(SQL.identifier).joined(separator: ", ")
        if isLone { return "SELECT \(list), __w FROM \(changes) WHERE __version > \(version)" }
        return "SELECT \(list), sum(__w)::BIGINT AS __w FROM \(changes) WHERE __version > \(version) "
            + "GROUP BY \(list) HAVING sum(__w) <> 0"
    }
}
