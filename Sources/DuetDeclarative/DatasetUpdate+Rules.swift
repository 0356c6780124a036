internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// Holding rows to a dataset's rules.
///
/// What is counted is always a function of the rows: totals of an incremental update are those of the update before and
/// the change's, row by row with its weight, and so those of a full recomputation.
extension DatasetUpdate {
    /// Counts what the rules say of an update, refuses it where one says so, and keeps the counts and the rows kept out.
    func holdToRules(_ result: Result, version: Int, measures: inout StepMeasures) throws {
        let check = ExpectationCheck(dataset)
        if check.isEmpty, dataset.tableChecks.isEmpty {
            // A rule that is gone leaves no table behind.
            if result.isRebuilt { try connection.execute("DROP TABLE IF EXISTS \(store.quarantine)") }
            return
        }
        let relation: String
        var isChange = false
        switch result.checked {
        case .nothing: return
        case .all(let rows): relation = rows
        case .change(let change):
            relation = change
            isChange = true
        }
        let before = try isChange ? lastCounts() : [:]
        let tally = check.isEmpty ? .init() : try check.tally(connection, relation: relation, isChange: isChange)
        measures.rowsDropped = tally.dropped
        if !check.isEmpty {
            let totals = try totals(check, tally, isChange: isChange, before: before)
            measures.expectations = check.counts(tally, totals: totals)
            try keepOut(check, tally, relation: relation, isChange: isChange, version: version)
        }
        try holdTogether(result, relation: relation, isChange: isChange, before: before, measures: &measures)
        try record(measures.expectations, version: version)
    }

    /// The columns that change rules may take to be without NULL.
    ///
    /// That a column is declared NOT NULL is not enough: a streaming table keeps rows that are older than the declaration,
    /// and the change that came with it may take away rows with NULL.
    ///
    /// - Parameters:
    ///   - after: What the update leaves.
    ///   - result: What it came to.
    ///   - before: What the update before left.
    ///   - measures: The counts of the dataset's rules over all its rows.
    /// - Returns: For each column, the version from which on it holds.
    func required(
        _ after: RefreshState.DatasetState,
        _ result: Result,
        before: RefreshState.DatasetState?,
        _ measures: StepMeasures
    ) -> [String: Int] {
        guard dataset.kind != .view else { return [:] }
        let known = result.isRebuilt ? [:] : before?.required ?? [:]
        let held = Set(measures.expectations.filter { $0.totalFailed == 0 && $0.action == .fail }.map(\.name))
        var required: [String: Int] = [:]
        for column in dataset.columns where column.isRequired {
            let name = column.name.lowercased()
            if let since = known[name] {
                required[name] = since
            } else if held.contains(Expectation.name(required: column.name)) {
                required[name] = after.version
            }
        }
        return required
    }

    private func totals(
        _ check: ExpectationCheck,
        _ tally: ExpectationCheck.Tally,
        isChange: Bool,
        before: [String: (passed: Int, failed: Int)]
    ) throws -> [(passed: Int, failed: Int)] {
        guard isChange else { return Array(zip(tally.passedMore, tally.failedMore)) }
        let known = dataset.expectations.map { before[$0.name.lowercased()] }
        let isSameRules = memory.state.datasets[dataset.name]?.definition == dataset.definition
        guard isSameRules, !check.isUnstable, known.allSatisfy({ $0 != nil }) else {
            let all = try check.tally(connection, relation: store.rows)
            return Array(zip(all.passedMore, all.failedMore))
        }
        return known.enumerated().map { index, count in
            ((count?.passed ?? 0) + tally.passedMore[index], (count?.failed ?? 0) + tally.failedMore[index])
        }
    }

    private func holdTogether(
        _ result: Result,
        relation: String,
        isChange: Bool,
        before: [String: (passed: Int, failed: Int)],
        measures: inout StepMeasures
    ) throws {
        guard !dataset.tableChecks.isEmpty else { return }
        let count = TableCheckCount(dataset, connection, relation: store.published)
        let isView = dataset.kind == .view
        let rows =
            isView ? try connection.scalar("SELECT count(*) FROM \(store.published)").int ?? 0 : result.rows
        guard isChange else {
            measures.expectations += try count.counts(rows: rows)
            return
        }
        let keep = ExpectationCheck(dataset).keepCondition.map { " WHERE \($0)" } ?? ""
        measures.expectations += try count.counts(
            rows: rows,
            change: "(SELECT * FROM \(relation)\(keep))",
            before: before.mapValues(\.failed)
        )
    }

    // MARK: - What is kept

    private func lastCounts() throws -> [String: (passed: Int, failed: Int)] {
        let rows = try connection.rows(
            "SELECT lower(name), arg_max(total_passed, update_number), arg_max(total_failed, update_number) "
                + "FROM duet.expectations WHERE dataset = ? GROUP BY ALL",
            [.varchar(dataset.name.description)]
        )
        var counts: [String: (passed: Int, failed: Int)] = [:]
        for row in rows {
            guard let passed = row[1].int, let failed = row[2].int else { continue }
            counts[row[0].string ?? ""] = (passed, failed)
        }
        return counts
    }

    private func record(_ counts: [StepMeasures.ExpectationCount], version: Int) throws {
        guard !counts.isEmpty else { return }
        let name = SQL.literal(dataset.name.description)
        let run = SQL.literal(session.log.runID)
        let rows = counts.map { count in
            let totals = [count.totalPassed, count.totalFailed].map { $0.map(String.init) ?? "NULL" }
            return "(\(run), \(version), \(name), \(SQL.literal(count.name)), \(SQL.literal(count.action.rawValue)), "
                + "\(count.passed), \(count.failed), \(totals.joined(separator: ", ")))"
        }
        try connection.execute("INSERT INTO duet.expectations VALUES \(rows.joined(separator: ", "))")
    }

    /// Brings the table of rows that were kept out up to date: a row stays with the update that brought it.
    private func keepOut(
        _ check: ExpectationCheck,
        _ tally: ExpectationCheck.Tally,
        relation: String,
        isChange: Bool,
        version: Int
    ) throws {
        let quarantine = store.quarantine
        guard let keep = check.keepCondition else {
            if !isChange { try connection.execute("DROP TABLE IF EXISTS \(quarantine)") }
            return
        }
        if isChange, !tally.touchesDropped { return }
        let columns = try store.visibleColumns(of: dataset.kind == .view ? relation : store.rows)
        let list = (columns.map { SQL.identifier($0.name) } + ["failed_constraints"]).joined(separator: ", ")
        let select = "SELECT \(DatasetStore.list(columns)), \(check.failedConstraints) AS failed_constraints"
        let empty = "\(select), 0::BIGINT AS update_number, ''::VARCHAR AS run_id FROM \(relation) LIMIT 0"
        try connection.execute("CREATE TABLE IF NOT EXISTS \(quarantine) AS \(empty)")
        let has = try connection.describe("SELECT * FROM \(quarantine)")
        if has.dropLast(3) != columns[...] {
            try connection.execute("CREATE OR REPLACE TABLE \(quarantine) AS \(empty)")
        }
        let weight = isChange ? "__w" : "1 AS __w"
        var parts = ["\(select), \(weight) FROM \(relation) WHERE NOT (\(keep))"]
        if !isChange { parts.append("SELECT \(list), -1 FROM \(quarantine)") }
        let change = "temp.main.\(SQL.identifier("out:\(dataset.name)"))"
        try connection.execute(
            "CREATE OR REPLACE TEMP TABLE \(change) AS SELECT \(list), sum(__w)::BIGINT AS __w "
                + "FROM (\(parts.joined(separator: " UNION ALL "))) GROUP BY ALL HAVING sum(__w) <> 0"
        )
        let equal = (columns.map(\.name) + ["failed_constraints"]).map {
            "r.\(SQL.identifier($0)) IS NOT DISTINCT FROM c.\(SQL.identifier($0))"
        }
        try connection.execute(
            """
            DELETE FROM \(quarantine) WHERE rowid IN (
                SELECT __row FROM (
                    SELECT r.rowid AS __row, c.__w AS __w,
                        row_number() OVER (PARTITION BY c.rowid ORDER BY r.rowid) AS __number
                    FROM \(quarantine) AS r JOIN \(change) AS c ON c.__w < 0 AND \(equal.joined(separator: " AND "))
                ) WHERE __number <= -__w
            )
            """
        )
        try connection.execute(
            "INSERT INTO \(quarantine) SELECT \(list), \(version), \(SQL.literal(session.log.runID)) "
                + "FROM (SELECT *, unnest(range(__w)) FROM \(change) WHERE __w > 0)"
        )
    }
}
