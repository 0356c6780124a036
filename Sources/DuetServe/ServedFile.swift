import Glibc
import Synchronization

/// An open file of a served folder; closed with its last reference.
final class ServedFile: Sendable {
    let descriptor: Int32
    let size: Int
    let inode: UInt64
    let modified: Int
    let modifiedNanoseconds: Int

    /// Opens a regular file under a root, given by its real path; `nil` when there is no such file to serve.
    ///
    /// What lies outside the root, by `..` or by a link, is not opened.
    init?(path: String, under root: String) {
        guard !path.utf8.contains(0), !path.split(separator: "/").contains("..") else { return nil }
        guard let resolved = realpath(root + "/" + path, nil) else { return nil }
        defer { free(resolved) }
        let real = String(cString: resolved)
        guard real.hasPrefix(root == "/" ? root : root + "/") else { return nil }
        // A pipe would block the open and a link put there meanwhile would lead out.
        let descriptor = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        size = Int(status.st_size)
        inode = UInt64(status.st_ino)
        modified = status.st_mtim.tv_sec
        modifiedNanoseconds = status.st_mtim.tv_nsec
    }

    deinit { close(descriptor) }

    /// Reads up to `count` bytes at an offset; fewer at the end, none when it cannot be read.
    func read(at offset: Int, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, initialized in
            var got = 0
            while got < count, let base = buffer.baseAddress {
                let step = pread(descriptor, base + got, count - got, offset + got)
                if step < 0 && errno == EINTR { continue }
                if step <= 0 { break }
                got += step
            }
            initialized = got
        }
    }
}

/// The versions of served files: an ETag is the content's own hash, so it changes when and only when the content does.
final class FileVersions: Sendable {
    private struct Key: Hashable {
        var inode: UInt64
        var size: Int
        var modified: Int
        var nanoseconds: Int
    }

    private let known = Mutex([Key: String]())

    func version(of file: ServedFile) -> FileVersion {
        let key = Key(
            inode: file.inode,
            size: file.size,
            modified: file.modified,
            nanoseconds: file.modifiedNanoseconds
        )
        let etag = known.withLock { $0[key] } ?? compute(file, key)
        return FileVersion(etag: etag, lastModified: HTTPDate.text(file.modified), modifiedSeconds: file.modified)
    }

    private func compute(_ file: ServedFile, _ key: Key) -> String {
        var digest = ContentDigest()
        var offset = 0
        while offset < file.size {
            let bytes = file.read(at: offset, count: min(1 << 20, file.size - offset))
            if bytes.isEmpty { break }
            digest.update(bytes)
            offset += bytes.count
        }
        let etag = "\"\(digest.finish())\""
        // Times of files move in steps of some milliseconds. A file changed so lately could change again without its
        // time moving, so its hash is not relied on until it has rested (git's "racily clean" files).
        if HTTPDate.now > file.modified + 1 { known.withLock { $0[key] = etag } }
        return etag
    }
}
