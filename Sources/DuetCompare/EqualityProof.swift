internal import DuckKit
public import DuetEngine
public import DuetPipeline
public import DuetReport

/// Holds two warehouses against each other, dataset by dataset, as multisets of rows.
public enum EqualityProof {
    /// The relative tolerance for columns of floating-point numbers, whose sums depend on the order of adding.
    static let significantDigits = 11

    /// Compares every published dataset.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - home: Where its warehouses are; no run may have them open.
    /// - Returns: A comparison for each published dataset, in the order of the definition.
    /// - Throws: An error when a warehouse cannot be read.
    public static func compare(_ pipeline: Pipeline, home: PipelineHome) throws -> [DatasetComparison] {
        try compare(pipeline, home.warehouse(.procedural), home.warehouse(.declarative))
    }

    /// Compares every published dataset of any two warehouses; the first takes the procedural one's place in the result.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - left: A warehouse's file.
    ///   - right: Another's.
    /// - Returns: A comparison for each published dataset, in the order of the definition.
    /// - Throws: An error when a warehouse cannot be read.
    public static func compare(_ pipeline: Pipeline, _ left: String, _ right: String) throws -> [DatasetComparison] {
        let connection = try Warehouse.scratch()
        for (path, name) in [(left, "p"), (right, "d")] {
            try connection.execute("ATTACH \(SQL.literal(path)) AS \(name) (READ_ONLY)")
        }
        return try pipeline.publishedDatasets.map { try compare($0.name, connection) }
    }

    private static func compare(_ name: DatasetName, _ connection: Connection) throws -> DatasetComparison {
        let left = SQL.qualified(catalog: "p", schema: name.schema, name: name.table)
        let right = SQL.qualified(catalog: "d", schema: name.schema, name: name.table)
        let columns: [ColumnDescription]
        do {
            columns = try connection.describe("SELECT * FROM \(left)")
            let others = try connection.describe("SELECT * FROM \(right)")
            if let note = difference(columns, others) {
                return DatasetComparison(name: name, rows: (0, 0), isEqual: false, note: note)
            }
        } catch {
            // One side lacks it: a run failed, and that is a difference too.
            return DatasetComparison(name: name, rows: (0, 0), isEqual: false, note: "missing: \(error.message)")
        }
        let rows = (try count(left, connection), try count(right, connection))
        let exact = columns.map { SQL.identifier($0.name) }
        var differing = try differences(left, right, exact, connection)
        if differing == 0 { return DatasetComparison(name: name, rows: rows, isEqual: true) }
        let floating = columns.filter { $0.type == .double || $0.type == .float }
        var note = "\(differing) rows differ"
        if !floating.isEmpty, rows.0 == rows.1 {
            differing = try differences(left, right, columns.map(rounded), connection)
            let names = floating.map(\.name).joined(separator: ", ")
            note = "equal to \(significantDigits) significant digits in \(names)"
            if differing == 0 { return DatasetComparison(name: name, rows: rows, isEqual: true, note: note) }
            note = "\(differing) rows differ by more than rounding"
        }
        return DatasetComparison(
            name: name,
            rows: rows,
            isEqual: false,
            note: note,
            samples: try samples(left, right, exact, connection)
        )
    }

    private static func difference(_ left: [ColumnDescription], _ right: [ColumnDescription]) -> String? {
        guard left != right else { return nil }
        let text = { (columns: [ColumnDescription]) in
            columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ")
        }
        return "the columns differ: procedural (\(text(left))), declarative (\(text(right)))"
    }

    private static func count(_ relation: String, _ connection: Connection) throws -> Int {
        try connection.scalar("SELECT count(*) FROM \(relation)").int ?? 0
    }

    /// Rows on one side count up, equal ones on the other count down: what is left over differs.
    private static func differences(
        _ left: String,
        _ right: String,
        _ columns: [String],
        _ connection: Connection
    ) throws -> Int {
        let list = (0..<columns.count).map { "c\($0)" }.joined(separator: ", ")
        let inner = columns.enumerated().map { "\($1) AS c\($0)" }.joined(separator: ", ")
        return try connection.scalar(
            """
            SELECT coalesce(sum(abs(n)), 0)::BIGINT FROM (
                SELECT sum(s) AS n FROM (
                    SELECT \(inner), 1 AS s FROM \(left) UNION ALL SELECT \(inner), -1 FROM \(right)
                ) GROUP BY \(list) HAVING sum(s) <> 0
            )
            """
        ).int ?? 0
    }

    private static func samples(
        _ left: String,
        _ right: String,
        _ columns: [String],
        _ connection: Connection
    ) throws -> [String] {
        let list = columns.joined(separator: ", ")
        let rows = try connection.rows(
            """
            SELECT sum(s) AS n, \(list) FROM (
                SELECT *, 1 AS s FROM \(left) UNION ALL SELECT *, -1 FROM \(right)
            ) GROUP BY \(list) HAVING sum(s) <> 0 ORDER BY ALL LIMIT 10
            """
        )
        return rows.map { row in
            let side = row[0].int ?? 0 > 0 ? "procedural only" : "declarative only"
            return "\(side): \(row.dropFirst().map(\.description).joined(separator: " | "))"
        }
    }

    /// A floating-point column rounded to the digits that count.
    private static func rounded(_ column: ColumnDescription) -> String {
        let name = SQL.identifier(column.name)
        guard column.type == .double || column.type == .float else { return name }
        return "CASE WHEN \(name) = 0 OR NOT isfinite(\(name)) THEN \(name) "
            + "ELSE round(\(name)::DOUBLE, \(significantDigits) - 1 - floor(log10(abs(\(name))))::INTEGER) END"
    }
}
