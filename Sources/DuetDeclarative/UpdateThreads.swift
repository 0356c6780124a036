internal import DuckKit
internal import DuetEngine
internal import DuetMaintenance
internal import DuetPipeline
internal import Synchronization

/// How many threads DuckDB computes with while an update runs.
///
/// DuckDB hands every statement to all its threads, and waking them takes about as long as a statement over a few rows: an
/// update of many small datasets takes a third more processor time with two threads than with one. Where everything that is
/// known of the datasets is small and quick, one thread is enough; a large file that comes in brings the others back.
final class UpdateThreads: Sendable {
    /// The most rows that all datasets together may have.
    private static let fewRows = 100_000
    /// The longest that computing any view may have taken, in seconds.
    private static let shortTime = 0.02
    /// The most bytes that may come in.
    private static let fewBytes = 4 << 20

    private enum Content {
        /// Nothing was refreshed yet; so many bytes have come in.
        case undecided(bytes: Int)
        /// One thread, instead of so many; so many bytes have come in.
        case one(insteadOf: Int, bytes: Int)
        case all
    }

    private let content = Mutex(Content.undecided(bytes: 0))

    /// Notes files that came in.
    ///
    /// - Throws: ``DuckDBError`` when the threads cannot be set.
    func landed(bytes: Int, _ connect: () throws -> Connection) throws {
        try content.withLock { content in
            switch content {
            case .all: break
            case .undecided(let before): content = .undecided(bytes: before + bytes)
            case .one(let threads, let before) where before + bytes > Self.fewBytes:
                try Self.set(threads, try connect())
                content = .all
            case .one(let threads, let before): content = .one(insteadOf: threads, bytes: before + bytes)
            }
        }
    }

    /// Decides before the first dataset is refreshed.
    ///
    /// - Parameters:
    ///   - nodes: The datasets that may be refreshed.
    ///   - memory: What is known of them.
    ///   - connection: A connection to the warehouse.
    /// - Throws: ``DuckDBError`` when the threads cannot be asked for or set.
    func decide(_ nodes: [DatasetGraph.Node], _ memory: UpdateMemory, _ connection: Connection) throws {
        try content.withLock { content in
            guard case .undecided(let bytes) = content else { return }
            content = .all
            guard bytes <= Self.fewBytes, try areSmall(nodes, memory, connection),
                let threads = try connection.scalar("SELECT current_setting('threads')").int, threads > 1
            else { return }
            try Self.set(1, connection)
            content = .one(insteadOf: threads, bytes: bytes)
        }
    }

    private func areSmall(_ nodes: [DatasetGraph.Node], _ memory: UpdateMemory, _ connection: Connection) throws -> Bool
    {
        let state = memory.state.datasets
        var rows = 0
        for node in nodes where node.dataset.kind != .view {
            let dataset = node.dataset
            // Of a changed query nothing is known, and models compute with the threads that call them.
            guard state[dataset.name]?.definition == dataset.definition, dataset.inferenceColumns.isEmpty else {
                return false
            }
            rows += memory.rows(of: dataset.name) ?? 0
            guard rows <= Self.fewRows else { return false }
            guard dataset.kind == .materializedView else { continue }
            let records = try memory.records(of: dataset.name, connection)
            let times = records.incrementalRuns.map(\.seconds) + [records.fullSeconds].compactMap(\.self)
            guard let longest = times.max(), longest <= Self.shortTime else { return false }
        }
        return true
    }

    private static func set(_ threads: Int, _ connection: Connection) throws {
        try connection.execute("SET threads = \(threads)")
    }
}
