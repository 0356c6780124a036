internal import Foundation

/// The built `duet` command, run as a user runs it.
public struct BuiltCommand: Sendable {
    /// How a process ended.
    public struct Result: Sendable {
        /// The exit code; 128 and the signal's number when a signal ended it.
        public var status: Int32
        /// Standard output.
        public var output: String
        /// Standard error.
        public var errors: String
        /// Wall time in seconds.
        public var seconds: Double
    }

    /// The program's path.
    public let path: String

    /// Finds the command beside the test bundle.
    ///
    /// - Parameter program: Its name.
    /// - Throws: ``TestFailure`` when it has not been built.
    public init(_ program: String = "duet") throws {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        path = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(program).path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw TestFailure("the command has not been built: there is no '\(path)'")
        }
    }

    /// Runs the command to its end.
    ///
    /// - Parameters:
    ///   - arguments: Its arguments.
    ///   - folder: The folder to run in.
    ///   - wrapper: A program and its arguments that start it, such as `timeout -s KILL 1`.
    ///   - isScript: Whether the arguments are the wrapper's, a shell's `-c` and a script that finds the command in `$0`.
    ///   - onErrors: Told of standard error so far whenever more has come, with the process's id.
    /// - Returns: How it ended.
    /// - Throws: An error when it cannot be started.
    public func run(
        _ arguments: [String],
        in folder: TemporaryFolder,
        under wrapper: [String] = [],
        isScript: Bool = false,
        onErrors: @escaping @Sendable (String, Int32) -> Void = { _, _ in }
    ) async throws -> Result {
        // A script gets the command's path as its $0, behind the script itself.
        let line = isScript ? wrapper + arguments + [path] : wrapper + [path] + arguments
        let process = Process()
        process.executableURL = URL(fileURLWithPath: line[0].hasPrefix("/") ? line[0] : "/usr/bin/env")
        process.arguments = line[0].hasPrefix("/") ? Array(line.dropFirst()) : line
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        let clock = ContinuousClock()
        let start = clock.now
        try process.run()
        let id = process.processIdentifier
        async let outputText = offPool { Self.text(of: output) { _ in } }
        async let errorText = offPool { Self.text(of: errors) { onErrors($0, id) } }
        let texts = try await (outputText, errorText)
        // Both ends are closed, so the process has ended or is about to.
        let ended = Box(process)
        let status = try await offPool { ended.process.status }
        return Result(status: status, output: texts.0, errors: texts.1, seconds: (clock.now - start) / .seconds(1))
    }

    /// All that comes out of a pipe; `FileHandle` ends the process when a signal interrupts its read.
    private static func text(of pipe: Pipe, _ onMore: (String) -> Void) -> String {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(pipe.fileHandleForReading.fileDescriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece.prefix(count)
            onMore(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Carries a process to the thread that waits for it, and no other uses it meanwhile.
    private struct Box: @unchecked Sendable {
        let process: Process
        init(_ process: Process) { self.process = process }
    }
}

extension Process {
    fileprivate var status: Int32 {
        waitUntilExit()
        return terminationReason == .uncaughtSignal ? 128 + terminationStatus : terminationStatus
    }
}

/// Why a test cannot go on.
public struct TestFailure: Error, CustomStringConvertible {
    /// The reason.
    public let description: String

    /// Gives a reason.
    public init(_ description: String) { self.description = description }
}
