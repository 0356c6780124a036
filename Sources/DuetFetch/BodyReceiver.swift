/// Takes the bytes of a body: checks limits, hashes, and puts them where they belong.
///
/// `@unchecked Sendable`: the loop thread uses it while an attempt runs, the task that asked for the transfer before and
/// after; handing the attempt over and back orders the two.
final class BodyReceiver: BodySink, @unchecked Sendable {
    enum Target {
        case nothing
        case memory
        case file(PartFile)
        case stream(StreamBuffer)
        case slice(Slice)
    }

    /// A part of a file that is fetched in parts.
    struct Slice {
        var part: PartFile
        var range: Range<Int>
        var total: Int
        var validator: String
    }

    let target: Target
    private let location: Location
    private let maximumBytes: Int?
    private let expectedSize: Int?
    let canResume: Bool
    private let noteThreshold: Int
    let sha256 = StreamDigest()
    /// What was done with the bytes of a content held before.
    var localWork = LocalWork()
    /// The bytes of the content held so far.
    private(set) var count = 0
    /// The length of the whole content, as far as the server told.
    private(set) var total: Int?
    /// What the bytes held are a part of; `nil` when the server gave nothing to continue with.
    var validator: String?
    /// Where the attempt that runs continued.
    private(set) var resumedAt = 0
    private(set) var memory: [UInt8] = []
    private(set) var computed: [UInt8]?
    /// Where the hash stood at the content's end, for when the content has grown.
    private(set) var digestState: DigestState?
    private var isDigestFinished = false
    /// The file that only ever grows, while what is held of it is thought to be its start still.
    private var grown: GrownFile?
    /// Its last bytes, which the answer must begin with.
    private(set) var grownTail: [UInt8] = []
    /// The bytes that were hashed; behind `count` when they are hashed at the end.
    private var hashed = 0

    /// The bytes that are in the file; behind `count` while some wait to be written.
    private var written = 0

    /// Whether bytes beyond those held may be on disk, with holes between them.
    private var isInParts = false

    var isGrowing: Bool { grown != nil }
    var redactedURL: String { location.redacted }
    /// Whether bytes are on disk that were not hashed when they came.
    var isHashedLater: Bool { hashed < count }

    init(request: FetchRequest, location: Location, sink: FetchSession.Sink, fileSystem: FileSystem) {
        self.location = location
        maximumBytes = request.maximumBytes
        expectedSize = request.expectedSize
        noteThreshold = fileSystem.noteThreshold
        switch sink {
        case .memory: target = .memory
        case .stream(let buffer): target = .stream(buffer)
        case .slice(let slice): target = .slice(slice)
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

    /// The place of a body that is a part.
    var slice: Slice? {
        if case .slice(let slice) = target { return slice }
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
        try part.read(0..<size) { sha256.update($0) }
        count = size
        hashed = size
        written = size
        total = rest.total
        validator = rest.validator
    }

    func begin(behind file: GrownFile, tail: [UInt8]) {
        grown = file
        grownTail = tail
        count = file.size - tail.count
    }

    /// What the next attempt asks for: the byte to continue at and the version it must belong to, if to any.
    var continuation: Continuation? {
        if let slice {
            let offset = slice.range.lowerBound + count
            return Continuation(offset: offset, end: slice.range.upperBound, validator: slice.validator)
        }
        guard canResume, count > 0 || grown != nil, validator != nil || grown != nil else { return nil }
        return Continuation(offset: count, validator: validator)
    }

    /// Called at the head of a successful answer, before its body.
    func begin(_ head: ResponseHead, offset: Int) throws(FetchError) {
        if let slice { return try check(slice, head) }
        if head.status == 206 {
            try checkRange(head, offset: offset)
            resumedAt = offset
            if let grown { try beginGrowth(of: grown, head) }
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
        case .slice(let slice):
            guard count + bytes.count <= slice.range.count else {
                throw failure(.badResponse, "more than the \(slice.range.count) bytes of a part were sent", head)
            }
            try slice.part.write(bytes, at: slice.range.lowerBound + count)
            count += bytes.count
            return
        case .file(let part):
            if let grown {
                try checkOverlap(bytes, of: grown, head)
                try part.write(bytes)
                count += bytes.count
                return
            }
        }
        try sha256.take(bytes, to: store)
        let before = count
        count += bytes.count
        hashed = count
        if case .file = target, before < noteThreshold, count >= noteThreshold { leaveNote() }
    }

    /// Brings to the file what waits to be written in a larger piece; called at the end of each attempt.
    func flush() throws(FetchError) { try sha256.flush(to: store) }

    /// Writes what is hashed where it belongs.
    private func store(_ bytes: UnsafeRawBufferPointer) throws(FetchError) {
        guard case .file(let part) = target else { return }
        if let total { part.reserve(from: written, to: total) }
        try part.write(bytes)
        written += bytes.count
    }

    /// Hashes what is on disk and was not hashed when it came.
    func hashRest() throws(FetchError) {
        guard case .file(let part) = target else { return }
        if let grown { hashed = try completeStart(of: part, from: grown) }
        try part.read(hashed..<count) { sha256.update($0) }
        hashed = count
    }

    /// The SHA-256 of all bytes; called once, at the end.
    func finishDigest() -> [UInt8] {
        isDigestFinished = true
        digestState = sha256.state
        return sha256.finish()
    }

    /// Reads the file back for a digest other than SHA-256; `computed` holds it then.
    func compute(_ algorithm: Digest.Algorithm) throws(FetchError) {
        computed = nil
        guard let digest = Digest(algorithm) else { return }
        switch target {
        case .nothing, .stream, .slice: return
        case .memory: memory.withUnsafeBytes { digest.update($0) }
        case .file(let part): try part.read(0..<count) { digest.update($0) }
        }
        computed = digest.finish()
    }

    /// Forgets all bytes held.
    func startOver() throws(FetchError) {
        if hashed > 0 || isDigestFinished { sha256.start() }
        isDigestFinished = false
        grown = nil
        grownTail = []
        isInParts = false
        hashed = 0
        written = 0
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
        // What has grown lacks its start, which is soon copied again.
        if keepingPart, continuation != nil, grown == nil {
            leaveNote()
            part.closeFile()
        } else {
            part.discard()
        }
    }

    // MARK: - Parts

    /// Begins a file that is fetched in parts, behind what an earlier process left of this version.
    ///
    /// - Returns: where the parts go.
    func beginInParts(total: Int, validator: String) throws(FetchError) -> PartFile? {
        guard case .file(let part) = target else { return nil }
        if self.validator != validator || self.total != total { try startOver() }
        self.total = total
        self.validator = validator
        resumedAt = count
        isInParts = true
        try part.create()
        return part
    }

    /// Takes over what is on disk up to here.
    func advance(to end: Int) throws(FetchError) {
        guard case .file(let part) = target else { return }
        try part.read(hashed..<end) { sha256.update($0) }
        hashed = end
        written = end
        count = end
        leaveNote()
    }

    /// Whether all of a part has come.
    func checkSlice(_ final: Location) throws(FetchError) {
        guard let slice, count != slice.range.count else { return }
        let message = "a part of \(slice.range.count) bytes ended after \(count)"
        throw FetchError(code: .truncated, message: message, url: final.redacted)
    }

    private func check(_ slice: Slice, _ head: ResponseHead) throws(FetchError) {
        let range = head.contentRange
        let tag = head.headers["ETag"]
        guard head.status == 206, range?.start == slice.range.lowerBound + count,
            range?.total.map({ $0 == slice.total }) ?? true,
            tag == nil || tag == slice.validator || !slice.validator.hasPrefix("\"")
        else { throw failure(.badResponse, "the file changed while its parts were fetched", head) }
    }

    // MARK: - Private

    private func leaveNote() {
        guard case .file(let part) = target, canResume, let validator else { return }
        part.writeNote(
            PartFile.Note(
                identity: location.identity,
                validator: validator,
                total: total,
                boot: PartFile.boot,
                held: isInParts ? count : nil
            )
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

    func failure(
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
