internal import DuckKit
internal import DuetEvents
internal import DuetFetch
public import DuetPipeline
internal import Foundation

/// What is known of a source: what is here of it, since when, and what a fetch would bring.
public struct SourceStatus: Sendable {
    /// The source.
    public var source: Source
    /// Files that are here.
    public var files = 0
    /// Their bytes.
    public var bytes = 0
    /// Files with an ETag or a date to ask with.
    public var validators = 0
    /// When it was last looked at, as the event log has it: UTC, ISO 8601; nil when never.
    public var lastCheck: String?
    /// How that went: `completed` or `failed`.
    public var lastResult: String?
    /// What a fetch would bring; nil when it was not asked.
    public var pending: Pending?

    /// What a fetch would bring.
    public enum Pending: Sendable, Hashable {
        /// So many files, of so many bytes as far as servers tell.
        case files(Int, bytes: Int?, removed: Int)
        /// It shows only when it is fetched: an API's pages.
        case unknown
        /// Why it cannot be said.
        case failure(String)
    }

    /// The state of a pipeline's sources.
    ///
    /// - Parameters:
    ///   - request: The pipeline and where its files are kept.
    ///   - style: Whose landing folder and warehouse.
    ///   - names: The sources; empty for all.
    ///   - asking: Whether servers are asked what has changed; nothing is transferred but lists and heads.
    /// - Returns: One state a source, in the order of pipeline.yml.
    /// - Throws: ``DuetError`` when a name is no source's, or when the warehouse cannot be read.
    public static func all(
        _ request: RunRequest,
        style: Style,
        sources names: [String] = [],
        asking: Bool
    ) throws -> [SourceStatus] {
        let sources = try SourceFetching.chosen(names, of: request.pipeline)
        let recorded = try files(request, style)
        let checks = try lastChecks(path: request.home.events(style))
        let reader = SourceReader(
            fetcher: request.fetcher,
            landing: request.home.landing(style),
            folder: request.pipeline.folder
        )
        return try sources.map { source in
            let known = (recorded.files + recorded.manifests).filter { $0.source == source.name }
            var status = SourceStatus(source: source)
            let here = recorded.files.filter {
                $0.source == source.name && FileManager.default.fileExists(atPath: $0.path)
            }
            status.files = here.count
            status.bytes = here.reduce(0) { $0 + $1.size }
            status.validators = known.filter { $0.etag != nil || $0.lastModified != nil }.count
            status.lastCheck = checks[source.name]?.time
            status.lastResult = checks[source.name]?.result
            if asking {
                do {
                    status.pending = try Blocking.wait(control: request.control) {
                        try await reader.pending(source, known: known)
                    }
                } catch let error as DuetError {
                    status.pending = .failure(error.message)
                }
            }
            return status
        }
    }

    private static func files(
        _ request: RunRequest,
        _ style: Style
    ) throws -> (files: [LandedFile], manifests: [LandedFile]) {
        let path = request.home.warehouse(style)
        guard FileManager.default.fileExists(atPath: path) else { return ([], []) }
        let warehouse = try Warehouse(path: path, settings: request.settings, isReadOnly: true)
        return try WarehouseState.files(try warehouse.connect())
    }

    /// When each source was last looked at, from the event log.
    ///
    /// - Throws: ``DuetError`` with `UNREADABLE_FILE` for a log that is there and cannot be read.
    private static func lastChecks(path: String) throws(DuetError) -> [String: (time: String, result: String)] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let text: String
        do {
            // Bytes that are no text are in a line that says nothing, and not a reason to lose the others.
            text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        } catch {
            throw DuetError(
                .unreadableFile,
                "the event log '\(path)', which says when sources were looked at, cannot be read",
                hint: "check its rights",
                cause: error.localizedDescription
            )
        }
        var checks: [String: (time: String, result: String)] = [:]
        for line in text.split(separator: "\n") where line.contains("\"transfer\"") {
            guard let event = Self.event(line), event["step_kind"]?.string == "transfer",
                let kind = event["event_type"]?.string, kind == "step_completed" || kind == "step_failed",
                let step = event["step"]?.string, let time = event["timestamp"]?.string
            else { continue }
            // Each style has its own name for the step that lands a source.
            let name =
                ["source ", "Copy "].first { step.hasPrefix($0) }.map { String(step.dropFirst($0.count)) } ?? step
            checks[name] = (time, kind == "step_completed" ? "completed" : "failed")
        }
        return checks
    }

    /// An event of the log; nil for a line that a kill has cut off.
    private static func event(_ line: Substring) -> JSONValue? {
        do { return try JSONValue(parsing: String(line)) } catch { return nil }
    }

    /// One line for people: what is here, since when, and what is pending.
    public var text: String {
        var parts = ["\(files) file\(files == 1 ? "" : "s")", ByteText.of(bytes)]
        if let lastCheck { parts.append("checked \(lastCheck)\(lastResult == "failed" ? ", which failed" : "")") }
        if files > 0 { parts.append("\(validators) with validators") }
        switch pending {
        case nil: break
        case .files(0, _, 0): parts.append("nothing to fetch")
        case .files(let count, let bytes, let removed):
            let size = bytes.map { " (\(ByteText.of($0)))" } ?? ""
            parts.append("to fetch: \(count) file\(count == 1 ? "" : "s")\(size)")
            if removed > 0 { parts.append("\(removed) gone") }
        case .unknown: parts.append("to fetch: shows when it is asked page by page")
        case .failure(let reason): parts.append("cannot be asked: \(reason)")
        }
        var text = "\(source.name)  \(parts.joined(separator: ", "))"
        text += "\n    \(FetchAddress.shown(source.address))"
        if source.access.credentials != .none { text += "  credentials: \(source.access.credentials.kind)" }
        if let reason = source.access.unverified { text += "\n    the server's certificate is not checked: \(reason)" }
        return text
    }

    /// The same as a JSON object.
    public var json: JSONValue {
        var object: JSONObject = [
            "source": .string(source.name), "address": .string(FetchAddress.shown(source.address)),
            "credentials": .string(source.access.credentials.kind), "files": .integer(Int64(files)),
            "bytes": .integer(Int64(bytes)), "validators": .integer(Int64(validators)),
        ]
        object["last_check"] = lastCheck.map { .string($0) }
        object["last_result"] = lastResult.map { .string($0) }
        object["tls_unverified"] = source.access.unverified.map { .string($0) }
        switch pending {
        case nil: break
        case .files(let count, let bytes, let removed):
            object["pending_files"] = .integer(Int64(count))
            object["pending_bytes"] = bytes.map { .integer(Int64($0)) }
            object["removed_files"] = .integer(Int64(removed))
        case .unknown: object["pending_files"] = .null
        case .failure(let reason): object["pending_error"] = .string(reason)
        }
        return .object(object)
    }
}

extension FetchAddress {
    /// A URL redacted; a local path or an object store's address as it is.
    fileprivate static func shown(_ address: String) -> String {
        Source.isRemote(address) ? redacted(address) : address
    }
}

/// Bytes in words.
public enum ByteText {
    /// For example `1.2 MB`.
    public static func of(_ bytes: Int) -> String {
        if bytes < 1000 { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB"]
        while value >= 999.95, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return "\((value * 10).rounded() / 10) \(units[unit])"
    }
}

extension SourceReader {
    /// What a fetch would bring: by listing and by conditional requests for heads.
    func pending(_ source: Source, known: [LandedFile]) async throws -> SourceStatus.Pending {
        guard source.isRemote else {
            let sync = try local(
                try Self.localPaths(of: source, folder: folder, today: today),
                of: source,
                known: known
            )
            let origins = Set(sync.files.map(\.origin))
            let gone = known.filter { $0.id != 0 && !$0.origin.contains("#") && !origins.contains($0.origin) }.count
            return .files(sync.changed, bytes: nil, removed: gone)
        }
        if case .api = source.origin { return .unknown }
        let connection = try connection(to: source)
        let list = try await wanted(source, connection, known: known)
        let transfer = SourceTransfer(reader: self, connection: connection, known: known, isPlain: false)
        let open = list.wanted.filter { transfer.unchanged($0) == nil }
        let sizes = try await withThrowingTaskGroup(of: (isNew: Bool, size: Int?).self) { group in
            var found: [(isNew: Bool, size: Int?)] = []
            for (index, item) in open.enumerated() {
                if index >= 64, let one = try await group.next() { found.append(one) }
                group.addTask { try await transfer.ask(item) }
            }
            for try await one in group { found.append(one) }
            return found
        }
        let new = sizes.filter(\.isNew)
        let bytes = new.reduce(into: Int?.some(0)) { sum, one in
            if let size = one.size, let known = sum { sum = known + size } else { sum = nil }
        }
        let origins = Set(list.wanted.map(\.origin))
        let gone = known.filter { file in
            file.id != 0 && !origins.contains(file.origin)
                && !origins.contains(String(file.origin.prefix { $0 != "#" }))
        }
        return .files(new.count, bytes: bytes, removed: gone.count)
    }
}
