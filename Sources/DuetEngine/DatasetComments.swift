package import DuckKit
package import DuetPipeline

/// A dataset's comments in the warehouse, where whatever reads the file finds them: `duckdb_tables()`, `duckdb_columns()`.
package enum DatasetComments {
    /// Writes the comments that the dataset's statement has.
    ///
    /// - Parameters:
    ///   - dataset: The dataset.
    ///   - isView: Whether its name is a view's in this warehouse.
    ///   - connection: The connection; the name is there, newly made and without comments.
    /// - Throws: ``DuckDBError`` when a statement fails.
    package static func write(_ dataset: Dataset, isView: Bool, _ connection: Connection) throws {
        let name = SQL.qualified(dataset.name.schema, dataset.name.table)
        if let comment = dataset.comment {
            try connection.execute("COMMENT ON \(isView ? "VIEW" : "TABLE") \(name) IS \(SQL.literal(comment))")
        }
        for column in dataset.columns {
            guard let comment = column.comment else { continue }
            let column = "\(name).\(SQL.identifier(column.name))"
            try connection.execute("COMMENT ON COLUMN \(column) IS \(SQL.literal(comment))")
        }
    }
}
