import Glibc

/// The content held of a file that only ever grows at its end, such as a log.
public struct GrownFile: Sendable, Hashable {
    /// The path of the content held.
    public var path: String
    /// Its length in bytes.
    public var size: Int
    /// The SHA-256 it had when it came, in lower-case hexadecimal; `nil` when nobody knows.
    public var sha256: String?
    /// Where its hash stood at its end; with `sha256` it spares reading the content again.
    public var digestState: DigestState?
    /// How many of its last bytes are asked for again, to see that they are still the same.
    public var overlap: Int

    /// Creates it.
    public init(
        path: String,
        size: Int,
        sha256: String? = nil,
        digestState: DigestState? = nil,
        overlap: Int = 4096
    ) {
        self.path = path
        self.size = size
        self.sha256 = sha256
        self.digestState = digestState
        self.overlap = max(1, overlap)
    }
}

/// What a transfer did with bytes on this machine, beside receiving and writing them.
public struct LocalWork: Sendable, Hashable {
    /// Bytes that were hashed.
    public var hashedBytes = 0
    /// Bytes of the content held before that the new file shares with the old one: nothing was copied.
    public var sharedBytes = 0
    /// Bytes of it that the system copied from file to file.
    public var systemCopiedBytes = 0
    /// Bytes of it that went through this process.
    public var copiedBytes = 0

    mutating func add(_ other: LocalWork) {
        hashedBytes += other.hashedBytes
        sharedBytes += other.sharedBytes
        systemCopiedBytes += other.systemCopiedBytes
        copiedBytes += other.copiedBytes
    }
}

/// A note beside a file that says where its SHA-256 stood at its end, for when the file has grown.
///
/// It holds for the file as it was when the note was left: same size, same times, same place on the disk. Whoever reads
/// it must see that it leads to the file's digest; a note that is lost or wrong costs one reading of the file.
public enum DigestNote {
    /// What the note's name has behind the file's.
    public static let suffix = ".sha256-state"

    /// Leaves a note; where that is not possible there is none.
    public static func leave(_ state: DigestState, for path: String) {
        let name = path + suffix
        let new = "\(name).new"
        guard let mark = mark(of: path), let file = fopen(new, "we") else { return }
        let isWritten = fputs("\(state.text)\n\(mark)\n", file) >= 0
        if fclose(file) != 0 || !isWritten || rename(new, name) != 0 { unlink(new) }
    }

    /// What the note says; `nil` without one for the file as it is now.
    public static func read(for path: String) -> DigestState? {
        guard let text = readText(path: path + suffix), let mark = mark(of: path) else { return nil }
        let lines = text.split(separator: "\n")
        guard lines.count == 2, lines[1] == mark else { return nil }
        return DigestState(lines[0])
    }

    private static func mark(of path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        func text(_ time: timespec) -> String { "\(time.tv_sec).\(time.tv_nsec)" }
        return "\(status.st_dev) \(status.st_ino) \(status.st_size) \(text(status.st_mtim)) \(text(status.st_ctim))"
    }
}
