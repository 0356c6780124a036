internal import DuckKit
internal import DuetEngine
internal import DuetPipeline
internal import Foundation

/// A source's files in the folder that a scenario changes.
struct SourceFolder {
    let source: Source
    /// The files' paths relative to the data folder, oldest first: by name.
    let files: [String]
    /// The folder of new files, relative to the data folder; nil when the source is a single file.
    let folder: String?
    private let root: String

    /// Finds a source's files; nil when the source is not below `base`, so that a scenario cannot change it.
    ///
    /// - Parameters:
    ///   - source: The source, of a pipeline whose parameter `base` is `base`.
    ///   - base: What its location begins with.
    ///   - root: The data folder that `base` stands for.
    init?(_ source: Source, base: String, root: String) {
        self.source = source
        self.root = root
        let address = source.address
        guard address.hasPrefix(base + "/") else { return nil }
        let relative = String(address.dropFirst(base.count + 1))
        let parent = relative.split(separator: "/").dropLast().joined(separator: "/")
        let names = { (folder: String) -> [String] in
            do {
                return try FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? root : "\(root)/\(folder)")
                    .sorted()
            } catch {
                // A folder that is not there yet has no files.
                return []
            }
        }
        let path = { (name: String) in parent.isEmpty ? name : "\(parent)/\(name)" }
        switch source.origin {
        case .manifest:
            let manifest = relative.split(separator: "/").last.map(String.init) ?? relative
            folder = parent
            files = names(parent).filter { $0 != manifest && $0.contains(".") && !$0.hasPrefix(".") }.map(path)
        case .location where relative.contains("*") || relative.contains("?"):
            folder = parent
            let pattern = relative.split(separator: "/").last.map(String.init) ?? relative
            files = names(parent).filter { Self.matches($0, pattern) }.map(path)
        case .location:
            folder = nil
            files = FileManager.default.fileExists(atPath: "\(root)/\(relative)") ? [relative] : []
        case .list, .template, .objects, .api: return nil
        }
    }

    /// The bytes of all files.
    var bytes: Int {
        files.reduce(0) { sum, file in
            do {
                let size = try FileManager.default.attributesOfItem(atPath: "\(root)/\(file)")[.size] as? Int
                return sum + (size ?? 0)
            } catch {
                return sum
            }
        }
    }

    /// A name for a new file that sorts behind those there are.
    func newFile(_ word: String, step: Int) -> String? {
        guard let folder, let last = files.last else { return nil }
        let name = last.split(separator: "/").last.map(String.init) ?? last
        let ending = name.firstIndex(of: ".").map { String(name[$0...]) } ?? ""
        // A glob's names begin with what stands before its star.
        var prefix = ""
        if case .location(let pattern) = source.origin, let star = pattern.split(separator: "/").last {
            prefix = String(star.prefix { $0 != "*" && $0 != "?" })
        }
        let number = step < 10 ? "0\(step)" : "\(step)"
        let file = "\(prefix)scenario-\(number)-\(word)\(ending)"
        return folder.isEmpty ? file : "\(folder)/\(file)"
    }

    /// The function that reads files, each field as it is written.
    func reader(_ files: [String]) -> String {
        let list = files.map { SQL.literal("\(root)/\($0)") }.joined(separator: ", ")
        return switch source.format {
        case .csv:
            "read_csv([\(list)], all_varchar = true, union_by_name = true, filename = '__file'\(dialect))"
        case .json, .jsonl: "read_json([\(list)], union_by_name = true, filename = '__file')"
        case .parquet: "read_parquet([\(list)], union_by_name = true, filename = '__file')"
        }
    }

    /// How files are written, so that the source's own options read them.
    var writeOptions: String {
        switch source.format {
        case .csv: "FORMAT csv, HEADER\(dialect.replacing(" = ", with: " "))"
        case .json, .jsonl: "FORMAT json"
        case .parquet: "FORMAT parquet"
        }
    }

    private var dialect: String {
        let delimiters = ["delimiter", "delim", "sep"]
        let delimiter = source.options.first { delimiters.contains($0.name) }?.value
        return delimiter.map { ", delim = \(SQL.literal($0))" } ?? ""
    }

    /// Whether a name fits a pattern of `*` and `?`.
    static func matches(_ name: String, _ pattern: String) -> Bool {
        func match(_ name: Substring, _ pattern: Substring) -> Bool {
            guard let sign = pattern.first else { return name.isEmpty }
            if sign == "*" {
                return match(name, pattern.dropFirst()) || (!name.isEmpty && match(name.dropFirst(), pattern))
            }
            guard let letter = name.first, sign == "?" || sign == letter else { return false }
            return match(name.dropFirst(), pattern.dropFirst())
        }
        return match(name[...], pattern[...])
    }
}
