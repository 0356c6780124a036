import DuckKit
import DuetCompare
import DuetPipeline
import DuetReport
import Foundation

/// The proof of equality on large tables, against `EXCEPT ALL` in both directions.
struct EqualityBenchmark {
    let rows: Int

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-bench-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                print("could not remove \(folder): \(error)")
            }
        }
        let query = """
            SELECT range AS id, (hash(range) % 50000)::INTEGER AS customer, DATE '2024-01-01' + (range % 366)::INTEGER AS day,
                ((hash(range + 1) % 1000000)::DECIMAL(18, 2) / 100)::DECIMAL(12, 2) AS amount, 'order ' || range AS note
            FROM range(\(rows))
            """
        let other = query.replacing("'order ' || range", with: "'order ' || CASE WHEN range = 7 THEN 8 ELSE range END")
        let path = { (name: String) in "\(folder)/\(name).duckdb" }
        for (name, query, order) in [("a", query, ""), ("b", query, " ORDER BY hash(id)"), ("c", other, "")] {
            let database = try Database(path: path(name))
            try database.connect().execute("CREATE TABLE t AS \(query)\(order)")
        }
        let name = DatasetName(schema: "main", table: "t")
        var table: [[String]] = []
        for (what, right, isEqual) in [("equal, in another order", "b", true), ("one row differs", "c", false)] {
            let (found, seconds) = try timed { try EqualityProof.compare(table: name, path("a"), path(right)) }
            let (left, plain) = try timed { try exceptAll(path("a"), path(right)) }
            guard found.isEqual == isEqual, left == (isEqual ? 0 : 2) else {
                throw BenchmarkError("the proof is wrong: \(found), \(left) rows by EXCEPT ALL")
            }
            table.append([
                what, found.method, NumberText.seconds(seconds), NumberText.seconds(plain),
                NumberText.significant(plain / seconds),
            ])
        }
        print("\(NumberText.count(rows)) rows of 5 columns on each side; every answer was checked")
        print("")
        let header = ["tables", "proved by", "proof", "EXCEPT ALL both ways", "times faster"]
        print(TextTable.text(header: header, rows: table, rightAligned: [2, 3, 4]))
    }

    private func timed<T>(_ work: () throws -> T) rethrows -> (T, Double) {
        let start = ContinuousClock.now
        let result = try work()
        return (result, (ContinuousClock.now - start) / .seconds(1))
    }

    private func exceptAll(_ left: String, _ right: String) throws -> Int {
        let connection = try Database().connect()
        try connection.execute(
            "ATTACH \(SQL.literal(left)) AS l (READ_ONLY); ATTACH \(SQL.literal(right)) AS r (READ_ONLY)"
        )
        return try connection.scalar(
            "SELECT count(*) FROM ((FROM l.t EXCEPT ALL FROM r.t) UNION ALL (FROM r.t EXCEPT ALL FROM l.t))"
        ).int ?? -1
    }
}
