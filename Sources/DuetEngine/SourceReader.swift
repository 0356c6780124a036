internal import DuetFetch
public import DuetPipeline
internal import Foundation

/// Brings a source's files to this machine, or finds them there.
///
/// Remote files are landed under names made of their content's hash, so that a file which is being read never changes
/// under the reader.
public struct SourceReader: Sendable {
    /// Whether what is here already may be used.
    public enum Mode: Sendable {
        /// Ask whether it has changed, and transfer only what has: the declarative style's way.
        case conditional
        /// Transfer everything: the procedural style's way.
        case everything
    }

    private let fetcher: LazyFetcher
    private let landing: String
    let folder: String

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - fetcher: Makes the transfers.
    ///   - landing: The folder for what is fetched.
    ///   - folder: The pipeline's folder, which relative paths start from.
    public init(fetcher: LazyFetcher, landing: String, folder: String) {
        self.fetcher = fetcher
        self.landing = landing
        self.folder = folder
    }

    /// Brings one source up to date.
    ///
    /// - Parameters:
    ///   - source: The source.
    ///   - known: The files of the last time, the manifest among them.
    ///   - mode: Whether unchanged files may stay.
    /// - Returns: The files as they are now, none of them half.
    /// - Throws: ``DuetError`` with `FETCH_FAILED`, `MISSING_FILE` or `BAD_FORMAT`, at the source's place in pipeline.yml.
    public func read(_ source: Source, known: [LandedFile], mode: Mode) async throws -> SourceSync {
        let known = mode == .conditional ? known : []
        let sync: SourceSync
        switch source.origin {
        case .location(let address) where source.isRemote:
            sync = try await fetch([Wanted(url: address, sha256: nil)], of: source, known: known)
        case .manifest(let address) where source.isRemote:
            sync = try await readRemoteManifest(address, of: source, known: known)
        case .location, .manifest:
            sync = try local(try Self.localPaths(of: source, folder: folder), of: source, known: known)
        }
        // What was read before has been checked before.
        let earlier = Set(known)
        for file in sync.files where !earlier.contains(file) {
            try FormatCheck.check(file, format: source.format, location: source.location)
        }
        return sync
    }

    private struct Wanted: Sendable {
        var url: String
        var sha256: String?
    }

    private func readRemoteManifest(
        _ address: String,
        of source: Source,
        known: [LandedFile]
    ) async throws -> SourceSync {
        let list = try await fetch([Wanted(url: address, sha256: nil)], of: source, known: known)
        guard let manifest = list.files.first, let base = URL(string: address)?.deletingLastPathComponent() else {
            throw DuetError(.wrongValue, "the manifest's address '\(address)' is no URL", at: source.location)
        }
        let text: String
        do {
            text = try String(contentsOfFile: manifest.path, encoding: .utf8)
        } catch {
            throw DuetError(
                .badFormat,
                "the manifest '\(address)' cannot be read as text",
                at: source.location,
                cause: error.localizedDescription
            )
        }
        let wanted = try Manifest.entries(text, name: address, source: source).map {
            Wanted(url: URL(string: $0.name, relativeTo: base)?.absoluteString ?? $0.name, sha256: $0.sha256)
        }
        var sync = try await fetch(wanted, of: source, known: known)
        sync.manifest = manifest
        sync.bytesTransferred += list.bytesTransferred
        sync.requests += list.requests
        return sync
    }

    /// Fetches files side by side; the fetcher bounds how many at once.
    private func fetch(_ wanted: [Wanted], of source: Source, known: [LandedFile]) async throws -> SourceSync {
        let earlier = Dictionary(known.map { ($0.origin, $0) }) { $1 }
        var sync = SourceSync(files: [])
        try await withThrowingTaskGroup(of: (Int, LandedFile, FetchResponse?).self) { group in
            var files = [LandedFile?](repeating: nil, count: wanted.count)
            for (index, item) in wanted.enumerated() {
                let before = earlier[item.url].flatMap {
                    FileManager.default.fileExists(atPath: $0.path) ? $0 : nil
                }
                if let before, let sha256 = item.sha256, before.content == sha256 {
                    // The manifest itself says that the content is the one we have: nothing to ask.
                    files[index] = before
                    continue
                }
                group.addTask { try await fetchOne(item, of: source, before: before, index: index) }
            }
            for try await (index, file, response) in group {
                files[index] = file
                sync.requests += response?.attempts ?? 0
                sync.bytesTransferred += response?.bytesTotal ?? 0
                if response?.outcome == .fetched { sync.changed += 1 }
            }
            sync.files = files.compactMap { $0 }
        }
        return sync
    }

    private func fetchOne(
        _ item: Wanted,
        of source: Source,
        before: LandedFile?,
        index: Int
    ) async throws -> (Int, LandedFile, FetchResponse?) {
        let name = URL(string: item.url)?.lastPathComponent ?? "file"
        let folder = "\(landing)/\(source.name)"
        let arrival = "\(folder)/arriving-\(index)-\(name)"
        let response: FetchResponse
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            response = try await fetcher.fetcher.fetch(
                FetchRequest(
                    url: item.url,
                    destination: arrival,
                    validators: before.map { Validators(etag: $0.etag, lastModified: $0.lastModified) },
                    expectedSHA256: item.sha256
                )
            )
        } catch let error as FetchError {
            throw Self.error(error, source: source)
        } catch is CancellationError {
            throw ErrorTranslation.cancelled
        }
        if response.outcome == .notModified, let before { return (index, before, response) }
        let landed = "\(folder)/\(response.sha256.prefix(16))-\(name)"
        do {
            // The name is made of the content's hash: what is there already is the same.
            if FileManager.default.fileExists(atPath: landed) {
                try FileManager.default.removeItem(atPath: arrival)
            } else {
                try FileManager.default.moveItem(atPath: arrival, toPath: landed)
            }
        } catch {
            throw DuetError(
                .unreadableFile,
                "cannot move the fetched file to '\(landed)'",
                hint: "check that you may write to the folder",
                at: source.location,
                cause: error.localizedDescription
            )
        }
        let file = LandedFile(
            source: source.name,
            origin: item.url,
            path: landed,
            content: response.sha256,
            size: response.size,
            etag: response.validators.etag,
            lastModified: response.validators.lastModified
        )
        return (index, file, response)
    }

    private static func error(_ error: FetchError, source: Source) -> DuetError {
        let isPattern = error.code == .notFound && error.url.contains("*")
        var told = DuetError(
            .fetchFailed,
            "source '\(source.name)': \(error.message)",
            hint: isPattern ? "a server cannot be asked for a pattern; list its files in a 'manifest:'" : error.hint,
            at: source.location,
            cause: "\(error.code) from \(error.url) after \(error.attempts) attempt\(error.attempts == 1 ? "" : "s")"
        )
        told.mayPass = !lasting.contains(error.code)
        return told
    }

    /// What a server says that it will say again, and what is wrong with the address itself.
    private static let lasting: Set<FetchError.Code> = [
        .notFound, .forbidden, .unauthorized, .invalidURL, .unsupportedScheme, .invalidRequest, .unsafeCredentials,
        .certificateRejected, .redirectRefused, .tooManyRedirects, .tooLarge, .checksumMismatch, .diskFull,
        .destinationUnwritable, .cancelled, .shutDown,
    ]
}
