import DuckKit
public import DuetEngine
import DuetEvents
public import DuetPipeline

/// A declarative update taken dataset by dataset, with looks in between.
public final class DebugSession {
    private let inspection: LineageInspection
    private let update: (Set<DatasetName>) throws -> RunOutcome
    private let order: [DatasetName]
    private var position = 0

    /// Begins before the first dataset.
    ///
    /// - Parameters:
    ///   - inspection: What is looked into.
    ///   - update: Updates the given datasets and no others.
    /// - Throws: ``DuetErrors`` when the definition is wrong.
    public init(_ inspection: LineageInspection, update: @escaping (Set<DatasetName>) throws -> RunOutcome) throws {
        self.inspection = inspection
        self.update = update
        order = try QueryAnalysis.graph(of: inspection.pipeline, connection: try Warehouse.scratch()).nodes
            .map(\.dataset.name)
    }

    /// What can be said.
    public static let help = """
        next                the next dataset (an empty line does the same)
        until DATASET       up to this dataset, and it too
        show DATASET [ROWS] its rows
        profile DATASET     what its columns hold
        why-not DATASET CONDITION
        sql QUERY           a query over the warehouse
        where               which datasets are done, and which comes next
        quit
        """

    /// Whether all datasets have been updated.
    public var isDone: Bool { position >= order.count }

    /// Where the session stands.
    public var place: String {
        let next = isDone ? "all datasets are up to date" : "next: \(order[position])"
        return "\(position) of \(order.count) datasets done; \(next)"
    }

    /// Does what a line says.
    ///
    /// - Parameter line: One of ``help``'s.
    /// - Returns: What to show; nil to end.
    /// - Throws: ``DuetError`` or ``DuetErrors`` when a step or a query fails; the session goes on from where it was.
    public func answer(_ line: String) throws -> String? {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        let argument = words.dropFirst().first ?? ""
        switch words.first ?? "next" {
        case "next", "n": return try step(to: position + 1)
        case "until", "u":
            let name = try inspection.dataset(argument).name
            guard let index = order.firstIndex(of: name) else { return place }
            return try step(to: max(position, index + 1))
        case "show":
            let name = try inspection.dataset(argument).name
            let limit = words.count > 2 ? Int(words[2]) ?? 10 : 10
            let select = "SELECT * FROM \(SQL.qualified(name.schema, name.table)) LIMIT \(limit)"
            return try QueryText.answer(select, try inspection.open(), asJSON: false)
        case "profile": return try inspection.profile(argument, asJSON: false)
        case "why-not" where words.count > 2:
            return TraceText.text(try inspection.whyNot(argument, where: words[2]))
        case "sql":
            return try QueryText.answer(
                words.dropFirst().joined(separator: " "),
                try inspection.open(),
                asJSON: false
            )
        case "where", "w": return place
        case "quit", "q", "exit": return nil
        default: return Self.help
        }
    }

    /// Updates the datasets up to a place, one at a time.
    private func step(to end: Int) throws -> String {
        var lines: [String] = []
        while position < min(end, order.count) {
            let name = order[position]
            let outcome = try update([name])
            guard outcome.isSuccess else { throw DuetErrors(outcome.errors) }
            position += 1
            let event = outcome.events.last { $0.step == name.description && $0.measures != nil }
            lines.append(event?.message ?? name.description)
            if let rule = event?.measures?.rule { lines.append("  rule: \(rule)") }
            if let reason = event?.measures?.reason { lines.append("  reason: \(reason)") }
            for count in event?.measures?.expectations ?? [] {
                lines.append(
                    "  \(count.name) (\(count.action.rawValue)): \(count.passed) passed, \(count.failed) failed"
                )
            }
        }
        lines.append(place)
        return lines.joined(separator: "\n")
    }
}
