import Foundation
import Synchronization

/// Collects values from callbacks.
final class Recorder<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    var all: [Value] { values.withLock { $0 } }
    func add(_ value: Value) { values.withLock { $0.append(value) } }
}

/// Runs a command of the system and gives its output; the oracle for what duet computes itself.
func run(_ command: String, _ arguments: String...) async throws -> String {
    // Not on the threads that tasks share: the server that the command waits for needs them.
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Result { try output(of: [command] + arguments) })
        }
    }
}

/// The SHA-256 of a file as the system's own command computes it.
func sha256(ofFile path: String) async throws -> String {
    String(try await run("sha256sum", path).prefix(64))
}

private func output(of command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
}
