import DuckKit
import DuetEngine
public import DuetPipeline
import DuetReport

/// Traces for people and for machines.
public enum TraceText {
    /// A trace back, step by step, down to rows of files.
    ///
    /// - Parameters:
    ///   - trace: The trace.
    ///   - rows: The most rows to show of each dataset.
    /// - Returns: Tables under headings.
    /// - Throws: ``DuckDBError`` when rows cannot be read.
    public static func text(_ trace: RowTrace, rows: Int) throws -> String {
        guard trace.count > 0 else { return "\(trace.target) has no such row (duet why-not tells the reason)" }
        var parts: [String] = []
        for (index, step) in trace.steps.enumerated() {
            let context = step.contextRows > 0 ? ", \(NumberText.count(step.contextRows)) of them only as context" : ""
            let noun = step.rows == 1 ? "row" : "rows"
            let origin = index == 0 ? "" : "from "
            parts.append("\(origin)\(step.dataset): \(NumberText.count(step.rows)) \(noun)\(context)")
            let shown = try trace.rows(of: step, limit: rows)
            let hasContext = shown.contains(where: \.isContext)
            let files = try trace.fileRows(of: step, ids: shown.map(\.id))
            let hasFiles = !files.isEmpty
            let header =
                ["row id"] + (hasContext ? ["part"] : []) + (hasFiles ? ["read from"] : [])
                + trace.columns(of: step).map(\.name)
            let cells = shown.map { row in
                [String(row.id)] + (hasContext ? [row.isContext ? "context" : "direct"] : [])
                    + (hasFiles ? [place(row.id, files)] : []) + row.values.map { $0.isNull ? "" : $0.description }
            }
            parts.append(indented(TextTable.text(header: header, rows: cells)))
            if step.rows > shown.count { parts.append("  ... \(NumberText.count(step.rows - shown.count)) more") }
        }
        for whole in trace.wholes {
            parts.append("and all of \(whole.name), read by \(whole.reader): \(whole.reason)")
        }
        return parts.joined(separator: "\n")
    }

    /// Makes every traced row again, and says how many agree.
    ///
    /// - Parameter trace: The trace.
    /// - Returns: A sentence.
    /// - Throws: ``DuckDBError`` when a query fails.
    public static func verification(_ trace: RowTrace) throws -> String {
        guard trace.count > 0 else { return "there is no row to make again" }
        let again = try Recomputation(trace)
        var agreeing = 0
        for row in 1...trace.count where try again.agrees(row: row) == true { agreeing += 1 }
        return "made again from the traced rows alone: \(agreeing) of \(trace.count) agree"
    }

    private static func place(_ id: Int, _ files: [FileRow]) -> String {
        files.filter { $0.id == id }.map { file in
            "\(file.origin.split(separator: "/").last.map(String.init) ?? file.origin):\(file.number)"
        }.joined(separator: " or ")
    }

    static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(separator: "\n")
    }

    /// A trace back as JSON.
    ///
    /// - Parameters:
    ///   - trace: The trace.
    ///   - rows: The most rows to give of each dataset.
    /// - Returns: An object with `target`, `steps` and `wholes`.
    /// - Throws: ``DuckDBError`` when rows cannot be read.
    public static func json(_ trace: RowTrace, rows: Int) throws -> JSONValue {
        let steps = try trace.steps.map { step -> JSONValue in
            let shown = try trace.rows(of: step, limit: rows)
            let files = try trace.fileRows(of: step, ids: shown.map(\.id))
            let names = trace.columns(of: step).map(\.name)
            return [
                "dataset": .string(step.dataset.description), "rows": .integer(Int64(step.rows)),
                "context_rows": .integer(Int64(step.contextRows)),
                "shown": .array(
                    shown.map { row in
                        var object: JSONObject = [
                            "row_id": .integer(Int64(row.id)), "is_context": .bool(row.isContext),
                            "values": .object(
                                JSONObject(
                                    zip(names, row.values).map { ($0, $1.isNull ? .null : .string($1.description)) }
                                )
                            ),
                        ]
                        let places = files.filter { $0.id == row.id }.map(json)
                        if !places.isEmpty { object["read_from"] = .array(places) }
                        return .object(object)
                    }
                ),
            ]
        }
        return [
            "target": .string(trace.target.description), "steps": .array(steps),
            "wholes": .array(
                trace.wholes.map {
                    [
                        "name": .string($0.name), "reader": .string($0.reader.description),
                        "reason": .string($0.reason),
                    ]
                }
            ),
        ]
    }

    private static func json(_ row: FileRow) -> JSONValue {
        [
            "source": .string(row.source), "origin": .string(row.origin), "path": .string(row.path),
            "row_number": .integer(Int64(row.number)), "content": .string(row.content), "landed": .string(row.landed),
            "transfer": row.transfer.map { .string($0) } ?? .null, "update": row.update.map { .string($0) } ?? .null,
        ]
    }

    /// What rows have become, step by step.
    public static func text(_ fate: RowFate) -> String {
        var lines = ["\(fate.origin): \(NumberText.count(fate.count)) rows are followed"]
        if !fate.quarantined.isEmpty {
            lines.append("  beside them, kept out of \(fate.origin): \(constraints(fate.quarantined))")
        }
        for step in fate.steps {
            if let unknown = step.unknown {
                lines.append("  \(step.from) -> \(step.dataset): not known, because \(unknown)")
                continue
            }
            var parts = [
                "\(NumberText.count(step.taken)) took part in \(NumberText.count(step.rows)) "
                    + "row\(step.rows == 1 ? "" : "s")"
            ]
            if !step.quarantined.isEmpty { parts.append("kept out: \(constraints(step.quarantined))") }
            if step.left > 0 { parts.append("\(NumberText.count(step.left)) took no part") }
            lines.append("  \(step.from) -> \(step.dataset): \(parts.joined(separator: "; "))")
        }
        if fate.steps.isEmpty { lines.append("  nothing reads \(fate.origin)") }
        return lines.joined(separator: "\n")
    }

    private static func constraints(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key) \(NumberText.count($0.value))" }.joined(separator: ", ")
    }

    /// What rows have become, as JSON.
    public static func json(_ fate: RowFate) -> JSONValue {
        func object(_ counts: [String: Int]) -> JSONValue {
            .object(JSONObject(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) }))
        }
        return [
            "origin": .string(fate.origin.description), "rows": .integer(Int64(fate.count)),
            "quarantined": object(fate.quarantined),
            "steps": .array(
                fate.steps.map {
                    [
                        "from": .string($0.from.description), "dataset": .string($0.dataset.description),
                        "taken": .integer(Int64($0.taken)), "rows": .integer(Int64($0.rows)),
                        "quarantined": object($0.quarantined), "left": .integer(Int64($0.left)),
                        "unknown": $0.unknown.map { .string($0) } ?? .null,
                    ]
                }
            ),
        ]
    }

    /// Why rows are missing: the verdict, and the operators that were asked.
    public static func text(_ answer: WhyNot) -> String {
        let table = TextTable.text(
            header: ["dataset", "step", "rows"],
            rows: answer.stages.map { [$0.dataset.description, $0.step, NumberText.count($0.rows)] },
            rightAligned: [2]
        )
        return "\(answer.verdict)\n\n\(table)"
    }

    /// Why rows are missing, as JSON.
    public static func json(_ answer: WhyNot) -> JSONValue {
        [
            "verdict": .string(answer.verdict),
            "stages": .array(
                answer.stages.map {
                    [
                        "dataset": .string($0.dataset.description), "step": .string($0.step),
                        "rows": .integer(Int64($0.rows)),
                    ]
                }
            ),
        ]
    }
}
