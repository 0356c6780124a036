internal import DuckKit
public import DuetEngine
public import DuetPipeline
public import DuetReport

/// Holds two warehouses against each other, dataset by dataset, as multisets of rows.
///
/// Two numbers come first: how many rows each side has, and the sum of two independent 64-bit hashes of every row. Where
/// these agree a table of up to ``mostCells`` cells is compared row by row all the same; a larger one counts as equal:
/// the chance that other rows give the same 128 bits is about one in 10^38. Where they do not agree, rows are compared.
public enum EqualityProof {
    /// The relative tolerance for columns of floating-point numbers, whose sums depend on the order of adding.
    public static let tolerance = 1e-11

    /// Cells (rows times columns) up to which equal fingerprints are confirmed row by row.
    public static let mostCells = 20_000_000

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
        let connection = try attached(left, right)
        return try pipeline.publishedDatasets.map { try compare($0.name, connection) }
    }

    /// Compares one table of two database files.
    ///
    /// - Parameters:
    ///   - name: The table.
    ///   - left: A database file.
    ///   - right: Another.
    ///   - cells: Cells up to which equal fingerprints are confirmed row by row.
    /// - Returns: What was found.
    /// - Throws: An error when a file cannot be read.
    public static func compare(
        table name: DatasetName,
        _ left: String,
        _ right: String,
        confirming cells: Int = mostCells
    ) throws -> DatasetComparison {
        try compare(name, try attached(left, right), confirming: cells)
    }

    private static func attached(_ left: String, _ right: String) throws -> Connection {
        let connection = try Warehouse.scratch()
        for (path, name) in [(left, "p"), (right, "d")] {
            try connection.execute("ATTACH \(SQL.literal(path)) AS \(name) (READ_ONLY)")
        }
        return connection
    }

    private static func compare(
        _ name: DatasetName,
        _ connection: Connection,
        confirming cells: Int = mostCells
    ) throws -> DatasetComparison {
        let left = SQL.qualified(catalog: "p", schema: name.schema, name: name.table)
        let right = SQL.qualified(catalog: "d", schema: name.schema, name: name.table)
        let columns: [ColumnDescription]
        do {
            columns = try connection.describe("SELECT * FROM \(left)")
            let others = try connection.describe("SELECT * FROM \(right)")
            if let note = difference(columns, others) {
                return different(name, (try count(left, connection), try count(right, connection)), note, "columns")
            }
        } catch let error as DuckDBError {
            // One side lacks it: a run failed, and that is a difference too.
            return different(name, (0, 0), "missing: \(error.message)", "columns")
        }
        let pair = RowPair(left: left, right: right, columns: columns, connection)
        let prints = (try pair.fingerprint(of: left), try pair.fingerprint(of: right))
        let rows = (prints.0.rows, prints.1.rows)
        if prints.0 == prints.1, rows.0 * columns.count > cells {
            var found = DatasetComparison(name: name, rows: rows, isEqual: true)
            found.method = "fingerprints"
            return found
        }
        let leftOver = try pair.findDifferences(exactly: max(rows.0, rows.1) * columns.count <= cells)
        if leftOver == (0, 0) { return DatasetComparison(name: name, rows: rows, isEqual: true) }
        let floating = columns.filter(\.isFloating)
        if !floating.isEmpty, leftOver.procedural == leftOver.declarative {
            let beyond = try pair.pairsBeyondTolerance()
            if beyond == 0 {
                let names = floating.map(\.name).joined(separator: ", ")
                let note = "equal to a relative \(tolerance) in \(names)"
                return DatasetComparison(name: name, rows: rows, isEqual: true, note: note)
            }
        }
        var found = DatasetComparison(
            name: name,
            rows: rows,
            isEqual: false,
            note: "\(leftOver.procedural + leftOver.declarative) rows differ: \(leftOver.procedural) only procedural, "
                + "\(leftOver.declarative) only declarative",
            samples: try pair.samples()
        )
        found.surplus = leftOver
        return found
    }

    private static func different(
        _ name: DatasetName,
        _ rows: (Int, Int),
        _ note: String,
        _ method: String
    ) -> DatasetComparison {
        var found = DatasetComparison(name: name, rows: rows, isEqual: false, note: note)
        found.method = method
        return found
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
}

/// Two tables of the same columns.
struct RowPair {
    let left: String
    let right: String
    let columns: [ColumnDescription]
    let connection: Connection

    init(left: String, right: String, columns: [ColumnDescription], _ connection: Connection) {
        self.left = left
        self.right = right
        self.columns = columns
        self.connection = connection
    }

    struct Fingerprint: Hashable {
        var rows: Int
        var first: String
        var second: String
    }

    private var names: [String] { columns.map { SQL.identifier($0.name) } }

    /// The number of rows and two sums of hashes, which do not depend on the order of rows.
    ///
    /// The row's hash is hashed again, since DuckDB joins the hashes of columns by exclusive or, which sums could be blind
    /// to; the second hash starts from another value, so that the two do not collide together.
    static func fingerprint(
        of relation: String,
        columns: [ColumnDescription],
        _ connection: Connection
    ) throws -> Fingerprint {
        let list = columns.map { SQL.identifier($0.name) }.joined(separator: ", ")
        let row = try connection.rows(
            """
            SELECT count(*), sum(hash(hash(\(list))))::VARCHAR, sum(hash(hash(42, \(list))))::VARCHAR FROM \(relation)
            """
        )[0]
        return Fingerprint(rows: row[0].int ?? 0, first: row[1].string ?? "", second: row[2].string ?? "")
    }

    func fingerprint(of relation: String) throws -> Fingerprint {
        try Self.fingerprint(of: relation, columns: columns, connection)
    }

    /// Finds the rows that one side has more often, in a table beside; says how many each side has.
    ///
    /// Rows of the procedural side count up, those of the other down, equal ones are added up, and what is left over
    /// differs. For large tables that is done with the rows' hashes first, and by values only for the rows behind those
    /// hashes that are left over.
    ///
    /// - Parameter exactly: Whether by values from the start.
    /// - Returns: Rows that only one side has.
    /// - Throws: ``DuckDBError`` when a table cannot be read.
    func findDifferences(exactly: Bool) throws -> (procedural: Int, declarative: Int) {
        let list = names.joined(separator: ", ")
        let hash = "hash(\(list))"
        let among = exactly ? "" : " WHERE \(hash) IN (SELECT h FROM suspects)"
        if !exactly {
            try connection.execute(
                """
                CREATE OR REPLACE TEMP TABLE suspects AS
                SELECT h FROM (
                    SELECT \(hash) AS h, 1 AS s FROM \(left) UNION ALL SELECT \(hash), -1 FROM \(right)
                ) GROUP BY h HAVING sum(s) <> 0
                """
            )
        }
        try connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE left_over AS
            SELECT \(list), sum(__s)::BIGINT AS __n FROM (
                SELECT *, 1 AS __s FROM \(left)\(among)
                UNION ALL
                SELECT *, -1 FROM \(right)\(among)
            ) GROUP BY \(list) HAVING sum(__s) <> 0
            """
        )
        let row = try connection.rows(
            """
            SELECT coalesce(sum(__n) FILTER (WHERE __n > 0), 0)::BIGINT,
                coalesce(-sum(__n) FILTER (WHERE __n < 0), 0)::BIGINT FROM left_over
            """
        )[0]
        return (row[0].int ?? 0, row[1].int ?? 0)
    }

    /// Pairs up what is left over on both sides, by the exact columns and in the order of the floating ones, and counts
    /// the pairs that are not within the tolerance.
    func pairsBeyondTolerance() throws -> Int {
        let floating = columns.filter(\.isFloating).map { SQL.identifier($0.name) }
        let exact = columns.filter { !$0.isFloating }.map { SQL.identifier($0.name) }
        // What is equal within the tolerance must not change places for its last digits.
        let order = floating.map { "round(\($0)::DOUBLE, 6), \($0)" }.joined(separator: ", ")
        let partition = exact.isEmpty ? "" : "PARTITION BY \(exact.joined(separator: ", ")) "
        let side = { (sign: String) in
            """
            SELECT * EXCLUDE (__n), row_number() OVER (\(partition)ORDER BY \(order)) AS __place
            FROM (SELECT * FROM left_over, range(abs(__n)) WHERE __n \(sign) 0)
            """
        }
        let keys = (exact.map { "l.\($0) IS NOT DISTINCT FROM r.\($0)" } + ["l.__place = r.__place"])
            .joined(separator: " AND ")
        let close = floating.map { name in
            """
            (l.\(name) IS NOT DISTINCT FROM r.\(name) OR coalesce(isfinite(l.\(name)) AND isfinite(r.\(name)) \
            AND abs(l.\(name)::DOUBLE - r.\(name)::DOUBLE) \
            <= \(EqualityProof.tolerance) * greatest(abs(l.\(name)::DOUBLE), abs(r.\(name)::DOUBLE)), false))
            """
        }.joined(separator: " AND ")
        return try connection.scalar(
            """
            SELECT count(*) FROM (\(side(">"))) AS l FULL JOIN (\(side("<"))) AS r ON \(keys)
            WHERE l.__place IS NULL OR r.__place IS NULL OR NOT (\(close))
            """
        ).int ?? 0
    }

    /// Some of the rows that are left over.
    func samples() throws -> [String] {
        let rows = try connection.rows(
            "SELECT __n, \(names.joined(separator: ", ")) FROM left_over ORDER BY ALL LIMIT 10"
        )
        return rows.map { row in
            let number = row[0].int ?? 0
            let side = number > 0 ? "procedural only" : "declarative only"
            let times = abs(number) == 1 ? "" : ", \(abs(number)) times"
            return "\(side)\(times): \(row.dropFirst().map(\.description).joined(separator: " | "))"
        }
    }
}

extension ColumnDescription {
    /// Whether its values are floating-point numbers.
    var isFloating: Bool { type == .double || type == .float }
}
