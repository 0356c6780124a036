internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// What all ways of updating a dataset do with its tables.
extension DatasetUpdate {
    var names: [String] { session.request.pipeline.datasets.map(\.name.description) }

    func run(_ sql: String, _ text: MappedText, _ measures: inout StepMeasures) throws {
        do {
            try measures.time(sql) { _ = try connection.execute(sql) }
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: text, names: names)
        }
    }

    /// Keeps a change for readers.
    func log(_ change: String, version: Int, columns: [String], isFiltered: Bool = false) throws {
        let exists = try memory.hasLog(dataset.name, connection)
        try store.log(change, version: version, columns: columns, isFiltered: isFiltered, exists: exists)
        notes.hasLog = true
    }

    /// Forgets kept changes, for when the rows were made anew.
    func forgetChanges() throws {
        guard try memory.hasLog(dataset.name, connection) else { return }
        try store.forgetChanges()
        notes.hasLog = false
    }

    /// Makes the name that readers use; nothing is to do where definition and columns are those of before.
    func publishing(_ query: Query, isSame: Bool = false) throws {
        if isSame, !isRedefined, memory.state.datasets[dataset.name] != nil { return }
        try ExpectationCheck(dataset).bind(connection, relation: store.rows)
        do {
            try store.publish()
        } catch let error as DuckDBError {
            throw ErrorTranslation.error(error, dataset: dataset.name, text: query.text, names: names)
        }
    }

    /// The rows others see, given those there are.
    func publishedRows(_ rows: Int) throws -> Int {
        guard ExpectationCheck(dataset).keepCondition != nil else { return rows }
        return try connection.scalar("SELECT count(*) FROM \(store.published)").int ?? rows
    }
}
