package import DuckKit
package import DuetEvents
package import DuetPipeline

/// Holds rows to a dataset's expectations, in SQL.
package struct ExpectationCheck: Sendable {
    private let dataset: Dataset

    /// For one dataset.
    package init(_ dataset: Dataset) { self.dataset = dataset }

    /// Whether there is anything to check.
    package var isEmpty: Bool { dataset.expectations.isEmpty }

    /// The condition that rows must meet to be kept; nil when nothing is dropped.
    package var keepCondition: String? {
        let dropping = dataset.expectations.filter { $0.action == .drop }
        guard !dropping.isEmpty else { return nil }
        return dropping.map { "(\($0.condition.text)) IS TRUE" }.joined(separator: " AND ")
    }

    /// The names of the constraints a row violates, as a list of text.
    package var failedConstraints: String {
        let cases = dataset.expectations.filter { $0.action == .drop }.map {
            "CASE WHEN (\($0.condition.text)) IS NOT TRUE THEN \(SQL.literal($0.name)) END"
        }
        return "list_filter([\(cases.joined(separator: ", "))], lambda x: x IS NOT NULL)"
    }

    /// Counts passed and failed rows of a relation, and throws when a rule with FAIL UPDATE is violated.
    ///
    /// - Parameters:
    ///   - connection: The connection.
    ///   - relation: The rows, as SQL after FROM.
    ///   - weight: A column that says how often each row counts; nil for once.
    /// - Returns: The count for each expectation, and the number of rows in all.
    /// - Throws: ``DuetError`` when a condition does not bind, or a rule with FAIL UPDATE is violated.
    package func count(
        _ connection: Connection,
        relation: String,
        weight: String? = nil
    ) throws -> (rows: Int, counts: [StepMeasures.ExpectationCount]) {
        let amount = weight.map { "sum(\($0))" } ?? "count(*)"
        let conditions = ["true"] + dataset.expectations.map { "(\($0.condition.text)) IS NOT TRUE" }
        let columns = conditions.map { "coalesce(\(amount) FILTER (WHERE \($0)), 0)::BIGINT" }
        let sql = "SELECT \(columns.joined(separator: ", ")) FROM \(relation)"
        let row: [Value]
        do {
            row = try connection.rows(sql).first ?? []
        } catch {
            throw located(error)
        }
        let total = row.first?.int ?? 0
        var counts: [StepMeasures.ExpectationCount] = []
        for (expectation, value) in zip(dataset.expectations, row.dropFirst()) {
            let failed = value.int ?? 0
            counts.append(
                .init(name: expectation.name, action: expectation.action, passed: total - failed, failed: failed)
            )
        }
        try refuse(counts, connection, relation: relation)
        return (total, counts)
    }

    private func refuse(
        _ counts: [StepMeasures.ExpectationCount],
        _ connection: Connection,
        relation: String
    ) throws {
        for (expectation, count) in zip(dataset.expectations, counts)
        where expectation.action == .fail && count.failed > 0 {
            let sample = try connection.query(
                "SELECT * FROM \(relation) WHERE (\(expectation.condition.text)) IS NOT TRUE LIMIT 1"
            )
            let names = sample.columns.map(\.name)
            let row = try sample.allRows().first ?? []
            let shown = zip(names, row).filter { !HiddenColumn.matches($0.0) }.prefix(8).map { "\($0.0) = \($0.1)" }
            throw DuetError(
                .expectationFailed,
                "\(count.failed) row\(count.failed == 1 ? "" : "s") of '\(dataset.name)' violate the expectation "
                    + "'\(expectation.name)': \(expectation.condition.text)",
                hint: "the dataset stays as it was; the first such row: \(shown.joined(separator: ", "))",
                at: expectation.location
            )
        }
    }

    /// Finds the expectation whose condition DuckDB complains about.
    private func located(_ error: DuckDBError) -> DuetError {
        for expectation in dataset.expectations {
            guard let sql = error.sql, let position = error.position,
                let range = sql.firstRange(of: "(\(expectation.condition.text)) IS NOT TRUE")
            else { continue }
            let start = sql.utf8.distance(from: sql.startIndex, to: range.lowerBound)
            guard position >= start, position < start + expectation.condition.text.utf8.count + 2 else { continue }
            return ErrorTranslation.error(error, dataset: dataset.name, text: expectation.condition)
        }
        let text = dataset.expectations.first?.condition ?? MappedText(file: SourceFile(path: "", text: ""))
        return ErrorTranslation.error(error, dataset: dataset.name, text: text)
    }
}
