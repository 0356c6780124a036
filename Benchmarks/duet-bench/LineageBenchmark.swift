import DuckKit
import DuetCompare
import DuetEngine
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetReport
import Foundation

/// What the event log costs a run, and how long one gold row's trace over many source rows takes.
///
/// Rows are traced through three datasets down to the numbers of the rows in their files.
struct LineageBenchmark {
    let repetitions: Int
    let rows: Int
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-lineage-\(getpid())").path

    private static let definition = """
        name: lineage
        sources:
          orders: {location: "data/orders-*.parquet"}
        """
    private static let sql = """
        CREATE STREAMING TABLE bronze.orders AS SELECT * FROM STREAM read_files('${source.orders}');
        CREATE STREAMING TABLE silver.orders (CONSTRAINT some EXPECT (amount > 0) ON VIOLATION DROP ROW)
          AS SELECT id, customer, day, amount FROM STREAM(bronze.orders);
        CREATE MATERIALIZED VIEW gold.customers AS
          SELECT customer, count(*) AS orders, sum(amount) AS amount FROM silver.orders GROUP BY customer;
        """

    func run() throws {
        defer {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                print("could not remove \(folder): \(error)")
            }
        }
        try prepare()
        let pipeline = try Pipeline.load(folder: folder)
        var table: [[String]] = []
        table.append(try events(pipeline))
        table += try traces(pipeline)
        table.append(try FactoryLineageBenchmark(repetitions: repetitions, rows: rows / 10, folder: folder).line())
        print("\(NumberText.count(rows)) source rows; medians of \(repetitions)")
        print(TextTable.text(header: ["benchmark", "duet", "against", "ratio", "target", ""], rows: table))
    }

    private func prepare() throws {
        for name in ["data", "transformations"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        try Self.definition.write(toFile: "\(folder)/pipeline.yml", atomically: true, encoding: .utf8)
        try Self.sql.write(toFile: "\(folder)/transformations/all.sql", atomically: true, encoding: .utf8)
        let connection = try Warehouse.scratch()
        for part in 0..<10 {
            let first = rows / 10 * part
            try connection.execute(
                """
                COPY (SELECT range AS id, (hash(range) % \(max(1, rows / 20)))::INTEGER AS customer,
                    DATE '2020-01-01' + (range // 10000)::INTEGER AS day, (range % 997)::INTEGER AS amount
                    FROM range(\(first), \(first + rows / 10)))
                TO \(SQL.literal("\(folder)/data/orders-\(part).parquet")) (FORMAT parquet)
                """
            )
        }
    }

    private func request(_ pipeline: Pipeline, home: String, logs: Bool) -> RunRequest {
        var request = RunRequest(
            pipeline: pipeline,
            home: PipelineHome(pipeline: pipeline.name, root: "\(folder)/\(home)"),
            fetcher: Fetcher()
        )
        if !logs { request.eventRetention = nil }
        return request
    }

    /// Full runs with and without the event log, in turn.
    private func events(_ pipeline: Pipeline) throws -> [String] {
        var with: [Double] = []
        var without: [Double] = []
        for repetition in 0..<repetitions {
            // The order changes, so that neither is always the one on a warm machine.
            for logs in repetition.isMultiple(of: 2) ? [true, false] : [false, true] {
                let home = "home-\(logs)-\(repetition)"
                let outcome = try Styles.executor(.procedural).run(request(pipeline, home: home, logs: logs))
                if let error = outcome.errors.first { throw error }
                if logs { with.append(outcome.seconds) } else { without.append(outcome.seconds) }
                try FileManager.default.removeItem(atPath: "\(folder)/\(home)")
            }
        }
        // Each pair ran back to back, so that a machine which is busy for a while slows both.
        let ratio = Statistics.median(zip(with, without).map { $0 / $1 })
        return [
            "a run with its event log", NumberText.seconds(Statistics.median(with)),
            NumberText.seconds(Statistics.median(without)), "\(NumberText.decimals(ratio, 3)) x", "<= 1.03 x",
            ratio <= 1.03 ? "met" : "missed",
        ]
    }

    /// One gold row back to the rows of its files, against DuckDB looking the same silver rows up.
    private func traces(_ pipeline: Pipeline) throws -> [[String]] {
        try Style.allCases.map { style in
            let request = request(pipeline, home: "home", logs: true)
            let outcome = try Styles.executor(style).run(request)
            if let error = outcome.errors.first { throw error }
            let look = LineageInspection(pipeline, home: request.home, style: style)
            var duet: [Double] = []
            var bare: [Double] = []
            for repetition in 0..<repetitions {
                let condition = "customer = \(repetition + 1)"
                let start = ContinuousClock.now
                let trace = try look.trace("gold.customers", where: condition, limit: nil)
                _ = try TraceText.text(trace, rows: 5)
                duet.append((ContinuousClock.now - start) / .seconds(1))
                let bareStart = ContinuousClock.now
                let connection = try Database(
                    path: request.home.warehouse(style),
                    configuration: ["access_mode": "READ_ONLY"]
                ).connect()
                _ = try connection.rows("SELECT * FROM silver.orders WHERE \(condition)")
                bare.append((ContinuousClock.now - bareStart) / .seconds(1))
            }
            return [
                "trace of one gold row, \(style.rawValue)", NumberText.seconds(Statistics.median(duet)),
                NumberText.seconds(Statistics.median(bare)),
                "\(NumberText.decimals(Statistics.median(duet) / Statistics.median(bare), 1)) x", "<= 1 s",
                Statistics.median(duet) <= 1 ? "met" : "missed",
            ]
        }
    }
}
