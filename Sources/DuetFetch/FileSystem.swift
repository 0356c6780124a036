import CCurl
import Glibc

/// How bytes reach a file.
///
/// A value, so that a test can give a disk that is full.
package struct FileSystem: Sendable {
    /// `write(2)`: returns the number of bytes taken, or -1 with `errno` set.
    package var write: @Sendable (Int32, UnsafeRawPointer, Int) -> Int = { Glibc.write($0, $1, $2) }
    /// `pwrite(2)`, in the same way.
    package var writeAt: @Sendable (Int32, UnsafeRawPointer, Int, Int) -> Int = { Glibc.pwrite($0, $1, $2, $3) }
    /// Reserves room for what is about to be written: `(file, offset, count)`.
    ///
    /// The file's length stays, and so does what is in it; a disk that cannot is written to all the same. It
    /// saves a third of what writing costs on ext4, and keeps a large file in few pieces.
    package var reserve: @Sendable (Int32, Int, Int) -> Void = { duet_reserve($0, $1, $2) }
    /// Makes the first bytes of a file those of another without copying them: `(to, from, count)`; 0 where that is done.
    ///
    /// File systems that keep each block once, such as btrfs and XFS, can; others say no.
    package var share: @Sendable (Int32, Int32, Int) -> Int32 = { duet_share_start($0, $1, UInt64($2)) }
    /// Copies bytes from file to file inside the system, at the same place in both: `(from, to, offset, count)`; the
    /// number copied, or -1 with `errno` set.
    package var copyRange: @Sendable (Int32, Int32, Int, Int) -> Int = { duet_copy_range($0, $1, $2, $3) }
    /// The received bytes after which a partial file gets a note of what it is part of, so that a later process can
    /// continue it.
    ///
    /// Smaller files are quicker to fetch again than to make a note of.
    package var noteThreshold = 256 << 10

    package init() {}
}

/// The system's words for an error number.
func describe(errno number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

/// Reads a small file as text; `nil` when there is none or it cannot be read.
func readText(path: String, limit: Int = 64 << 10) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: limit)
    var count = 0
    while count < limit {
        let got = bytes.withUnsafeMutableBytes { buffer -> Int in
            guard let base = buffer.baseAddress else { return 0 }
            return read(file, base + count, limit - count)
        }
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { break }
        count += got
    }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
}

/// A file's bytes from an offset to its end; `nil` when it cannot be read.
func readBytes(path: String, from offset: Int) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let got = pread(file, &buffer, buffer.count, offset + bytes.count)
        if got < 0 && errno == EINTR { continue }
        guard got >= 0 else { return nil }
        if got == 0 { return bytes }
        bytes.append(contentsOf: buffer.prefix(got))
    }
}

/// The folder that holds a path.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
