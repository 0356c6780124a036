import Foundation

/// Runs the `curl` command and gives what it prints.
func curl(_ arguments: [String]) async throws -> String {
    // Not on the threads that tasks share: the server that the command waits for needs them.
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Result { try output(of: ["curl", "-sg", "--noproxy", "*"] + arguments) })
        }
    }
}

/// Runs the `curl` command and gives what it prints.
func curl(_ arguments: String...) async throws -> String { try await curl(arguments) }

/// The value of a header field in what `curl -I` prints.
func field(_ name: String, in head: String) -> String? {
    head.split(separator: "\r\n").first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
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
