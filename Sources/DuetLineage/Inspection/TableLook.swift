import DuckKit
import DuetEngine
import DuetPipeline
import DuetReport

extension LineageInspection {
    /// Rows drawn by lot, the same again for the same seed.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - count: How many.
    ///   - seed: The seed.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: A table, or lines of JSON.
    /// - Throws: ``DuetError`` for an unknown dataset.
    public func sample(_ name: String, count: Int, seed: Int, asJSON: Bool) throws -> String {
        let relation = try made(name)
        let select = "SELECT * FROM \(relation) USING SAMPLE reservoir(\(count) ROWS) REPEATABLE (\(seed))"
        return try QueryText.answer(select, try open(), asJSON: asJSON)
    }

    /// The dataset's relation as SQL, if it has been made.
    private func made(_ name: String) throws -> String {
        let dataset = try dataset(name).name
        let count = try open().scalar(
            "SELECT count(*) FROM (SELECT schema_name AS s, table_name AS t FROM duckdb_tables() UNION ALL "
                + "SELECT schema_name, view_name FROM duckdb_views()) WHERE lower(s || '.' || t) = ?",
            [.varchar(dataset.key)]
        )
        guard count.int ?? 0 > 0 else { throw RowTrace.notThere(dataset, style, pipeline) }
        return SQL.qualified(dataset.schema, dataset.table)
    }

    /// What the columns of a dataset hold: types, NULLs, distinct values, least and greatest, and how they spread.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - asJSON: Whether for machines.
    /// - Returns: A table, or an array.
    /// - Throws: ``DuetError`` for an unknown dataset.
    public func profile(_ name: String, asJSON: Bool) throws -> String {
        let relation = try made(name)
        let connection = try open()
        let columns = try connection.describe("SELECT * FROM \(relation)")
        let counts = columns.map { column in
            let c = SQL.identifier(column.name)
            return "count(*) - count(\(c)), count(DISTINCT \(c)), min(\(c))::VARCHAR, max(\(c))::VARCHAR"
        }
        let values =
            try connection.rows("SELECT count(*), \(counts.joined(separator: ", ")) FROM \(relation)").first ?? []
        let rows = values.first?.int ?? 0
        let facts = try columns.enumerated().map { index, column -> (cells: [Value], spread: Spread) in
            let cells = Array(values[(1 + index * 4)..<(5 + index * 4)])
            return (cells, try Spread(column, relation: relation, connection))
        }
        if asJSON {
            return JSONValue.array(
                zip(columns, facts).map { column, fact in
                    [
                        "column": .string(column.name), "type": .string("\(column.type)"),
                        "rows": .integer(Int64(rows)),
                        "nulls": .integer(Int64(fact.cells[0].int ?? 0)),
                        "distinct": .integer(Int64(fact.cells[1].int ?? 0)),
                        "min": fact.cells[2].string.map { .string($0) } ?? .null,
                        "max": fact.cells[3].string.map { .string($0) } ?? .null,
                        "histogram": fact.spread.json,
                    ]
                }
            ).text(pretty: true)
        }
        let table = TextTable.text(
            header: ["column", "type", "nulls", "distinct", "min", "max", "spread"],
            rows: zip(columns, facts).map { column, fact in
                [
                    column.name, "\(column.type)", NumberText.count(fact.cells[0].int ?? 0),
                    NumberText.count(fact.cells[1].int ?? 0), short(fact.cells[2]), short(fact.cells[3]),
                    fact.spread.text,
                ]
            },
            rightAligned: [2, 3]
        )
        return "\(NumberText.count(rows)) rows\n\(table)"
    }

    private func short(_ value: Value) -> String {
        let text = value.string ?? ""
        return text.count > 24 ? "\(text.prefix(21))..." : text
    }

    /// DuckDB's own measurement of a dataset's query over its inputs as they are: operators with rows and times.
    ///
    /// - Parameter name: The dataset.
    /// - Returns: The profile as DuckDB draws it.
    /// - Throws: ``DuetError`` when the query reads files, whose relations exist only during a run, or fails.
    public func explainAnalyze(_ name: String) throws -> String {
        let dataset = try dataset(name)
        let connection = try open()
        guard dataset.flows.allSatisfy(\.query.fileReads.isEmpty) else {
            throw DuetError(
                .unsupported,
                "'\(dataset.name)' reads files, which are only there during a run",
                hint: "profile a dataset that reads it",
                at: dataset.location
            )
        }
        guard let query = try DerivedQuery.query(of: dataset, connection) else { return "" }
        do {
            return try connection.rows("EXPLAIN ANALYZE \(query.text.text)").compactMap { $0.last?.string }
                .joined(separator: "\n")
        } catch {
            throw DuetError(.sqlExecution, error.message, at: dataset.location)
        }
    }
}

/// How a column's values are spread.
struct Spread {
    /// Bounds and counts of ten equal parts of the range, or the most frequent values.
    private let parts: [(label: String, count: Int)]
    private let isHistogram: Bool

    init(_ column: ColumnDescription, relation: String, _ connection: Connection) throws {
        let name = SQL.identifier(column.name)
        let type = "\(column.type)"
        let isNumber =
            ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"].contains(type)
            || type.hasPrefix("DECIMAL") || type.hasPrefix("U")
        let isTime = type == "DATE" || type.hasPrefix("TIMESTAMP")
        isHistogram = isNumber || isTime
        guard isHistogram else {
            parts = try connection.rows(
                "SELECT \(name)::VARCHAR, count(*) FROM \(relation) WHERE \(name) IS NOT NULL GROUP BY 1 "
                    + "ORDER BY 2 DESC, 1 LIMIT 3"
            ).map { ($0[0].string ?? "", $0[1].int ?? 0) }
            return
        }
        let number = isTime ? "epoch(\(name)::TIMESTAMP)" : "\(name)::DOUBLE"
        let label = isTime ? "make_timestamp((low * 1000000)::BIGINT)::VARCHAR" : "low::VARCHAR"
        parts = try connection.rows(
            """
            WITH v AS (SELECT \(number) AS x FROM \(relation) WHERE \(name) IS NOT NULL),
            b AS (SELECT min(x) AS least, (max(x) - min(x)) / 10 AS width FROM v),
            h AS (SELECT CASE WHEN width > 0 THEN least(9, floor((x - least) / width)) ELSE 0 END::INTEGER AS part,
                count(*) AS n FROM v, b GROUP BY 1)
            SELECT \(label), coalesce(n, 0) FROM (
                SELECT r.range AS part, least + r.range * width AS low, n FROM b, range(10) AS r
                LEFT JOIN h ON h.part = r.range) WHERE low IS NOT NULL ORDER BY part
            """
        ).map { ($0[0].string ?? "", $0[1].int ?? 0) }
    }

    /// Bars of the histogram, or the most frequent values with their counts.
    var text: String {
        guard isHistogram else {
            return parts.map { "\($0.label) (\(NumberText.count($0.count)))" }.joined(separator: ", ")
        }
        let bars = Array("▁▂▃▄▅▆▇█")
        let most = parts.map(\.count).max() ?? 0
        guard most > 0 else { return "" }
        return String(parts.map { $0.count == 0 ? " " : bars[($0.count * 7 + most - 1) / most] })
    }

    var json: JSONValue {
        .array(
            parts.map {
                [isHistogram ? "from" : "value": .string($0.label), "count": .integer(Int64($0.count))]
            }
        )
    }
}
