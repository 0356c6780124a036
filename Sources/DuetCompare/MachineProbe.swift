internal import DuckKit
public import DuetReport
internal import Foundation

/// Finds out what machine this is, for reports.
public enum MachineProbe {
    /// This machine.
    public static func machine() -> Machine {
        Machine(
            processor: value(of: "model name", in: "/proc/cpuinfo", separator: ":") ?? "unknown processor",
            cores: ProcessInfo.processInfo.activeProcessorCount,
            memory: Int(clamping: ProcessInfo.processInfo.physicalMemory),
            system: value(of: "PRETTY_NAME", in: "/etc/os-release", separator: "=")?
                .trimmingCharacters(in: CharacterSet(charactersIn: "\"")) ?? "Linux",
            duckDB: Database.libraryVersion
        )
    }

    /// The first value of a key in a file of `key: value` lines; nil when there is no such file or key.
    private static func value(of key: String, in path: String, separator: Character) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: separator, maxSplits: 1)
            guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == key else { continue }
            return parts[1].trimmingCharacters(in: .whitespaces)
        }
        return nil
    }
}
