internal import Foundation

/// What this process has taken of the machine so far, as Linux tells it in /proc/self.
enum ProcessUsage {
    /// Processor time of all threads in seconds; nil where it is not told.
    static var cpuSeconds: Double? {
        // proc(5): the name in field 2 may hold spaces, so fields are counted from its closing bracket; utime and stime
        // are fields 14 and 15, in ticks of 1/100 s.
        guard let text = text("/proc/self/stat"), let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        return (user + system) / 100
    }

    /// The most memory that was in use at once, in bytes; nil where it is not told.
    static var peakMemory: Int? {
        guard let line = text("/proc/self/status")?.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return nil }
        return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
    }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
