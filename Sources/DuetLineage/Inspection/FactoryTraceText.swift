import DuckKit
import DuetEngine
public import DuetPipeline
import DuetReport
import Foundation

extension LineageInspection {
    /// Traces rows back that activities of a hand-written data factory have written.
    ///
    /// - Parameters:
    ///   - name: The table, as `schema.table`, or its name alone where only one has it.
    ///   - condition: Which of its rows; SQL.
    ///   - limit: The most rows to trace.
    /// - Returns: The trace.
    /// - Throws: ``DuetError`` for an unknown table or a wrong condition.
    public func factoryTrace(_ name: String, where condition: String?, limit: Int?) throws -> FactoryTrace {
        let connection = try open()
        try EventArchive.attach(connection, journal: home.events(style))
        let work = try RowWorkspace(pipeline, graph: try graph(connection), style: style, connection: connection)
        return try FactoryTrace(name, where: condition, limit: limit, work)
    }
}

extension TraceText {
    /// A trace through a factory's activities, step by step, down to rows of files.
    ///
    /// - Parameters:
    ///   - trace: The trace.
    ///   - rows: The most rows to show of each step.
    /// - Returns: Tables under headings, then what could not be followed.
    /// - Throws: ``DuckDBError`` when rows cannot be read.
    public static func text(_ trace: FactoryTrace, rows: Int) throws -> String {
        guard trace.count > 0 else { return "\(trace.target) has no such row" }
        var parts: [String] = []
        for (index, step) in trace.steps.enumerated() {
            let noun = step.rows == 1 ? "row" : "rows"
            var line = "\(index == 0 ? "" : "from ")\(step.name): \(NumberText.count(step.rows)) \(noun)"
            if step.contextRows > 0 { line += ", \(NumberText.count(step.contextRows)) of them only as context" }
            if step.isFile { line += " of files" }
            if step.isRebuilt { line += ", as it was then (made anew: it has been written again since)" }
            if !step.writers.isEmpty { line += ", written by \(step.writers.joined(separator: ", "))" }
            parts.append(line)
            let shown = try trace.rows(of: step, limit: rows)
            let hasContext = shown.contains(where: \.isContext)
            let hasPlace = shown.contains { $0.place != FactoryTrace.Place() }
            let header =
                (hasPlace ? [step.isFile ? "read from" : "row id"] : []) + (hasContext ? ["part"] : [])
                + trace.columns(of: step)
            let cells = shown.map { row in
                (hasPlace ? [place(row.place)] : []) + (hasContext ? [row.isContext ? "context" : "direct"] : [])
                    + row.values.map { $0.isNull ? "" : $0.description }
            }
            parts.append(indented(TextTable.text(header: header, rows: cells)))
            if step.rows > shown.count { parts.append("  ... \(NumberText.count(step.rows - shown.count)) more") }
            if step.lost > 0 { parts.append("  \(lost(step))") }
        }
        for gap in trace.gaps { parts.append(sentence(gap)) }
        for silent in trace.silent {
            parts.append("'\(silent.activity)' is not looked at: \(silent.reason)")
        }
        return parts.joined(separator: "\n")
    }

    private static func lost(_ step: FactoryTrace.Step) -> String {
        let count = step.lost == step.rows ? step.rows == 1 ? "it is" : "they are" : "\(step.lost) of them are"
        guard !step.writers.isEmpty else { return "no activity could be followed from here" }
        return "\(count) in nothing that these activities wrote: changed since, or written by what is not followed"
    }

    private static func sentence(_ gap: FactoryTrace.Gap) -> String {
        if gap.isWhole { return "and all of \(gap.name), read by \(gap.activity): \(gap.reason)" }
        let step = gap.activity.isEmpty ? "" : " through \(gap.activity)"
        return "\(gap.name) is not followed\(step), because \(gap.reason)"
    }

    private static func place(_ place: FactoryTrace.Place) -> String {
        if let row = place.rowID { return String(row) }
        guard let number = place.number else { return "" }
        return "\(place.path.map { URL(fileURLWithPath: $0).lastPathComponent } ?? "row"):\(number)"
    }

    /// A trace through a factory's activities as JSON.
    ///
    /// - Parameters:
    ///   - trace: The trace.
    ///   - rows: The most rows to give of each step.
    /// - Returns: An object with `target`, `steps`, `gaps` and `silent`.
    /// - Throws: ``DuckDBError`` when rows cannot be read.
    public static func json(_ trace: FactoryTrace, rows: Int) throws -> JSONValue {
        let steps = try trace.steps.map { step -> JSONValue in
            let names = trace.columns(of: step)
            return [
                "name": .string(step.name), "is_file": .bool(step.isFile), "is_rebuilt": .bool(step.isRebuilt),
                "rows": .integer(Int64(step.rows)), "context_rows": .integer(Int64(step.contextRows)),
                "written_by": .array(step.writers.map { .string($0) }), "lost": .integer(Int64(step.lost)),
                "shown": .array(
                    try trace.rows(of: step, limit: rows).map { row in
                        var object: JSONObject = [
                            "is_context": .bool(row.isContext),
                            "values": .object(
                                JSONObject(
                                    zip(names, row.values).map { ($0, $1.isNull ? .null : .string($1.description)) }
                                )
                            ),
                        ]
                        object["row_id"] = row.place.rowID.map { .integer(Int64($0)) }
                        object["path"] = row.place.path.map { .string($0) }
                        object["row_number"] = row.place.number.map { .integer(Int64($0)) }
                        return .object(object)
                    }
                ),
            ]
        }
        return [
            "target": .string(trace.target), "steps": .array(steps),
            "gaps": .array(
                trace.gaps.map {
                    [
                        "name": .string($0.name), "activity": .string($0.activity), "reason": .string($0.reason),
                        "all_rows_count": .bool($0.isWhole),
                    ]
                }
            ),
            "silent": .array(
                trace.silent.map { ["activity": .string($0.activity), "reason": .string($0.reason)] }
            ),
        ]
    }
}
