import Foundation
import Glibc

/// A program run to its end, with what it took.
struct ChildProcess {
    let seconds: Double
    /// The most memory it held at once, in bytes.
    let peakMemory: Int

    /// Runs a program; its output goes nowhere.
    init(_ path: String, _ arguments: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var pointers = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process = pid_t()
        let start = ContinuousClock.now
        let status = posix_spawn(&process, path, &actions, nil, &pointers, environ)
        guard status == 0 else { throw BenchmarkError("cannot start \(path): \(String(cString: strerror(status)))") }
        var result: Int32 = 0
        var usage = rusage()
        guard wait4(process, &result, 0, &usage) == process else { throw BenchmarkError("cannot wait for \(path)") }
        seconds = (ContinuousClock.now - start) / .seconds(1)
        // Linux counts in KiB.
        peakMemory = usage.ru_maxrss << 10
        guard result == 0 else {
            throw BenchmarkError("\(path) \(arguments.joined(separator: " ")) failed (\(result))")
        }
    }
}
