internal import DuetPipeline
internal import Foundation

/// The page's own files, and the library that lays graphs out.
struct StudioAssets: Sendable {
    /// A file as it is sent.
    struct File: Sendable {
        var type: String
        var bytes: Data
    }

    private let files: [String: File]

    /// Reads all files once.
    ///
    /// - Parameter libraryFolder: Where `scripts/setup studio` has put the library.
    /// - Throws: ``DuetError`` when a file is missing.
    init(libraryFolder: String) throws {
        var files: [String: File] = [:]
        let own = Bundle.module.bundleURL.appendingPathComponent("Assets")
        for (name, type) in [
            ("index.html", "text/html; charset=utf-8"), ("studio.css", "text/css; charset=utf-8"),
            ("studio.js", "text/javascript; charset=utf-8"), ("graph.js", "text/javascript; charset=utf-8"),
            ("panels.js", "text/javascript; charset=utf-8"), ("dom.js", "text/javascript; charset=utf-8"),
            ("look.js", "text/javascript; charset=utf-8"), ("compare.js", "text/javascript; charset=utf-8"),
            ("icon.svg", "image/svg+xml"),
        ] {
            files["/\(name)"] = File(type: type, bytes: try Self.read(own.appendingPathComponent(name).path))
        }
        files["/"] = files["/index.html"]
        files["/dagre-d3.min.js"] = File(
            type: "text/javascript; charset=utf-8",
            bytes: try Self.read("\(libraryFolder)/dagre-d3.min.js", hint: "run 'scripts/setup studio' once")
        )
        self.files = files
    }

    /// The file at a path; nil when there is none.
    subscript(_ path: String) -> File? { files[path] }

    private static func read(_ path: String, hint: String = "build duet anew") throws -> Data {
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw DuetError(
                .missingFile,
                "the page's file '\(path)' cannot be read",
                hint: hint,
                cause: error.localizedDescription
            )
        }
    }
}
