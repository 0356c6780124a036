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
    /// Arrow's file format (Feather 2), which data frames are made of without copying.
    case arrow
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
        if format == .arrow { return try arrow(select, connection, dataset, style, to: path) }
        let options = format == .csv ? "FORMAT csv, HEADER" : "FORMAT \(format.rawValue)"
        do {
            return try connection.execute("COPY (\(select)) TO \(SQL.literal(path)) (\(options))")
        } catch {
            throw failure(error, dataset, style)
        }
    }

    private func arrow(
        _ select: String,
        _ connection: Connection,
        _ dataset: DatasetName,
        _ style: Style,
        to path: String
    ) throws -> Int {
        do {
            // What Arrow has no form of its own for goes as text.
            let casts = try connection.query("\(select) LIMIT 0").columns.compactMap { column -> String? in
                guard let name = column.type.hasNoArrowForm ? SQL.identifier(column.name) : nil else { return nil }
                return "CAST(\(name) AS VARCHAR) AS \(name)"
            }
            let replaced =
                casts.isEmpty
                ? select
                : select.replacing("*", with: "* REPLACE (\(casts.joined(separator: ", ")))", maxReplacements: 1)
            return try connection.query(replaced).writeArrow(to: path)
        } catch {
            throw failure(error, dataset, style)
        }
    }
}

extension LogicalType {
    fileprivate var hasNoArrowForm: Bool {
        switch self {
        case .enumeration, .union, .bit: true
        default: false
        }
    }
}
