internal import DuckKit
public import DuetEngine
internal import DuetFactory
public import DuetPipeline
internal import Foundation

/// The types that runs have found in text files, as their warehouses keep them.
public struct FoundTypes {
    private var columns: [String: [FactoryExport.TypedColumn]] = [:]

    /// Reads what the warehouses of a pipeline have; none is no error.
    ///
    /// - Parameter home: Where the warehouses are.
    /// - Throws: ``DuetError`` when one cannot be read.
    public init(_ home: PipelineHome) throws {
        // The style that ran the declared query last is as good as the other: both read by the same rules.
        for style in [Style.procedural, .declarative]
        where FileManager.default.fileExists(atPath: home.warehouse(style)) {
            let connection = try Warehouse(path: home.warehouse(style), isReadOnly: true).connect()
            let rows = try connection.rows(
                "SELECT dataset, layout FROM duet.layouts WHERE contains(dataset, ' reads ')"
            )
            for row in rows {
                guard let key = row[0].string, let layout = row[1].string else { continue }
                let value = try JSONValue(parsing: layout)
                columns[key.lowercased()] = value["columns"]?.array?.compactMap { column in
                    guard let name = column["name"]?.string, let type = column["type"]?.string else { return nil }
                    return (name, type)
                }
            }
        }
    }

    /// The columns that a call of `read_files` was found to have; nil when no run has read it.
    public func columns(of dataset: DatasetName, _ read: FileRead) -> [(name: String, type: String)]? {
        columns["\(dataset) reads \(read.relation)".lowercased()]
    }
}
