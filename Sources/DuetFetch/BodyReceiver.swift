/// Takes the bytes of a body: checks limits, hashes, and puts them where they belong.
///
/// `@unchecked Sendable`: the loop thread uses it while an attempt runs, the task that asked for the transfer before and
/// after; handing the attempt over and back orders the two.
final class BodyReceiver: @unchecked Sendable {
    enum Target {
        case nothing
        case memory
        case file(PartFile)
        case stream(StreamBuffer)
    }

    let target: Target
    private let location: Location
    private let maximumBytes: Int?
    private let expectedSize: Int?
    private let canResume: Bool
    private let noteThreshold: Int
    private let sha256: StreamDigest
    /// The bytes of the content held so far.
    private(set) var count = 0
    /// The length of the whole content, as far as the server told.
    private(set) var total: Int?
    /// What the bytes held are a part of; `nil` when the server gave nothing to continue with.
    private(set) var validator: String?
    /// Where the attempt that runs continued.
    private(set) var resumedAt = 0
    private(set) var memory: [UInt8] = []
    private(set) var computed: [UInt8]?
    private var isDigestFinished = false

    init(request: FetchRequest, location: Location, sink: FetchSession.Sink, fileSystem: FileSystem) throws(FetchError)
    {
        guard let digest = StreamDigest() else {
            throw FetchError(code: .transferFailed, message: "libcrypto gives no SHA-256", url: location.redacted)
        }
        self.location = location
        sha256 = digest
        maximumBytes = request.maximumBytes
        expectedSize = request.expectedSize
        noteThreshold = fileSystem.noteThreshold
        switch sink {
        case .memory: target = .memory
        case .stream(let buffer): target = .stream(buffer)
        case .destination:
            target =
                request.destination.map { destination in
                    let part = PartFile(
                        destination: destination,
                        identity: location.identity,
                        redactedURL: location.redacted,
                        fileSystem: fileSystem
                    )
                    return .file(part)
                } ?? .nothing
        }
        if case .file = target, case .get = request.method, request.contentCoding == .asSent {
            canResume = request.resume
        } else {
            canResume = false
        }
    }

    /// The buffer of a body that is read while it arrives.
    var stream: StreamBuffer? {
        if case .stream(let buffer) = target { return buffer }
        return nil
    }

    /// Whether an earlier process may have left something; looks at the name only.
    var mayHaveRest: Bool {
        if case .file(let part) = target { return part.exists }
        return false
    }

    /// Picks up what an earlier process left.
    func openRest() throws(FetchError) {
        guard case .file(let part) = target else { return }
        guard let rest = try part.openRest(identity: location.identity) else { return }
        guard canResume else { return part.discard() }
        // When all bytes are there the server must still be asked whether they are current; asking for the last byte
        // again does that with no case of its own.
        let size = rest.total.map { min(rest.size, $0 - 1) } ?? rest.size
        try part.truncate(to: size)
        try part.read(first: size) { sha256.update($0) }
        count = size
        total = rest.total
        validator = rest.validator
    }

    /// What the next attempt asks for: the byte to continue at and the version it must belong to.
    var continuation: (offset: Int, validator: String)? {
        guard canResume, count > 0, let validator else { return nil }
        return (count, validator)
    }

    /// Called at the head of a successful answer, before its body.
    func begin(_ head: ResponseHead, offset: Int) throws(FetchError) {
        if head.status == 206 {
            try checkRange(head, offset: offset)
            resumedAt = offset
        } else {
            try startOver()
            validator = canResume ? head.strongValidator : nil
            total = head.headers["Content-Encoding"] == nil ? head.contentLength : nil
        }
        if let total, let expectedSize, total != expectedSize {
            throw failure(.sizeMismatch, "the body has \(total) bytes, \(expectedSize) are expected", head)
        }
        if let total, let maximumBytes, total > maximumBytes { throw tooLarge(head) }
        if case .file(let part) = target { try part.create() }
    }

    /// Takes the next bytes of the body.
    func take(_ bytes: UnsafeRawBufferPointer, head: ResponseHead) throws(FetchError) {
        if let maximumBytes, count + bytes.count > maximumBytes { throw tooLarge(head) }
        switch target {
        case .nothing: break
        case .memory: memory.append(contentsOf: bytes)
        case .stream(let buffer): buffer.add(bytes)
        case .file(let part):
            let before = count
            try part.write(bytes)
            if before < noteThreshold, before + bytes.count >= noteThreshold { leaveNote() }
        }
        sha256.update(bytes)
        count += bytes.count
    }

    /// The SHA-256 of all bytes; called once, at the end.
    func finishDigest() -> [UInt8] {
        isDigestFinished = true
        return sha256.finish()
    }

    /// Reads the file back for a digest other than SHA-256; `computed` holds it then.
    func compute(_ algorithm: Digest.Algorithm) throws(FetchError) {
        computed = nil
        guard let digest = Digest(algorithm) else { return }
        switch target {
        case .nothing, .stream: return
        case .memory: memory.withUnsafeBytes { digest.update($0) }
        case .file(let part): try part.read(first: count) { digest.update($0) }
        }
        computed = digest.finish()
    }

    /// Forgets all bytes held.
    func startOver() throws(FetchError) {
        if count > 0 || isDigestFinished { sha256.start() }
        isDigestFinished = false
        count = 0
        resumedAt = 0
        total = nil
        validator = nil
        memory.removeAll()
        if case .stream(let buffer) = target { buffer.startOver() }
        if case .file(let part) = target, part.isOpen {
            part.removeNote()
            try part.truncate(to: 0)
        }
    }

    /// Leaves the part to a later process when it can continue it, and removes it otherwise.
    func giveUp(keepingPart: Bool) {
        guard case .file(let part) = target else { return }
        if keepingPart, continuation != nil {
            leaveNote()
            part.closeFile()
        } else {
            part.discard()
        }
    }

    // MARK: - Private

    private func leaveNote() {
        guard case .file(let part) = target, canResume, let validator else { return }
        part.writeNote(
            PartFile.Note(identity: location.identity, validator: validator, total: total, boot: PartFile.boot)
        )
    }

    private func checkRange(_ head: ResponseHead, offset: Int) throws(FetchError) {
        let range = head.contentRange
        let isSameVersion = head.headers["ETag"].map { $0 == validator || validator?.hasPrefix("\"") != true } ?? true
        guard offset == count, range?.start == offset, isSameVersion,
            total == nil || range?.total == nil || range?.total == total
        else {
            throw failure(
                .badResponse,
                "bytes from \(offset) on were asked for, the server sent '\(head.headers["Content-Range"] ?? "no range")'",
                head
            )
        }
        total = range?.total ?? total
    }

    private func tooLarge(_ head: ResponseHead) -> FetchError {
        failure(
            .tooLarge,
            "the body is larger than the \(maximumBytes ?? 0) bytes allowed",
            head,
            hint: "raise the limit if the size is right"
        )
    }

    private func failure(
        _ code: FetchError.Code,
        _ message: String,
        _ head: ResponseHead,
        hint: String? = nil
    )
        -> FetchError
    {
        FetchError(code: code, message: message, hint: hint, url: location.redacted, httpStatus: head.status)
    }
}
