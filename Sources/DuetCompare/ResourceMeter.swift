public import DuetReport
internal import Foundation

/// Measures what a piece of work takes of the machine, from Linux's own accounts in /proc.
public struct ResourceMeter: Sendable {
    private let started: Reading
    private let clock = ContinuousClock.now

    private struct Reading: Sendable {
        /// Processor seconds of this process and of all.
        var own = 0.0
        var all = 0.0
        var read = 0
        var written = 0
    }

    /// Starts measuring; the high-water mark of memory is put back where the system lets it be.
    public init() {
        // Documented in proc(5): 5 resets the peak resident size. Without the right to it the peak is since the start.
        if let handle = FileHandle(forWritingAtPath: "/proc/self/clear_refs") {
            do {
                try handle.write(contentsOf: Data("5".utf8))
            } catch {
                // The peak then counts from the process's start, which is told by its not falling.
            }
        }
        started = Self.reading()
    }

    /// What it has taken since.
    public func measured() -> RunResources {
        let now = Self.reading()
        let seconds = max(0.000_1, (ContinuousClock.now - clock) / .seconds(1))
        let own = now.own - started.own
        return RunResources(
            processorSeconds: own,
            backgroundCores: max(0, (now.all - started.all - own) / seconds),
            peakMemory: Self.field("VmHWM:", in: "/proc/self/status").map { $0 << 10 },
            bytesRead: max(0, now.read - started.read),
            bytesWritten: max(0, now.written - started.written)
        )
    }

    /// The load averages over 1, 5 and 15 minutes.
    public static func load() -> [Double] {
        text("/proc/loadavg").split(separator: " ").prefix(3).compactMap { Double($0) }
    }

    private static func reading() -> Reading {
        var reading = Reading()
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        // user nice system idle iowait irq softirq steal: all but idle and waiting is work.
        let machine = text("/proc/stat").prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap {
            Double($0)
        }
        if machine.count >= 8 { reading.all = (machine[0...2].reduce(0, +) + machine[5...7].reduce(0, +)) / ticks }
        // The name in brackets may hold anything; fields are counted from behind it. utime and stime are 14 and 15.
        let status = text("/proc/self/stat")
        if let bracket = status.lastIndex(of: ")") {
            let fields = status[bracket...].split(separator: " ")
            if fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) {
                reading.own = (user + system) / ticks
            }
        }
        reading.read = field("rchar:", in: "/proc/self/io") ?? 0
        reading.written = field("wchar:", in: "/proc/self/io") ?? 0
        return reading
    }

    private static func field(_ name: String, in path: String) -> Int? {
        for line in text(path).split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split(whereSeparator: { $0 == " " || $0 == "\t" }).first.flatMap {
                Int($0)
            }
        }
        return nil
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}
