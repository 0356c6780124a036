internal import DuetFetch
internal import DuetPipeline
internal import Foundation

/// Brings single files of a source to the landing folder.
struct SourceTransfer: Sendable {
    private let source: Source
    private let connection: SourceConnection
    private let folder: String
    private let known: [String: LandedFile]
    private let contents: [String: [LandedFile]]
    private let packing: Packing?

    /// What one wanted file came to.
    struct Part: Sendable {
        var name: String
        /// What is read: the file itself, or what is inside it.
        var files: [LandedFile]
        /// An archive, kept to be asked for on condition the next time.
        var kept: [LandedFile] = []
        var changed = 0
        var response: FetchResponse?
        /// The bytes that did not have to come.
        var held = 0
    }

    /// With `isPlain` files are read as they are, whatever the source's are packed in.
    init(reader: SourceReader, connection: SourceConnection, known: [LandedFile], isPlain: Bool) {
        source = connection.source
        self.connection = connection
        folder = reader.folder(of: source)
        self.known = Dictionary(known.map { ($0.origin, $0) }) { $1 }
        packing = isPlain ? nil : source.packing
        var contents: [String: [LandedFile]] = [:]
        if packing != nil {
            for file in known {
                guard let mark = file.origin.firstIndex(of: "#") else { continue }
                contents[String(file.origin[..<mark]), default: []].append(file)
            }
        }
        self.contents = contents
    }

    /// The file as it is here, when a manifest or a listing itself says that it has not changed: nothing to ask.
    func unchanged(_ item: Wanted) -> Part? {
        guard let before = held(item) else { return nil }
        let isSame =
            if let sha256 = item.sha256 {
                before.content == sha256
            } else if let etag = item.etag, let known = before.etag {
                Self.plain(etag) == Self.plain(known) && (item.size ?? before.size) == before.size
            } else {
                false
            }
        return isSame ? part(item, before) : nil
    }

    /// Asks for a file, on condition when it is here already.
    func fetch(_ item: Wanted, progress: @escaping @Sendable (FetchProgress) -> Void) async throws -> Part {
        let before = held(item)
        let arrival = "\(folder)/arriving-\(Self.shortHash(item.origin))-\(Self.safe(item.name))"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw unwritable(folder, error)
        }
        var request = connection.request(item.url, destination: arrival)
        request.validators = before.map { Validators(etag: $0.etag, lastModified: $0.lastModified) }
        request.expectedSHA256 = item.sha256
        request.expectedSize = item.size
        if source.grows, let before {
            request.grownFrom = GrownFile(
                path: before.path,
                size: before.size,
                sha256: before.content,
                digestState: DigestNote.read(for: before.path)
            )
        }
        // Where a listing says that a file is big, asking for its head first is nothing beside it.
        if let size = item.size, size >= 64 << 20, source.access.limits.parallel == nil { request.parallelRanges = 4 }
        let response = try await connection.fetch(request, progress: progress)
        if response.outcome == .notModified, let before {
            var renewed = before
            renewed.etag = response.validators.etag ?? before.etag
            renewed.lastModified = response.validators.lastModified ?? before.lastModified
            var part = part(item, renewed)
            part.response = response
            return part
        }
        var file = LandedFile(
            source: source.name,
            origin: item.origin,
            path: "",
            content: response.sha256,
            size: response.size,
            etag: response.validators.etag,
            lastModified: response.validators.lastModified
        )
        if let before, before.content == response.sha256 {
            // The same content again, from a server that does not tell: what is here stays.
            file.path = before.path
            Leftover.remove(arrival)
            leaveNote(response, beside: file)
            var part = part(item, file)
            part.response = response
            part.held = 0
            return part
        }
        file.path = try land(arrival, name: item.name, content: response.sha256)
        leaveNote(response, beside: file)
        guard let packing else {
            return Part(name: item.name, files: [file], changed: 1, response: response, held: before?.size ?? 0)
        }
        let files = try await unpack(file, packing)
        return Part(name: item.name, files: files, kept: [file], changed: files.count, response: response)
    }

    /// Takes out what is inside a file and lands it.
    func unpack(_ file: LandedFile, _ packing: Packing) async throws -> [LandedFile] {
        let folder = "\(folder)/unpacking-\(Self.shortHash(file.origin))"
        let source = source
        let landed = self.folder
        return try await SourceWork.run {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { Leftover.remove(folder) }
            let contents = try SourceUnpacking(source: source, packing: packing, folder: folder).contents(of: file.path)
            return try contents.map { content in
                let name = content.path.split(separator: "/").last.map(String.init) ?? "content"
                let digest = try FileDigest.sha256(ofFile: content.path)
                let target =
                    "\(landed)/\(digest.prefix(16))-\(name.split(separator: "-", maxSplits: 2).last ?? "content")"
                try Self.move(content.path, to: target)
                return LandedFile(
                    source: source.name,
                    origin: "\(file.origin)#\(content.member)",
                    path: target,
                    content: digest,
                    size: content.size,
                    lastModified: file.lastModified
                )
            }
        }
    }

    // MARK: - Private

    private func part(_ item: Wanted, _ file: LandedFile) -> Part {
        guard packing != nil else { return Part(name: item.name, files: [file], held: file.size) }
        return Part(name: item.name, files: contents[item.origin] ?? [], kept: [file], held: file.size)
    }

    /// Says where the hash of a file that grows stood, so that only what comes behind is hashed the next time.
    private func leaveNote(_ response: FetchResponse, beside file: LandedFile) {
        guard source.grows, let state = response.digestState else { return }
        DigestNote.leave(state, for: file.path)
    }

    /// The file as recorded, when it and all that was in it are still here.
    private func held(_ item: Wanted) -> LandedFile? {
        guard let before = known[item.origin], FileManager.default.fileExists(atPath: before.path) else { return nil }
        guard packing != nil else { return before }
        guard let inside = contents[item.origin], !inside.isEmpty,
            inside.allSatisfy({ FileManager.default.fileExists(atPath: $0.path) })
        else { return nil }
        return before
    }

    private func land(_ arrival: String, name: String, content: String) throws -> String {
        let target = "\(folder)/\(content.prefix(16))-\(try Self.named(Self.safe(name), afterContentOf: arrival))"
        do {
            try Self.move(arrival, to: target)
        } catch {
            throw unwritable(target, error)
        }
        return target
    }

    /// The name is made of the content's hash: what is there already is the same.
    private static func move(_ path: String, to target: String) throws {
        if FileManager.default.fileExists(atPath: target) {
            try FileManager.default.removeItem(atPath: path)
        } else {
            try FileManager.default.moveItem(atPath: path, toPath: target)
        }
    }

    /// DuckDB tells compression by the name, and a URL need not end in one.
    private static func named(_ name: String, afterContentOf path: String) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else { return name }
        defer { handle.closeFile() }
        let head = [UInt8](try handle.read(upToCount: 4) ?? Data())
        let lower = name.lowercased()
        if head.starts(with: [0x1F, 0x8B]), ![".gz", ".tgz"].contains(where: lower.hasSuffix) { return name + ".gz" }
        if head == [0x28, 0xB5, 0x2F, 0xFD], !lower.hasSuffix(".zst") { return name + ".zst" }
        return name
    }

    private func unwritable(_ path: String, _ error: any Error) -> DuetError {
        DuetError(
            .unreadableFile,
            "cannot move the fetched file to '\(path)'",
            hint: "check that you may write to the folder",
            at: source.location,
            cause: error.localizedDescription
        )
    }

    private static func plain(_ etag: String) -> String {
        var text = etag[...]
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        return text.filter { $0 != "\"" }
    }

    /// A name that is a file's name whatever a server or a listing called it.
    static func safe(_ name: String) -> String {
        let kept = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) || "._-".contains($0) ? $0 : "_" }
        let text = String(kept).drop { $0 == "." }
        return text.isEmpty ? "file" : String(text.suffix(100))
    }

    /// FNV-1a: tells arrivals apart, the same in each process so that what was cut off is found again.
    static func shortHash(_ text: String) -> String {
        let hash = text.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}

extension SourceTransfer {
    /// Whether a file would come, and how long it is, as far as its server tells without sending it.
    func ask(_ item: Wanted) async throws -> (isNew: Bool, size: Int?) {
        if let size = item.size { return (true, size) }
        var request = connection.request(item.url, method: .head)
        request.parallelRanges = 1
        let before = held(item)
        request.validators = before.map { Validators(etag: $0.etag, lastModified: $0.lastModified) }
        let response = try await connection.fetch(request)
        let isSame =
            response.outcome == .notModified
            || before != nil && before?.etag == response.validators.etag && before?.etag != nil
        return (!isSame, response.announcedSize)
    }
}
