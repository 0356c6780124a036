package import DuckKit
package import DuetMaintenance
import Foundation

/// The tables of TPC-H, their keys, and the updates that are made of them.
package enum TPCH {
    /// All eight.
    package static let tables = ["lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region"]

    /// Writes the tables as Parquet files, one each.
    ///
    /// - Parameters:
    ///   - folder: Where to; made if it is not there.
    ///   - scale: The scale factor.
    /// - Throws: ``TPCError`` when the extension is not there, or what the disk or DuckDB says.
    package static func write(to folder: String, scale: Double) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let connection = try Database().connect()
        try TPCExtension.tpch.makeData(connection, scale: scale)
        let quoted = folder.replacingOccurrences(of: "'", with: "''")
        for table in tables { _ = try connection.execute("COPY \(table) TO '\(quoted)/\(table).parquet'") }
    }

    /// The specification's primary keys (1.4.2.2).
    package static let primaryKeys = [
        "lineitem": ["l_orderkey", "l_linenumber"], "orders": ["o_orderkey"], "partsupp": ["ps_partkey", "ps_suppkey"],
        "part": ["p_partkey"], "supplier": ["s_suppkey"], "customer": ["c_custkey"], "nation": ["n_nationkey"],
        "region": ["r_regionkey"],
    ]

    /// The specification's foreign keys, which hold before and after every update below (1.4.2.3).
    package static let references: [String: [InputRelation.ForeignKey]] = [
        "lineitem": [
            .init(columns: ["l_orderkey"], input: "orders", target: ["o_orderkey"]),
            .init(columns: ["l_partkey"], input: "part", target: ["p_partkey"]),
            .init(columns: ["l_suppkey"], input: "supplier", target: ["s_suppkey"]),
            .init(columns: ["l_partkey", "l_suppkey"], input: "partsupp", target: ["ps_partkey", "ps_suppkey"]),
        ],
        "orders": [.init(columns: ["o_custkey"], input: "customer", target: ["c_custkey"])],
        "customer": [.init(columns: ["c_nationkey"], input: "nation", target: ["n_nationkey"])],
        "supplier": [.init(columns: ["s_nationkey"], input: "nation", target: ["n_nationkey"])],
        "partsupp": [
            .init(columns: ["ps_partkey"], input: "part", target: ["p_partkey"]),
            .init(columns: ["ps_suppkey"], input: "supplier", target: ["s_suppkey"]),
        ],
    ]

    /// The tables, with the keys that rules may go by.
    package static func maintainedViews(_ connection: Connection) throws -> MaintainedViews {
        try MaintainedViews(connection, tables: tables, references: references, primaryKeys: primaryKeys)
    }

    /// The benchmark's refresh functions, and updates of customers and parts; 0.1 % of the table each.
    ///
    /// Both refresh functions are about consecutive orders, as dbgen's update sets are. New orders get keys from the gaps
    /// that the specification leaves for them: of 32 keys in a row only the first eight are taken at first (TPC-H
    /// specification, 2.5 to 2.7 and 4.2.3).
    ///
    /// - Parameters:
    ///   - round: Which update set; each is about other rows.
    ///   - scale: The scale factor.
    /// - Returns: The updates, in order.
    package static func updates(round: Int, scale: Double) -> [SourceUpdate] {
        let span = max(32, Int(scale * 6_000) / 32 * 32)
        let first = 1 + round * 2 * span
        return [
            SourceUpdate("RF1", inserted(first, span)), SourceUpdate("RF2", deleted(first + span, span)),
            customers(round), parts(round),
        ]
    }

    /// Orders all over the table, as no update set of the benchmark has them: 0.05 % new ones, 0.05 % gone.
    ///
    /// Of the eight orders of 32 keys in a row one has gone or a gap is filled, and that in every 250th such row.
    package static func scattered(round: Int) -> SourceUpdate {
        func changes(_ table: String, _ key: String) -> TableChange {
            TableChange(
                table,
                gone: "\(key) // 32 % 250 = \(100 + round) AND \(key) % 32 = 3",
                new: "SELECT * REPLACE (\(key) + 16 AS \(key)) FROM \(table) "
                    + "WHERE \(key) // 32 % 250 = \(5 + round) AND \(key) % 32 = 5"
            )
        }
        return SourceUpdate("scattered", [changes("orders", "o_orderkey"), changes("lineitem", "l_orderkey")])
    }

    private static func inserted(_ first: Int, _ span: Int) -> [TableChange] {
        [
            TableChange(
                "orders",
                new: "SELECT * REPLACE (o_orderkey + 8 AS o_orderkey, o_totalprice + 1 AS o_totalprice) FROM orders "
                    + "WHERE o_orderkey BETWEEN \(first) AND \(first + span - 1) AND o_orderkey % 32 < 8"
            ),
            TableChange(
                "lineitem",
                new: "SELECT * REPLACE (l_orderkey + 8 AS l_orderkey, l_quantity % 50 + 1 AS l_quantity) FROM lineitem "
                    + "WHERE l_orderkey BETWEEN \(first) AND \(first + span - 1) AND l_orderkey % 32 < 8"
            ),
        ]
    }

    private static func deleted(_ first: Int, _ span: Int) -> [TableChange] {
        [("orders", "o_orderkey"), ("lineitem", "l_orderkey")].map { table, key in
            TableChange(table, gone: "\(key) BETWEEN \(first) AND \(first + span - 1)")
        }
    }

    private static func customers(_ round: Int) -> SourceUpdate {
        let condition = "c_custkey % 1000 = \(3 + round)"
        return SourceUpdate(
            "customer",
            [
                TableChange(
                    "customer",
                    gone: condition,
                    new: "SELECT * REPLACE (c_acctbal + 1 AS c_acctbal, CASE WHEN c_custkey % 3 = 0 THEN 'BUILDING' "
                        + "ELSE c_mktsegment END AS c_mktsegment) FROM customer WHERE \(condition)"
                )
            ]
        )
    }

    private static func parts(_ round: Int) -> SourceUpdate {
        let condition = "p_partkey % 1000 = \(3 + round)"
        return SourceUpdate(
            "part",
            [
                TableChange(
                    "part",
                    gone: condition,
                    new: "SELECT * REPLACE (p_size + 1 AS p_size, 'PROMO BRUSHED COPPER' AS p_type) "
                        + "FROM part WHERE \(condition)"
                )
            ]
        )
    }
}
