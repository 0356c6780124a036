import DuckKit
import DuetEngine
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Ctrl-C: the run ends soon and in order, what was committed stays, and the next run goes on.
@Suite struct StopTests {
    private static let definition = """
        name: fixture
        parameters: {rows: "1000000"}
        sources:
          orders: {location: data/orders-*.csv}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW silver.total AS SELECT sum(amount) AS total FROM bronze.orders;
        CREATE MATERIALIZED VIEW gold.slow AS
          SELECT total, sum(hash(x, y) % 7) AS n FROM silver.total, range(${rows}) AS a (x), range(${rows}) AS b (y) GROUP BY total;
        CREATE MATERIALIZED VIEW gold.last AS SELECT count(*) AS n FROM gold.slow;
        """

    @Test(arguments: Style.allCases, [SIGINT, SIGTERM])
    func `a signal ends the run with 130 and loses nothing`(_ style: Style, _ signal: Int32) async throws {
        let fixture = try CommandFixture(definition: Self.definition, sql: Self.sql)
        let quick = ["run", "pipeline", CommandFixture.style(style), "--parameter", "rows=30"]
        #expect(try await fixture.command.run(quick, in: fixture.folder).status == 0)
        try fixture.drop("id,amount\n7,700\n", "orders-2.csv")
        // Sent once the dataset before the slow one has been committed.
        let result = try await fixture.command.run(
            ["run", "pipeline", CommandFixture.style(style)],
            in: fixture.folder,
            under: ["timeout", "-s", "KILL", "60"]
        ) { errors, id in
            guard errors.contains("silver"), let child = Self.child(of: id) else { return }
            kill(child, signal)
        }
        #expect(result.status == 130, "\(result)")
        #expect(result.errors.contains("CANCELLED"))
        let rows = { (sql: String) in
            try Warehouse(path: fixture.home().warehouse(style), isReadOnly: true).connect().rows(sql)
        }
        #expect(try rows("SELECT total FROM silver.total").first?.first?.int == 712)
        #expect(try rows("SELECT total FROM gold.slow").first?.first?.int == 12)
        #expect(try rows("SELECT status FROM duet.runs ORDER BY started").last?.first?.string == "cancelled")
        let last = try fixture.folder.text(".duet/fixture/\(style.rawValue)-events.jsonl").split(separator: "\n").last
        #expect(try JSONValue(parsing: String(last ?? ""))["event_type"]?.string == "run_cancelled")
        #expect(try await fixture.command.run(quick, in: fixture.folder).status == 0)
        #expect(try rows("SELECT total FROM gold.slow").first?.first?.int == 712)
    }

    /// The only child of a process.
    static func child(of id: Int32) -> Int32? {
        let path = "/proc/\(id)/task/\(id)/children"
        guard let text = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: text, as: UTF8.self).split(separator: " ").first.flatMap { Int32($0) }
    }
}
