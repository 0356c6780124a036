internal import DuetExpression
internal import DuetFactory
internal import Foundation

/// A span of time that files must have been changed in: from `modifiedDatetimeStart` on, before `modifiedDatetimeEnd`.
///
/// Source: connector-azure-blob-storage, "Blob storage as a source type".
struct FileTimes {
    private let start: Date?
    private let end: Date?

    init(_ settings: ExpressionObject) throws(ActivityFailure) {
        start = try Self.date("modifiedDatetimeStart", settings)
        end = try Self.date("modifiedDatetimeEnd", settings)
    }

    private static func date(_ name: String, _ settings: ExpressionObject) throws(ActivityFailure) -> Date? {
        guard let text = settings.value(ignoringCase: name)?.stringValue, !text.isEmpty else { return nil }
        if let date = TriggerTime.date(text, .gmt) { return date }
        throw ActivityFailure(
            "InvalidDate",
            "\(name) is no moment: '\(text)'",
            hint: "write it as in 2026-01-31T02:30:00Z",
            isFinal: true
        )
    }

    /// Whether a source says such a span.
    static func isGiven(_ source: ExpressionObject) -> Bool {
        let settings = source.value(ignoringCase: "storeSettings")?.objectValue ?? source
        return ["modifiedDatetimeStart", "modifiedDatetimeEnd"].contains { name in
            settings.value(ignoringCase: name)?.stringValue?.isEmpty == false
        }
    }

    /// Whether a file was last changed within the span; folders always fit.
    func contains(_ path: String) -> Bool {
        guard start != nil || end != nil else { return true }
        let attributes = Result { try FileManager.default.attributesOfItem(atPath: path) }
        guard case .success(let found) = attributes else { return false }
        if found[.type] as? FileAttributeType == .typeDirectory { return true }
        guard let changed = found[.modificationDate] as? Date else {
            return false
        }
        return start.map { changed >= $0 } ?? true && end.map { changed < $0 } ?? true
    }
}

/// No file has changed in the span asked for: there is nothing to copy, and nothing wrong.
struct NothingChanged: Error {}
