internal import DuckKit
internal import DuetPipeline
internal import Foundation

extension SourceReader {
    private static func absolute(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : URL(fileURLWithPath: "\(folder)/\(path)").standardizedFileURL.path
    }

    /// The paths of a local source's files, which may be missing still.
    static func localPaths(
        of source: Source,
        folder: String,
        today: CalendarDay = CalendarDay(number: 0)
    ) throws -> [String] {
        switch source.origin {
        case .location(let address): return try paths(address, of: source, in: folder)
        case .list(let addresses): return try addresses.flatMap { try paths($0, of: source, in: folder) }
        case .template(let template):
            return try template.expanded(today: today).flatMap { try paths($0, of: source, in: folder) }
        case .objects, .api: return []
        case .manifest(let address):
            let text = try localText(address, of: source, in: folder)
            let base = URL(fileURLWithPath: absolute(address, in: folder)).deletingLastPathComponent()
            return try Manifest.entries(text, name: address, source: source).map {
                base.appendingPathComponent($0.name).path
            }
        }
    }

    /// The files a path or glob names, in order.
    private static func paths(_ address: String, of source: Source, in folder: String) throws -> [String] {
        let path = absolute(address, in: folder)
        if isFolder(path) {
            // As in the service: all files below, but for those that writers hide while they work.
            let base = path.hasSuffix("/") ? String(path.dropLast()) : path
            let found = try Database().connect()
                .rows("SELECT file FROM glob(?) ORDER BY file", [.varchar("\(base)/**")])
                .compactMap { $0.first?.string }
                .filter { file in
                    !file.dropFirst(base.count).split(separator: "/").contains { "_.".contains($0.prefix(1)) }
                }
            guard !found.isEmpty else { throw missing(path, of: source) }
            return found
        }
        guard path.contains(where: { "*?[".contains($0) }) else { return [path] }
        let found = try Database().connect()
            .rows("SELECT file FROM glob(?) ORDER BY file", [.varchar(path)]).compactMap { $0.first?.string }
        guard !found.isEmpty else { throw missing(path, of: source) }
        return found
    }

    private static func isFolder(_ path: String) -> Bool {
        do {
            let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
            return try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
        } catch {
            // What is not there is no folder; that it is missing is told by whoever reads it.
            return false
        }
    }

    private static func localText(_ address: String, of source: Source, in folder: String) throws -> String {
        let path = absolute(address, in: folder)
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw missing(path, of: source)
        }
    }

    /// Looks at local files; they are read where they lie.
    func local(_ paths: [String], of source: Source, known: [LandedFile]) throws -> SourceSync {
        let earlier = Dictionary(known.map { ($0.origin, $0) }) { $1 }
        var sync = SourceSync(files: [])
        for path in paths {
            let attributes: [FileAttributeKey: Any]
            do {
                attributes = try FileManager.default.attributesOfItem(atPath: path)
            } catch {
                throw Self.missing(path, of: source)
            }
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            // Reading every file to hash it would cost more than the update; size and time in nanoseconds are what
            // build tools go by too.
            let content = "\(size)-\(Int(time * 1e9))"
            if let before = earlier[path], before.content == content {
                sync.files.append(before)
            } else {
                sync.changed += 1
                sync.files.append(
                    LandedFile(source: source.name, origin: path, path: path, content: content, size: size)
                )
            }
        }
        return sync
    }

    /// The contents of local archives and workbooks; those that did not change are not unpacked again.
    func unpackedLocal(_ sync: SourceSync, of source: Source, known: [LandedFile]) async throws -> SourceSync {
        guard let packing = source.packing else { return sync }
        let connection = try connection(to: source)
        let transfer = SourceTransfer(reader: self, connection: connection, known: known, isPlain: true)
        var unpacked = SourceSync(files: [])
        try FileManager.default.createDirectory(
            atPath: self.folder(of: source),
            withIntermediateDirectories: true
        )
        for file in sync.files {
            let inside = known.filter { $0.origin.hasPrefix(file.origin + "#") }
            let isSame = known.contains { $0.origin == file.origin && $0.content == file.content }
            if isSame, !inside.isEmpty, inside.allSatisfy({ FileManager.default.fileExists(atPath: $0.path) }) {
                unpacked.files += inside
            } else {
                let files = try await transfer.unpack(file, packing)
                unpacked.changed += files.count
                unpacked.files += files
            }
            var kept = file
            kept.id = 0
            unpacked.kept.append(kept)
        }
        return unpacked
    }

    private static func missing(_ path: String, of source: Source) -> DuetError {
        DuetError(
            .missingFile,
            "source '\(source.name)': there is no file '\(path)'",
            hint:
                "check the location in pipeline.yml; for pipelines with a scenario, 'duet scenario apply' makes its files",
            at: source.location
        )
    }
}

/// Lists of files in the form that `sha256sum` writes: a digest, two spaces or a space and a star, a name.
enum Manifest {
    static func entries(_ text: String, name: String, source: Source) throws -> [(sha256: String, name: String)] {
        try text.split(whereSeparator: \.isNewline).enumerated().map { index, line in
            let digest = line.prefix(64)
            let rest = line.dropFirst(64)
            guard digest.count == 64, digest.allSatisfy(\.isHexDigit), rest.hasPrefix("  ") || rest.hasPrefix(" *"),
                rest.count > 2
            else {
                throw DuetError(
                    .badFormat,
                    "line \(index + 1) of the manifest '\(name)' is not '<sha256>  <file>': \(line.prefix(80))",
                    hint: "make it with: sha256sum *.csv > SHA256SUMS",
                    at: source.location
                )
            }
            return (digest.lowercased(), String(rest.dropFirst(2)))
        }
    }
}

/// Catches files that are plainly not what their source says before DuckDB guesses at them.
enum FormatCheck {
    static func check(_ file: LandedFile, format: FileFormat, location: SourceLocation) throws {
        guard let handle = FileHandle(forReadingAtPath: file.path) else {
            throw DuetError(
                .unreadableFile,
                "cannot open '\(file.path)'",
                hint: "check that you may read it",
                at: location
            )
        }
        defer { handle.closeFile() }
        let head = [UInt8](try handle.read(upToCount: 512) ?? Data())
        var found = kind(of: head, size: file.size)
        if format == .parquet, found == nil { found = "text" }
        guard let found, found != format.rawValue else { return }
        if format != .parquet, found == "gzip" || found == "zstd" { return }
        throw DuetError(
            .badFormat,
            "'\(file.origin)' should be \(format.rawValue), and is \(found)",
            hint: "look at the file; a server may have sent an error page in its place",
            at: location
        )
    }

    /// What a file's first bytes betray; nil when they say nothing.
    private static func kind(of head: [UInt8], size: Int) -> String? {
        if head.starts(with: Array("PAR1".utf8)) { return "parquet" }
        if head.starts(with: [0x1F, 0x8B]) { return "gzip" }
        if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "zstd" }
        if head.starts(with: Array("PK".utf8) + [3, 4]) { return "a zip archive" }
        if size == 0 { return "empty" }
        if head.contains(0) { return "binary" }
        let text = String(decoding: head, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
        if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") { return "an HTML page" }
        if text.hasPrefix("<?xml") { return "XML" }
        return nil
    }
}
