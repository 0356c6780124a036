internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline

/// What is recorded of a view beside its rows.
struct ViewRecords: Sendable {
    /// The definitions of its kept tables; empty when these are left behind, nil when there never were any.
    var layout: String?
    /// How long the view last took to compute in full, in seconds; nil when that was not measured.
    var fullSeconds: Double?
    /// How long taking in changes took, once for each set of changed inputs.
    var incrementalRuns: [UpdateSizes.Run] = []
    /// How many updates were computed in full since changes of the same inputs were last taken in, by these inputs.
    var fullRuns: [String: Int] = [:]

    /// Reads the records of all views, by their names.
    ///
    /// - Throws: ``DuckDBError`` when they cannot be read.
    static func load(_ connection: Connection) throws -> [String: ViewRecords] {
        var records: [String: ViewRecords] = [:]
        for row in try connection.rows("SELECT dataset, layout FROM duet.layouts") {
            records[row[0].string ?? "", default: ViewRecords()].layout = row[1].string
        }
        // Costs are only ever added; the last of a kind counts.
        let costs = try connection.rows(
            "SELECT dataset, kind, arg_max(changes, rowid), arg_max(seconds, rowid) FROM duet.costs GROUP BY ALL"
        )
        for row in costs {
            let name = row[0].string ?? ""
            let members = try JSONValue(parsing: row[2].string ?? "{}").object?.members ?? []
            let numbers = Dictionary(
                members.compactMap { member in member.value.integer.map { (member.key, Int($0)) } }
            ) { first, _ in first }
            guard row[1].string != CostRecords.full else {
                records[name, default: ViewRecords()].fullSeconds = row[3].double
                records[name, default: ViewRecords()].fullRuns = numbers
                continue
            }
            records[name, default: ViewRecords()].incrementalRuns.append(
                CostRecords.run(numbers, seconds: row[3].double ?? 0)
            )
        }
        return records
    }
}

/// What a view's update took, kept for the cost model.
struct CostRecord: Sendable {
    let dataset: DatasetName
    let seconds: Double
    /// The changed rows of each input; nil for a full computation.
    let changes: [String: Int]?
    /// Whether rows came or went, by input.
    var kinds: [String: ChangeKind] = [:]
    /// For a full computation, as ``ViewRecords/fullRuns``.
    var fullRuns: [String: Int] = [:]

    /// What is to be recorded of an update of a view that has change rules.
    ///
    /// - Parameters:
    ///   - dataset: The view.
    ///   - seconds: How long it took.
    ///   - changes: The changed rows of each input.
    ///   - kinds: Whether they came or went.
    ///   - isIncremental: Whether they were taken in.
    ///   - before: What was recorded before.
    /// - Returns: The records.
    static func ofUpdate(
        _ dataset: DatasetName,
        seconds: Double,
        changes: [String: Int],
        kinds: [String: ChangeKind],
        isIncremental: Bool,
        before: ViewRecords
    ) -> [Self] {
        let kind = CostRecords.kind(of: changes, kinds)
        var runs = before.fullRuns
        guard isIncremental else {
            runs[kind, default: 0] += 1
            return [Self(dataset: dataset, seconds: seconds, changes: nil, fullRuns: runs)]
        }
        let record = Self(dataset: dataset, seconds: seconds, changes: changes, kinds: kinds)
        guard runs.removeValue(forKey: kind) != nil, let full = before.fullSeconds else { return [record] }
        return [record, Self(dataset: dataset, seconds: full, changes: nil, fullRuns: runs)]
    }
}

/// What views' updates took.
struct CostRecords {
    /// The kind of a full computation.
    static let full = "full"

    let connection: Connection

    /// Notes what a run's updates took, and removes what that supersedes.
    ///
    /// Once in a run and not in each update's transaction: estimates may be lost with a run that is killed.
    ///
    /// - Parameter records: What the updates took.
    /// - Throws: ``DuckDBError`` when it cannot be written.
    func add(_ records: [CostRecord]) throws {
        guard !records.isEmpty else { return }
        let rows = records.map { record in
            let kind = record.changes.map { Self.kind(of: $0, record.kinds) } ?? Self.full
            let marked = record.changes?.map { ($0.key + Self.mark(record.kinds[$0.key]), $0.value) }
            let numbers = (marked ?? record.fullRuns.map { ($0.key, $0.value) }).sorted { $0.0 < $1.0 }
            let sizes = JSONValue.object(JSONObject(numbers.map { ($0.0, .integer(Int64($0.1))) }))
            return "(\(SQL.literal(record.dataset.description)), \(SQL.literal(kind)), "
                + "\(SQL.literal(sizes.text())), \(record.seconds))"
        }
        try connection.transaction {
            try connection.execute("INSERT INTO duet.costs VALUES \(rows.joined(separator: ", "))")
            try connection.execute(
                "DELETE FROM duet.costs WHERE rowid NOT IN (SELECT max(rowid) FROM duet.costs GROUP BY dataset, kind)"
            )
        }
    }

    /// Rows of the inputs and of the tables kept for a view, by the names the program uses.
    ///
    /// - Parameters:
    ///   - program: The view's change rules.
    ///   - dataset: The view.
    ///   - inputs: What is known of the inputs.
    ///   - isCurrent: Whether the tables that the rules keep are all there.
    /// - Returns: The rows.
    /// - Throws: ``DuckDBError`` when they cannot be counted.
    func keptRows(
        of program: ViewProgram,
        _ dataset: DatasetName,
        inputs: [(name: DatasetName, rows: Int)],
        isCurrent: Bool
    ) throws -> [String: Int] {
        var rows = Dictionary(inputs.map { ($0.name.key, $0.rows) }) { first, _ in first }
        if isCurrent {
            // DuckDB's list of tables takes longer the more of them there are, of all datasets.
            let counts = program.nodes.enumerated().map { "SELECT \($0), count(*) FROM \($1.stateTable)" }
            for row in try connection.rows(counts.joined(separator: " UNION ALL ")) {
                guard let index = row.first?.int, let count = row.last?.int else { continue }
                rows[program.nodes[index].name] = count
            }
            return rows
        }
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

    /// The kind of an update that takes changes in: one for each set of changed inputs, and whether rows came or went.
    static func kind(of changes: [String: Int], _ kinds: [String: ChangeKind]) -> String {
        let names = changes.filter { $0.value > 0 }.keys.sorted().map { $0 + mark(kinds[$0]) }
        return "changes of " + names.joined(separator: ", ")
    }

    /// The kind of a run.
    static func kind(of run: UpdateSizes.Run) -> String { kind(of: run.changes, run.kinds) }

    /// What is written behind an input's name; rows that only came need no mark.
    private static func mark(_ kind: ChangeKind?) -> String {
        switch kind?.direction {
        case .deletesOnly, .deletesOnce: goneMark
        case .mixed: mixedMark
        case .insertsOnly, .insertsOnce, nil: ""
        }
    }

    private static let goneMark = " (gone)"
    private static let mixedMark = " (came and gone)"

    /// A run as it was recorded, with marked names.
    static func run(_ marked: [String: Int], seconds: Double) -> UpdateSizes.Run {
        var run = UpdateSizes.Run(changes: [:], seconds: seconds)
        for (name, rows) in marked {
            let kinds: [(mark: String, kind: ChangeKind)] = [(mixedMark, .mixed), (goneMark, .deletesOnly)]
            let found = kinds.first { name.hasSuffix($0.mark) }
            let input = String(name.dropLast(found?.mark.count ?? 0))
            run.changes[input] = rows
            run.kinds[input] = found?.kind ?? .insertsOnly
        }
        return run
    }
}
