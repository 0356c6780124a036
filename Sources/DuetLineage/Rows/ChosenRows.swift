import DuckKit
import DuetEngine
import DuetPipeline

extension RowWorkspace {
    /// Puts chosen rows of a dataset into a table, in the order of their identifiers.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - list: The table's columns; SQL over `id`.
    ///   - condition: Which rows; SQL. Nil for all.
    ///   - limit: The most rows; nil for all.
    /// - Returns: The table and how many rows it has.
    /// - Throws: ``DuetError`` for a dataset without rows or a wrong condition.
    func chosen(
        _ name: DatasetName,
        _ list: String,
        where condition: String?,
        limit: Int?
    ) throws -> (name: String, rows: Int) {
        guard let store = store(name) else { throw RowTrace.notThere(name, style, pipeline) }
        let filter = condition.map { " WHERE (\($0))" } ?? ""
        let bound = limit.map { " LIMIT \($0)" } ?? ""
        do {
            return try table(
                "chosen",
                "SELECT \(list) FROM (SELECT __chosen AS id FROM (\(store.select(identifier: "__chosen")))\(filter)"
                    + " ORDER BY id\(bound))"
            )
        } catch let error as DuckDBError {
            throw DuetError(
                .sqlBinding,
                "the condition cannot be used on '\(name)': \(error.message)",
                hint: "it is SQL over the dataset's columns: \(store.columns.map(\.name).joined(separator: ", "))"
            )
        }
    }
}
