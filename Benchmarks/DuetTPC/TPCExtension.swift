package import DuckKit
import Foundation

/// DuckDB's extensions that make the data of TPC-H and TPC-DS and hold their queries.
///
/// `scripts/setup tpch tpcds` fetches them. They are loaded by path: DuckDB checks their signature, and that they were
/// built for exactly its version.
package enum TPCExtension: String {
    case tpch
    case tpcds

    /// Where `scripts/setup` puts the extension.
    var file: String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appending(path: ".deps/duckdb/extensions/v1.5.5/linux_amd64/\(rawValue).duckdb_extension").path()
    }

    /// Loads the extension and makes its tables at a scale factor.
    ///
    /// - Parameters:
    ///   - connection: A connection to the database that gets the tables.
    ///   - scale: The scale factor; 1 is about a gigabyte of text.
    /// - Throws: ``TPCError`` when the extension is not there, ``DuckDBError`` when DuckDB refuses it.
    package func makeData(_ connection: Connection, scale: Double) throws {
        try load(connection)
        _ = try connection.execute("CALL \(self == .tpch ? "dbgen" : "dsdgen")(sf = \(scale))")
    }

    /// Loads the extension.
    package func load(_ connection: Connection) throws {
        guard FileManager.default.fileExists(atPath: file) else {
            throw TPCError("'\(file)' is not there; run: scripts/setup \(rawValue)")
        }
        _ = try connection.execute("LOAD '\(file)'")
    }

    /// The queries in their order, without the semicolon at their end.
    package func queries(_ connection: Connection) throws -> [String] {
        try connection.rows("SELECT query FROM \(rawValue)_queries() ORDER BY query_nr").map { row in
            var query = row.first?.string ?? ""
            while let last = query.last, last == ";" || last.isWhitespace { query.removeLast() }
            return query
        }
    }
}

/// What is missing or wrong, in words.
package struct TPCError: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
