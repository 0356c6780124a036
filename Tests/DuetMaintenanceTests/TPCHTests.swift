import DuckKit
import DuetMaintenance
import Foundation
import Testing

/// The 22 queries of TPC-H as views, under refreshes like RF1 and RF2 and under updates of customer and part.
///
/// Needs DuckDB's tpch extension: `DUET_TPCH_EXTENSION` names the file, else it is looked for in `.deps`.
/// `DUET_TPCH_SCALE` sets the scale factor, and with `DUET_TPCH_TIMES=1` times are measured and printed.
@Suite(.serialized) struct TPCHTests {
    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    static var package: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    static var extensionPath: String? {
        let named = environment["DUET_TPCH_EXTENSION"].map { [$0] } ?? []
        let places = ["duckdb/extensions/tpch.duckdb_extension", "duckdb-extensions/tpch.duckdb_extension"]
        let known = places.map { package.appending(path: ".deps").appending(path: $0).path() }
        return (named + known).first { FileManager.default.fileExists(atPath: $0) }
    }

    static let primaryKeys = ["orders": "o_orderkey", "customer": "c_custkey", "part": "p_partkey"]

    @Test(.enabled(if: extensionPath != nil, "the tpch extension is not there; set DUET_TPCH_EXTENSION"))
    func `all 22 views are right, and at least 20 incremental`() throws {
        let path = try #require(Self.extensionPath)
        let scale = Self.environment["DUET_TPCH_SCALE"] ?? "0.01"
        let database = try Database(configuration: ["threads": "2"])
        let connection = try database.connect()
        _ = try connection.execute("LOAD '\(path)'")
        _ = try connection.execute("CALL dbgen(sf = \(scale))")
        let bench = try TPCHBench(connection: connection, measures: Self.environment["DUET_TPCH_TIMES"] == "1")
        for number in 1...22 { try bench.add(number) }
        for (name, changes) in TPCHBench.updates(0) { try bench.update(name, changes) }
        if bench.measures {
            for (name, changes) in TPCHBench.updates(1) { try bench.update(name, changes, choosing: true) }
        }
        bench.report()
        #expect(bench.failures == [])
        #expect(bench.incremental >= 20)
        for view in bench.views where !view.program.isIncremental {
            print("TPC-H \(view.number) is not incremental: \(view.program.issues)")
        }
    }
}

/// Keeps the 22 views over a changing TPC-H database.
final class TPCHBench {
    struct View {
        var number: Int
        var query: String
        var program: ViewProgram
        var full = 0.0
        var runs: [UpdateSizes.Run] = []
        var ratios: [String: Double] = [:]
        var strategies: [String: String] = [:]
        /// How often the model would have chosen otherwise without times.
        var misjudged = 0
    }

    let connection: Connection
    let measures: Bool
    private(set) var views: [View] = []
    private(set) var failures: [String] = []
    private let inputs: [InputRelation]

    init(connection: Connection, measures: Bool) throws {
        self.connection = connection
        self.measures = measures
        let tables = ["lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region"]
        inputs = try tables.map { table in
            InputRelation(
                name: table,
                table: table,
                columns: try DuckFrontEnd(connection: connection).columns(of: "FROM \(table)"),
                delta: "temp.delta_\(table)",
                references: Self.references[table] ?? []
            )
        }
    }

    /// The foreign keys of TPC-H, which the refreshes keep.
    static let references: [String: [InputRelation.ForeignKey]] = [
        "lineitem": [
            .init(columns: ["l_orderkey"], input: "orders", target: ["o_orderkey"]),
            .init(columns: ["l_partkey"], input: "part", target: ["p_partkey"]),
            .init(columns: ["l_suppkey"], input: "supplier", target: ["s_suppkey"]),
            .init(
                columns: ["l_partkey", "l_suppkey"],
                input: "partsupp",
                target: ["ps_partkey", "ps_suppkey"]
            ),
        ],
        "orders": [.init(columns: ["o_custkey"], input: "customer", target: ["c_custkey"])],
        "partsupp": [
            .init(columns: ["ps_partkey"], input: "part", target: ["p_partkey"]),
            .init(columns: ["ps_suppkey"], input: "supplier", target: ["s_suppkey"]),
        ],
    ]

    var incremental: Int { views.filter(\.program.isIncremental).count }

    /// Changes of 0.1 % of the rows: what goes, and what comes.
    struct Change {
        var table: String
        var gone: String
        var new: String
    }

    /// The changes of one round; each round changes other rows.
    static func updates(_ round: Int) -> [(name: String, changes: [Change])] {
        let copied = 5 + 2 * round
        let old = 100 + 2 * round
        let offset = 100_000_000 * (round + 1)
        let third = 3 + round
        func copies(_ table: String, _ key: String, _ condition: String, _ shift: Int) -> String {
            "SELECT * REPLACE (\(key) + \(shift) AS \(key)) FROM \(table) WHERE \(condition)"
        }
        return [
            (
                "RF1 new orders",
                [
                    Change(
                        table: "orders",
                        gone: "FALSE",
                        new: copies("orders", "o_orderkey", "o_orderkey % 1000 = \(copied)", offset)
                    ),
                    Change(
                        table: "lineitem",
                        gone: "FALSE",
                        new: copies("lineitem", "l_orderkey", "l_orderkey % 1000 = \(copied)", offset)
                    ),
                ]
            ),
            (
                "RF2 old orders",
                [
                    Change(table: "orders", gone: "o_orderkey % 1000 = \(old)", new: "SELECT * FROM orders LIMIT 0"),
                    Change(
                        table: "lineitem",
                        gone: "l_orderkey % 1000 = \(old)",
                        new: "SELECT * FROM lineitem LIMIT 0"
                    ),
                ]
            ),
            (
                "RF1 + RF2",
                [
                    Change(
                        table: "orders",
                        gone: "o_orderkey % 2000 = \(old + 500)",
                        new: copies("orders", "o_orderkey", "o_orderkey % 2000 = \(copied + 700)", offset + 40_000_000)
                    ),
                    Change(
                        table: "lineitem",
                        gone: "l_orderkey % 2000 = \(old + 500)",
                        new: copies(
                            "lineitem",
                            "l_orderkey",
                            "l_orderkey % 2000 = \(copied + 700)",
                            offset + 40_000_000
                        )
                    ),
                ]
            ),
            (
                "customer",
                [
                    Change(
                        table: "customer",
                        gone: "c_custkey % 1000 = \(third)",
                        new: "SELECT * REPLACE (c_acctbal + 1 AS c_acctbal, CASE WHEN c_custkey % 3 = 0 "
                            + "THEN 'BUILDING' ELSE c_mktsegment END AS c_mktsegment) "
                            + "FROM customer WHERE c_custkey % 1000 = \(third)"
                    )
                ]
            ),
            (
                "part",
                [
                    Change(
                        table: "part",
                        gone: "p_partkey % 1000 = \(third)",
                        new: "SELECT * REPLACE (p_size + 1 AS p_size, 'PROMO BRUSHED COPPER' AS p_type) "
                            + "FROM part WHERE p_partkey % 1000 = \(third)"
                    )
                ]
            ),
            ("nothing", []),
        ]
    }

    private func run(_ sql: String) throws {
        do {
            _ = try connection.execute(sql)
        } catch {
            throw Wrong("\(error)\nin\n\(sql)")
        }
    }

    func add(_ number: Int) throws {
        let rows = try connection.rows("SELECT query FROM tpch_queries() WHERE query_nr = \(number)")
        guard var query = rows.first?.first?.string else { throw Wrong("no query \(number)") }
        while let last = query.last, last == ";" || last.isWhitespace { query.removeLast() }
        let program = try MaintenanceCompiler(frontEnd: DuckFrontEnd(connection: connection))
            .compile(view: "q\(number)", query: query, inputs: inputs, stateSchema: "main")
        for node in program.nodes { for statement in node.create { try run(statement) } }
        views.append(View(number: number, query: query, program: program))
    }

    func update(_ name: String, _ changes: [Change], choosing: Bool = false) throws {
        var sizes: [String: Int] = [:]
        var changed: [String: ChangeKind] = [:]
        for change in changes {
            try run(
                "CREATE OR REPLACE TEMP TABLE delta_\(change.table) AS SELECT *, (-1)::BIGINT AS __w FROM \(change.table) WHERE \(change.gone) UNION ALL SELECT *, 1 FROM (\(change.new))"
            )
        }
        for change in changes {
            try run("DELETE FROM \(change.table) WHERE \(change.gone)")
            try run("INSERT INTO \(change.table) SELECT * EXCLUDE (__w) FROM delta_\(change.table) WHERE __w > 0")
            let least = try connection.scalar("SELECT min(__w) FROM delta_\(change.table)").int
            sizes[change.table] = try connection.scalar("SELECT count(*) FROM delta_\(change.table)").int ?? 0
            changed[change.table] = least == 1 ? .insertsOnly : .mixed
        }
        for index in views.indices {
            do {
                if choosing, try !chooses(index, name, sizes) {
                    try computeDirectly(index, name)
                } else {
                    try refresh(index, choosing ? name + " (choice)" : name, changed, sizes)
                }
            } catch {
                failures.append("Q\(views[index].number), \(name): \(error)")
            }
        }
    }

    private func refresh(
        _ index: Int,
        _ name: String,
        _ inputsChanged: [String: ChangeKind],
        _ sizes: [String: Int]
    ) throws {
        let view = views[index]
        var changed = inputsChanged
        var cleanup: [String] = []
        var used: [String] = []
        var timings: [(Double, String)] = []
        func timed(_ sql: String) throws {
            let start = Self.now()
            try run(sql)
            timings.append((Self.seconds(since: start), sql))
        }
        try run("BEGIN")
        let start = Self.now()
        for node in view.program.nodes {
            let change = node.change(changedInputs: changed)
            used.append(change.strategy.rawValue)
            for statement in change.statements { try timed(statement) }
            if let delta = change.deltaTable {
                let rows = try connection.rows("SELECT count(*), min(__w) FROM \(delta)")
                if let total = rows.first?[0].int, total > 0, let least = rows.first?[1].int {
                    changed[node.name] = least > 0 ? .insertsOnly : .mixed
                }
            }
            for statement in change.apply { try timed(statement) }
            cleanup += change.cleanup
        }
        for statement in cleanup { try timed(statement) }
        let incremental = Self.seconds(since: start)
        try run("COMMIT")
        let fullStart = Self.now()
        try run("CREATE OR REPLACE TABLE full_result AS \(view.query)")
        let full = Self.seconds(since: fullStart)
        views[index].ratios[name] = incremental / full
        views[index].full = full
        let relevant = sizes.filter { view.program.inputs.contains($0.key) }
        views[index].runs.append(UpdateSizes.Run(changes: relevant, seconds: incremental))
        views[index].strategies[name] = Set(used).sorted().joined(separator: "+")
        if measures, Self.shows(view.number) {
            for (time, sql) in timings.sorted(by: { $0.0 > $1.0 }).prefix(4) {
                print(
                    "Q\(view.number) \(name) \(Self.milliseconds(time)) of \(Self.milliseconds(incremental)) (full \(Self.milliseconds(full))):\n\(sql)\n"
                )
            }
        }
        let state = view.program.result.visibleSelect
        let differences = try connection.scalar(
            "SELECT count(*) FROM (((\(state)) EXCEPT ALL FROM full_result) UNION ALL (FROM full_result EXCEPT ALL (\(state))))"
        )
        if differences.int == 0 { return }
        let left = try connection.rows(state).map(Row.init).sorted()
        let right = try connection.rows("FROM full_result").map(Row.init).sorted()
        guard left.count == right.count, zip(left, right).allSatisfy({ $0.isClose(to: $1) }) else {
            throw Wrong(
                "\(left.count) rows \(left.prefix(3).map(\.text)), not \(right.count) \(right.prefix(3).map(\.text))"
            )
        }
    }

    /// What the cost model chooses, given what was measured so far.
    private func chooses(_ index: Int, _ name: String, _ sizes: [String: Int]) throws -> Bool {
        let view = views[index]
        let known = UpdateSizes(rows: [:], changes: sizes, fullSeconds: view.full, incrementalRuns: view.runs)
        let choice = CostModel().choice(view.program, known)
        let blind = UpdateSizes(rows: try rowCounts(view), changes: sizes)
        let guess = CostModel().choice(view.program, blind)
        if guess.isIncremental != choice.isIncremental { views[index].misjudged += 1 }
        if Self.shows(view.number) {
            print("Q\(view.number), \(name): \(choice.reason)\n  unmeasured: \(guess.reason)")
        }
        return choice.isIncremental
    }

    private static func shows(_ number: Int) -> Bool {
        TPCHTests.environment["DUET_TPCH_SLOW"]?.split(separator: ",").contains("\(number)") == true
    }

    private func rowCounts(_ view: View) throws -> [String: Int] {
        var rows: [String: Int] = [:]
        for input in inputs { rows[input.name] = try connection.scalar("SELECT count(*) FROM \(input.current)").int }
        for node in view.program.nodes {
            rows[node.name] = try connection.scalar("SELECT count(*) FROM \(node.stateTable)").int
        }
        return rows
    }

    private func computeDirectly(_ index: Int, _ name: String) throws {
        let view = views[index]
        let change = view.program.direct.fullChange(needsDelta: false)
        let start = Self.now()
        for statement in change.statements + change.apply { try run(statement) }
        let seconds = Self.seconds(since: start)
        let fullStart = Self.now()
        try run("CREATE OR REPLACE TABLE full_result AS \(view.query)")
        views[index].ratios[name + " (choice)"] = seconds / Self.seconds(since: fullStart)
        views[index].strategies[name + " (choice)"] = "direct"
        // The next incremental update needs all kept rows.
        for node in view.program.nodes { for statement in node.create { try run(statement) } }
    }

    /// The processor's time of this process in seconds: on a machine that others use too, it tells more than a clock.
    static func now() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

    static func seconds(since start: Double) -> Double { now() - start }

    static func milliseconds(_ seconds: Double) -> String { String(format: "%.1f ms", seconds * 1000) }

    func report() {
        print("TPC-H: \(incremental) of \(views.count) incremental")
        guard measures else { return }
        let names = Self.updates(0).map(\.name).filter { $0 != "nothing" }
        print("TPC-H: the model would choose otherwise without times \(views.map(\.misjudged).reduce(0, +)) times")
        for name in names + names.map({ $0 + " (choice)" }) {
            let ratios = views.compactMap { $0.ratios[name] }
            let mean = exp(ratios.map { log(max($0, 1e-4)) }.reduce(0, +) / Double(max(1, ratios.count)))
            print("TPC-H \(name): geometric mean \(String(format: "%.3f", mean))")
            for view in views {
                print(
                    "  Q\(view.number): \(String(format: "%.3f", view.ratios[name] ?? 0)) of "
                        + "\(Self.milliseconds(view.full)), \(view.strategies[name] ?? "")"
                )
            }
        }
    }
}
