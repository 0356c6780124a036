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
        for (name, statements) in TPCHBench.updates { try bench.update(name, statements) }
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
        var ratios: [String: Double] = [:]
        var strategies: [String: String] = [:]
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
                delta: "temp.delta_\(table)"
            )
        }
    }

    var incremental: Int { views.filter(\.program.isIncremental).count }

    /// Changes of 0.1 % of the rows: what goes, and what comes (over the rows that went, `gone_…`).
    static let updates: [(String, [(table: String, gone: String, new: String)])] = [
        (
            "RF1 new orders",
            [
                ("orders", "FALSE", "SELECT * REPLACE (o_orderkey + (SELECT max(o_orderkey) FROM orders) AS o_orderkey) FROM orders WHERE o_orderkey % 1000 = 5"),
                ("lineitem", "FALSE", "SELECT * REPLACE (l_orderkey + (SELECT max(o_orderkey) FROM orders WHERE o_orderkey NOT IN (SELECT o_orderkey FROM delta_orders)) AS l_orderkey) FROM lineitem WHERE l_orderkey % 1000 = 5"),
            ]
        ),
        (
            "RF2 old orders",
            [
                ("orders", "o_orderkey % 1000 = 7", "SELECT * FROM orders LIMIT 0"),
                ("lineitem", "l_orderkey % 1000 = 7", "SELECT * FROM lineitem LIMIT 0"),
            ]
        ),
        (
            "RF1 + RF2",
            [
                ("orders", "o_orderkey % 2000 = 33", "SELECT * REPLACE (o_orderkey + 100000000 AS o_orderkey) FROM orders WHERE o_orderkey % 2000 = 34"),
                ("lineitem", "l_orderkey % 2000 = 33", "SELECT * REPLACE (l_orderkey + 100000000 AS l_orderkey) FROM lineitem WHERE l_orderkey % 2000 = 34"),
            ]
        ),
        (
            "customer",
            [
                (
                    "customer", "c_custkey % 1000 = 3",
                    "SELECT * REPLACE (c_acctbal + 1 AS c_acctbal, CASE WHEN c_custkey % 2 = 0 THEN 'BUILDING' ELSE c_mktsegment END AS c_mktsegment) FROM customer WHERE c_custkey % 1000 = 3"
                )
            ]
        ),
        (
            "part",
            [
                (
                    "part", "p_partkey % 1000 = 3",
                    "SELECT * REPLACE (p_size + 1 AS p_size, 'PROMO BRUSHED COPPER' AS p_type) FROM part WHERE p_partkey % 1000 = 3"
                )
            ]
        ),
        ("nothing", []),
    ]

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

    func update(_ name: String, _ changes: [(table: String, gone: String, new: String)]) throws {
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
            changed[change.table] = least == 1 ? .insertsOnly : .mixed
        }
        for index in views.indices {
            do {
                try refresh(index, name, changed)
            } catch {
                failures.append("Q\(views[index].number), \(name): \(error)")
            }
        }
    }

    private func refresh(_ index: Int, _ name: String, _ inputsChanged: [String: ChangeKind]) throws {
        let view = views[index]
        var changed = inputsChanged
        var cleanup: [String] = []
        var used: [String] = []
        var timings: [(Double, String)] = []
        func timed(_ sql: String) throws {
            let start = ContinuousClock.now
            try run(sql)
            timings.append((Self.seconds(since: start), sql))
        }
        try run("BEGIN")
        let start = ContinuousClock.now
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
        let fullStart = ContinuousClock.now
        try run("CREATE OR REPLACE TABLE full_result AS \(view.query)")
        let full = Self.seconds(since: fullStart)
        views[index].ratios[name] = incremental / full
        views[index].full = full
        views[index].strategies[name] = Set(used).sorted().joined(separator: "+")
        if measures, TPCHTests.environment["DUET_TPCH_SLOW"]?.split(separator: ",").contains("\(view.number)") == true {
            for (time, sql) in timings.sorted(by: { $0.0 > $1.0 }).prefix(4) {
                print("Q\(view.number) \(name) \(Self.milliseconds(time)) of \(Self.milliseconds(incremental)) (full \(Self.milliseconds(full))):\n\(sql)\n")
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
            throw Wrong("\(left.count) rows \(left.prefix(3).map(\.text)), not \(right.count) \(right.prefix(3).map(\.text))")
        }
    }

    static func seconds(since start: ContinuousClock.Instant) -> Double {
        let duration = ContinuousClock.now - start
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    static func milliseconds(_ seconds: Double) -> String { String(format: "%.1f ms", seconds * 1000) }

    func report() {
        print("TPC-H: \(incremental) of \(views.count) incremental")
        guard measures else { return }
        for (name, _) in Self.updates where name != "nothing" {
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
