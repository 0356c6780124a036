import DuckKit
import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import DuetTestSupport
import Foundation

/// A small medallion whose scenario the tests play.
struct ComparisonFixture {
    let folder: TemporaryFolder

    static let sources = """
        name: shop
        parameters: {base: data}
        sources:
          orders: {manifest: "${base}/orders/SHA256SUMS", format: csv, options: {inferColumnTypes: "false"}}
          names: {location: "${base}/names.csv", options: {inferColumnTypes: "false"}}
        """
    static let initial = """
          - step: initial load
            write:
              - {file: "orders/{part}.csv", part: "'day' || (id % 4)",
                 query: "SELECT range AS id, range % 5 AS customer, range * 3 % 17 AS amount FROM range(400)"}
              - {file: names.csv, query: "SELECT range AS customer, 'n' || range AS name FROM range(5)"}
        """
    static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE MATERIALIZED VIEW bronze.names AS SELECT * FROM read_files('${source.names}');
        CREATE STREAMING TABLE silver.orders (
          CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION FAIL UPDATE,
          CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW
        ) AS SELECT id::INT AS id, customer::INT AS customer, amount::INT AS amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW gold.named AS
          SELECT o.id, n.name, o.amount FROM silver.orders AS o JOIN bronze.names AS n ON n.customer::INT = o.customer;
        CREATE MATERIALIZED VIEW gold.total AS
          SELECT customer, count(*) AS n, sum(amount) AS total FROM silver.orders GROUP BY customer;
        """

    /// Writes the pipeline with further steps.
    init(steps: String = "", sql: String = sql) throws {
        folder = try TemporaryFolder()
        try folder.write("\(Self.sources)\nscenario:\n\(Self.initial)\n\(steps)\n", to: "shop/pipeline.yml")
        try folder.write(sql, to: "shop/transformations/all.sql")
    }

    var path: String { "\(folder.path)/shop" }

    func pipeline() throws -> Pipeline { try Pipeline.load(folder: path) }

    /// Plays the pipeline's scenario, or another.
    func compare(
        _ scenario: String? = nil,
        repetitions: Comparison.Repetitions = .exactly(1),
        command: String? = nil,
        _ change: (inout Comparison) -> Void = { _ in }
    ) async throws -> ComparisonReport {
        var comparison = Comparison(
            folder: path,
            scenario: scenario,
            workFolder: "\(folder.path)/work",
            repetitions: repetitions,
            command: command
        )
        change(&comparison)
        let ready = comparison
        return try await offPool { try ready.run() }
    }

    /// The served files' rows after a play.
    func rows(_ query: String) throws -> [[String]] {
        try Warehouse.scratch().rows(query.replacing("DATA", with: "\(folder.path)/work/data"))
            .map { $0.map(\.description) }
    }
}

extension ComparisonReport {
    /// The step of a name.
    func step(_ name: String) -> Step? { steps.first { $0.name == name } }
}
