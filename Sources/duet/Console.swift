import ArgumentParser
import DuckKit
import DuetPipeline
import DuetServe
import Foundation

/// Writes for people and scripts, and ends the program.
enum Console {
    /// Exit codes beyond 0.
    enum Code {
        static let error: Int32 = 1
        static let usage: Int32 = 2
        static let differs: Int32 = 3
        static let slower: Int32 = 4
        static let stopped: Int32 = 130
    }

    static func print(_ text: String) { write(text + "\n", to: .standardOutput) }

    static func note(_ text: String) { write(text + "\n", to: .standardError) }

    static func write(_ text: String, to handle: FileHandle) {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            // Nobody is left to read it: the other end of a pipe has gone, as with `| head`.
            return
        }
    }

    /// Says what went wrong and ends with the right code.
    static func finish(_ error: any Error) -> Never {
        let errors: [DuetError] =
            switch error {
            case let error as DuetError: [error]
            case let errors as DuetErrors: errors.errors
            case let error as DuckDBError: [DuetError(.sqlExecution, error.message, cause: error.sql)]
            default: []
            }
        guard !errors.isEmpty else {
            // What is left is the argument parser's own: help, version and usage errors.
            let message = Duet.fullMessage(for: error)
            let isHelp = Duet.exitCode(for: error) == .success
            let isUsage = Duet.exitCode(for: error) == .validationFailure
            write(message + "\n", to: isHelp ? .standardOutput : .standardError)
            exit(isHelp ? 0 : isUsage ? Code.usage : Code.error)
        }
        for error in errors { note(error.description) }
        exit(errors.contains { $0.code == .cancelled } ? Code.stopped : Code.error)
    }
}
