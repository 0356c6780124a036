internal import DuckKit
public import DuetEngine
internal import DuetPipeline
internal import Foundation

/// The formats in which tables are handed out.
public enum TableFormat: String, Sendable, Hashable, CaseIterable {
    /// Columns apart, compressed; what most tools read fastest.
    case parquet
    /// Comma separated, with a header.
    case csv
    /// An object a line.
    case json
}

extension PipelineInspection {
    /// Writes a dataset's rows to a file.
    ///
    /// - Parameters:
    ///   - name: The dataset, with or without its schema.
    ///   - style: Which warehouse.
    ///   - format: The file's format.
    ///   - path: The file, which is replaced.
    ///   - condition: A condition in SQL; nil for all rows.
    /// - Returns: The rows written.
    /// - Throws: ``DuetError`` for an unknown dataset, a wrong condition or a file that cannot be written.
    public func export(
        _ name: String,
        _ style: Style,
        as format: TableFormat,
        to path: String,
        condition: String?
    ) throws -> Int {
        let (connection, dataset) = try open(name, style)
        let filter = condition.map { " WHERE \($0)" } ?? ""
        let select = "SELECT * FROM \(SQL.qualified(dataset.schema, dataset.table))\(filter)"
        let options = format == .csv ? "FORMAT csv, HEADER" : "FORMAT \(format.rawValue)"
        do {
            return try connection.execute("COPY (\(select)) TO \(SQL.literal(path)) (\(options))")
        } catch {
            throw failure(error, dataset, style)
        }
    }
}
