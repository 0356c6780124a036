internal import DuckKit
internal import DuetEngine
internal import DuetPipeline

/// Drops kept changes once every reader has taken them.
///
/// The table goes, too, and is made again with the next change: DuckDB takes longer to find, fill and write a table that
/// is on disk already than to make one.
struct ChangeLogPruner {
    let graph: DatasetGraph
    let connection: Connection
    /// What the updates before this run left.
    let before: RefreshState

    /// Looks at all change logs there are; none means no work.
    func prune(_ state: RefreshState) throws {
        let logs = try connection.rows(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?",
            [.varchar(WarehouseState.changes)]
        ).compactMap { $0.first?.string }
        guard !logs.isEmpty else { return }
        let readers = graph.resolvedReaders()
        let names = Dictionary(graph.nodes.map { ($0.dataset.name.description, $0.dataset.name) }) { first, _ in first }
        try connection.transaction {
            for log in logs { try prune(log, names[log], state, readers) }
        }
    }

    private func prune(
        _ log: String,
        _ name: DatasetName?,
        _ state: RefreshState,
        _ all: [DatasetName: [DatasetName]]
    ) throws {
        let table = SQL.qualified(WarehouseState.changes, log)
        let readers = name.flatMap { all[$0] } ?? []
        // A reader that was never made reads everything when it is; it waits for no change.
        let seen = readers.compactMap { reader in name.flatMap { state.datasets[reader]?.seen[$0] } }
        if let name, let updates = graph[name]?.dataset.keptChanges {
            try noteFirst(of: name, state)
            return try keep(updates, of: name, table, readersSeen: seen.min())
        }
        guard let name, let oldest = seen.min(), oldest < state.datasets[name]?.version ?? 0 else {
            try connection.execute("DROP TABLE \(table)")
            return
        }
        try connection.execute("DELETE FROM \(table) WHERE __version <= \(oldest)")
    }

    /// Notes from where on all changes are there, for a dataset whose changes are kept for the first time: those before
    /// may have been dropped, since nobody had asked to keep them.
    private func noteFirst(of name: DatasetName, _ state: RefreshState) throws {
        let mark = Value.varchar(KeptChanges.mark(name))
        guard try connection.scalar("SELECT count(*) FROM duet.meta WHERE key = ?", [mark]).int == 0 else { return }
        let first = before.datasets[name]?.version ?? state.datasets[name]?.base ?? 0
        try connection.execute("INSERT INTO duet.meta VALUES (?, ?)", [mark, .varchar(String(first))])
    }

    /// Keeps the changes of the last updates for users to look back at, and those that readers still wait for.
    private func keep(_ updates: Int, of name: DatasetName, _ table: String, readersSeen: Int?) throws {
        let first = try connection.scalar(
            "SELECT DISTINCT __version FROM \(table) ORDER BY 1 DESC LIMIT 1 OFFSET \(updates - 1)"
        ).int
        // Fewer updates than may be kept: nothing goes.
        guard let first else { return }
        let cut = min(first - 1, readersSeen ?? first - 1)
        let gone = try connection.scalar("SELECT max(__version) FROM \(table) WHERE __version <= \(cut)").int
        guard let gone else { return }
        try connection.execute("DELETE FROM \(table) WHERE __version <= \(cut)")
        let mark = Value.varchar(KeptChanges.mark(name))
        try connection.execute("DELETE FROM duet.meta WHERE key = ?", [mark])
        try connection.execute("INSERT INTO duet.meta VALUES (?, ?)", [mark, .varchar(String(gone))])
    }
}
