import Foundation
import Glibc

/// A program run to its end, with what it took.
struct ChildProcess {
    let seconds: Double
    /// The most memory it held at once, in bytes.
    let peakMemory: Int
    /// What it took of the processors, in its own code and in the system's.
    let processorSeconds: Double

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
        processorSeconds = usage.processorSeconds
        guard result == 0 else {
            throw BenchmarkError("\(path) \(arguments.joined(separator: " ")) failed (\(result))")
        }
    }
}

extension rusage {
    /// User and system time together.
    var processorSeconds: Double {
        Double(ru_utime.tv_sec + ru_stime.tv_sec) + Double(ru_utime.tv_usec + ru_stime.tv_usec) / 1_000_000
    }

    /// What this process has used so far.
    static var ownProcessorSeconds: Double {
        var usage = rusage()
        // 0 is the process itself; Glibc's name for it has another type than its parameter.
        getrusage(0, &usage)
        return usage.processorSeconds
    }
}
