import DuckKit
import DuetEngine
import DuetPipeline

/// Where a style keeps the rows of a dataset, and what tells one row from another.
struct RowStore {
    let dataset: Dataset
    let style: Style
    /// The columns that users see, in order.
    let columns: [ColumnDescription]

    /// The table of rows; SQL.
    var table: String {
        style == .declarative
            ? SQL.qualified(WarehouseState.data, dataset.name.description)
            : SQL.qualified(dataset.name.schema, dataset.name.table)
    }

    /// The rows that were kept out; SQL.
    ///
    /// The declarative style keeps them beside the others, and shows them by a view of its own; the procedural one moves
    /// them.
    var quarantine: String { SQL.qualified(WarehouseState.quarantine, dataset.name.description) }

    /// The condition that rows of ``table`` must meet to be seen; nil when all are.
    var visible: String? { style == .declarative ? ExpectationCheck(dataset).keepCondition : nil }

    /// The visible columns as a list; SQL.
    func list(of alias: String = "s") -> String {
        columns.map { "\(alias).\(SQL.identifier($0.name))" }.joined(separator: ", ")
    }

    /// The visible rows with the column that tells them apart at the end; SQL.
    ///
    /// - Parameters:
    ///   - identifier: The name for that column.
    ///   - restriction: What stands behind the table `s`: joins that leave rows out.
    ///   - showsAll: Whether rows that were kept out come too.
    /// - Returns: A SELECT.
    func select(identifier: String, restriction: String = "", showsAll: Bool = false) -> String {
        let filter = showsAll ? "" : visible.map { " WHERE \($0)" } ?? ""
        let inner = "(SELECT *, rowid AS __rowid FROM \(table)\(filter))"
        return "SELECT \(list()), s.__rowid AS \(SQL.identifier(identifier)) FROM \(inner) AS s\(restriction)"
    }
}

/// Rows of a query's result that are looked for: the table `name` with `row`, `context` and the columns `c0`, `c1`, ...
///
/// `row` is the number of the traced row that they belong to, `context` whether they only influence it, as the other rows
/// of a window do.
struct WantedRows {
    let name: String
    let types: [LogicalType]
    let count: Int
}

extension LogicalType {
    /// Whether two computations of the same value may differ in the last digits.
    var isInexact: Bool { "\(self)" == "DOUBLE" || "\(self)" == "FLOAT" }
}

/// Conditions by which rows are found again.
enum RowMatch {
    /// That two columns are equal; numbers with rounding errors count as equal when they nearly are.
    static func condition(_ a: String, _ b: String, _ type: LogicalType) -> String {
        let same = "\(a) IS NOT DISTINCT FROM \(b)"
        guard type.isInexact else { return same }
        return "(\(same) OR abs(\(a) - \(b)) <= 1e-9 * greatest(abs(\(a)), abs(\(b)), 1e-300))"
    }

    /// That rows are equal in several columns; true for none.
    static func all(_ conditions: [String]) -> String {
        conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
    }
}
