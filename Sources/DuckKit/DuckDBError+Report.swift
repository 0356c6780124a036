#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension DuckDBError {
    /// Reads what DuckDB reported.
    ///
    /// With `errors_as_json` on, a report is a flat JSON object of strings. Three shapes were seen in 1.5.5: the object
    /// alone; the object after `Parser Error: ` (when a text is split into statements); and plain words after
    /// `IO Error: ` (opening a database, missing parameters), where the setting is not looked at.
    ///
    /// A `kind`, from the C API's error code, goes before the words when both are there.
    init(
        operation: Operation,
        report: String,
        kind: Kind? = nil,
        sql: String? = nil,
        statementOffset: Int = 0
    ) {
        self.init(
            operation: operation,
            kind: kind ?? .unknown,
            message: report,
            sql: sql,
            statementOffset: statementOffset
        )
        if let (word, rest) = Self.splitPrefix(report) {
            message = rest
            if self.kind == .unknown { self.kind = Kind(exceptionType: word) }
        }
        if message.utf8.first == UInt8(ascii: "{") { readFields(message) }
        if message.isEmpty { message = "DuckDB gave no message" }
    }

    /// The word and the rest of `Word Error: rest`.
    private static func splitPrefix(_ report: String) -> (word: String, rest: String)? {
        // A class is a word or three; what comes later is a sentence that happens to have " Error: " in it.
        guard let end = report.prefix(32).firstRange(of: " Error: ") else { return nil }
        let word = report[..<end.lowerBound]
        guard word.allSatisfy({ $0.isLetter || $0 == " " }) else { return nil }
        return (String(word), String(report[end.upperBound...]))
    }

    private mutating func readFields(_ json: String) {
        let fields: [String: String]
        do {
            fields = try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
        } catch {
            // Not an object of strings, so it is the message itself that starts with a brace; it is kept as it is.
            return
        }
        guard let text = fields["exception_message"] else { return }
        message = text
        if kind == .unknown, let type = fields["exception_type"] { kind = Kind(exceptionType: type) }
        subtype = fields["error_subtype"]
        entryType = fields["type"]
        name = fields["name"]
        candidates = (fields["candidates"] ?? "").split(separator: ",").map { String($0) }
        // Inside a view or a macro the offset is one into that other text; past the end of ours it is surely so.
        if let offset = fields["position"].flatMap({ Int($0) }), let sql, offset <= sql.utf8.count {
            position = offset
        }
    }
}
