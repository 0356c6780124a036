internal import Foundation

/// What stands in for the services an Azure Data Factory pipeline talks to, as stand-ins.yml says.
public struct StandIns: Sendable, Hashable {
    /// What a linked service is here.
    public enum Place: Sendable, Hashable {
        /// A folder; a container is a folder in it.
        case folder(String)
        /// The address of a server, without a slash at its end.
        case http(String)
        /// A schema of the warehouse, and the folder that holds its stored procedures as SQL files.
        case schema(String, procedures: String?)
        /// A folder with a program for each notebook or command.
        case commands(String)
    }

    /// The places by linked service, in lower case.
    public var places: [String: Place]
    /// Beginnings of addresses, and what is asked instead.
    public var web: [(from: String, to: String)]
    /// A folder in the git layout with resources that the factory lacks, or that stand in for its own.
    public var resources: String?
    /// The folder that storage events look at: a container is a folder in it.
    public var storage: String?
    /// The file; nil when there is none.
    public var file: String?

    /// Creates a table of stand-ins.
    public init(places: [String: Place] = [:], web: [(from: String, to: String)] = [], file: String? = nil) {
        self.places = Dictionary(places.map { ($0.lowercased(), $1) }, uniquingKeysWith: { first, _ in first })
        self.web = web
        self.file = file
    }

    /// The place of a linked service; case does not count.
    public subscript(linkedService: String) -> Place? { places[linkedService.lowercased()] }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: The file; paths in it are relative to its folder.
    ///   - parameters: Values for `${name}` in it.
    /// - Returns: What it maps.
    /// - Throws: ``DuetError`` with the place of the fault.
    public static func load(_ path: String, parameters: [String: String] = [:]) throws(DuetError) -> StandIns {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw DuetError(.missingFile, "there is no '\(path)'")
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let file = SourceFile(path: path, text: String(decoding: data, as: UTF8.self))
        let filled = try Parameters(values: parameters).fill(file.text) { file.location(at: $0) }
        let root = try YAMLValue.root(of: SourceFile(path: path, text: filled))
        var standIns = StandIns(file: path)
        for (key, value) in try root.mapping("stand-ins.yml", known: ["linkedServices", "web", "resources", "storage"])
        {
            if key == "resources" || key == "storage" {
                let text = try value.string("a folder")
                let path = URL(fileURLWithPath: text, relativeTo: folder).standardizedFileURL.path
                if key == "resources" { standIns.resources = path } else { standIns.storage = path }
                continue
            }
            if key == "web" {
                for (from, to) in try value.mapping("'web'") {
                    standIns.web.append((from, try to.string("an address")))
                }
                continue
            }
            for (name, place) in try value.mapping("'linkedServices'") {
                standIns.places[name.lowercased()] = try Self.place(place, name: name, folder: folder)
            }
        }
        return standIns
    }

    /// The line that maps a linked service, to be pasted under `linkedServices:`.
    ///
    /// A name that YAML would read as something else, such as `{name}` of a template's parameter, is put in quotes.
    ///
    /// - Parameters:
    ///   - name: The linked service.
    ///   - place: Its place, in YAML.
    /// - Returns: The line without its indentation.
    package static func line(for name: String, _ place: String) -> String {
        let words: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isLetter: (Character) -> Bool = { $0 == "_" || ($0.isASCII && $0.isLetter) }
        let isPlain =
            name.first.map(isLetter) ?? false
            && name.allSatisfy { isLetter($0) || $0 == "-" || ($0.isASCII && $0.isNumber) }
            && !words.contains(name.lowercased())
        return "\(isPlain ? name : JSONValue.string(name).text()): \(place)"
    }

    private static func place(_ value: YAMLValue, name: String, folder: URL) throws(DuetError) -> Place {
        let known = ["at", "folder", "http", "schema", "procedures", "commands"]
        var found: [String: String] = [:]
        for (key, value) in try value.mapping("the stand-in of '\(name)'", known: known) {
            found[key] = try value.string("'\(key)'")
        }
        func path(_ text: String) -> String { URL(fileURLWithPath: text, relativeTo: folder).standardizedFileURL.path }
        // A place that a parameter decides: a folder at home, a server in a comparison.
        if let text = found["at"] {
            let isAddress = text.hasPrefix("http://") || text.hasPrefix("https://")
            return isAddress ? .http(text.hasSuffix("/") ? String(text.dropLast()) : text) : .folder(path(text))
        }
        if let text = found["folder"] { return .folder(path(text)) }
        if let text = found["http"] { return .http(text.hasSuffix("/") ? String(text.dropLast()) : text) }
        if let text = found["schema"] { return .schema(text, procedures: found["procedures"].map(path)) }
        if let text = found["commands"] { return .commands(path(text)) }
        throw value.error(
            .missingKey,
            "the stand-in of '\(name)' says neither at, folder, http, schema nor commands",
            hint: "write for example: \(line(for: name, "{ folder: data }"))"
        )
    }

    /// Compares what is mapped.
    public static func == (a: StandIns, b: StandIns) -> Bool {
        a.places == b.places && a.file == b.file && a.resources == b.resources && a.storage == b.storage
            && a.web.elementsEqual(b.web, by: ==)
    }

    /// Feeds what is mapped.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(places)
        hasher.combine(file)
    }
}
