public import DuetPipeline
internal import Foundation

extension Factory {
    /// Reads every factory under a folder: git layouts and ARM templates.
    ///
    /// A folder with pipeline/, dataset/, linkedService/, trigger/ or dataflow/ in it is a factory; so is every ARM
    /// template that defines pipelines. Other files are left alone.
    ///
    /// - Parameter path: A folder, or one template's file.
    /// - Returns: The factories, by path; pipelines that cannot run are among them, with the reason.
    /// - Throws: ``DuetError`` with `MISSING_FILE` or `UNREADABLE_FILE`.
    public static func load(all path: String) throws(DuetError) -> [Factory] {
        try load(all: path, resources: nil)
    }

    private static func load(all path: String, resources: String?) throws(DuetError) -> [Factory] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw DuetError(
                .missingFile,
                "there is no '\(path)'",
                hint: "give the folder of a pipeline (pipeline.yml), or of a data factory (pipeline/, dataset/ …)"
            )
        }
        if path.lowercased().hasSuffix(".json") {
            return try template(path, try given(resources)).map { [$0] } ?? []
        }
        var roots: [String: [(file: String, kind: FactoryResource.Kind)]] = [:]
        var templates: [String] = []
        for file in try jsonFiles(under: path) {
            let parts = file.split(separator: "/", omittingEmptySubsequences: false)
            // Pipelines may be kept in folders below pipeline/.
            let place = parts.indices.dropLast().suffix(3).reversed().lazy
                .compactMap { place in FactoryResource.Kind(folder: String(parts[place])).map { (place, $0) } }.first
            if let (place, kind) = place, place == parts.count - 2 || Self.isResource(file) {
                roots[parts[..<place].joined(separator: "/"), default: []].append((file, kind))
            } else {
                templates.append(file)
            }
        }
        let given = try given(resources)
        if let resources {
            // They may lie in the factory's own folder, and are no factory of their own.
            let place = URL(fileURLWithPath: resources).standardizedFileURL.path
            roots = roots.filter { URL(fileURLWithPath: $0.key).standardizedFileURL.path != place }
        }
        var factories: [Factory] = []
        for (root, files) in roots.sorted(by: { $0.key < $1.key }) {
            let name = URL(fileURLWithPath: root.isEmpty ? path : root).lastPathComponent
            var builder = FactoryBuilder(name: name, path: root)
            for (file, kind) in given { builder.add(file, kind: kind, isGiven: true) }
            for (file, kind) in files.sorted(by: { $0.file < $1.file }) {
                builder.add(SourceFile(path: file, text: try text(of: file)), kind: kind)
            }
            factories.append(builder.finish())
        }
        for file in templates.sorted() { if let factory = try template(file, given) { factories.append(factory) } }
        return factories
    }

    /// Reads the one factory of a folder or template.
    ///
    /// - Parameters:
    ///   - path: The folder or template.
    ///   - resources: A folder in the git layout whose resources are added, in place of the factory's own of one name.
    /// - Returns: The factory, with what was found about it.
    /// - Throws: ``DuetError`` when there is none, or more than one.
    public static func load(_ path: String, resources: String? = nil) throws(DuetError) -> Factory {
        let factories = try load(all: path, resources: resources)
        guard let first = factories.first else {
            throw DuetError(
                .missingFile,
                "'\(path)' holds no data factory",
                hint: "a factory's folder has pipeline/ with one JSON file a pipeline; a template has 'resources'"
            )
        }
        guard factories.count == 1 else {
            let names = factories.map(\.path).joined(separator: ", ")
            throw DuetError(
                .wrongValue,
                "'\(path)' holds \(factories.count) factories: \(names)",
                hint: "give the folder of one of them"
            )
        }
        return first
    }

    /// The files of a folder in the git layout.
    private static func given(
        _ folder: String?
    ) throws(DuetError) -> [(file: SourceFile, kind: FactoryResource.Kind)] {
        guard let folder else { return [] }
        var given: [(file: SourceFile, kind: FactoryResource.Kind)] = []
        for file in try jsonFiles(under: folder).sorted() {
            let parent = file.split(separator: "/").dropLast().last.map(String.init) ?? ""
            guard let kind = FactoryResource.Kind(folder: parent) else { continue }
            given.append((SourceFile(path: file, text: try text(of: file)), kind))
        }
        return given
    }

    private static func template(
        _ path: String,
        _ given: [(file: SourceFile, kind: FactoryResource.Kind)]
    ) throws(DuetError) -> Factory? {
        let file = SourceFile(path: path, text: try text(of: path))
        // Most JSON files of a repository are something else; parsing them all would take its time.
        guard file.text.contains("Microsoft.DataFactory/factories") else { return nil }
        var builder = FactoryBuilder(
            name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
            path: path,
            isTemplate: true
        )
        for (file, kind) in given { builder.add(file, kind: kind, isGiven: true) }
        ARMTemplateReader(file).read(into: &builder)
        let factory = builder.finish()
        return factory.pipelines.isEmpty && factory.resources.isEmpty && factory.unparsedCount == 0 ? nil : factory
    }

    /// Whether a file below a kind's folder holds one resource, and is no template.
    private static func isResource(_ file: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: file) else { return false }
        let head = String(decoding: data.prefix(4_096), as: UTF8.self)
        return head.contains("\"properties\"") && !head.contains("\"$schema\"")
    }

    private static func jsonFiles(under path: String) throws(DuetError) -> [String] {
        let root = path.hasSuffix("/") ? String(path.dropLast()) : path
        guard let walker = FileManager.default.enumerator(atPath: root) else {
            throw DuetError(.unreadableFile, "the folder '\(path)' cannot be read")
        }
        var files: [String] = []
        for case let name as String in walker {
            let last = name.split(separator: "/").last ?? ""
            if last == ".git" || last == "node_modules" || last == ".duet" || last == ".build" {
                walker.skipDescendants()
            } else if last.lowercased().hasSuffix(".json") {
                files.append("\(root)/\(name)")
            }
        }
        return files
    }

    private static func text(of path: String) throws(DuetError) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DuetError(.unreadableFile, "the file '\(path)' cannot be read")
        }
        // PowerShell writes UTF-16 with a byte order mark.
        if data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF]) {
            return String(data: data, encoding: .utf16) ?? String(decoding: data, as: UTF8.self)
        }
        return String(decoding: data, as: UTF8.self)
    }
}
