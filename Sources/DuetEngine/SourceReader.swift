internal import DuetEvents
internal import DuetFetch
public import DuetPipeline
public import Foundation

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

    let fetcher: LazyFetcher
    let landing: String
    let folder: String
    let environment: [String: String]
    let today: CalendarDay
    let progress: (@Sendable (SourceProgress) -> Void)?

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - fetcher: Makes the transfers.
    ///   - landing: The folder for what is fetched.
    ///   - folder: The pipeline's folder, which relative paths start from.
    ///   - environment: Where secrets are looked up.
    ///   - today: What templates mean by today.
    ///   - progress: Told how far a source is, on the fetcher's own thread, which must not be held up.
    public init(
        fetcher: LazyFetcher,
        landing: String,
        folder: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        today: CalendarDay = CalendarDay(number: Int(Date().timeIntervalSince1970 / 86_400)),
        progress: (@Sendable (SourceProgress) -> Void)? = nil
    ) {
        self.fetcher = fetcher
        self.landing = landing
        self.folder = folder
        self.environment = environment
        self.today = today
        self.progress = progress
    }

    /// Brings one source up to date.
    ///
    /// - Parameters:
    ///   - source: The source.
    ///   - known: The files of the last time, manifests and the like among them.
    ///   - mode: Whether unchanged files may stay.
    /// - Returns: The files as they are now, none of them half.
    /// - Throws: ``DuetError`` with `FETCH_FAILED`, `MISSING_FILE`, `BAD_FORMAT` or `MISSING_SECRET`, at the source's
    ///   place in pipeline.yml.
    public func read(_ source: Source, known: [LandedFile], mode: Mode) async throws -> SourceSync {
        let known = mode == .conditional ? known : []
        guard source.isRemote else {
            let paths = try Self.localPaths(of: source, folder: folder, today: today)
            let sync = try local(paths, of: source, known: known)
            return try await checked(try await unpackedLocal(sync, of: source, known: known), source, known)
        }
        let connection = try connection(to: source)
        if case .api(let endpoint) = source.origin {
            return try await checked(try await readAPI(endpoint, connection, known: known), source, known)
        }
        let list = try await wanted(source, connection, known: known)
        var sync = try await fetch(list.wanted, connection, known: known)
        sync.kept += list.kept
        sync.bytesTransferred += list.bytes
        sync.requests += list.requests
        return try await checked(sync, source, known)
    }

    /// Where a source's files land; a source that nobody declared has a path for its name.
    func folder(of source: Source) -> String { "\(landing)/\(SourceTransfer.safe(source.name))" }

    func connection(to source: Source) throws -> SourceConnection {
        try SourceConnection(
            source,
            fetcher: fetcher,
            secrets: SourceSecrets(environment: environment, folder: folder)
        )
    }

    private func checked(_ sync: SourceSync, _ source: Source, _ known: [LandedFile]) async throws -> SourceSync {
        // What was read before has been checked before.
        let earlier = Set(known)
        let new = sync.files.filter { !earlier.contains($0) }
        guard !new.isEmpty else { return sync }
        try await SourceWork.run {
            var unchecked: [LandedFile] = []
            for file in new {
                try FormatCheck.check(file, format: source.format, location: source.location)
                if try !SourceUnpacking.checkCompressed(file, source: source) { unchecked.append(file) }
            }
            try CompressedCheck.check(unchecked, source: source)
        }
        return sync
    }

    // MARK: - What is wanted

    /// What a source consists of now, before anything of it is transferred.
    struct WantedList: Sendable {
        var wanted: [Wanted] = []
        /// A manifest, kept to be asked for on condition the next time.
        var kept: [LandedFile] = []
        var requests = 0
        var bytes = 0
    }

    func wanted(_ source: Source, _ connection: SourceConnection, known: [LandedFile]) async throws -> WantedList {
        switch source.origin {
        case .location(let address): return WantedList(wanted: [Self.wanted(address)])
        case .list(let addresses): return WantedList(wanted: addresses.map(Self.wanted))
        case .template(let template): return WantedList(wanted: template.expanded(today: today).map(Self.wanted))
        case .manifest(let address): return try await manifest(address, connection, known: known)
        case .objects(let prefix):
            let listing = try await ObjectListing(prefix: prefix, connection: connection).read()
            return WantedList(wanted: listing.objects, requests: listing.requests, bytes: listing.bytes)
        case .api: return WantedList()
        }
    }

    private static func wanted(_ url: String) -> Wanted {
        Wanted(origin: FetchAddress.identity(url), url: url, name: URL(string: url)?.lastPathComponent ?? "file")
    }

    private func manifest(
        _ address: String,
        _ connection: SourceConnection,
        known: [LandedFile]
    ) async throws -> WantedList {
        let source = connection.source
        let list = try await fetch([Self.wanted(address)], connection, known: known, isPlain: true)
        guard let manifest = list.files.first else {
            throw DuetError(.wrongValue, "the manifest's address '\(address)' is no URL", at: source.location)
        }
        let text: String
        do {
            text = try String(contentsOfFile: manifest.path, encoding: .utf8)
        } catch {
            throw DuetError(
                .badFormat,
                "the manifest '\(FetchAddress.redacted(address))' cannot be read as text",
                at: source.location,
                cause: error.localizedDescription
            )
        }
        let entries = try Manifest.entries(text, name: FetchAddress.redacted(address), source: source)
        let wanted = entries.map { entry in
            var item = Self.wanted(FetchAddress.absolute(entry.name, relativeTo: address) ?? entry.name)
            item.sha256 = entry.sha256
            return item
        }
        return WantedList(wanted: wanted, kept: [manifest], requests: list.requests, bytes: list.bytesTransferred)
    }

    // MARK: - Transfers

    /// Fetches files side by side, so many at once that none waits for another's bookkeeping.
    func fetch(
        _ wanted: [Wanted],
        _ connection: SourceConnection,
        known: [LandedFile],
        isPlain: Bool = false
    ) async throws -> SourceSync {
        let transfer = SourceTransfer(reader: self, connection: connection, known: known, isPlain: isPlain)
        let meter = progress.map { SourceMeter(source: connection.source.name, files: wanted.count, $0) }
        var parts = [SourceTransfer.Part?](repeating: nil, count: wanted.count)
        let width = connection.source.access.limits.connections ?? 64
        try await withThrowingTaskGroup(of: (Int, SourceTransfer.Part).self) { group in
            var running = 0
            func collect() async throws {
                guard let (index, part) = try await group.next() else { return }
                running -= 1
                parts[index] = part
                meter?.ended(index, part)
            }
            for (index, item) in wanted.enumerated() {
                if let part = transfer.unchanged(item) {
                    parts[index] = part
                    meter?.ended(index, part)
                    continue
                }
                if running >= width { try await collect() }
                running += 1
                group.addTask {
                    (index, try await transfer.fetch(item) { meter?.note(index, $0) })
                }
            }
            while running > 0 { try await collect() }
        }
        var sync = SourceSync(files: [])
        for part in parts.compactMap({ $0 }) {
            sync.files += part.files
            sync.kept += part.kept
            sync.changed += part.changed
            guard let response = part.response else {
                sync.transfers.addCached(bytes: part.files.reduce(0) { $0 + $1.size })
                continue
            }
            sync.links = response.headers.values(of: "Link")
            sync.requests += response.attempts
            sync.bytesTransferred += response.bytesTotal
            sync.hashedBytes += response.localWork.hashedBytes
            sync.copiedBytes += response.localWork.copiedBytes
            sync.transfers.add(response, name: part.name, held: part.held)
        }
        sync.transfers.unverified = connection.source.access.unverified
        return sync
    }

    static func error(_ error: FetchError, source: Source) -> DuetError {
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
