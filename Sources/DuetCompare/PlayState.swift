internal import DuetEngine
internal import DuetPipeline
internal import Foundation

/// Data, warehouses and fetched files as they were at one moment of a play, to begin from again.
struct PlayState {
    private let data: FolderSnapshot
    private let kept: String
    private let home: PipelineHome

    /// Keeps the state under a name; no run may have the warehouses open.
    init(of play: ComparisonPlay, named name: String) throws {
        home = play.home
        kept = "\(play.comparison.workFolder)/states/\(name)"
        data = try FolderSnapshot(play.data, in: "\(kept)/data")
        try Self.copy(home.folder, to: "\(kept)/home")
        try Self.copy(home.resultStore, to: "\(kept)/store")
    }

    /// Puts everything back.
    ///
    /// Databases are copied and not linked: DuckDB writes into its files.
    func restore() throws {
        try data.restore()
        try Self.copy("\(kept)/home", to: home.folder)
        try Self.copy("\(kept)/store", to: home.resultStore)
    }

    /// Takes up no more room.
    func forget() throws { try FileManager.default.removeItem(atPath: kept) }

    /// What is not there is not there afterwards either.
    private static func copy(_ from: String, to: String) throws {
        let files = FileManager.default
        if files.fileExists(atPath: to) { try files.removeItem(atPath: to) }
        if files.fileExists(atPath: from) { try files.copyItem(atPath: from, toPath: to) }
    }
}
