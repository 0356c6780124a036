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
                var told = text.error(code, message, hint: hint, at: offset, cause: cause)
                told.mayPass = mayPass(error)
                return told
            }
        }
        let location = text.location(at: 0)
        var told = DuetError(
            code,
            message,
            hint: SpellingHint.hint(for: error, in: text, at: 0) ?? hint,
            at: location,
            excerpt: text.file.line(location.line),
            cause: cause
        )
        told.mayPass = mayPass(error)
        return told
    }

    /// Whether a statement that failed may succeed a little later, with nothing changed.
    ///
    /// One that wanted memory, a lock, a file or a server may. Wrong SQL, values that do not fit and rules that were violated
    /// stay as they are.
    package static func mayPass(_ error: DuckDBError) -> Bool {
        if isDiskFull(error) || FileFault(error) != nil { return false }
        switch error.kind {
        case .io, .outOfMemory, .transaction, .http, .unknown: return true
        default:
            // Want of memory within a function or a reader is told as what that was doing.
            let message = error.message.lowercased()
            return ["out of memory", "failed to allocate", "could not allocate", "bad_alloc"].contains {
                message.contains($0)
            }
        }
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
        guard !candidates.isEmpty, !error.candidates.contains(where: { $0.contains("(") }) else {
            return hintOnVariant(error) ?? hintOnRange(error)
        }
        let shown = candidates.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        return "did you mean \(shown)?"
    }

    /// What to do about a column or value of DuckDB's type VARIANT.
    private static func hintOnVariant(_ error: DuckDBError) -> String? {
        let message = error.message
        if message.contains("VARIANT columns are not supported") {
            return "a table here cannot hold VARIANT: cast to what the values are, as in v::JSON, v.price::DOUBLE or "
                + "v::STRUCT(price DOUBLE)"
        }
        if message.contains("convert VARIANT(") || message.contains("is missing key") {
            return "not all values have this form: variant_typeof(v) tells which each has, TRY_CAST(v AS type) "
                + "gives NULL for the others"
        }
        return nil
    }

    /// What to do about a value that does not fit its type.
    private static func hintOnRange(_ error: DuckDBError) -> String? {
        let message = error.message
        if error.kind == .outOfRange, message.contains("verflow") {
            return message.contains("DECIMAL")
                ? "the result has more digits than DECIMAL holds: cast to a smaller scale before, as in "
                    + "a::DECIMAL(18, 2) * b::DECIMAL(18, 2), or compute with a::DOUBLE"
                : "the result does not fit its type: compute in a wider one, as in a::HUGEINT + b or a::DOUBLE * b"
        }
        guard error.kind == .conversion else { return nil }
        let isTooLarge = ["out of range", "Could not cast value", "not fit"].contains { message.contains($0) }
        return isTooLarge
            ? "take a type that holds the value, or TRY_CAST(x AS type), which gives NULL for one that does not fit"
            : nil
    }
}
