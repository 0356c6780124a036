import DuckKit
import DuetCompare
import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetFetch
import DuetPipeline
import DuetReport
import Foundation

/// What a dataset costs beside its own SQL: many small ones, one after the other and all beside each other.
struct DatasetsBenchmark {
    let count: Int
    let repetitions: Int
    private let folder: String

    /// How the datasets read each other.
    private enum Shape: String, CaseIterable {
        /// Each reads the one before.
        case chain
        /// All read the same one.
        case fan
    }

    init(count: Int, repetitions: Int) {
        self.count = count
        self.repetitions = repetitions
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-datasets-\(getpid())").path
    }

    func run() throws {
        defer {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                print("could not remove \(folder): \(error)")
            }
        }
        var rows: [[String]] = []
        for shape in Shape.allCases { rows += try measure(shape) }
        print("\(count) datasets; medians of \(repetitions)\n")
        print(
            TextTable.text(
                header: ["benchmark", "seconds", "bare SQL", "ms per dataset besides", "target"],
                rows: rows,
                rightAligned: [1, 2, 3]
            )
        )
    }

    private func measure(_ shape: Shape) throws -> [[String]] {
        let pipelineFolder = "\(folder)/\(shape.rawValue)"
        let pipeline = try makePipeline(shape, pipelineFolder)
        let request = { () -> RunRequest in
            RunRequest(
                pipeline: pipeline,
                home: PipelineHome(pipeline: shape.rawValue, root: "\(pipelineFolder)/home"),
                fetcher: Fetcher()
            )
        }
        let raw = try RawTables(path: "\(pipelineFolder)/raw.duckdb", count: count, isChain: shape == .chain)
        let first = try seconds { try update(request()) }
        let rawFirst = try seconds { try raw.create() }
        var rows: [[String]] = [row("\(shape): first update", [first], raw: [rawFirst])]
        var plans: [Double] = []
        var idle: [Double] = []
        var changed: [Double] = []
        var planChanged: [Double] = []
        var rawChanged: [Double] = []
        for number in 0..<repetitions {
            // The definition is read each time, as the command does.
            plans.append(
                try seconds {
                    _ = try Pipeline.load(folder: pipelineFolder)
                    _ = try DeclarativeExecutor().plan(request())
                }
            )
            idle.append(try seconds { try update(request()) })
            try "id,v\n\(number + 2),1\n".write(
                toFile: "\(pipelineFolder)/data/\(number + 2).csv",
                atomically: true,
                encoding: .utf8
            )
            planChanged.append(try seconds { _ = try DeclarativeExecutor().plan(request()) })
            changed.append(try seconds { try update(request()) })
            rawChanged.append(try seconds { try raw.change(number + 2) })
        }
        rows.append(row("\(shape): plan, nothing changed", plans, target: "1 s"))
        rows.append(row("\(shape): plan, everything may change", planChanged, target: "1 s"))
        rows.append(row("\(shape): update, nothing changed", idle, target: "0.5 s"))
        rows.append(row("\(shape): update, one new row for each", changed, raw: rawChanged, target: "5 ms per dataset"))
        return rows
    }

    private func makePipeline(_ shape: Shape, _ path: String) throws -> Pipeline {
        let files = FileManager.default
        try files.createDirectory(atPath: "\(path)/transformations", withIntermediateDirectories: true)
        try files.createDirectory(atPath: "\(path)/data", withIntermediateDirectories: true)
        try "name: \(shape.rawValue)\nsources: {s: {location: data/*.csv}}\n".write(
            toFile: "\(path)/pipeline.yml",
            atomically: true,
            encoding: .utf8
        )
        try "id,v\n1,1\n".write(toFile: "\(path)/data/1.csv", atomically: true, encoding: .utf8)
        var sql = "CREATE STREAMING TABLE t0 AS SELECT * FROM STREAM read_files('${source.s}');\n"
        for number in 1..<count {
            let input = shape == .chain ? number - 1 : 0
            sql += "CREATE MATERIALIZED VIEW t\(number) AS SELECT id, v + 1 AS v FROM t\(input);\n"
        }
        try sql.write(toFile: "\(path)/transformations/all.sql", atomically: true, encoding: .utf8)
        return try Pipeline.load(folder: path)
    }

    private func update(_ request: RunRequest) throws {
        let outcome = try DeclarativeExecutor().run(request)
        guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
    }

    private func seconds(_ work: () throws -> Void) throws -> Double {
        let start = ContinuousClock.now
        try work()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private func row(_ name: String, _ ours: [Double], raw: [Double] = [], target: String = "") -> [String] {
        let median = Statistics.median(ours)
        let bare = raw.isEmpty ? nil : Statistics.median(raw)
        return [
            name, NumberText.decimals(median, 3), bare.map { NumberText.decimals($0, 3) } ?? "-",
            bare.map { NumberText.decimals((median - $0) / Double(count) * 1000, 2) } ?? "-", target,
        ]
    }
}

/// The same tables kept by hand: for each the statements that its rows need, in one transaction.
private struct RawTables {
    let database: Database
    let count: Int
    let isChain: Bool

    init(path: String, count: Int, isChain: Bool) throws {
        database = try Database(path: path)
        self.count = count
        self.isChain = isChain
    }

    func create() throws {
        let connection = try database.connect()
        try connection.execute("CREATE TABLE t0 AS SELECT 1 AS id, 1 AS v")
        for number in 1..<count {
            let input = isChain ? number - 1 : 0
            try connection.transaction {
                try connection.execute("CREATE TABLE t\(number) AS SELECT id, v + 1 AS v FROM t\(input)")
                try connection.execute("CREATE TABLE d\(number) AS SELECT *, 1 AS w FROM t\(number) LIMIT 0")
            }
        }
        try connection.execute("CREATE TABLE d0 AS SELECT *, 1 AS w FROM t0 LIMIT 0")
    }

    func change(_ id: Int) throws {
        let connection = try database.connect()
        try connection.execute("INSERT INTO t0 VALUES (\(id), 1); DELETE FROM d0; INSERT INTO d0 VALUES (\(id), 1, 1)")
        for number in 1..<count {
            let input = isChain ? number - 1 : 0
            try connection.transaction {
                try connection.execute("DELETE FROM d\(number)")
                try connection.execute("INSERT INTO d\(number) SELECT id, v + 1, w FROM d\(input)")
                try connection.execute("INSERT INTO t\(number) SELECT id, v FROM d\(number) WHERE w > 0")
            }
        }
    }
}
