import DuckKit
public import DuetEngine
import DuetPipeline
import Foundation

/// Both warehouses of a pipeline side by side, for reading: `procedural.gold.t` and `declarative.gold.t`.
public final class SQLPrompt {
    private let connection: Connection
    /// The styles that have a warehouse.
    public let styles: [Style]

    /// Opens what there is.
    ///
    /// - Parameter home: Where the warehouses are.
    /// - Throws: ``DuetError`` when there is none, or one is in use.
    public init(_ home: PipelineHome) throws {
        connection = try Warehouse.scratch()
        styles = Style.allCases.filter { FileManager.default.fileExists(atPath: home.warehouse($0)) }
        guard let first = styles.last else {
            throw DuetError(
                .warehouse,
                "there is no warehouse in '\(home.folder)'",
                hint: "run the pipeline first: duet run"
            )
        }
        for style in styles {
            do {
                try connection.execute(
                    "ATTACH \(SQL.literal(home.warehouse(style))) AS \(SQL.identifier(style.rawValue)) (READ_ONLY)"
                )
            } catch {
                throw Warehouse.openError(error, path: home.warehouse(style))
            }
        }
        // Names without a catalog mean the declarative style's, or the only one there is.
        try connection.execute("USE \(SQL.identifier((styles.contains(.declarative) ? .declarative : first).rawValue))")
    }

    /// Answers a query.
    ///
    /// - Parameters:
    ///   - sql: The query; nothing in the warehouses can be changed by it.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: A table, or lines of JSON.
    /// - Throws: ``DuetError`` when it fails.
    public func answer(_ sql: String, asJSON: Bool) throws -> String {
        try QueryText.answer(sql, connection, asJSON: asJSON)
    }
}
