package import DuckKit
package import DuetPipeline

/// Writes the queries that follow from flows, once the columns of what they read are known.
package enum DerivedQuery {
    /// The query that makes a dataset: its own, or what its flows come to, in the columns that it declares.
    ///
    /// - Parameters:
    ///   - dataset: The dataset.
    ///   - connection: A connection on which the datasets it reads can be read by their names.
    /// - Returns: The query; nil for a dataset that nothing feeds.
    /// - Throws: ``DuetError`` when a clause names a column that is not there, at its place.
    package static func query(of dataset: Dataset, _ connection: Connection) throws -> Query? {
        guard var query = dataset.flows.first?.query else { return nil }
        if let capture = dataset.capture {
            query.text = try CaptureQuery(capture, events: query.text, dataset: dataset.name, connection).text()
        } else if !dataset.unitedFlows.isEmpty {
            query.text = query.text.replaced(by: try union(of: dataset.unitedFlows, connection))
        }
        if let frame = dataset.columnFrame { query.take(frame) }
        return query
    }

    /// The rows of several relations by their columns' names; a column that one lacks is NULL there.
    private static func union(of flows: [DatasetName], _ connection: Connection) throws -> String {
        var all: [ColumnDescription] = []
        var known: [Set<String>] = []
        for flow in flows {
            let columns = try connection.describe("SELECT * FROM \(SQL.qualified(flow.schema, flow.table))")
                .filter { !HiddenColumn.matches($0.name) }
            known.append(Set(columns.map { $0.name.lowercased() }))
            for column in columns where !all.contains(where: { $0.name.lowercased() == column.name.lowercased() }) {
                all.append(column)
            }
        }
        return zip(flows, known).map { flow, known in
            let list = all.map {
                let name = SQL.identifier($0.name)
                return known.contains($0.name.lowercased()) ? name : "NULL::\($0.type) AS \(name)"
            }
            return "SELECT \(list.joined(separator: ", ")) FROM \(SQL.qualified(flow.schema, flow.table))"
        }.joined(separator: " UNION ALL ")
    }
}
