package import DuckKit
package import DuetEvents
package import DuetPipeline
internal import Foundation

/// A dataset's own message in the log: text in which `{rows_inserted}` and the like stand for what the step took and gave,
/// and `{any other words}` for an SQL expression over the dataset's rows, as in `{max(day)}`.
package struct DatasetMessage {
    /// A part of the message.
    enum Part: Hashable {
        case text(String)
        case figure(String)
        case expression(String)
    }

    let parts: [Part]

    /// Takes a message apart; braces within an expression count, and `{{` is a brace.
    package init(_ text: String) {
        var parts: [Part] = []
        var plain = ""
        var rest = text[...]
        while let character = rest.first {
            rest.removeFirst()
            guard character == "{" else {
                plain.append(character)
                if character == "}", rest.first == "}" { rest.removeFirst() }
                continue
            }
            if rest.first == "{" {
                rest.removeFirst()
                plain.append("{")
                continue
            }
            guard let end = Self.end(of: rest) else {
                // A brace that is never closed is text.
                plain.append("{")
                continue
            }
            let words = rest[..<end].trimmingCharacters(in: .whitespaces)
            rest = rest[rest.index(after: end)...]
            if !plain.isEmpty { parts.append(.text(plain)) }
            plain = ""
            parts.append(Self.figures.contains(words) ? .figure(words) : .expression(words))
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        self.parts = parts
    }

    private static func end(of text: Substring) -> Substring.Index? {
        var depth = 0
        var isQuoted = false
        for index in text.indices {
            switch text[index] {
            case "'": isQuoted.toggle()
            case "{" where !isQuoted: depth += 1
            case "}" where !isQuoted:
                if depth == 0 { return index }
                depth -= 1
            default: continue
            }
        }
        return nil
    }

    /// The names that stand for what a step took and gave.
    static let figures: Set<String> = [
        "name", "rows", "rows_inserted", "rows_deleted", "rows_dropped", "rows_read", "seconds", "strategy", "rule",
        "reason", "attempts",
    ]

    /// The message after an update.
    ///
    /// - Parameters:
    ///   - dataset: The dataset.
    ///   - measures: What the step took and gave.
    ///   - connection: A connection that sees the dataset as the step has left it.
    /// - Returns: The message.
    /// - Throws: ``DuckDBError`` when an expression is wrong.
    package func text(
        _ dataset: Dataset,
        _ measures: StepMeasures,
        _ connection: () throws -> Connection
    ) throws -> String {
        let expressions = parts.compactMap { part in if case .expression(let sql) = part { sql } else { nil } }
        var values: [String] = []
        if !expressions.isEmpty || (parts.contains(.figure("rows")) && measures.rowsTotal == nil) {
            let list = (expressions.map { "(\($0)\n)::VARCHAR" } + ["count(*)::VARCHAR"]).joined(separator: ", ")
            let relation = SQL.qualified(dataset.name.schema, dataset.name.table)
            values = try connection().rows("SELECT \(list) FROM \(relation)").first?.map { $0.string ?? "NULL" } ?? []
        }
        var next = 0
        return parts.map { part in
            switch part {
            case .text(let text): return text
            case .expression:
                defer { next += 1 }
                return next < values.count ? values[next] : "NULL"
            case .figure("rows"): return measures.rowsTotal.map(String.init) ?? values.last ?? "0"
            case .figure(let name): return Self.figure(name, dataset, measures)
            }
        }.joined()
    }

    private static func figure(_ name: String, _ dataset: Dataset, _ measures: StepMeasures) -> String {
        switch name {
        case "name": dataset.name.description
        case "rows_inserted": String(measures.rowsInserted)
        case "rows_deleted": String(measures.rowsDeleted)
        case "rows_dropped": String(measures.rowsDropped)
        case "rows_read": measures.rowsRead.map(String.init) ?? "all"
        case "seconds": String(format: "%.3f", measures.seconds)
        case "strategy": measures.strategy?.rawValue ?? "full"
        case "rule": measures.rule ?? "none"
        case "reason": measures.reason ?? "none"
        default: String(measures.attempts)
        }
    }
}

extension RunSession {
    /// Logs a dataset's own message after a step that has updated it; one that cannot be made is a warning, no failure.
    package func tellMessage(of dataset: Dataset, step: String) {
        guard let template = dataset.logMessage,
            let measures = log.events.last(where: { $0.step == step && $0.kind == .stepCompleted })?.measures,
            measures.strategy != .nothing
        else { return }
        do {
            let text = try DatasetMessage(template).text(dataset, measures) { try warehouse.connect() }
            log.record(.notice, step: step, stepKind: .dataset, "\(dataset.name): \(text)")
        } catch {
            log.record(
                .notice,
                level: .warning,
                step: step,
                stepKind: .dataset,
                "the log message of \(dataset.name) cannot be made",
                error: "\((error as? DuckDBError)?.message ?? "\(error)")"
            )
        }
    }
}
