package import DuckKit
package import DuetEvents
package import DuetPipeline

/// Holds all rows of a dataset together to its rules: uniqueness and number of rows.
package struct TableCheckCount {
    private let dataset: Dataset
    private let connection: Connection
    /// The rows that readers see, as SQL after FROM.
    private let relation: String

    /// For one dataset's rows.
    package init(_ dataset: Dataset, _ connection: Connection, relation: String) {
        self.dataset = dataset
        self.connection = connection
        self.relation = relation
    }

    /// Counts for every rule; `passed` and `failed` are rows for uniqueness, and one for the whole table otherwise.
    ///
    /// - Parameters:
    ///   - rows: The number of rows readers see.
    ///   - change: What changed, with weights in `__w`, rows that are kept out apart; nil to look at all rows.
    ///   - before: The rows that failed before, by the rule's name in lower case; used with a change.
    /// - Returns: The counts.
    /// - Throws: ``DuetError`` when a rule does not bind, or one with FAIL UPDATE is violated.
    package func counts(
        rows: Int,
        change: String? = nil,
        before: [String: Int] = [:]
    ) throws -> [StepMeasures.ExpectationCount] {
        try dataset.tableChecks.map { check in
            var passed = 0
            var failed = 0
            switch check.form {
            case .rowCount(let condition):
                let isMet = try scalar(
                    "SELECT ((\(condition.text)) IS TRUE)::BIGINT FROM (SELECT \(rows)::BIGINT AS row_count)",
                    condition,
                    check
                )
                (passed, failed) = (isMet, 1 - isMet)
            case .unique(let columns):
                let keys = columns.map(SQL.identifier)
                if let change, let known = before[check.name.lowercased()] {
                    failed = known + (try scalar(Self.more(keys, relation: relation, change: change), nil, check))
                } else {
                    failed = try scalar(
                        "SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM \(relation) "
                            + "GROUP BY \(keys.joined(separator: ", ")) HAVING count(*) > 1)",
                        nil,
                        check
                    )
                }
                passed = rows - failed
            }
            if check.action == .fail, failed > 0 { throw try violated(check, failed: failed, rows: rows) }
            return StepMeasures.ExpectationCount(
                name: check.name,
                action: check.action,
                passed: passed,
                failed: failed,
                totalPassed: passed,
                totalFailed: failed
            )
        }
    }

    /// By how many more rows share their key with another: only keys that the change touches are looked at.
    private static func more(_ keys: [String], relation: String, change: String) -> String {
        let list = keys.joined(separator: ", ")
        let equal = { (a: String, b: String) in
            keys.map { "\(a).\($0) IS NOT DISTINCT FROM \(b).\($0)" }.joined(separator: " AND ")
        }
        return """
            WITH d AS (SELECT \(list), sum(__w)::BIGINT AS __w FROM \(change) GROUP BY \(list)),
            a AS (SELECT \(list), count(*) AS __n FROM \(relation) AS r SEMI JOIN d ON \(equal("r", "d")) GROUP BY \(list)),
            b AS (SELECT coalesce(a.__n, 0) AS n, coalesce(a.__n, 0) - d.__w AS m FROM d LEFT JOIN a ON \(equal("a", "d")))
            SELECT coalesce(sum(CASE WHEN n > 1 THEN n ELSE 0 END) - sum(CASE WHEN m > 1 THEN m ELSE 0 END), 0)::BIGINT
            FROM b
            """
    }

    private func scalar(_ sql: String, _ text: MappedText?, _ check: TableCheck) throws -> Int {
        do {
            return try connection.scalar(sql).int ?? 0
        } catch {
            if let text { throw ErrorTranslation.error(error, dataset: dataset.name, text: text) }
            throw DuetError(
                .unknownColumn,
                "the rule '\(check.name)' of '\(dataset.name)' does not fit its rows: "
                    + ErrorTranslation.firstLine(error.message),
                hint: "name columns of the dataset",
                at: check.location
            )
        }
    }

    private func violated(_ check: TableCheck, failed: Int, rows: Int) throws -> DuetError {
        var hint = "the dataset stays as it was"
        var what = "has \(rows) rows"
        if case .unique(let columns) = check.form {
            what = "has \(failed) rows whose key another row has too"
            let list = columns.map(SQL.identifier).joined(separator: ", ")
            let sample =
                try connection.rows(
                    "SELECT \(list), count(*) FROM \(relation) GROUP BY \(list) HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
                ).first ?? []
            let shown = zip(columns, sample).map { "\($0) = \($1)" }.joined(separator: ", ")
            hint += "; for example \(sample.last.map { "\($0)" } ?? "several") rows with \(shown)"
        }
        return DuetError(
            .expectationFailed,
            "'\(dataset.name)' \(what), against the rule '\(check.name)': \(check.text)",
            hint: hint,
            at: check.location
        )
    }
}
