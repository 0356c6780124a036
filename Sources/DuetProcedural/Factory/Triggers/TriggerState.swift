internal import DuetExpression
public import DuetPipeline
public import Foundation

/// What became of triggers' firings, kept in a file so that it outlives the program.
///
/// The file is written whole beside its place and renamed before a run begins and when it has ended, so that a kill leaves
/// the state before or behind, never half of it. What was under way when it came is run again.
public final class TriggerState {
    /// What became of a firing.
    public enum Status: String, Sendable {
        /// It is to be run.
        case waiting = "Waiting"
        /// It was begun.
        case running = "Running"
        /// All its runs succeeded.
        case succeeded = "Succeeded"
        /// One of its runs failed, tries included.
        case failed = "Failed"
        /// It is not to be run.
        case cancelled = "Cancelled"
    }

    /// One firing's record.
    public struct Entry: Sendable {
        /// What became of it.
        public var status: Status
        /// How often it was tried.
        public var attempts: Int
        /// When it was last begun.
        public var begun: Date?

        /// Creates a record.
        public init(status: Status, attempts: Int = 0, begun: Date? = nil) {
            self.status = status
            self.attempts = attempts
            self.begun = begun
        }
    }

    private var entries: [String: [String: Entry]] = [:]
    /// Files that storage events have seen: size and change by path.
    private var files: [String: String] = [:]
    private var knowsFiles = false
    private let path: String

    /// Reads the state; there is none the first time.
    ///
    /// - Throws: ``DuetError`` for a file that is no state.
    public init(path: String) throws(DuetError) {
        self.path = path
        guard let data = FileManager.default.contents(atPath: path) else { return }
        guard
            case .success(let value) = Result(catching: {
                try ExpressionValue(json: String(decoding: data, as: UTF8.self))
            }),
            let object = value.objectValue
        else {
            throw DuetError(
                .badFormat,
                "'\(path)' is not the state of triggers",
                hint: "delete it to begin anew: windows that were done are then run again"
            )
        }
        let triggers = object["triggers"]?.objectValue ?? ExpressionObject()
        for (name, value) in zip(triggers.names, triggers.values) {
            let kept = value.objectValue ?? ExpressionObject()
            for (key, value) in zip(kept.names, kept.values) {
                guard let entry = value.objectValue, let text = entry["status"]?.stringValue,
                    let status = Status(rawValue: text)
                else { continue }
                var attempts = 0
                if case .integer(let number)? = entry["attempts"] { attempts = Int(number) }
                // What was under way when the program ended has not been done.
                entries[name, default: [:]][key] = Entry(
                    status: status == .running ? .waiting : status,
                    attempts: attempts,
                    begun: entry["begun"]?.stringValue.flatMap { TriggerMoment.date($0) }
                )
            }
        }
        if let seen = object["files"]?.objectValue {
            knowsFiles = true
            for (name, value) in zip(seen.names, seen.values) { files[name] = value.stringValue ?? "" }
        }
    }

    /// The record of a firing; nil when there is none.
    public func entry(_ trigger: String, _ key: String) -> Entry? { entries[trigger.lowercased()]?[key] }

    /// Changes the record of a firing, and writes the file.
    ///
    /// - Throws: ``DuetError`` when the file cannot be written.
    public func set(_ trigger: String, _ key: String, _ entry: Entry) throws(DuetError) {
        entries[trigger.lowercased(), default: [:]][key] = entry
        try save()
    }

    /// The firings that were begun and are not done, such as at a kill.
    public func unfinished(_ trigger: String) -> [String] {
        (entries[trigger.lowercased()] ?? [:]).filter { $0.value.status == .waiting && $0.value.begun != nil }
            .keys.sorted()
    }

    /// What has changed in a folder since it was last looked at; the first look finds nothing new.
    ///
    /// - Returns: New or changed files with their sizes, and those that have gone, by path.
    public func changes(
        _ now: [String: (size: Int, stamp: String)]
    ) -> (
        created: [(path: String, size: Int)], deleted: [String]
    ) {
        guard knowsFiles else { return ([], []) }
        let created = now.filter { files[$0.key] != $0.value.stamp }.map { ($0.key, $0.value.size) }
        let deleted = files.keys.filter { now[$0] == nil }
        return (created.sorted { $0.0 < $1.0 }.map { (path: $0.0, size: $0.1) }, deleted.sorted())
    }

    /// Whether a folder has been looked at before.
    public var hasLooked: Bool { knowsFiles }

    /// Remembers that a file has been dealt with; nil when it has gone.
    ///
    /// - Throws: ``DuetError`` when the file cannot be written.
    public func note(_ path: String, stamp: String?) throws(DuetError) {
        knowsFiles = true
        files[path] = stamp
        try save()
    }

    /// Remembers a folder as it is.
    ///
    /// - Throws: ``DuetError`` when the file cannot be written.
    public func remember(_ now: [String: (size: Int, stamp: String)]) throws(DuetError) {
        knowsFiles = true
        files = now.mapValues(\.stamp)
        try save()
    }

    private func save() throws(DuetError) {
        var triggers = ExpressionObject()
        for (name, kept) in entries.sorted(by: { $0.key < $1.key }) {
            var object = ExpressionObject()
            for (key, entry) in kept.sorted(by: { $0.key < $1.key }) {
                var value: ExpressionObject = [
                    "status": .string(entry.status.rawValue), "attempts": .integer(Int64(entry.attempts)),
                ]
                value["begun"] = entry.begun.map { .string($0.formatted(.iso8601)) }
                object[key] = .object(value)
            }
            triggers[name] = .object(object)
        }
        var whole: ExpressionObject = ["triggers": .object(triggers)]
        if knowsFiles {
            whole["files"] = .object(
                ExpressionObject(files.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
            )
        }
        do {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(ExpressionValue.object(whole).json.utf8).write(
                to: URL(fileURLWithPath: path),
                options: .atomic
            )
        } catch {
            throw DuetError(.warehouse, "cannot write '\(path)': \(error.localizedDescription)")
        }
    }
}

private enum TriggerMoment {
    static func date(_ text: String) -> Date? {
        guard case .success(let date) = Result(catching: { try Date.ISO8601FormatStyle().parse(text) }) else {
            return nil
        }
        return date
    }
}
