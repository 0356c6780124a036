import DuckKit
import DuetEngine
import DuetPipeline
import DuetTestSupport
import Foundation
import Synchronization
import Testing

/// `duet run --watch`: what grows between two updates is taken once, also when one of these is killed.
@Suite struct WatchKillTests {
    private static let definition = """
        name: fixture
        parameters: {rows: "1000000"}
        sources:
          orders: {location: data/orders-*.csv}
        """
    /// The last dataset ends soon while totals are small, and not within this test's time once the file has grown.
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE STREAMING TABLE silver.orders AS SELECT id, amount * 2 AS amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW silver.total AS SELECT count(*) AS n, sum(amount) AS total FROM silver.orders;
        CREATE MATERIALIZED VIEW gold.slow AS
          SELECT n, total, sum(hash(x, y) % 7) AS s FROM silver.total AS t,
            range(CASE WHEN t.total > 100 THEN ${rows} ELSE 3 END) AS a (x),
            range(CASE WHEN t.total > 100 THEN ${rows} ELSE 3 END) AS b (y)
          GROUP BY n, total;
        """

    @Test(.timeLimit(.minutes(3)), arguments: ["bronze.orders", "silver.orders", "silver.total"])
    func `a file that grows is taken once, though the update is killed behind a dataset`(dataset: String) async throws {
        let fixture = try CommandFixture(definition: Self.definition, sql: Self.sql, withData: false)
        try fixture.drop("id,amount\n1,1\n2,2\n2,2\n", "orders-1.csv")
        let path = "\(fixture.folder.path)/pipeline/data/orders-1.csv"
        let hasGrown = Mutex(false)
        let killed = try await fixture.command.run(
            ["run", "pipeline", "--watch", "0.02"],
            in: fixture.folder,
            under: ["timeout", "-s", "KILL", "100"]
        ) { errors, id in
            if errors.contains("gold.slow"), hasGrown.withLock({ !$0 }) {
                Self.append("3,300\n2,2\n", to: path)
                hasGrown.withLock { $0 = true }
            }
            guard errors.ranges(of: "done  \(dataset):").count == 2, let child = StopTests.child(of: id) else { return }
            kill(child, SIGKILL)
        }
        #expect(killed.status != 0 && killed.seconds < 100, "\(killed)")
        #expect(killed.errors.ranges(of: "done  gold.slow:").count == 1)
        let style = Style.declarative
        let again = try await fixture.duet("run", "pipeline", "--parameter", "rows=5")
        #expect(again.status == 0, "\(again)")
        let rows = { (sql: String) in
            try Warehouse(path: fixture.home().warehouse(style), isReadOnly: true).connect().rows(sql)
                .map { $0.map(\.description) }
        }
        let ids = [["1", "1"], ["2", "3"], ["3", "1"]]
        #expect(try rows("SELECT id, count(*) FROM bronze.orders GROUP BY id ORDER BY id") == ids)
        #expect(try rows("SELECT id, count(*) FROM silver.orders GROUP BY id ORDER BY id") == ids)
        #expect(try rows("SELECT n, total FROM gold.slow") == [["5", "614"]])
        // Nothing is left over that a later update would take again.
        let idle = try await fixture.duet("run", "pipeline", "--parameter", "rows=5")
        #expect(idle.output.contains("4 unchanged") && idle.status == 0, "\(idle)")
    }

    private static func append(_ text: String, to path: String) {
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        defer { file.closeFile() }
        file.seekToEndOfFile()
        file.write(Data(text.utf8))
    }
}
