import CCurl
import Glibc

/// The partial file beside a destination, and the note that says what it is part of.
///
/// Not `Sendable`: it belongs to one transfer, which uses it from one thread at a time.
final class PartFile {
    /// What a later process must know to continue the file.
    struct Note: Equatable {
        var identity: String
        var validator: String
        var total: Int?
        var boot: String
        /// How many bytes from the start are there, when not all the file's are.
        var held: Int?
    }

    let destination: String
    let path: String
    private let notePath: String
    private let redactedURL: String
    private let fileSystem: FileSystem
    private var descriptor: Int32 = -1
    private var hasNote = false
    /// Up to where room was reserved.
    private var reserved = 0

    /// What is reserved at a time: no more, since what a server announces need not come.
    private static let reservedAtOnce = 64 << 20
    private static let worthReserving = 1 << 20

    init(destination: String, identity: String, redactedURL: String, fileSystem: FileSystem) {
        self.destination = destination
        path = "\(destination).part-\(Digest.hexSHA256(of: identity).prefix(12))"
        notePath = "\(path).note"
        self.redactedURL = redactedURL
        self.fileSystem = fileSystem
    }

    deinit { closeFile() }

    var exists: Bool { access(path, F_OK) == 0 }

    var isOpen: Bool { descriptor >= 0 }

    /// Opens what an earlier process left, when it can be continued; anything else it left is removed.
    ///
    /// - Returns: the validator to continue with and the number of bytes held, or `nil` when there is nothing.
    func openRest(identity: String) throws(FetchError) -> (validator: String, size: Int, total: Int?)? {
        guard try open(flags: 0) else { return nil }
        guard let note = readNote(), note.identity == identity, note.boot == Self.boot,
            let size = currentSize().map({ min($0, note.held ?? $0) }), size > 0
        else {
            discard()
            return nil
        }
        hasNote = true
        return (note.validator, size, note.total)
    }

    /// Opens the partial file, empty, unless it is open already.
    func create() throws(FetchError) {
        if isOpen { return }
        _ = try open(flags: O_CREAT)
        // Not unless something is there: ext4 writes a file to disk at its close when it was ever cut to nothing.
        if currentSize() != 0 { try truncate(to: 0) }
    }

    func truncate(to size: Int) throws(FetchError) {
        reserved = 0
        guard ftruncate(descriptor, size) == 0, lseek(descriptor, size, SEEK_SET) == size else {
            throw failure("cannot be cut to \(size) bytes", errno)
        }
    }

    /// Reserves room for what follows, where that is much.
    ///
    /// - Parameters:
    ///   - position: where the next bytes go.
    ///   - end: where the last ones will.
    func reserve(from position: Int, to end: Int) {
        guard position >= reserved, end - position >= Self.worthReserving else { return }
        let count = min(Self.reservedAtOnce, end - position)
        fileSystem.reserve(descriptor, position, count)
        reserved = position + count
    }

    func seek(to offset: Int) throws(FetchError) {
        guard lseek(descriptor, offset, SEEK_SET) == offset else { throw failure("cannot be positioned", errno) }
    }

    /// Writes at a place of its own, whatever is written elsewhere at the same time.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FetchError) {
        guard let start = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = fileSystem.writeAt(descriptor, start + done, bytes.count - done, offset + done)
            if count < 0 {
                let number = errno
                if number == EINTR { continue }
                throw failure("cannot be written", number)
            }
            done += count
        }
    }

    /// Makes the start of another file the start of this one, by the cheapest way the disk knows.
    ///
    /// - Returns: which way it went.
    func begin(with other: String, count: Int) throws(FetchError) -> LocalWork {
        let source = Glibc.open(other, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure("cannot be begun with '\(other)'", errno) }
        defer { close(source) }
        var work = LocalWork()
        var status = stat()
        if fstat(source, &status) == 0, status.st_blksize > 0 {
            // Whole blocks only can be shared.
            let whole = count - count % Int(status.st_blksize)
            if whole > 0, fileSystem.share(descriptor, source, whole) == 0 { work.sharedBytes = whole }
        }
        var position = work.sharedBytes
        while position < count {
            let got = fileSystem.copyRange(source, descriptor, position, count - position)
            if got < 0 && errno == EINTR { continue }
            if got < 0, errno == ENOSPC || errno == EDQUOT { throw failure("cannot be written", errno) }
            // The system does not copy between these two; what is left goes through this process.
            guard got > 0 else { break }
            position += got
            work.systemCopiedBytes += got
        }
        work.copiedBytes = count - position
        try copy(from: source, position..<count, of: other)
        return work
    }

    private func copy(from source: Int32, _ range: Range<Int>, of name: String) throws(FetchError) {
        guard !range.isEmpty else { return }
        var buffer = [UInt8](repeating: 0, count: min(range.count, 1 << 20))
        var position = range.lowerBound
        while position < range.upperBound {
            let got = pread(source, &buffer, min(buffer.count, range.upperBound - position), position)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { throw failure("cannot be begun with '\(name)'", got < 0 ? errno : EIO) }
            try writePiece(buffer, got, at: position)
            position += got
        }
    }

    private func writePiece(_ buffer: [UInt8], _ count: Int, at offset: Int) throws(FetchError) {
        let result: Result<Void, FetchError> = buffer.withUnsafeBytes { raw in
            do throws(FetchError) {
                return .success(try write(UnsafeRawBufferPointer(rebasing: raw[..<count]), at: offset))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
        guard var from = bytes.baseAddress else { return }
        var left = bytes.count
        while left > 0 {
            let count = fileSystem.write(descriptor, from, left)
            if count < 0 {
                let number = errno
                if number == EINTR { continue }
                throw failure("cannot be written", number)
            }
            from += count
            left -= count
        }
    }

    /// Leaves the note that lets a later process continue.
    func writeNote(_ note: Note) {
        // Where the whole file is what is held, one note does.
        if hasNote, note.held == nil { return }
        let new = "\(notePath).new"
        guard let file = fopen(new, "we") else { return }
        let total = note.total.map { String($0) } ?? ""
        let held = note.held.map { String($0) } ?? ""
        // A note that is not written costs a later process a transfer from the start, nothing else.
        let text = "\(note.identity)\n\(note.validator)\n\(total)\n\(note.boot)\n\(held)\n"
        let isWritten = fputs(text, file) >= 0
        if fclose(file) == 0, isWritten, rename(new, notePath) == 0 {
            hasNote = true
        } else {
            unlink(new)
        }
    }

    func removeNote() {
        if hasNote { unlink(notePath) }
        hasNote = false
    }

    /// Reads a range of bytes, piece by piece; the file's position stays.
    func read(_ range: Range<Int>, _ take: (UnsafeRawBufferPointer) -> Void) throws(FetchError) {
        var buffer = [UInt8](repeating: 0, count: min(max(range.count, 1), 1 << 20))
        var position = range.lowerBound
        while position < range.upperBound {
            let count = pread(descriptor, &buffer, min(buffer.count, range.upperBound - position), position)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot be read back", count < 0 ? errno : EIO) }
            buffer.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            position += count
        }
    }

    /// Puts the whole file in the destination's place, in one step.
    func moveIntoPlace(synchronize: Bool) throws(FetchError) {
        if synchronize, fsync(descriptor) != 0 { throw failure("cannot be brought to disk", errno) }
        guard rename(path, destination) == 0 else { throw failure("cannot be renamed into place", errno) }
        removeNote()
        closeFile()
        // The file itself is whole either way; without this only its name could be lost with the power.
        if synchronize { _ = Self.synchronize(folder: folder(of: destination), wholeFileSystem: false) }
    }

    /// Removes the partial file and its note.
    func discard() {
        guard isOpen else { return }
        unlink(path)
        unlink(notePath)
        hasNote = false
        closeFile()
    }

    /// Closes the file and leaves it to a later process.
    func closeFile() {
        guard descriptor >= 0 else { return }
        // Unlocked by name: a child process that is just being started still has the descriptor, and with it the lock.
        flock(descriptor, LOCK_UN)
        close(descriptor)
        descriptor = -1
    }

    static func synchronize(folder: String, wholeFileSystem: Bool) -> Int32 {
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let result = wholeFileSystem ? syncfs(descriptor) : fsync(descriptor)
        return result == 0 ? 0 : errno
    }

    /// Which start of the system this is.
    ///
    /// After a loss of power a file can have its size without its bytes, so what was left before the last start is not
    /// continued.
    static let boot = readText(path: "/proc/sys/kernel/random/boot_id")?.trimmingWhitespace() ?? ""

    // MARK: - Private

    /// - Returns: false when there is no such file and it is not to be made.
    private func open(flags: Int32) throws(FetchError) -> Bool {
        while true {
            let file = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0o644)
            guard file >= 0 else {
                let number = errno
                if number == EINTR { continue }
                if number == ENOENT, flags & O_CREAT == 0 { return false }
                throw failure("cannot be written", number)
            }
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
                let number = errno
                close(file)
                guard number == EWOULDBLOCK else { throw failure("cannot be locked", number) }
                throw FetchError(
                    code: .destinationBusy,
                    message: "another transfer is writing '\(destination)'",
                    hint: "let it end, or choose another destination",
                    url: redactedURL
                )
            }
            // Its owner may have renamed it into place between the two calls; then this is no partial file any more.
            var opened = stat()
            var named = stat()
            guard fstat(file, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino else {
                close(file)
                continue
            }
            descriptor = file
            return true
        }
    }

    private func currentSize() -> Int? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : nil
    }

    private func readNote() -> Note? {
        guard let text = readText(path: notePath) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        guard lines.count >= 4, !lines[1].isEmpty else { return nil }
        return Note(
            identity: lines[0],
            validator: lines[1],
            total: Int(lines[2]),
            boot: lines[3],
            held: lines.count > 4 ? Int(lines[4]) : nil
        )
    }

    private func failure(_ what: String, _ number: Int32) -> FetchError {
        let reason = describe(errno: number)
        let parent = folder(of: destination)
        let hint: String
        switch number {
        case ENOSPC, EDQUOT:
            return FetchError(
                code: .diskFull,
                message: "'\(destination)' \(what): \(reason)",
                hint: "free space in '\(parent)', or choose another folder; the partial file was removed",
                url: redactedURL
            )
        case ENOENT: hint = "make the folder '\(parent)' first"
        case ENOTDIR: hint = "'\(parent)' is not a folder; choose another destination"
        case EISDIR: hint = "'\(destination)' is a folder; name a file in it"
        case EACCES, EPERM, EROFS: hint = "allow writing in the folder '\(parent)', or choose another"
        case ENAMETOOLONG: hint = "choose a shorter name; while it is fetched it is 23 bytes longer"
        default: hint = "check the disk that holds '\(parent)'"
        }
        return FetchError(
            code: .destinationUnwritable,
            message: "'\(destination)' \(what): \(reason)",
            hint: hint,
            url: redactedURL
        )
    }
}
