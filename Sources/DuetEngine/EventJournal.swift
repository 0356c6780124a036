internal import DuetEvents
internal import DuetPipeline
internal import Foundation

/// Appends events to a file as JSON lines, and tells the end of a run that could not tell it itself.
final class EventJournal: EventSink {
    // Written to under the event log's own lock only, and in whole lines.
    private let handle: FileHandle

    /// Opens a journal; the caller holds the warehouse's lock, so that no other run writes to it.
    ///
    /// - Parameter path: The file.
    /// - Throws: ``DuetError`` with `WAREHOUSE` when it cannot be written.
    init(path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw DuetError(
                .warehouse,
                "cannot write the event log '\(path)'",
                hint: "check that you may write there and that the disk has room"
            )
        }
        self.handle = handle
        try settle()
    }

    func record(_ event: RunEvent) {
        do {
            try handle.write(contentsOf: Data((event.json.text() + "\n").utf8))
        } catch {
            // The events are kept in memory too, and a full disk will be told by the step that needs the room.
            return
        }
    }

    /// How much of the end is looked at for a run that has no end.
    private static let window = 1 << 20

    /// Ends half a line, and a run whose process is gone.
    private func settle() throws {
        let size = try handle.seekToEnd()
        guard size > 0 else { return }
        try handle.seek(toOffset: size - min(size, UInt64(Self.window)))
        let tail = try handle.readToEnd() ?? Data()
        if tail.last != UInt8(ascii: "\n") { try handle.write(contentsOf: Data("\n".utf8)) }
        if let end = Self.missingEnd(of: String(decoding: tail, as: UTF8.self)) { record(end) }
    }

    /// What is to be told of the last run, when its process did not.
    private static func missingEnd(of tail: String) -> RunEvent? {
        var last: JSONValue?
        var running: [String] = []
        for line in tail.split(separator: "\n").reversed() {
            let event: JSONValue
            do {
                event = try JSONValue(parsing: String(line))
            } catch {
                // A process that was killed leaves half a line, and the window may begin within one.
                continue
            }
            guard let newest = last else {
                let kind = event["event_type"]?.string.flatMap(RunEvent.Kind.init)
                guard let kind, !kind.endsRun else { return nil }
                last = event
                continue
            }
            guard event["run_id"] == newest["run_id"] else { break }
        }
        guard let last, let run = last["run_id"]?.string, let sequence = last["sequence"]?.integer,
            let pipeline = last["pipeline"]?.string, let style = last["style"]?.string
        else { return nil }
        var ended: Set<String> = []
        for line in tail.split(separator: "\n").reversed() where line.contains(run) {
            guard let event = parsed(line), let step = event["step"]?.string else { continue }
            switch event["event_type"]?.string.flatMap(RunEvent.Kind.init) {
            case .stepCompleted, .stepFailed, .stepSkipped: ended.insert(step)
            case .stepStarted where !ended.contains(step): running.insert(step, at: 0)
            default: break
            }
        }
        let steps = running.isEmpty ? "" : "; under way: \(running.joined(separator: ", "))"
        return RunEvent(
            sequence: sequence + 1,
            timestamp: Date(),
            runID: run,
            pipeline: pipeline,
            style: style,
            kind: .runAbandoned,
            level: .error,
            message: "the run's process was killed, or its machine stopped, before it could tell its end",
            error: "no end was told by the time the next run began\(steps); what was committed is there"
        )
    }

    private static func parsed(_ line: Substring) -> JSONValue? {
        do {
            return try JSONValue(parsing: String(line))
        } catch {
            // Half a line, as above.
            return nil
        }
    }
}
