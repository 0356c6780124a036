package import DuckKit
package import DuetEvents

/// DuckDB's own measurement of the statement that took a step longest.
package enum StatementProfile {
    /// Runs the query of the slowest statement once more, under EXPLAIN ANALYZE.
    ///
    /// On the step's own connection, since its temporary tables are no other's. Only the query within the statement runs,
    /// so nothing is written twice.
    ///
    /// - Parameters:
    ///   - measures: What the step has done so far, with times.
    ///   - connection: The connection that did it.
    /// - Returns: The statement's first line and DuckDB's drawing; nil when no statement has a query of its own.
    /// - Throws: ``DuckDBError`` when it cannot be run again.
    package static func ofSlowest(_ measures: StepMeasures, _ connection: Connection) throws -> String? {
        let timed = measures.statementSeconds.sorted { $0.value > $1.value }
        for (place, seconds) in timed where measures.statements.indices.contains(place) {
            guard let query = query(of: measures.statements[place]) else { continue }
            let drawing = try connection.rows("EXPLAIN ANALYZE \(query)").compactMap { $0.last?.string }
                .joined(separator: "\n")
            let milliseconds = Int((seconds * 1000).rounded())
            return "the slowest statement took \(milliseconds) ms: \(measures.statements[place])\n\(drawing)"
        }
        return nil
    }

    /// The SELECT that a statement writes rows of.
    static func query(of statement: String) -> String? {
        let form =
            /(?is)^\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP\s+|TEMPORARY\s+)?TABLE\b.*?\bAS\s+|INSERT\s+INTO\b.*?)((?:SELECT|WITH|FROM)\b.*)$/
        return statement.firstMatch(of: form).map { String($0.1) }
    }
}
