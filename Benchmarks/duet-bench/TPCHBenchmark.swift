import DuckKit
import DuetMaintenance
import DuetReport
import DuetTPC
import Foundation

/// The 22 queries of TPC-H as views: what taking changes in costs, as a share of computing the query anew.
struct TPCHBenchmark {
    let scale: Double
    let rounds: Int
    /// The views to keep, as `Q1`; empty for all.
    var only: Set<String> = []
    /// Whether to print each statement of the updates with its time.
    var showsStatements = false
    /// A document to put the table into; nil for none.
    var record: String?

    /// Makes the data, keeps the views through all updates, and prints a table for each kind of update.
    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "duet-tpch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "tpch.duckdb").path()
        let connection = try Database(path: path, configuration: ["threads": "2"]).connect()
        print("TPC-H at scale \(scale), \(rounds) rounds; ratios are medians of time taken / time of the query anew")
        try TPCExtension.tpch.makeData(connection, scale: scale)
        let views = try TPCH.maintainedViews(connection)
        for (index, query) in try TPCExtension.tpch.queries(connection).enumerated() {
            let name = "Q\(index + 1)"
            if only.isEmpty || only.contains(name) { try views.add(name, query) }
        }
        // The first round is there for the cost model to measure; it is made with change rules and not reported.
        var wrong: [String] = []
        for update in updates(0) { wrong += try views.update(update, .incremental) }
        views.forgetMeasures()
        for round in 1...rounds {
            for update in updates(round) { wrong += try views.update(update, .model) }
        }
        for line in wrong { print("WRONG: \(line)") }
        for update in updates(0) { report(update.name, views.views) }
        print("\n\(target(views.views))")
        if showsStatements { for update in updates(0) { listStatements(update.name, views.views) } }
        let byHand = only.isEmpty ? try HandWritten(scale: scale, rounds: rounds, folder: folder.path()).line() : nil
        if let byHand { print("\n\(byHand)") }
        guard wrong.isEmpty else { throw TPCError("\(wrong.count) updates gave other rows than their queries") }
        if let record {
            try TPCHRecord(
                scale: scale,
                rounds: rounds,
                views: views.views,
                updates: updates(0).map(\.name),
                target: target(views.views),
                byHand: byHand
            ).write(to: record)
        }
    }

    private func updates(_ round: Int) -> [SourceUpdate] {
        TPCH.updates(round: round, scale: scale) + [TPCH.scattered(round: round)]
    }

    /// The specification's refresh functions and the updates of customers and parts in one figure each.
    private func target(_ views: [MaintainedViews.View]) -> String {
        let names = TPCH.updates(round: 0, scale: scale).map(\.name)
        let measures = views.flatMap { view in names.compactMap { view.measures[$0] } }
        func mean(_ measures: [[MaintainedViews.Measure]]) -> Double {
            Self.mean(measures.map { Self.median($0.map(\.ratio)) })
        }
        let all = mean(measures)
        let concerned = measures.filter { $0.last?.strategies != [.nothing] }
        return "geometric mean over \(names.joined(separator: ", ")): \(Self.text(mean(concerned))) where a view is "
            + "concerned (\(concerned.count) of \(measures.count)), \(Self.text(all)) of all views, target 0.05: "
            + (all <= 0.05 ? "met" : "missed")
    }

    private func report(_ name: String, _ views: [MaintainedViews.View]) {
        var rows: [[String]] = []
        var ratios: [Double] = []
        var processor: [Double] = []
        var untouched: [String] = []
        var others: [Double] = []
        for view in views {
            guard let measures = view.measures[name], let last = measures.last else { continue }
            let ratio = Self.median(measures.map(\.ratio))
            guard last.strategies != [.nothing] else {
                untouched.append(view.name)
                others.append(ratio)
                continue
            }
            let share = Self.median(measures.map(\.processorRatio))
            ratios.append(ratio)
            processor.append(share)
            rows.append([
                view.name,
                last.isIncremental ? last.strategies.map(\.rawValue).sorted().joined(separator: ", ") : "full (chosen)",
                Self.text(ratio), Self.text(share),
                Self.text(Self.median(measures.map { $0.full.wall * 1000 })),
                "\(Self.median(measures.map { Double($0.rows) }).formatted())",
            ])
        }
        print("\n\(name)\n")
        print(TextTable.text(header: ["view", "strategy", "ratio", "of CPU", "anew, ms", "rows changed"], rows: rows))
        let over = ratios.filter { $0 > 1.1 }.count
        print(
            "geometric mean of \(ratios.count) views: \(Self.text(Self.mean(ratios))), of CPU time "
                + "\(Self.text(Self.mean(processor))); above 1.1: \(over); not concerned: "
                + (untouched.isEmpty ? "none" : untouched.joined(separator: " "))
        )
        if !others.isEmpty {
            print(
                "geometric mean of all \(ratios.count + others.count): \(Self.text(Self.mean(ratios + others))), "
                    + "counting what it takes to find that the others are not concerned"
            )
        }
    }

    private func listStatements(_ name: String, _ views: [MaintainedViews.View]) {
        for view in views {
            guard let last = view.measures[name]?.last, !last.statements.isEmpty else { continue }
            print("\n\(view.name), \(name): \(Self.text(last.update.wall * 1000)) ms")
            for statement in last.statements {
                print("-- \(Self.text(statement.seconds * 1000)) ms\n\(statement.sql);")
            }
        }
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func mean(_ values: [Double]) -> Double {
        exp(values.map { log($0) }.reduce(0, +) / Double(max(values.count, 1)))
    }

    static func text(_ value: Double) -> String { String(format: "%.3f", value) }
}

/// A join with GROUP BY kept by a script as a person would write it, against the rules for the same view.
private struct HandWritten {
    let scale: Double
    let rounds: Int
    let folder: String

    static let query = """
        SELECT o_orderdate, o_orderpriority, sum(l_extendedprice * (1 - l_discount)) AS revenue, count(*) AS lines
        FROM orders JOIN lineitem ON o_orderkey = l_orderkey GROUP BY ALL
        """

    /// The change of the join is that of new or removed lines, since an order comes and goes with its lines.
    static let script = [
        """
        CREATE OR REPLACE TEMP TABLE change AS
        SELECT o_orderdate, o_orderpriority, sum(l_extendedprice * (1 - l_discount) * l.__w) AS revenue,
            sum(l.__w) AS lines
        FROM delta_lineitem AS l JOIN (
            SELECT o_orderkey, o_orderdate, o_orderpriority FROM delta_orders
            UNION SELECT o_orderkey, o_orderdate, o_orderpriority FROM orders
                WHERE o_orderkey IN (SELECT l_orderkey FROM delta_lineitem)
        ) ON o_orderkey = l_orderkey GROUP BY ALL
        """,
        """
        UPDATE by_hand SET revenue = by_hand.revenue + change.revenue, lines = by_hand.lines + change.lines
        FROM change WHERE by_hand.o_orderdate = change.o_orderdate
            AND by_hand.o_orderpriority = change.o_orderpriority
        """,
        "DELETE FROM by_hand WHERE lines = 0",
        """
        INSERT INTO by_hand SELECT * FROM change AS c WHERE NOT EXISTS (
            SELECT 1 FROM by_hand AS h
            WHERE h.o_orderdate = c.o_orderdate AND h.o_orderpriority = c.o_orderpriority) AND lines > 0
        """,
    ]

    func line() throws -> String {
        let path = "\(folder)/by-hand.duckdb"
        let connection = try Database(path: path, configuration: ["threads": "2"]).connect()
        try TPCExtension.tpch.makeData(connection, scale: scale)
        let views = try TPCH.maintainedViews(connection)
        try views.add("by_rule", Self.query)
        _ = try connection.execute("CREATE TABLE by_hand AS \(Self.query)")
        var ratios: [Double] = []
        for round in 0...max(rounds, 4) {
            for (index, update) in TPCH.updates(round: round, scale: scale).prefix(2).enumerated() {
                var theirs = 0.0
                let script = {
                    let start = ContinuousClock.now
                    _ = try connection.execute("BEGIN")
                    for statement in Self.script { _ = try connection.execute(statement) }
                    _ = try connection.execute("COMMIT")
                    theirs = (ContinuousClock.now - start) / .seconds(1)
                }
                // In turn, since what comes first finds other pages and other clocks than what comes after it.
                let isFirst = (round + index).isMultiple(of: 2)
                let wrong = try views.update(update, beside: script, isFirst: isFirst)
                let ours = views.views[0].measures[update.name]?.last?.update.wall ?? 0
                let differing = try connection.scalar(
                    "SELECT count(*) FROM (FROM by_hand EXCEPT ALL FROM full_result)"
                ).int
                guard wrong.isEmpty, differing == 0 else { throw TPCError("by rule or by hand, the rows are wrong") }
                if round > 0 { ratios.append(ours / theirs) }
            }
        }
        let ratio = TPCHBenchmark.median(ratios)
        return "against a change script written by hand (join, group by): \(TPCHBenchmark.text(ratio)) of its time, "
            + "target 1.3: \(ratio <= 1.3 ? "met" : "missed")"
    }
}
