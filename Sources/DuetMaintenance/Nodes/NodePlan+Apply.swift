extension NodePlan {
    /// New rows minus old rows as a consolidated change.
    static func difference(_ visible: [String], new: String, old: String) -> String {
        let list = SQLText.list(visible)
        return """
            SELECT \(list), CAST(sum(__w) AS BIGINT) AS __w FROM (
            SELECT \(list), 1 AS __w FROM \(new)
            UNION ALL
            SELECT \(list), -1 FROM \(old))
            GROUP BY ALL HAVING sum(__w) <> 0
            """
    }

    /// Statements that take a change into a table without keys: for each row taken away exactly as many of its copies.
    ///
    /// - Parameters:
    ///   - delta: The temporary table that holds the change.
    ///   - table: The table, quoted.
    ///   - visible: Its columns.
    ///   - removes: Whether the change may take rows away.
    /// - Returns: The statements in order.
    static func apply(delta: String, to table: String, _ visible: [String], removes: Bool) -> [String] {
        let list = SQLText.list(visible)
        let change = SQLText.temporary(delta)
        var statements: [String] = []
        if removes {
            let match = SQLText.same(visible.map { (SQLText.column("s", $0), SQLText.column("d", $0)) })
            statements.append(
                """
                DELETE FROM \(table) WHERE rowid IN (
                SELECT __rid FROM (
                SELECT s.rowid AS __rid, d.__w AS __w, row_number() OVER (PARTITION BY d.rowid) AS __copy
                FROM \(table) AS s JOIN \(change) AS d ON \(match)
                WHERE d.__w < 0)
                WHERE __copy <= -__w)
                """
            )
        }
        statements.append(
            """
            INSERT INTO \(table) (\(list))
            SELECT \(list) FROM \(change) WHERE __w > 0
            UNION ALL
            SELECT \(list) FROM (SELECT *, unnest(range(__w - 1)) FROM \(change) WHERE __w > 1)
            """
        )
        return statements
    }
}
