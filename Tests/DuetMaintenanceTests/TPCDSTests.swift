import DuckKit
import DuetMaintenance
import DuetTPC
import DuetTestSupport
import Foundation
import Testing

/// The 99 queries of TPC-DS as views under changing sales, returns, stock and dimensions.
///
/// Needs `scripts/setup tpcds`, as `make test` does it. `make test` takes a sample, the same each time; with
/// `DUET_TPCDS_ALL=1`, as in `make soak`, all are taken. `DUET_TPCDS_SCALE` sets the scale factor, and with
/// `DUET_TEST_SEED` other rows change. `DUET_RECORD=1` writes what came out to docs/tpcds.md.
@Suite struct TPCDSTests {
    static let environment = ProcessInfo.processInfo.environment

    @Test func `views over TPC-DS are equal to their queries after every update`() async throws {
        let scale = Self.environment["DUET_TPCDS_SCALE"].flatMap(Double.init) ?? 0.01
        let takesAll = Self.environment["DUET_TPCDS_ALL"] == "1"
        let only = Self.environment["DUET_TPCDS_ONLY"]?.split(separator: ",").compactMap { Int($0) }
        let seed = Self.environment["DUET_TEST_SEED"].flatMap { Int($0) } ?? 0
        // A round changes every 997th row from another one on.
        let round = abs(seed) % 400
        try await offPool {
            let connection = try Database(configuration: ["threads": "2"]).connect()
            try TPCExtension.tpcds.makeData(connection, scale: scale)
            let views = try MaintainedViews(connection, tables: TPCDS.tables)
            let queries = try TPCExtension.tpcds.queries(connection)
            #expect(queries.count == 99)
            for (index, query) in queries.enumerated()
            where only?.contains(index + 1) ?? (takesAll || index % 5 == 2) {
                try views.add("ds\(index + 1)", TPCDS.view(query))
            }
            print("TPC-DS at scale \(scale), round \(round) (DUET_TEST_SEED=\(seed))")
            let updates = TPCDS.updates(round: round)
            for update in updates { #expect(try views.update(update) == []) }
            let others = views.views.filter { !$0.program.isIncremental }
            print("TPC-DS at scale \(scale): \(views.views.count - others.count) of \(views.views.count) incremental")
            for view in others { print("TPC-DS \(view.name) is not incremental: \(view.program.issues)") }
            #expect(Double(views.views.count - others.count) > 0.95 * Double(views.views.count))
            if Self.environment["DUET_RECORD"] == "1", takesAll {
                let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                    .deletingLastPathComponent().appending(path: "docs/tpcds.md")
                try Self.document(views.views, updates.map(\.name), scale: scale)
                    .write(to: file, atomically: true, encoding: .utf8)
            }
        }
    }

    /// What came out, as a page.
    private static func document(_ views: [MaintainedViews.View], _ updates: [String], scale: Double) -> String {
        let incremental = views.filter(\.program.isIncremental).count
        // Reasons are told where there are any.
        let explains = views.contains { !$0.program.issues.isEmpty }
        let header = ["query", "kept tables"] + updates + (explains ? ["why not less"] : [])
        var lines = [
            "# TPC-DS", "",
            "<!-- written by TPCDSTests; anew: DUET_RECORD=1 DUET_TPCDS_ALL=1 DUET_TPCDS_SCALE=\(scale) "
                + "swift test --filter TPCDSTests -->",
            "",
            "The \(views.count) queries of TPC-DS as views over scale factor \(scale), without their last LIMIT (with ties it",
            "may keep any of them), under changes of sales, of returns and stock, and of dimensions, each of about 0.2 % of a",
            "table's rows. After each update every view was equal to its query as a multiset. \(incremental) of \(views.count) "
                + "are incremental:",
            "no block of theirs reads its inputs anew.",
            "",
            "| way of a block | meaning |", "|---|---|",
            "| append | rows are only added |",
            "| merge | its change follows from the changes of what it reads |",
            "| affected | the groups or partitions that a change touches are computed anew |",
            "| anew | computed anew; where the query is incremental, from rows that are kept beneath it |",
            "| | nothing it reads has changed |",
            "", "| \(header.joined(separator: " | ")) |",
            "|---|---:|\(header.dropFirst(2).map { _ in "---|" }.joined())",
        ]
        for view in views {
            let cells = updates.map { update in
                let used = view.measures[update]?.last?.strategies ?? []
                return words.compactMap { used.contains($0.0) ? $0.1 : nil }.joined(separator: ", ")
            }
            var reasons: [String] = []
            for issue in view.program.issues where !reasons.contains(issue) { reasons.append(issue) }
            let row = [String(view.name.dropFirst(2)), "\(view.program.nodes.count)"] + cells
            lines.append("| \((row + (explains ? [reasons.joined(separator: "; ")] : [])).joined(separator: " | ")) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let words: [(MaintenanceStrategy, String)] = [
        (.append, "append"), (.merge, "merge"), (.recomputeAffected, "affected"), (.full, "anew"),
    ]
}
