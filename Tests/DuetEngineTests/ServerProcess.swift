import DuetFetch
import DuetTestSupport
import Foundation
import Glibc

/// A real server of another make, started for a test and ended with it.
final class ServerProcess: Sendable {
    /// Where `scripts/setup servers` puts them.
    static func path(_ name: String) -> String { "\(FileManager.default.currentDirectoryPath)/.deps/servers/\(name)" }
    static func isThere(_ name: String) -> Bool { FileManager.default.isExecutableFile(atPath: path(name)) }

    private let id: Int32

    init(_ name: String, _ arguments: [String], in folder: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path(name))
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardInput = FileHandle.nullDevice
        let log = "\(folder)/\(name).log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardOutput = FileHandle(forWritingAtPath: log)
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        id = process.processIdentifier
    }

    deinit { kill(id, SIGKILL) }

    /// Waits until it answers, whatever it answers.
    func answers(_ url: String) async throws {
        let patient = Fetcher(configuration: FetchConfiguration(proxy: "", circuitBreaker: nil))
        let retry = RetryPolicy(maximumAttempts: 600, baseDelay: .milliseconds(50), maximumDelay: .milliseconds(200))
        do {
            _ = try await patient.fetch(FetchRequest(url: url, retry: retry))
        } catch {
            guard error.httpStatus != nil || error.code == .unauthorized || error.code == .certificateRejected else {
                throw error
            }
        }
        patient.shutdown()
    }

    /// Waits until something listens; over SSH there is no answer to wait for.
    func listens(on port: Int) async throws {
        let look = "bash -c '</dev/tcp/127.0.0.1/\(port)' 2>/dev/null && exit 0; sleep 0.1"
        _ = try await shell("for n in $(seq 600); do \(look); done; exit 1", in: "/")
    }

    /// Ports that nobody listens on just now.
    static func freePorts(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(socket)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                    bind(socket, raw, size) + getsockname(socket, raw, &size)
                }
            }
            guard socket >= 0, result == 0 else { throw TestFailure("the system gives no port") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
