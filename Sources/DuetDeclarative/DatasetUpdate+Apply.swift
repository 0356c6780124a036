internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// Where the entries of a change are: rows of a table, with their weights in `__w` and no two entries for equal rows.
struct ChangeRows {
    /// The table, as SQL; not a query, since its entries are told apart by their row numbers.
    var table: String
    /// Which of its rows, as SQL; nil for all.
    var condition: String?

    /// A WHERE clause for entries of a kind.
    fileprivate func filter(_ kind: String, alias: String = "") -> String {
        "WHERE \(([condition.map { alias + $0 }].compactMap(\.self) + [alias + kind]).joined(separator: " AND "))"
    }

    /// Makes the table of what a query gives over changed rows, with their weights in `__w`.
    func definition(_ query: String, columns: [ColumnDescription]) -> String {
        let list = DatasetStore.list(columns)
        return "CREATE OR REPLACE TEMP TABLE \(table) AS SELECT \(list), sum(__w)::BIGINT AS __w FROM (\(query)) "
            + "GROUP BY \(list) HAVING sum(__w) <> 0"
    }

    /// Adds what comes once.
    func insertion(into rows: String, _ columns: [String]) -> String {
        let list = columns.map(SQL.identifier).joined(separator: ", ")
        return "INSERT INTO \(rows) (\(list)) SELECT \(list) FROM \(table) \(filter("__w = 1"))"
    }

    /// Takes away what goes, of equal rows as many as the weight says.
    func removal(from rows: String, _ columns: [String]) -> String {
        let equal = columns.map { "r.\(SQL.identifier($0)) IS NOT DISTINCT FROM c.\(SQL.identifier($0))" }
        return """
            DELETE FROM \(rows) WHERE rowid IN (
                SELECT __row FROM (
                    SELECT r.rowid AS __row, c.__w AS __w, row_number() OVER (PARTITION BY c.rowid) AS __number
                    FROM \(rows) AS r JOIN \(table) AS c ON \(equal.joined(separator: " AND "))
                    \(filter("__w < 0", alias: "c."))
                ) WHERE __number <= -__w
            )
            """
    }

    /// Adds what comes more than once.
    func repetition(into rows: String, _ columns: [String]) -> String {
        let list = columns.map(SQL.identifier).joined(separator: ", ")
        return "INSERT INTO \(rows) (\(list)) SELECT \(list) FROM (SELECT \(list), unnest(range(__w)) "
            + "FROM \(table) \(filter("__w > 1")))"
    }
}

/// Taking a change over into the rows.
extension DatasetUpdate {
    /// Takes a change over into the rows: what has a negative weight goes, as often as it says, what has a positive comes.
    ///
    /// Most changes are of rows that come once each. They go in first, and when that were all, as the number of entries
    /// tells, nothing more is asked of the change: for small ones asking takes longer than writing.
    ///
    /// - Parameters:
    ///   - change: The change.
    ///   - entries: How many entries it has; nil when that is not known.
    ///   - columns: The rows' columns that it has, in order.
    ///   - text: The user's query, to which errors point.
    ///   - measures: Gets the statements.
    /// - Returns: The rows added and taken away.
    /// - Throws: ``DuetError`` when a statement fails.
    func apply(
        _ change: ChangeRows,
        entries: Int?,
        columns: [String],
        _ text: MappedText,
        _ measures: inout StepMeasures
    ) throws -> (inserted: Int, deleted: Int) {
        guard entries != 0 else { return (0, 0) }
        var inserted = try count(
            change.insertion(into: store.rows, columns),
            text,
            &measures
        )
        if inserted == entries { return (inserted, 0) }
        let others = try connection.rows(
            "SELECT count(*) FILTER (__w < 0), count(*) FILTER (__w > 1) FROM \(change.table) "
                + change.filter("__w <> 1")
        ).first
        var deleted = 0
        if others?[0].int ?? 0 > 0 {
            // Equal rows are numbered so that exactly as many go as the weight says.
            deleted = try count(change.removal(from: store.rows, columns), text, &measures)
        }
        if others?[1].int ?? 0 > 0 {
            inserted += try count(change.repetition(into: store.rows, columns), text, &measures)
        }
        return (inserted, deleted)
    }

    /// Runs a statement and gives the rows it wrote, of which DuckDB tells also for `CREATE TABLE AS`.
    func count(_ sql: String, _ text: MappedText, _ measures: inout StepMeasures) throws -> Int {
        var written: Value = .null
        do {
            try measures.time(sql) { written = try connection.scalar(sql) }
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: text, names: names)
        }
        return written.int ?? 0
    }
}
