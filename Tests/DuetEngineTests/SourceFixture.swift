import DuetEngine
import DuetFetch
import DuetPipeline
import DuetServe
import DuetTestSupport
import Foundation

/// One source of a pipeline, read for real from servers on loopback.
struct SourceFixture {
    let folder: TemporaryFolder
    let source: Source
    var environment: [String: String] = [:]
    var configuration = FetchConfiguration(proxy: "", sleep: { _ in })

    /// Takes the source's entry in pipeline.yml.
    init(_ text: String, environment: [String: String] = [:]) throws {
        folder = try TemporaryFolder()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)" }
        try folder.write("name: p\nsources:\n  s:\n\(lines.joined(separator: "\n"))\n", to: "pipeline.yml")
        try folder.write("CREATE MATERIALIZED VIEW a.b AS SELECT 1 AS x;", to: "transformations/a.sql")
        guard let source = try Pipeline.load(folder: folder.path, overrides: [:]).source(named: "s") else {
            throw TestFailure("no source")
        }
        self.source = source
        self.environment = environment
    }

    var landing: String { "\(folder.path)/landing" }

    func reader(
        today: String = "2024-03-05",
        progress: (@Sendable (SourceProgress) -> Void)? = nil
    ) throws -> SourceReader {
        guard let day = CalendarDay(today) else { throw TestFailure("no day") }
        let configuration = configuration
        return SourceReader(
            fetcher: LazyFetcher { Fetcher(configuration: configuration) },
            landing: landing,
            folder: folder.path,
            environment: environment,
            today: day,
            progress: progress
        )
    }

    /// Reads the source; what was found is known the next time.
    func read(known: SourceSync? = nil, mode: SourceReader.Mode = .conditional) async throws -> SourceSync {
        try await reader().read(source, known: (known?.files ?? []) + (known?.kept ?? []), mode: mode)
    }

    /// The error of a read.
    func error() async -> DuetError? {
        do {
            _ = try await read()
            return nil
        } catch {
            return error as? DuetError
        }
    }

    /// The texts of the files a sync found, in order.
    static func texts(_ sync: SourceSync) throws -> [String] {
        try sync.files.map { try String(contentsOfFile: $0.path, encoding: .utf8) }
    }
}

/// A file server over a folder of its own.
final class ServedFolder: Sendable {
    let folder: TemporaryFolder
    let server: FileServer

    init(handler: (@Sendable (ServedRequest) async -> ServedReply?)? = nil) throws {
        folder = try TemporaryFolder()
        server = FileServer(root: folder.path, options: FileServerOptions(handler: handler))
    }

    /// Starts and gives the address without a slash at its end.
    func start() async throws -> String { "http://127.0.0.1:\(try await server.start())" }
}

/// Runs a command of the system and gives its output.
func shell(_ text: String, in folder: String) async throws -> String {
    try await offPool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-ec", text]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let output = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw TestFailure("'\(text)' failed: \(output)") }
        return output
    }
}
