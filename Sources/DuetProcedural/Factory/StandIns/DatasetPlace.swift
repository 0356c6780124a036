internal import DuckKit
internal import DuetExpression
internal import DuetFactory
internal import DuetPipeline
internal import Foundation

/// Where a dataset is on this machine.
enum DatasetPlace {
    /// Files below a folder.
    case files(FileSet)
    /// A resource of a server.
    case http(url: String)
    /// A table of the warehouse; without a name only queries can read it.
    case table(schema: String, name: String?)

    /// - Throws: ``ActivityFailure`` when the linked service has no stand-in, or the wrong kind of one.
    init(_ dataset: ResolvedDataset, _ environment: FactoryEnvironment) throws {
        guard let service = dataset.linkedService else {
            throw ActivityFailure(
                "DatasetNotFound",
                "the dataset '\(dataset.name)' is not defined, or names no linked service",
                isFinal: true
            )
        }
        switch try environment.place(of: service) {
        case .folder(let folder): self = .files(try FileSet(dataset, folder: folder))
        case .http(let base):
            let relative =
                dataset.properties.value(ignoringCase: "relativeUrl")?.stringValue
                ?? dataset.properties.value(ignoringCase: "location")?.objectValue?.value(ignoringCase: "relativeUrl")?
                .stringValue ?? ""
            self = .http(
                url: relative.isEmpty
                    ? base : "\(base)/\(relative.hasPrefix("/") ? String(relative.dropFirst()) : relative)"
            )
        case .schema(let schema, _): self = .table(schema: schema, name: Self.table(dataset))
        case .commands:
            throw ActivityFailure(
                "WrongStandIn",
                "the stand-in of '\(service.name)' is for commands; the dataset '\(dataset.name)' needs a folder, an "
                    + "address or a schema",
                isFinal: true
            )
        }
    }

    /// The table's own name, of `table` or of a `tableName` such as `[dbo].[Orders]`.
    private static func table(_ dataset: ResolvedDataset) -> String? {
        let properties = dataset.properties
        let text =
            properties.value(ignoringCase: "table")?.stringValue
            ?? properties.value(ignoringCase: "tableName")?.stringValue
            // What Dynamics and Salesforce, and document stores, call it.
            ?? properties.value(ignoringCase: "entityName")?.stringValue
            ?? properties.value(ignoringCase: "collectionName")?.stringValue
        guard let text, !text.isEmpty else { return nil }
        return TableName.last(text)
    }
}

/// Names of tables as SQL Server writes them.
enum TableName {
    /// The last part, without brackets or quotes.
    static func last(_ text: String) -> String {
        let parts = text.split(separator: ".")
        let last = parts.last.map(String.init) ?? text
        return last.trimmingCharacters(in: CharacterSet(charactersIn: "[]\"` "))
    }
}

extension FactoryEnvironment {
    /// The place of a linked service.
    func place(of service: ResolvedLinkedService) throws(ActivityFailure) -> StandIns.Place {
        guard let place = standIns[service.name] else {
            throw ActivityFailure(
                "MissingStandIn",
                "the linked service '\(service.name)' has no stand-in",
                hint: "add it to stand-ins.yml",
                isFinal: true
            )
        }
        return place
    }

    /// A folder of its own for one activity run.
    func scratch(_ call: ActivityCall) throws -> String {
        let folder = "\(workFolder)/\(call.activityRunID)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }
}

/// Files of a dataset: a folder and what is looked for in it.
struct FileSet {
    /// The stand-in's folder, which nothing may leave.
    let root: String
    /// The dataset's folder in it, without slashes at its ends; empty for the root itself.
    var folder: String
    /// The file's name; nil for all.
    var name: String?
    let format: FileLayout

    init(_ dataset: ResolvedDataset, folder root: String) throws {
        self.root = root
        let properties = dataset.properties
        func text(_ object: ExpressionObject?, _ names: String...) -> String? {
            for name in names {
                if let text = object?.value(ignoringCase: name)?.stringValue, !text.isEmpty { return text }
            }
            return nil
        }
        let location = properties.value(ignoringCase: "location")?.objectValue ?? properties
        let container = text(location, "container", "fileSystem", "bucketName")
        let path = text(location, "folderPath")
        folder = [container, path].compactMap { $0 }
            .flatMap { $0.replacingOccurrences(of: "\\", with: "/").split(separator: "/") }
            .filter { $0 != "." }.joined(separator: "/")
        name = text(location, "fileName")
        if folder.isEmpty, name == nil, let relative = text(location, "relativeUrl") {
            // A server's resource, when a folder stands in for the server.
            let parts = relative.split(separator: "/").map(String.init)
            folder = parts.dropLast().joined(separator: "/")
            name = parts.last
        }
        format = FileLayout(dataset)
        try check(folder)
        if let name { try check(name) }
    }

    /// A path may come from data, and must stay within the stand-in.
    func check(_ path: String) throws(ActivityFailure) {
        guard path.hasPrefix("/") || path.split(separator: "/").contains("..") || path.utf8.contains(0) else { return }
        throw ActivityFailure(
            "PathOutsideStandIn",
            "the path '\(path)' leads out of the linked service's folder",
            hint: "paths are relative to it, and '..' is not allowed",
            isFinal: true
        )
    }

    /// The folder's absolute path.
    var folderPath: String { folder.isEmpty ? root : "\(root)/\(folder)" }
    /// The file's absolute path; nil when the dataset is a folder.
    var filePath: String? { name.map { "\(folderPath)/\($0)" } }

    /// The files there are, as paths relative to the dataset's folder, in order.
    ///
    /// - Parameters:
    ///   - folderPattern: Wildcards for the folders below the container; nil for the dataset's own folder.
    ///   - namePattern: Wildcards for the file's name; nil for what the dataset names.
    ///   - isRecursive: Whether folders below are looked into.
    /// - Returns: Absolute paths, and paths relative to where the search began.
    /// - Throws: ``ActivityFailure`` for a pattern that leads out of the stand-in.
    func files(
        folderPattern: String?,
        namePattern: String?,
        isRecursive: Bool
    ) throws -> [(path: String, relative: String)] {
        if folderPattern == nil, namePattern == nil, let filePath, !Wildcard.isPattern(filePath) {
            return FileManager.default.fileExists(atPath: filePath) ? [(filePath, name ?? "")] : []
        }
        var start = folderPath
        var folders: Wildcard?
        if let folderPattern {
            try check(folderPattern)
            let container = folder.split(separator: "/").first.map(String.init) ?? ""
            start = container.isEmpty ? root : "\(root)/\(container)"
            folders = Wildcard(folderPattern.split(separator: "/").joined(separator: "/"))
        }
        let names = Wildcard(namePattern ?? name ?? "*")
        guard let walker = FileManager.default.enumerator(atPath: start) else { return [] }
        var found: [(path: String, relative: String)] = []
        for case let relative as String in walker
        where walker.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
            let parts = relative.split(separator: "/")
            let parent = parts.dropLast().joined(separator: "/")
            guard names.matches(parts.last.map(String.init) ?? "") else { continue }
            if let folders {
                guard isRecursive ? folders.matchesPrefix(parent) : folders.matches(parent) else { continue }
            } else if !isRecursive, parts.count > 1 {
                continue
            }
            found.append(("\(start)/\(relative)", relative))
        }
        return found.sorted { $0.relative < $1.relative }
    }
}

/// File names with `*`, `?` and `**`.
struct Wildcard {
    private let pattern: [Character]

    init(_ pattern: String) { self.pattern = Array(pattern) }

    static func isPattern(_ text: String) -> Bool { text.contains("*") || text.contains("?") }

    /// Whether the whole text fits; `*` and `?` do not cross a slash, `**` does.
    func matches(_ text: String) -> Bool { Self.matches(pattern[...], Array(text)[...]) }

    /// Whether the text, or some folder above it, fits.
    func matchesPrefix(_ text: String) -> Bool {
        let parts = text.split(separator: "/")
        return (0...parts.count).contains { matches(parts.prefix($0).joined(separator: "/")) }
    }

    private static func matches(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
        // Each star is tried with the shortest text first; only the last one can need to grow again.
        var p = pattern.startIndex
        var t = text.startIndex
        var star: (pattern: Int, text: Int, crosses: Bool)?
        while t < text.endIndex {
            if p < pattern.endIndex, pattern[p] == "*" {
                let crosses = p + 1 < pattern.endIndex && pattern[p + 1] == "*"
                p += crosses ? 2 : 1
                if crosses, p < pattern.endIndex, pattern[p] == "/" { p += 1 }
                star = (p, t, crosses)
            } else if p < pattern.endIndex, pattern[p] == text[t] || (pattern[p] == "?" && text[t] != "/") {
                p += 1
                t += 1
            } else if let last = star, last.crosses || text[last.text] != "/" {
                star?.text += 1
                p = last.pattern
                t = last.text + 1
            } else {
                return false
            }
        }
        while p < pattern.endIndex, pattern[p] == "*" { p += 1 }
        return p == pattern.endIndex
    }
}
