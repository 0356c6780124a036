internal import Foundation

/// Texts that are kept beside the suites and must not change unseen.
public enum Snapshot {
    /// What is wrong with a text, held against the kept one; nil when they are equal.
    ///
    /// With `DUET_RECORD=1` the kept text is rewritten and the test fails all the same, so that a new baseline is seen.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - name: The file's name without `.txt`, in the folder `Snapshots` beside the suite.
    ///   - suite: The suite's file.
    /// - Returns: What differs, line by line.
    /// - Throws: An error when the kept text cannot be written.
    public static func mismatch(_ text: String, _ name: String, suite: String = #filePath) throws -> String? {
        let folder = URL(fileURLWithPath: suite).deletingLastPathComponent().appendingPathComponent("Snapshots")
        let file = folder.appendingPathComponent("\(name).txt")
        let text = text.hasSuffix("\n") ? text : text + "\n"
        if ProcessInfo.processInfo.environment["DUET_RECORD"] == "1" {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
            return "recorded \(file.path); run again without DUET_RECORD"
        }
        guard let data = FileManager.default.contents(atPath: file.path) else {
            return "there is no \(file.path); DUET_RECORD=1 writes it"
        }
        let kept = String(decoding: data, as: UTF8.self)
        return kept == text ? nil : difference(kept, text)
    }

    /// The lines that one text has and the other lacks.
    private static func difference(_ kept: String, _ found: String) -> String {
        let kept = kept.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let found = found.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var lines: [String] = ["differs from the snapshot (DUET_RECORD=1 rewrites it):"]
        for change in found.difference(from: kept) {
            switch change {
            case .insert(let offset, let element, _): lines.append("+ \(offset + 1): \(element)")
            case .remove(let offset, let element, _): lines.append("- \(offset + 1): \(element)")
            }
        }
        return lines.joined(separator: "\n")
    }
}
