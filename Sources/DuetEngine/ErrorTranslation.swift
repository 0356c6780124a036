public import DuckKit
public import DuetPipeline

/// Tells DuckDB's errors in terms of the files the user wrote.
public enum ErrorTranslation {
    /// The error of a statement that contains a dataset's query.
    ///
    /// - Parameters:
    ///   - error: What DuckDB says.
    ///   - dataset: The dataset whose statement failed.
    ///   - text: The user's text within the statement.
    ///   - names: The pipeline's dataset names, for suggestions.
    /// - Returns: The error with the place in the user's file where it can be known.
    public static func error(
        _ error: DuckDBError,
        dataset: DatasetName,
        text: MappedText,
        names: [String] = []
    ) -> DuetError {
        if error.kind == .interrupt { return cancelled }
        if isDiskFull(error) { return diskFull(error, doing: "refreshing '\(dataset)'") }
        let code = code(of: error)
        var hint = hint(of: error, names: names)
        let fault = FileFault(error)
        let message = "\(fault?.description ?? firstLine(error.message)) (in '\(dataset)')"
        let cause = fault?.original.map { "the line is: \($0)" }
        if let position = error.position, let sql = error.sql, let start = sql.firstRange(of: text.text) {
            let offset = position - sql.utf8.distance(from: sql.startIndex, to: start.lowerBound)
            if offset >= 0, offset <= text.text.utf8.count {
                hint = SpellingHint.hint(for: error, in: text, at: offset, besides: hint) ?? hint
                return text.error(code, message, hint: hint, at: offset, cause: cause)
            }
        }
        let location = text.location(at: 0)
        return DuetError(
            code,
            message,
            hint: SpellingHint.hint(for: error, in: text, at: 0) ?? hint,
            at: location,
            excerpt: text.file.line(location.line),
            cause: cause
        )
    }

    /// The run was stopped by its user.
    public static var cancelled: DuetError {
        DuetError(.cancelled, "the run was stopped", hint: "what was committed stays; the next run goes on from there")
    }

    /// Whether the cause is a disk without room.
    public static func isDiskFull(_ error: DuckDBError) -> Bool {
        let message = error.message.lowercased()
        return message.contains("no space left") || message.contains("disk full")
            || message.contains("file too large") || message.contains("disk quota exceeded")
    }

    static func diskFull(_ error: DuckDBError, doing what: String) -> DuetError {
        DuetError(
            .diskFull,
            "the disk is full, while \(what)",
            hint: "make room and run again; the warehouse is as it was before this step",
            cause: firstLine(error.message)
        )
    }

    /// DuckDB repeats the statement under its message; the user's own line is shown instead.
    static func firstLine(_ message: String) -> String {
        let lines = message.split(separator: "\n", omittingEmptySubsequences: true)
        return lines.first.map(String.init) ?? message
    }

    private static func code(of error: DuckDBError) -> DuetError.Code {
        if error.subtype == "COLUMN_NOT_FOUND" || error.message.contains("does not have a column named") {
            return .unknownColumn
        }
        if FileFault(error) != nil { return .badFormat }
        switch error.kind {
        case .parser: return .sqlSyntax
        case .catalog where error.entryType?.lowercased().contains("table") == true: return .unknownTable
        case .binder, .catalog: return .sqlBinding
        default: return .sqlExecution
        }
    }

    private static func hint(of error: DuckDBError, names: [String]) -> String? {
        if error.kind == .catalog, let name = error.name, let near = Suggestion.nearest(to: name, among: names) {
            return "did you mean '\(near)'?"
        }
        if let fault = FileFault(error) { return fault.hint }
        // The candidates for a function of other types are signatures, which are no names to choose from.
        let candidates = error.candidates.filter { !$0.hasPrefix("__file") && $0 != "_metadata" }
        guard !candidates.isEmpty, !error.candidates.contains(where: { $0.contains("(") }) else { return nil }
        let shown = candidates.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        return "did you mean \(shown)?"
    }
}
