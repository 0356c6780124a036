import DuckKit
import DuetMaintenance
import DuetTPC
import DuetTestSupport
import Foundation
import Testing

/// The 22 queries of TPC-H as views, under the benchmark's refresh functions and updates of customers and parts.
///
/// Needs `scripts/setup tpch`, as `make test` does it. `DUET_TPCH_SCALE` sets the scale factor.
@Suite struct TPCHTests {
    @Test(arguments: [true, false])
    func `all 22 views are right, and at least 20 incremental`(knowsConstraints: Bool) async throws {
        let scale = ProcessInfo.processInfo.environment["DUET_TPCH_SCALE"].flatMap(Double.init) ?? 0.01
        try await offPool {
            let connection = try Database(configuration: ["threads": "2"]).connect()
            try TPCExtension.tpch.makeData(connection, scale: scale)
            let views =
                try knowsConstraints
                ? TPCH.maintainedViews(connection) : MaintainedViews(connection, tables: TPCH.tables)
            for (index, query) in try TPCExtension.tpch.queries(connection).enumerated() {
                try views.add("q\(index + 1)", query)
            }
            for update in TPCH.updates(round: 0, scale: scale) + [TPCH.scattered(round: 0), SourceUpdate("none", [])] {
                #expect(try views.update(update) == [])
            }
            let others = views.views.filter { !$0.program.isIncremental }
            for view in others { print("TPC-H \(view.name) is not incremental: \(view.program.issues)") }
            #expect(views.views.count - others.count >= 20)
        }
    }
}
