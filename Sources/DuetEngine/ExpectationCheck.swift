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

    /// What a relation's rows came to.
    package struct Tally {
        /// Rows; of a change, those that came.
        package var rows = 0
        /// Rows that came and are kept out.
        package var dropped = 0
        /// Whether rows that are kept out came or went.
        package var touchesDropped = false
        /// For each expectation, the rows that came and violate it.
        package var failed: [Int] = []
        /// For each expectation, by how many rows that satisfy it there are more now.
        package var passedMore: [Int] = []
        /// For each expectation, by how many rows that violate it there are more now.
        package var failedMore: [Int] = []

        /// Counts with nothing counted.
        package init() {}
    }

    /// Counts rows that satisfy and violate each rule, and throws when one with FAIL UPDATE is violated.
    ///
    /// - Parameters:
    ///   - connection: The connection.
    ///   - relation: The rows, as SQL after FROM.
    ///   - isChange: Whether it is a change, with the number of times each row came (or went, below zero) in `__w`.
    /// - Returns: The counts.
    /// - Throws: ``DuetError`` when a condition does not bind, or a rule with FAIL UPDATE is violated by a row that came.
    package func tally(_ connection: Connection, relation: String, isChange: Bool = false) throws -> Tally {
        let came = isChange ? "__w > 0" : "true"
        let weight = isChange ? "__w" : "1"
        let sum = { (amount: String, condition: String) in
            "coalesce(sum(\(amount)) FILTER (WHERE \(condition)), 0)::BIGINT"
        }
        let isOut = keepCondition.map { "NOT (\($0))" } ?? "false"
        var columns = [
            sum(weight, came), sum(weight, weight), sum(weight, "\(came) AND \(isOut)"), sum("abs(\(weight))", isOut),
        ]
        columns[1] = "coalesce(sum(\(weight)), 0)::BIGINT"
        for expectation in dataset.expectations {
            let fails = "(\(expectation.condition.text)) IS NOT TRUE"
            columns += [sum(weight, "\(came) AND \(fails)"), sum(weight, fails)]
        }
        let row: [Value]
        do {
            row = try connection.rows("SELECT \(columns.joined(separator: ", ")) FROM \(relation)").first ?? []
        } catch {
            throw located(error)
        }
        let numbers = row.map { $0.int ?? 0 }
        var tally = Tally()
        guard numbers.count == 4 + 2 * dataset.expectations.count else { return tally }
        tally.rows = numbers[0]
        tally.dropped = numbers[2]
        tally.touchesDropped = numbers[3] > 0
        for index in dataset.expectations.indices {
            tally.failed.append(numbers[4 + 2 * index])
            tally.failedMore.append(numbers[5 + 2 * index])
            tally.passedMore.append(numbers[1] - numbers[5 + 2 * index])
        }
        try refuse(tally, connection, relation: relation, came: came)
        return tally
    }

    /// Counts passed and failed rows of a whole relation, and throws when a rule with FAIL UPDATE is violated.
    ///
    /// - Parameters:
    ///   - connection: The connection.
    ///   - relation: The rows, as SQL after FROM.
    /// - Returns: The count for each expectation, and the number of rows in all.
    /// - Throws: ``DuetError`` when a condition does not bind, or a rule with FAIL UPDATE is violated.
    package func count(
        _ connection: Connection,
        relation: String
    ) throws -> (rows: Int, counts: [StepMeasures.ExpectationCount]) {
        let tally = try tally(connection, relation: relation)
        return (tally.rows, counts(tally, totals: zip(tally.passedMore, tally.failedMore).map { ($0, $1) }))
    }

    /// The counts for the log, given those of all rows there are now.
    package func counts(_ tally: Tally, totals: [(passed: Int, failed: Int)]) -> [StepMeasures.ExpectationCount] {
        dataset.expectations.indices.map { index in
            StepMeasures.ExpectationCount(
                name: dataset.expectations[index].name,
                action: dataset.expectations[index].action,
                passed: tally.rows - tally.failed[index],
                failed: tally.failed[index],
                totalPassed: totals[index].passed,
                totalFailed: totals[index].failed
            )
        }
    }

    /// Whether all conditions bind to a relation's columns.
    ///
    /// - Throws: ``DuetError`` at the first condition that does not.
    package func bind(_ connection: Connection, relation: String) throws {
        guard !dataset.expectations.isEmpty else { return }
        let columns = dataset.expectations.map { "(\($0.condition.text)) IS NOT TRUE" }
        do {
            _ = try connection.describe("SELECT \(columns.joined(separator: ", ")) FROM \(relation)")
        } catch {
            throw located(error)
        }
    }

    /// Whether a condition's answer depends on more than its row, such as the clock; then what was counted before means
    /// nothing now.
    package var isUnstable: Bool {
        let words = ["now", "current_", "today", "local", "random", "uuid", "get_current"]
        return dataset.expectations.contains { expectation in
            let text = expectation.condition.text.lowercased()
            return words.contains { text.contains($0) }
        }
    }

    private func refuse(_ tally: Tally, _ connection: Connection, relation: String, came: String) throws {
        for (expectation, failed) in zip(dataset.expectations, tally.failed)
        where expectation.action == .fail && failed > 0 {
            let sample = try connection.query(
                "SELECT * FROM \(relation) WHERE \(came) AND (\(expectation.condition.text)) IS NOT TRUE LIMIT 1"
            )
            let names = sample.columns.map(\.name)
            let row = try sample.allRows().first ?? []
            let shown = zip(names, row).filter { !HiddenColumn.matches($0.0) }.prefix(8).map { "\($0.0) = \($0.1)" }
            throw DuetError(
                .expectationFailed,
                "\(failed) row\(failed == 1 ? "" : "s") of '\(dataset.name)' violate the expectation "
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
