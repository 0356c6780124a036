package import DuckKit
package import DuetMaintenance
import Foundation

/// Queries kept as views over changing tables, each update timed against computing the query anew.
package final class MaintainedViews {
    /// A view, and what its updates took.
    package struct View {
        package let name: String
        package let query: String
        package let program: ViewProgram
        /// What the cost model knows.
        var runs: [UpdateSizes.Run] = []
        var full: [Double] = []
        /// Sets of inputs that a look found to matter when they changed.
        var mattered: Set<Set<String>> = []
        /// By the update's name, one for each time.
        package internal(set) var measures: [String: [Measure]] = [:]
    }

    /// One update of one view.
    package struct Measure: Sendable {
        /// Whether changes were taken in, and how.
        package var strategies: Set<MaintenanceStrategy>
        package var isIncremental: Bool
        /// Rows added and taken away.
        package var rows = 0
        /// The update and the computation of the query, by the clock and by the processor.
        package var update: Times
        package var full: Times
        /// Each statement with the processor time it took, in seconds, for whoever wants to make them faster.
        package var statements: [(seconds: Double, sql: String)] = []

        /// By the clock.
        package var ratio: Double { update.wall / full.wall }
        /// By the processor's time, which other processes disturb less.
        package var processorRatio: Double { update.processor / full.processor }
    }

    /// Seconds.
    package struct Times: Sendable {
        package var wall = 0.0
        package var processor = 0.0

        mutating func add(_ other: Self) {
            wall += other.wall
            processor += other.processor
        }
    }

    /// Who decides between taking changes in and computing anew.
    package enum Choice {
        /// Change rules, whatever they cost.
        case incremental
        /// The cost model, as in a run.
        case model
    }

    package let connection: Connection
    package private(set) var views: [View] = []
    private let inputs: [InputRelation]
    /// What views have found in the changes of this update, as in a run.
    private var looks = KnownLooks()

    /// Takes tables as they are now.
    ///
    /// - Parameters:
    ///   - connection: Where the tables are; change rules set what they need on it.
    ///   - tables: The tables' names.
    ///   - references: Foreign keys that all updates keep.
    ///   - primaryKeys: Columns that are unique.
    /// - Throws: What DuckDB says of a table that is not there.
    package init(
        _ connection: Connection,
        tables: [String],
        references: [String: [InputRelation.ForeignKey]] = [:],
        primaryKeys: [String: [String]] = [:]
    ) throws {
        self.connection = connection
        for setting in ViewProgram.connectionSettings { _ = try connection.execute(setting) }
        let required = try connection.rows(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT is_nullable AND NOT internal"
        )
        inputs = try tables.map { table in
            InputRelation(
                name: table,
                table: table,
                columns: try DuckFrontEnd(connection: connection).columns(of: "FROM \(table)"),
                delta: TableChange.delta(of: table),
                references: references[table] ?? [],
                neverNull: required.filter { $0[0].string == table }.compactMap { $0[1].string },
                uniqueKeys: primaryKeys[table].map { [$0] } ?? []
            )
        }
    }

    /// Compiles a view and computes it for the first time.
    package func add(_ name: String, _ query: String) throws {
        let program = try MaintenanceCompiler(frontEnd: DuckFrontEnd(connection: connection))
            .compile(view: name, query: query, inputs: inputs, stateSchema: "main")
        for node in program.nodes { for statement in node.create { try run(statement) } }
        views.append(View(name: name, query: query, program: program))
    }

    /// Changes the tables and brings every view up to date.
    ///
    /// - Parameters:
    ///   - update: What changes.
    ///   - choice: Who decides how.
    ///   - beside: Another way to the same, to be timed where a view's own update is; it runs before that or after it.
    ///   - isFirst: Whether the other way runs first.
    /// - Returns: What is wrong, a line for each view that is not equal to its query or whose update failed.
    /// - Throws: What DuckDB says when the tables cannot be changed.
    package func update(
        _ update: SourceUpdate,
        _ choice: Choice = .incremental,
        beside: (() throws -> Void)? = nil,
        isFirst: Bool = false
    ) throws -> [String] {
        let applied = try update.apply(connection)
        looks = KnownLooks()
        var wrong: [String] = []
        for index in views.indices {
            do {
                // What comes second finds the data in the caches, so the query is computed before and after.
                let before = try computeQuery(index)
                if isFirst { try beside?() }
                var measure = try refresh(index, applied, choice)
                if !isFirst { try beside?() }
                let after = try computeQuery(index)
                measure.full = Times(
                    wall: (before.wall + after.wall) / 2,
                    processor: (before.processor + after.processor) / 2
                )
                views[index].measures[update.name, default: []].append(measure)
                views[index].full.append(measure.full.wall)
                if let difference = try difference(views[index].program) {
                    wrong.append("\(views[index].name), \(update.name): \(difference)")
                }
            } catch {
                wrong.append("\(views[index].name), \(update.name): \(error)")
            }
        }
        return wrong
    }

    private func computeQuery(_ index: Int) throws -> Times {
        try timed { try run("CREATE OR REPLACE TABLE full_result AS \(views[index].query)") }
    }

    private func refresh(_ index: Int, _ applied: AppliedUpdate, _ choice: Choice) throws -> Measure {
        let program = views[index].program
        var measure = Measure(strategies: [], isIncremental: true, update: Times(), full: Times())
        let changed = applied.kinds.filter { program.inputs.contains($0.key) }
        var changes = InputChanges(
            kinds: changed,
            rows: applied.sizes.filter { program.inputs.contains($0.key) },
            identities: Dictionary(uniqueKeysWithValues: changed.keys.map { ($0, $0) })
        )
        changes.known = looks
        let isWorthALook = try choose(choice, index, changes).map { choice in
            CostModel().isWorthALook(choice, hasMattered: views[index].mattered.contains(Set(changes.rows.keys)))
        }
        let looking = isWorthALook ?? true ? try timed { try sift(&changes, program, &measure) } : Times()
        looks = changes.known
        views[index].mattered.insert(Set(changes.rows.keys))
        if let choice = try choose(choice, index, changes), !choice.isIncremental {
            measure = try computeAnew(program)
            measure.update.add(looking)
            return measure
        }
        var cleanup: [String] = []
        // As in a run, the view's own rows are known from its last update, and those beneath it are looked up at once.
        let own = [program.result.name: try rowCount(program.result) ?? 0]
        measure.update = try timed {
            let kept = program.nodes.count > 1 && !changes.kinds.isEmpty ? try keptRows(program, &measure) : own
            cleanup = try follow(program, changes, kept, &measure)
        }
        measure.update.add(looking)
        // The next update would replace the temporary tables; nobody waits for them to go.
        for statement in cleanup { try run(statement) }
        if !changes.kinds.isEmpty {
            views[index].runs.append(
                UpdateSizes.Run(changes: changes.rows, kinds: changes.kinds, seconds: measure.update.wall)
            )
        }
        return measure
    }

    /// What the cost model says of the changes; nil when it is not asked or there are none.
    private func choose(_ choice: Choice, _ index: Int, _ changes: InputChanges) throws -> CostChoice? {
        guard case .model = choice, !changes.kinds.isEmpty else { return nil }
        let full = views[index].full.suffix(3)
        let known = UpdateSizes(
            rows: try rowCounts(views[index].program),
            changes: changes.rows,
            kinds: changes.kinds,
            fullSeconds: full.isEmpty ? nil : full.reduce(0, +) / Double(full.count),
            incrementalRuns: views[index].runs
        )
        return CostModel().choice(views[index].program, known)
    }

    /// Leaves out what does not concern the view; a part of the update, so timed with it.
    private func sift(_ changes: inout InputChanges, _ program: ViewProgram, _ measure: inout Measure) throws {
        var noted = measure
        try changes.sift(
            for: program,
            ask: { query in try note(query, &noted).first?.map(\.int) ?? [] },
            run: { statement in try note(statement, &noted) }
        )
        measure = noted
    }

    private func follow(
        _ program: ViewProgram,
        _ changes: InputChanges,
        _ stateRows: [String: Int],
        _ measure: inout Measure
    ) throws -> [String] {
        var changed = changes.kinds
        var cleanup = changes.cleanup
        try run("BEGIN")
        for node in program.nodes {
            let change = node.change(
                changedInputs: changed,
                needsDelta: program.needsDelta(of: node, hasReaders: false),
                stateRows: stateRows[node.name],
                deltas: changes.deltas
            )
            measure.strategies.insert(change.strategy)
            for statement in change.statements { try note(statement, &measure) }
            cleanup += change.cleanup
            var kind: ChangeKind?
            if let delta = change.deltaTable {
                let row = try connection.rows("SELECT count(*), min(__w), max(__w) FROM \(delta)").first ?? []
                measure.rows = row.first?.int ?? 0
                if measure.rows > 0, let least = row[1].int, let greatest = row[2].int {
                    kind = ChangeKind(least: least, greatest: greatest)
                    changed[node.name] = kind
                }
            }
            for statement in change.apply(kind) {
                let written = try note(statement, &measure)
                guard change.reportsWrites, !written.isEmpty else { continue }
                changed[node.name] = .mixed
                measure.rows = written.reduce(0) { $0 + ($1.first?.string == "UPDATE" ? 2 : 1) }
            }
        }
        try run("COMMIT")
        return cleanup
    }

    private func rowCount(_ node: NodeProgram) throws -> Int? {
        try connection.scalar("SELECT count(*) FROM \(node.stateTable)").int
    }

    /// The rows of the tables that a view keeps, by one statement.
    private func keptRows(_ program: ViewProgram, _ measure: inout Measure) throws -> [String: Int] {
        let counts = program.nodes.enumerated().map { "SELECT \($0), count(*) FROM \($1.stateTable)" }
        var kept: [String: Int] = [:]
        for row in try note(counts.joined(separator: " UNION ALL "), &measure) {
            guard let index = row.first?.int else { continue }
            kept[program.nodes[index].name] = row.last?.int
        }
        return kept
    }

    private func computeAnew(_ program: ViewProgram) throws -> Measure {
        var measure = Measure(strategies: [.full], isIncremental: false, update: Times(), full: Times())
        let change = program.direct.fullChange(needsDelta: false)
        measure.update = try timed {
            for statement in change.statements + change.apply { try note(statement, &measure) }
        }
        // The hidden tables have to be made anew before changes can be taken in again.
        for node in program.nodes.dropLast() { for statement in node.create { try run(statement) } }
        if program.nodes.count > 1 || !program.result.hidden.isEmpty {
            for statement in program.result.create { try run(statement) }
        }
        return measure
    }

    private func rowCounts(_ program: ViewProgram) throws -> [String: Int] {
        var rows: [String: Int] = [:]
        for input in inputs { rows[input.name] = try connection.scalar("SELECT count(*) FROM \(input.current)").int }
        for node in program.nodes {
            rows[node.name] = try connection.scalar("SELECT count(*) FROM \(node.stateTable)").int
        }
        return rows
    }

    /// How the view differs from its query's rows; nil when it does not.
    ///
    /// Floating point may differ in the last digits, since the order of addition does.
    private func difference(_ program: ViewProgram) throws -> String? {
        let state = program.result.visibleSelect
        let count = try connection.scalar(
            "SELECT count(*) FROM (((\(state)) EXCEPT ALL FROM full_result) UNION ALL "
                + "(FROM full_result EXCEPT ALL (\(state))))"
        )
        if count.int == 0 { return nil }
        let left = try connection.rows(state).map(ComparedRow.init).sorted()
        let right = try connection.rows("FROM full_result").map(ComparedRow.init).sorted()
        if left.count == right.count, zip(left, right).allSatisfy({ $0.isClose(to: $1) }) { return nil }
        return "\(left.count) rows \(left.prefix(3).map(\.text)), not \(right.count) \(right.prefix(3).map(\.text))"
    }

    /// Forgets the measures so far, but not what the cost model learned from them.
    package func forgetMeasures() { for index in views.indices { views[index].measures = [:] } }

    // MARK: - Statements

    @discardableResult
    private func note(_ sql: String, _ measure: inout Measure) throws -> [[Value]] {
        var rows: [[Value]] = []
        let times = try timed { rows = try run(sql) }
        measure.statements.append((times.processor, sql))
        return rows
    }

    private func timed(_ work: () throws -> Void) rethrows -> Times {
        let processor = Double(clock())
        let start = ContinuousClock.now
        try work()
        return Times(
            wall: (ContinuousClock.now - start) / .seconds(1),
            processor: (Double(clock()) - processor) / Double(CLOCKS_PER_SEC)
        )
    }

    @discardableResult
    private func run(_ sql: String) throws -> [[Value]] {
        do {
            return try connection.rows(sql)
        } catch {
            throw TPCError("\(error)\nin\n\(sql)")
        }
    }
}
