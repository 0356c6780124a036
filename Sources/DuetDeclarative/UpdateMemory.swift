internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline
internal import Synchronization

/// What is known of the state while an update runs: read once, kept up as steps commit.
///
/// A warehouse has one writer, so memory and tables cannot part. A small statement costs DuckDB a third of a millisecond,
/// and a dataset's update would otherwise ask a dozen times for what this run has read or written already.
final class UpdateMemory: Sendable {
    private struct Content {
        var state: RefreshState
        var files: [String: [LandedFile]]
        var aggregates: Set<String>?
        var rows: [DatasetName: Int]
        /// The columns that readers of a dataset see.
        var columns: [DatasetName: [ViewColumn]] = [:]
        /// What this run changed in a dataset.
        var changes: [DatasetName: UpdateNotes.Change] = [:]
        /// Layouts and costs; nil until a view asks.
        var records: [String: ViewRecords]?
        /// The datasets with a table of changes; nil until one is to be written.
        var logs: Set<String>?
        /// The last number given to a dataset's update; nil until one is asked for.
        var version: Int?
        /// What this run's updates took.
        var costs: [CostRecord] = []
        /// What views have found in changes that others read too.
        var looks = KnownLooks()
    }

    private let content: Mutex<Content>
    /// What the compiler of change rules has asked before.
    let answers = CompilerAnswers()

    init(state: RefreshState, files: [LandedFile], rows: [DatasetName: Int]) {
        content = Mutex(
            Content(state: state, files: Dictionary(grouping: files, by: \.source), aggregates: nil, rows: rows)
        )
    }

    var state: RefreshState { content.withLock { $0.state } }

    /// What this run's updates took so far.
    var costs: [CostRecord] { content.withLock { $0.costs } }

    /// What views have found in changes that others read too.
    var looks: KnownLooks { content.withLock { $0.looks } }

    /// Takes over what a view has found.
    func add(_ looks: KnownLooks) { content.withLock { $0.looks.add(looks) } }

    func files(of source: String) -> [LandedFile] { content.withLock { $0.files[source] ?? [] } }

    func rows(of dataset: DatasetName) -> Int? { content.withLock { $0.rows[dataset] } }

    /// The version of an input that a dataset was last refreshed from; 0 for none.
    func seen(_ input: DatasetName, by reader: DatasetName) -> Int {
        content.withLock { $0.state.datasets[reader]?.seen[input] ?? 0 }
    }

    /// What this run changed in a dataset, if it can be told in short.
    func change(of dataset: DatasetName) -> UpdateNotes.Change? { content.withLock { $0.changes[dataset] } }

    func landed(_ files: [LandedFile], source: String) {
        content.withLock {
            $0.files[source] = files
            $0.state.files[source] = Set(files.map(\.id))
        }
    }

    /// Takes over what a committed update left.
    func refreshed(_ dataset: DatasetName, _ state: RefreshState.DatasetState, rows: Int, notes: UpdateNotes) {
        content.withLock {
            $0.state.datasets[dataset] = state
            $0.rows[dataset] = rows
            $0.columns[dataset] = notes.columns
            $0.changes[dataset] = notes.change
            $0.costs += notes.costs
            if let layout = notes.layout { $0.records?[dataset.description, default: .init()].layout = layout }
            if let hasLog = notes.hasLog {
                if hasLog { $0.logs?.insert(dataset.key) } else { $0.logs?.remove(dataset.key) }
            }
        }
    }

    /// The number of a dataset's next update; greater than all that were ever given to one that was committed.
    ///
    /// - Parameter connection: Where the numbers given so far are read, once in a run.
    /// - Returns: The number.
    /// - Throws: ``DuckDBError`` when they cannot be read.
    func nextVersion(_ connection: Connection) throws -> Int {
        // One update at a time gets here; what is read is a few rows.
        try content.withLock { content in
            let last = try content.version ?? WarehouseState.lastVersion(connection)
            content.version = last + 1
            return last + 1
        }
    }

    /// The columns of a dataset as its readers see them.
    func columns(of dataset: DatasetName, _ load: () throws -> [ViewColumn]) throws -> [ViewColumn] {
        if let known = content.withLock({ $0.columns[dataset] }) { return known }
        let loaded = try load()
        content.withLock { $0.columns[dataset] = loaded }
        return loaded
    }

    /// What is recorded of a view.
    func records(of dataset: DatasetName, _ connection: Connection) throws -> ViewRecords {
        if let known = content.withLock({ $0.records }) { return known[dataset.description] ?? ViewRecords() }
        let loaded = try ViewRecords.load(connection)
        content.withLock { $0.records = loaded }
        return loaded[dataset.description] ?? ViewRecords()
    }

    /// Whether a dataset has a table of changes.
    func hasLog(_ dataset: DatasetName, _ connection: Connection) throws -> Bool {
        if let known = content.withLock({ $0.logs }) { return known.contains(dataset.key) }
        let rows = try connection.rows(
            "SELECT lower(table_name) FROM duckdb_tables() WHERE schema_name = ?",
            [.varchar(WarehouseState.changes)]
        )
        let loaded = Set(rows.compactMap { $0.first?.string })
        content.withLock { $0.logs = loaded }
        return loaded.contains(dataset.key)
    }

    /// The names of DuckDB's aggregate functions; asked for once and only by updates that need them.
    func aggregates(_ load: () throws -> Set<String>) throws -> Set<String> {
        if let known = content.withLock({ $0.aggregates }) { return known }
        let loaded = try load()
        content.withLock { $0.aggregates = loaded }
        return loaded
    }
}

/// What an update has done that others need not ask the warehouse for, once it is committed.
final class UpdateNotes {
    /// A change that the log has.
    struct Change: Sendable {
        /// The dataset's version before it.
        var since: Int
        var kind: ChangeKind
        /// Rows added and taken away.
        var rows: Int
    }

    var change: Change?
    /// The columns that readers see; nil where they may be other than before.
    var columns: [ViewColumn]?
    /// What it took, as the cost model wants to know.
    var costs: [CostRecord] = []
    /// The layout that was recorded.
    var layout: String?
    /// Whether there is a table of changes now; nil when that was not touched.
    var hasLog: Bool?
}
