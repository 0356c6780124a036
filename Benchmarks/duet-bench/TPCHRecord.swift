import DuetCompare
import DuetMaintenance
import DuetReport
import DuetTPC
import Foundation

/// The table of the 22 views in a document, in the place that is marked for it.
struct TPCHRecord {
    let scale: Double
    let rounds: Int
    let views: [MaintainedViews.View]
    /// The updates' names, in order.
    let updates: [String]
    /// What is printed of the target.
    let target: String
    /// What the comparison with a script by hand printed; nil when it was not made.
    let byHand: String?

    private static let start = "<!-- tpch: written by duet-bench tpch --record -->"
    private static let end = "<!-- /tpch -->"

    /// Puts the table into a document.
    ///
    /// - Parameter path: The document.
    /// - Throws: ``BenchmarkError`` when it has no place for the table, or what the disk says.
    func write(to path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard let start = text.range(of: Self.start),
            let end = text.range(of: Self.end, range: start.upperBound..<text.endIndex)
        else {
            throw BenchmarkError(
                "'\(path)' has no place for the table: expected the lines \(Self.start) and \(Self.end)"
            )
        }
        let new = text[..<start.upperBound] + "\n\n\(markdown)\n\n" + text[end.lowerBound...]
        try String(new).write(toFile: path, atomically: true, encoding: .utf8)
    }

    private var markdown: String {
        let date = Date.now.formatted(.iso8601.year().month().day())
        let machine = MachineProbe.machine()
        let about = """
            \(date), \(machine.processor), \(machine.cores) cores, \(machine.system); scale factor \(scale.formatted()), medians of \(rounds) \
            updates of each kind. Each column is the time of the update over that of computing the query anew; *in full* where \
            the cost model had it computed anew, – where no changed table is read or the change makes no difference.
            """
        let header = "| view | anew | " + updates.joined(separator: " | ") + " | taken in by |"
        let rule = "|---|---:|" + String(repeating: "---:|", count: updates.count) + "---|"
        let rows = views.map { view in
            let full = TPCHBenchmark.median(view.measures.values.flatMap { $0.map(\.full.wall) }) * 1000
            let cells = updates.map { cell(view.measures[$0] ?? []) }
            let strategies = Set(view.measures.values.flatMap { $0 }.filter(\.isIncremental).flatMap(\.strategies))
                .subtracting([.nothing])
            let names = strategies.map(\.rawValue).sorted().joined(separator: ", ")
            return "| \(view.name) | \(Int(full.rounded())) ms | \(cells.joined(separator: " | ")) | \(names) |"
        }
        let concerned = updates.map { TPCHBenchmark.text(TPCHBenchmark.mean(ratios($0, onlyConcerned: true))) }
        let all = updates.map { TPCHBenchmark.text(TPCHBenchmark.mean(ratios($0, onlyConcerned: false))) }
        let means = [
            "| geometric mean of those concerned | | \(concerned.joined(separator: " | ")) | |",
            "| of all, with what finding that out takes | | \(all.joined(separator: " | ")) | |",
        ]
        return ([about, "", header, rule] + rows + means + ["", target] + (byHand.map { ["", $0] } ?? [])).joined(
            separator: "\n"
        )
    }

    private func cell(_ measures: [MaintainedViews.Measure]) -> String {
        guard let last = measures.last, last.strategies != [.nothing] else { return "–" }
        let ratio = TPCHBenchmark.text(TPCHBenchmark.median(measures.map(\.ratio)))
        return last.isIncremental ? ratio : "\(ratio) *in full*"
    }

    private func ratios(_ update: String, onlyConcerned: Bool) -> [Double] {
        views.compactMap { view in
            guard let measures = view.measures[update], let last = measures.last,
                !onlyConcerned || last.strategies != [.nothing]
            else { return nil }
            return TPCHBenchmark.median(measures.map(\.ratio))
        }
    }
}
