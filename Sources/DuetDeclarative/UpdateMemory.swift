internal import DuetEngine
internal import DuetPipeline
internal import Synchronization

/// What is known of the state while an update runs: read once at its start, kept up as steps commit.
///
/// A warehouse has one writer, so memory and tables cannot part.
final class UpdateMemory: Sendable {
    private struct Content {
        var state: RefreshState
        var files: [String: [LandedFile]]
        var aggregates: Set<String>?
        var rows: [DatasetName: Int]
    }

    private let content: Mutex<Content>

    init(state: RefreshState, files: [LandedFile], rows: [DatasetName: Int]) {
        content = Mutex(
            Content(state: state, files: Dictionary(grouping: files, by: \.source), aggregates: nil, rows: rows)
        )
    }

    var state: RefreshState { content.withLock { $0.state } }

    func files(of source: String) -> [LandedFile] { content.withLock { $0.files[source] ?? [] } }

    func rows(of dataset: DatasetName) -> Int? { content.withLock { $0.rows[dataset] } }

    func landed(_ files: [LandedFile], source: String) {
        content.withLock {
            $0.files[source] = files
            $0.state.files[source] = Set(files.map(\.id))
        }
    }

    func refreshed(_ dataset: DatasetName, _ state: RefreshState.DatasetState, rows: Int) {
        content.withLock {
            $0.state.datasets[dataset] = state
            $0.rows[dataset] = rows
        }
    }

    /// The names of DuckDB's aggregate functions; asked for once and only by updates that need them.
    func aggregates(_ load: () throws -> Set<String>) throws -> Set<String> {
        if let known = content.withLock({ $0.aggregates }) { return known }
        let loaded = try load()
        content.withLock { $0.aggregates = loaded }
        return loaded
    }
}
