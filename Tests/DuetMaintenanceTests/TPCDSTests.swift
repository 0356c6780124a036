import DuckKit
import DuetMaintenance
import DuetTPC
import DuetTestSupport
import Foundation
import Testing

/// The 99 queries of TPC-DS as views under changing sales, returns, stock and dimensions.
///
/// Needs `scripts/setup tpcds`, as `make test` does it. `make test` takes a sample, the same each time; with
/// `DUET_TPCDS_ALL=1`, as in `make soak`, all are taken. `DUET_TPCDS_SCALE` sets the scale factor.
@Suite struct TPCDSTests {
    static let environment = ProcessInfo.processInfo.environment

    @Test func `views over TPC-DS are equal to their queries after every update`() async throws {
        let scale = Self.environment["DUET_TPCDS_SCALE"].flatMap(Double.init) ?? 0.01
        let takesAll = Self.environment["DUET_TPCDS_ALL"] == "1"
        let only = Self.environment["DUET_TPCDS_ONLY"]?.split(separator: ",").compactMap { Int($0) }
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
            for update in TPCDS.updates(round: 0) { #expect(try views.update(update) == []) }
            let others = views.views.filter { !$0.program.isIncremental }
            print("TPC-DS at scale \(scale): \(views.views.count - others.count) of \(views.views.count) incremental")
            for view in others { print("TPC-DS \(view.name) is not incremental: \(view.program.issues)") }
            #expect(Double(views.views.count - others.count) > 0.8 * Double(views.views.count))
        }
    }
}
