/// A sweep for people: its part of the Markdown report and of the summary in a terminal.
enum SweepText {
    /// What the template shows.
    static func model(_ sweep: SweepReport) -> [String: Any] {
        [
            "sweepSource": sweep.source,
            "sweepStop": sweep.stop,
            "breakEvens": breakEvens(sweep),
            "growths": growths(sweep),
            "sweepLines": lines(sweep),
            "sweepDatasets": sweep.datasets.map { row(sweep, $0) },
            "hasLeftOut": sweep.leftOut.isEmpty ? [] : [["leftOut": sweep.leftOut.joined(separator: ", ")]],
        ]
    }

    /// The outcome for a terminal; empty without a sweep.
    static func summary(_ report: ComparisonReport) -> String {
        guard let sweep = report.sweep else { return "" }
        let hasChanges = sweep.points.contains { $0.series == .change }
        var text =
            hasChanges
            ? "\n\nbreak-even, changes of '\(sweep.source)'; full reprocessing is cheaper:"
            : "\n\nthe same number of changes of '\(sweep.source)' at other sizes:"
        for line in breakEvens(sweep) { text += "\n  \(line)" }
        for line in growths(sweep) { text += "\n  \(line)" }
        for point in sweep.points where point.series == .size {
            let times = point.seconds(of: nil) ?? (0, 0)
            text +=
                "\n  size × \(NumberText.significant(point.x)), \(point.change.words): procedural "
                + "\(NumberText.seconds(times.procedural)), declarative \(NumberText.seconds(times.declarative)), "
                + (point.isEqual ? "equal" : "DIFFERENT")
        }
        let header = ["dataset"] + sweep.changes.map { "\($0.words): full is cheaper" }
        let rows = sweep.datasets.map { name in
            [name] + sweep.changes.map { sweep.breakEven($0, of: name)?.text ?? "-" }
        }
        if !rows.isEmpty, hasChanges { text += "\n\n" + TextTable.text(header: header, rows: rows, rightAligned: []) }
        text += "\n\n\(sweep.stop)"
        if !sweep.leftOut.isEmpty { text += "\nleft out: \(sweep.leftOut.joined(separator: ", "))" }
        return text
    }

    private static func breakEvens(_ sweep: SweepReport) -> [String] {
        guard sweep.points.contains(where: { $0.series == .change }) else { return [] }
        return sweep.changes.map { change in
            "\(change.words), whole run: \(sweep.breakEven(change)?.text ?? "too few points were measured")"
        }
    }

    private static func growths(_ sweep: SweepReport) -> [String] {
        sweep.changes.compactMap { sweep.growth($0) }.map {
            "the same number of \($0.change.words) with \(NumberText.significant($0.size)) times the data there already: "
                + "the procedural run took \(NumberText.significant($0.procedural)) times as long, "
                + "the declarative \(NumberText.significant($0.declarative)) times"
        }
    }

    private static func lines(_ sweep: SweepReport) -> [[String: Any]] {
        SweepReport.Series.allCases.flatMap { series in
            sweep.changes.map { change in (series, change, sweep.line(series, change)) }
        }.filter { !$0.2.isEmpty }.map { series, change, points in
            [
                "sweepTitle": series == .change
                    ? "More and more \(change.words), from the same beginning:"
                    : "The same number of \(change.words), with more and more data there already:",
                "sweepPoints": points.map { point -> [String: String] in
                    let times = point.seconds(of: nil) ?? (0, 0)
                    return [
                        "x": series == .change ? NumberText.percent(point.x) : "× \(NumberText.significant(point.x))",
                        "rows": NumberText.count(point.rowsBefore),
                        "procedural": NumberText.seconds(times.procedural),
                        "declarative": NumberText.seconds(times.declarative),
                        "ratio": point.ratio?.text ?? "",
                        "count": "\(point.declarative.count)",
                        "equal": point.isEqual ? "equal" : "DIFFERENT",
                        "note": point.note,
                    ]
                },
            ]
        }
    }

    private static func row(_ sweep: SweepReport, _ dataset: String) -> [String: String] {
        let text = { (change: SweepReport.Change) in sweep.breakEven(change, of: dataset)?.text ?? "-" }
        let growth = { (change: SweepReport.Change) in
            sweep.growth(change, of: dataset).map {
                "\(NumberText.significant($0.procedural)) / \(NumberText.significant($0.declarative))"
            } ?? "-"
        }
        return [
            "dataset": dataset, "corrected": text(.correct), "added": text(.append),
            "growthCorrected": growth(.correct), "growthAdded": growth(.append),
        ]
    }
}
