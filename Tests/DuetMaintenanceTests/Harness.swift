import DuckKit
import DuetMaintenance
import DuetPipeline
import DuetTPC

/// What went wrong in a check, with what is needed to see why.
struct Wrong: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// A base table with its columns.
struct TestTable {
    var name: String
    var columns: [ViewColumn]
    /// Columns that never hold NULL, for the rules to go by.
    var neverNull: Set<String> = []
    /// The column whose values are all different, likewise.
    var uniqueKey: String?

    var input: InputRelation {
        let names = columns.map(\.name)
        return InputRelation(
            name: name,
            table: name,
            columns: columns,
            delta: "temp.\"delta_\(name)\"",
            neverNull: names.filter(neverNull.contains),
            uniqueKeys: names.filter { $0 == uniqueKey }.map { [$0] }
        )
    }
}

/// A view kept up to date over changing tables, and checked against full recomputation.
final class Harness {
    let connection: Connection
    let tables: [TestTable]
    let query: String
    let program: ViewProgram
    /// How often each strategy was used by some node.
    private(set) var strategies: [MaintenanceStrategy: Int] = [:]
    /// Updates in which no node recomputed everything.
    private(set) var incrementalUpdates = 0
    private(set) var updates = 0
    /// Changes of inputs that did not concern the view.
    private(set) var passedOver = 0
    private(set) var log: [String] = []
    /// What the statements of the rules are turned into; tests of the tests break rules with it.
    private let breaking: (String) -> String

    init(
        connection: Connection,
        tables: [TestTable],
        query: String,
        view: String = "the view",
        inputs: [InputRelation]? = nil,
        breaking: @escaping (String) -> String = { $0 }
    ) throws {
        self.connection = connection
        self.breaking = breaking
        self.tables = tables
        self.query = query
        for setting in ViewProgram.connectionSettings { _ = try connection.execute(setting) }
        let compiler = MaintenanceCompiler(frontEnd: DuckFrontEnd(connection: connection))
        program = try compiler.compile(
            view: view,
            query: query,
            inputs: inputs ?? tables.map(\.input),
            stateSchema: "main"
        )
        for node in program.nodes {
            for statement in node.create { try run(statement) }
        }
        try check(change: nil)
    }

    private static func quoted(_ name: String) -> String {
        "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }

    @discardableResult
    private func run(_ sql: String) throws -> [[Value]] {
        do {
            return try connection.rows(sql)
        } catch {
            throw Wrong("\(error)\nin\n\(sql)")
        }
    }

    private func count(_ sql: String) throws -> Int {
        guard let number = try connection.scalar(sql).int else { throw Wrong("no number from \(sql)") }
        return number
    }

    /// Applies changes to the base tables (rows as SQL value lists with a weight) and brings the view up to date.
    func update(_ changes: [String: [(row: String, weight: Int)]], forceFull: Bool = false) throws {
        updates += 1
        log = []
        var changed: [String: ChangeKind] = [:]
        var entriesOf: [String: Int] = [:]
        try run("CREATE OR REPLACE TEMP TABLE old_result AS \(program.result.visibleSelect)")
        for table in tables {
            guard let entries = changes[table.name], !entries.isEmpty else { continue }
            let names = table.columns.map { Self.quoted($0.name) }.joined(separator: ", ")
            let types = table.columns.map { "CAST(NULL AS \($0.type))" }.joined(separator: ", ")
            let values = entries.map { "SELECT \($0.row), \($0.weight)" }.joined(separator: " UNION ALL ")
            try run(
                "CREATE OR REPLACE TEMP TABLE \"delta_\(table.name)\" AS SELECT \(names), sum(w)::BIGINT AS __w "
                    + "FROM (SELECT \(types), 0 WHERE FALSE UNION ALL \(values)) AS d(\(names), w) "
                    + "GROUP BY ALL HAVING sum(w) <> 0"
            )
            let rows = try connection.rows("SELECT count(*), min(__w), max(__w) FROM \"delta_\(table.name)\"")
            guard let first = rows.first, let total = first[0].int, total > 0, let least = first[1].int,
                let greatest = first[2].int
            else { continue }
            changed[table.name] = ChangeKind(least: least, greatest: greatest)
            entriesOf[table.name] = total
            // The base table is changed in the plainest way: counts by row.
            try run(
                "CREATE OR REPLACE TABLE \(table.name) AS SELECT \(names) FROM (SELECT \(names), sum(w) AS __count FROM ("
                    + "SELECT \(names), 1 AS w FROM \(table.name) UNION ALL SELECT * FROM \"delta_\(table.name)\") "
                    + "GROUP BY ALL) , range(__count::BIGINT)"
            )
        }
        var changes = InputChanges(kinds: changed, rows: entriesOf)
        try changes.sift(
            for: program,
            ask: { query in
                log.append(query)
                return try run(breaking(query)).first?.map(\.int) ?? []
            },
            run: { statement in
                log.append(statement)
                try run(breaking(statement))
            }
        )
        changed = changes.kinds
        passedOver += changes.passedOver.count
        var cleanup = changes.cleanup
        var usedFull = false
        // Every other update nobody reads the view's change.
        let hasReaders = updates.isMultiple(of: 2)
        for node in program.nodes {
            var change = node.change(
                changedInputs: changed,
                needsDelta: program.needsDelta(of: node, hasReaders: hasReaders),
                // Now and then nobody knows how many rows there are, and they may be many.
                stateRows: updates.isMultiple(of: 3) ? nil : try count("SELECT count(*) FROM \(node.stateTable)"),
                deltas: changes.deltas
            )
            if forceFull, change.strategy != .nothing { change = node.fullChange() }
            strategies[change.strategy, default: 0] += 1
            if change.strategy == .full { usedFull = true }
            log.append("-- \(node.name): \(change.strategy), \(change.rule): \(change.reason)")
            log += change.statements + change.apply
            for statement in change.statements { try run(breaking(statement)) }
            var kind: ChangeKind?
            if let delta = change.deltaTable {
                let rows = try connection.rows("SELECT count(*), min(__w), max(__w) FROM \(delta)")
                if let least = rows.first?[1].int, let greatest = rows.first?[2].int {
                    kind = ChangeKind(least: least, greatest: greatest)
                    changed[node.name] = kind
                }
                if change.strategy == .append, !(changed[node.name]?.onlyAdds ?? true) {
                    throw Wrong("an append took rows away")
                }
            }
            cleanup += change.cleanup
            for statement in change.apply(kind) {
                let written = try run(breaking(statement))
                if change.reportsWrites, !written.isEmpty { changed[node.name] = .mixed }
            }
            if node.name == program.result.name { try check(change: change) }
        }
        for statement in cleanup { try run(statement) }
        if !usedFull { incrementalUpdates += 1 }
    }

    /// The state must be the query's result, and the change what was added and taken away.
    private func check(change: ChangeProgram?) throws {
        let state = program.result.visibleSelect
        // Within a larger query DuckDB 1.5.5 fails on some ANTI JOINs with an internal error.
        try run("CREATE OR REPLACE TEMP TABLE expected AS \(query)")
        try compare(state, "FROM expected", "the state", "the query")
        guard let change, !change.reportsWrites else { return }
        guard let delta = change.deltaTable else { return try compare(state, "FROM old_result", "new", "old") }
        let names = program.result.visible.map { Self.quoted($0.name) }.joined(separator: ", ")
        // Where rows are only added, equal ones may stand beside each other.
        let wrong = try count(
            "SELECT count(*) FROM (SELECT \(names) FROM \(delta) GROUP BY ALL HAVING count(*) > 1 AND min(__w) < 1 "
                + "OR min(__w) IS NULL OR min(abs(__w)) = 0)"
        )
        guard wrong == 0 else { throw Wrong("the change is not consolidated") }
        try compare(
            "SELECT \(names) FROM (\(state) UNION ALL SELECT \(names) FROM \(delta), range(-__w) WHERE __w < 0)",
            "SELECT \(names) FROM (FROM old_result UNION ALL SELECT \(names) FROM \(delta), range(__w) WHERE __w > 0)",
            "new - change",
            "old"
        )
    }

    private func compare(_ a: String, _ b: String, _ nameA: String, _ nameB: String) throws {
        let sql =
            "SELECT count(*) FROM (((\(a)) EXCEPT ALL (\(b))) UNION ALL ((\(b)) EXCEPT ALL (\(a))))"
        if try count(sql) == 0 { return }
        let left = try connection.rows(a).map(ComparedRow.init).sorted()
        let right = try connection.rows(b).map(ComparedRow.init).sorted()
        if left.count == right.count, zip(left, right).allSatisfy({ $0.isClose(to: $1) }) { return }
        throw Wrong(
            "\(nameA) (\(left.count) rows) is not \(nameB) (\(right.count) rows)\n"
                + "\(nameA): \(left.prefix(12).map(\.text))\n\(nameB): \(right.prefix(12).map(\.text))"
        )
    }
}
