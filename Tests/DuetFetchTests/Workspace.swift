import DuetFetch
import DuetServe
import Foundation
import Synchronization

/// A folder to serve from and one to fetch into, a server, and a fetcher that never really waits.
final class Workspace: Sendable {
    let root: String
    let served: String
    let landing: String
    let server: FileServer
    let fetcher: Fetcher
    let waits: Waits
    private let port: Int

    init(
        options: FileServerOptions = .init(),
        configure: (inout FetchConfiguration) -> Void = { _ in }
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("duet-fetch-\(UUID().uuidString)")
        root = folder.path
        served = folder.appendingPathComponent("served").path
        landing = folder.appendingPathComponent("landing").path
        for path in [served, landing] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        let waits = Waits()
        self.waits = waits
        var configuration = FetchConfiguration(
            proxy: "",
            sleep: { duration in waits.add(duration) },
            random: { 1 }
        )
        configure(&configuration)
        fetcher = Fetcher(configuration: configuration)
        server = FileServer(root: served, options: options)
        port = try await server.start()
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func stop() async {
        fetcher.shutdown()
        await server.stop()
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }
    func landed(_ name: String) -> String { "\(landing)/\(name)" }

    func serve(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(served)/\(name)"))
    }

    func request(_ name: String, as landing: String? = nil) -> FetchRequest {
        FetchRequest(url: url(name), destination: landed(landing ?? name), synchronize: false)
    }

    func content(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: landed(name))))
    }

    /// The names of everything in the landing folder.
    func landedNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: landing).sorted()
    }

    /// The waits a fetcher asked for instead of waiting.
    final class Waits: Sendable {
        private let list = Mutex<[Duration]>([])
        var all: [Duration] { list.withLock { $0 } }
        func add(_ duration: Duration) { list.withLock { $0.append(duration) } }
    }
}

/// Bytes that repeat for the same seed (splitmix64).
struct SeededBytes: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        let words = (0..<(count + 7) / 8).map { _ in next() }
        return Array(words.withUnsafeBytes { $0.prefix(count) })
    }
}

/// What a call throws, for tests that look into the error.
func failure(_ work: () async throws(FetchError) -> some Any) async -> FetchError? {
    do throws(FetchError) {
        _ = try await work()
        return nil
    } catch {
        return error
    }
}
