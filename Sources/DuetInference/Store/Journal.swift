internal import DuetPipeline
internal import Foundation
internal import Glibc

/// The results of batches that are not in the store's tables yet: a line is appended for each as it comes.
///
/// A line that was written survives the end of the process, however it ends; a transaction of the database for every
/// batch would cost more than a small model takes.
final class Journal {
    private let path: String
    private let handle: FileHandle
    private let lock: FileHandle

    /// Opens a store's journal and takes the store for this process.
    ///
    /// - Throws: ``DuetError`` with `WAREHOUSE` when another run has it, or it cannot be written.
    init(store: String) throws {
        path = store + ".journal"
        lock = try Self.open(store + ".lock")
        // A lock on an open file is given up when the process ends, however it ends, and also holds within a process.
        guard flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw DuetError(
                .warehouse,
                "the result store '\(store)' is in use by another run",
                hint:
                    "runs that share a store take turns: wait for the other one to end, or give this one another --home"
            )
        }
        handle = try Self.open(path)
        try handle.seekToEnd()
    }

    private static func open(_ path: String) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw DuetError(
                .warehouse,
                "cannot write '\(path)'",
                hint: "check that you may write there and that the disk has room"
            )
        }
        return handle
    }

    func append(_ lines: String) throws {
        do {
            try handle.write(contentsOf: Data(lines.utf8))
        } catch {
            throw DuetError(
                .diskFull,
                "cannot write the result store's journal '\(path)'",
                hint: "make room and run again; results that were kept are not asked for again",
                cause: error.localizedDescription
            )
        }
    }

    /// All lines that are whole.
    func lines() throws -> [Substring] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return String(decoding: data, as: UTF8.self).split(separator: "\n")
    }

    /// Forgets all lines, once they are in the tables.
    func empty() throws {
        try handle.truncate(atOffset: 0)
    }

    func close() throws {
        try handle.close()
        try lock.close()
    }
}
