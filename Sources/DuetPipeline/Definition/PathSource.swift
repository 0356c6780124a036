internal import Foundation

/// What stands behind `read_files('path')`: a source that nobody declared.
enum PathSource {
    /// The source of a call that names a path.
    ///
    /// - Parameters:
    ///   - read: The call.
    ///   - folder: The pipeline's folder, to which relative paths are relative.
    /// - Returns: The source, and what a person should know about it.
    static func source(for read: FileRead, folder: String) -> (Source, [DuetError]) {
        let address = read.path ?? read.source
        var notes: [DuetError] = []
        let path = local(address)
        if let scheme = address.firstRange(of: "://").map({ String(address[..<$0.lowerBound]).lowercased() }),
            !["http", "https", "file"].contains(scheme)
        {
            notes.append(
                DuetError(
                    .unsupported,
                    "'\(address)' is in a store of the service (\(scheme)), which is not read from here",
                    hint:
                        "declare a source in pipeline.yml and write read_files('${source.name}'), or a path of this machine",
                    at: read.location
                )
            )
        }
        var format = read.options.last { $0.name == "format" }.flatMap { FileFormat(rawValue: $0.value.lowercased()) }
        format = format ?? FileFormat(fileName: path) ?? sniffed(path, in: folder)
        if format == nil, !read.options.contains(where: { $0.name == "format" }) {
            notes.append(
                DuetError(
                    .unsupported,
                    "the format of '\(address)' is not said, and no file is there to tell: csv is taken",
                    hint: "write read_files('\(address)', format => 'json')",
                    at: read.location
                )
            )
        }
        let overwrites = read.options.last { $0.name == "allowoverwrites" }?.value.lowercased()
        let policy: ChangedFilePolicy =
            switch overwrites {
            case "true": .append
            case "false": .ignore
            default: .replace
            }
        let source = Source(
            name: read.source,
            origin: .location(path),
            format: format ?? .csv,
            options: [],
            changedFiles: policy,
            location: read.location
        )
        return (source, notes)
    }

    /// The path without the prefixes that mean this machine, and a pattern for a folder.
    private static func local(_ address: String) -> String {
        for prefix in ["file://", "file:"] where address.lowercased().hasPrefix(prefix) {
            return String(address.dropFirst(prefix.count))
        }
        return address
    }

    /// The format of the first file in a folder, or that a pattern names, whose name tells one.
    private static func sniffed(_ path: String, in folder: String) -> FileFormat? {
        let absolute = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        let base = absolute.prefix { !"*?[".contains($0) }
        guard let found = FileManager.default.enumerator(atPath: String(base)) else { return nil }
        for case let name as String in found {
            if let format = FileFormat(fileName: name) { return format }
        }
        return nil
    }
}

extension FileFormat {
    /// The format that a file's name tells; nil when it tells none.
    init?(fileName: String) {
        let path = fileName.split(separator: "?", maxSplits: 1).first?.lowercased() ?? ""
        let plain = [".gz", ".zst"].first { path.hasSuffix($0) }.map { String(path.dropLast($0.count)) } ?? path
        if plain.hasSuffix(".csv") || plain.hasSuffix(".tsv") {
            self = .csv
        } else if plain.hasSuffix(".jsonl") || plain.hasSuffix(".ndjson") {
            self = .jsonl
        } else if plain.hasSuffix(".json") {
            self = .json
        } else if plain.hasSuffix(".parquet") {
            self = .parquet
        } else {
            return nil
        }
    }
}
