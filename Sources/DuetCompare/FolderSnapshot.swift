internal import DuetPipeline
internal import Foundation

/// A folder as it was, to go back to.
///
/// Files are linked and not copied; that holds since all writers here put new files in the place of old ones.
struct FolderSnapshot {
    private let folder: String
    private let kept: String

    /// Keeps a folder as it is now, in another that must be on the same disk.
    init(_ folder: String, in kept: String) throws {
        self.folder = folder
        self.kept = kept
        try Self.link(folder, to: kept)
    }

    /// Puts the folder back as it was.
    func restore() throws { try Self.link(kept, to: folder) }

    private static func link(_ from: String, to: String) throws {
        let files = FileManager.default
        if files.fileExists(atPath: to) { try files.removeItem(atPath: to) }
        try files.createDirectory(atPath: to, withIntermediateDirectories: true)
        guard let names = files.enumerator(atPath: from) else { return }
        for case let name as String in names {
            if try files.attributesOfItem(atPath: "\(from)/\(name)")[.type] as? FileAttributeType == .typeDirectory {
                try files.createDirectory(atPath: "\(to)/\(name)", withIntermediateDirectories: true)
            } else {
                try files.linkItem(atPath: "\(from)/\(name)", toPath: "\(to)/\(name)")
            }
        }
    }
}
