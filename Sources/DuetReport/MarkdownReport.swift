internal import DuetEvents
internal import DuetPipeline
internal import Mustache

/// Writes a comparison as Markdown that code hosts render, graph and Gantt charts included.
public enum MarkdownReport {
    /// The report as text.
    ///
    /// - Parameter report: What was found.
    /// - Returns: Markdown.
    /// - Throws: Mustache's error when the template is broken.
    public static func text(_ report: ComparisonReport) throws -> String {
        let template = try MustacheTemplate(string: MarkdownTemplate.text)
        let table = try MustacheTemplate(string: MarkdownTemplate.lineageTable)
        return template.render(model(report), library: MustacheLibrary(templates: ["lineageTable": table]))
    }

    /// The summary table for a terminal, and what differs, if anything does.
    public static func summary(_ report: ComparisonReport) -> String {
        let header = ["step", "procedural", "declarative", "ratio", "rows written", "fetched", "equal"]
        let rows = report.steps.map { step -> [String] in
            let model = stepModel(step)
            return [
                step.name, model["procedural"] ?? "", model["declarative"] ?? "", model["ratio"] ?? "",
                "\(model["proceduralRows"] ?? "") / \(model["declarativeRows"] ?? "")",
                "\(model["proceduralBytes"] ?? "") / \(model["declarativeBytes"] ?? "")", model["equal"] ?? "",
            ]
        }
        return TextTable.text(header: header, rows: rows, rightAligned: [1, 2, 3, 4, 5]) + differences(report)
            + measured(report) + SweepText.summary(report)
    }

    /// How often it was measured, and which ratios mean nothing; nothing to say of one play without noise.
    private static func measured(_ report: ComparisonReport) -> String {
        var text = ""
        if report.repetitions > 1 || report.method.isInterrupted {
            text = "\n\nplayed \(report.repetitions) time\(report.repetitions == 1 ? "" : "s"): \(report.method.stop)"
        }
        if let note = report.spreadNote { text += "\n\(note.replacing("`", with: ""))" }
        return noise(report).map { text + "\n\($0)" } ?? text
    }

    /// What to say of steps whose times vary too much.
    private static func noise(_ report: ComparisonReport) -> String? {
        let noisy = report.steps.filter { $0.ratio?.isTooNoisy == true }.map { "'\($0.name)'" }
        guard !noisy.isEmpty else { return nil }
        return "too noisy for a ratio: \(noisy.joined(separator: ", ")); the upper end of the interval is more "
            + "than \(NumberText.decimals(TimeRatio.widest, 0)) times its lower end"
    }

    private static func differences(_ report: ComparisonReport) -> String {
        var text = faults(report)
        if let first = report.firstDifference {
            text += "\n\nthe styles differ, first in \(first.dataset.name) at the step '\(first.step)'"
        }
        for step in report.steps where !step.isEqual {
            text += "\n\nafter '\(step.name)':"
            for dataset in step.datasets where !dataset.isEqual {
                text += "\n  \(dataset.name): \(dataset.note ?? "differs")"
                for sample in dataset.samples { text += "\n    \(sample)" }
            }
        }
        return text
    }

    private static func faults(_ report: ComparisonReport) -> String {
        let rows = report.steps.flatMap { step in
            step.faults.map {
                [
                    step.name, $0.style, $0.ending.rawValue, NumberText.seconds($0.recoverySeconds),
                    "\($0.stepsRepeated)", NumberText.count($0.rowsRewritten), "\($0.rowsLost) / \($0.rowsDoubled)",
                ]
            }
        }
        if rows.isEmpty { return "" }
        let header = ["fault", "style", "the run", "recovered in", "steps again", "rows again", "rows lost / doubled"]
        return "\n\n" + TextTable.text(header: header, rows: rows, rightAligned: [3, 4, 5])
    }

    private static func model(_ report: ComparisonReport) -> [String: Any] {
        let count = Set(report.steps.flatMap(\.datasets).map(\.name)).count
        var model: [String: Any] = [
            "pipeline": report.pipeline,
            "summary": report.summary ?? "",
            "date": report.date,
            "verdict": report.isEqual
                ? "After every step all \(count) published datasets were **equal** in both styles: same columns, same "
                    + "types, same rows, each as often."
                : report.firstDifference.map {
                    "**The styles differ**, first in `\($0.dataset.name)` at the step '\($0.step)'."
                } ?? "**The styles differ.** See the steps marked below.",
            "processor": report.machine.processor,
            "cores": report.machine.cores,
            "memory": NumberText.bytes(report.machine.memory),
            "system": report.machine.system,
            "duckDB": report.machine.duckDB,
            "repetitions": repetitions(report),
            "steps": report.steps.map(stepModel),
            "sources": sources(report),
            "graph": MermaidChart.graph(report.datasets),
            "details": report.steps.map(detailModel),
            "expectations": expectationRows(report),
            "transport": report.method.isServed
                ? "Sources came over HTTP from a server on this machine." : "Sources were read from a folder.",
            "scenario": report.method.scenario,
            "seed": report.method.seed,
            "load": load(report),
            "played": "\(report.repetitions)",
            "stop": report.method.stop,
            "noise": noise(report).map { ["\($0)."] } ?? [],
        ]
        let notes = report.steps.filter { !$0.notes.isEmpty }.map {
            ["step": $0.name, "text": $0.notes.joined(separator: "; ")]
        }
        if !notes.isEmpty { model["hasNotes"] = ["notes": notes] }
        return model.merging(MarkdownParts.models(report)) { $1 }
    }

    private static func repetitions(_ report: ComparisonReport) -> String {
        switch report.repetitions {
        case 1: "Each step was run once in each style; take small differences for noise."
        case 2: "The scenario was played twice from the start; times are means of two."
        default:
            "The scenario was played \(report.repetitions) times from the start; times are medians, and ratios have "
                + (report.spreadNote.map { "intervals by bootstrap. \($0)" } ?? "95 % intervals by bootstrap.")
        }
    }

    /// What else the machine did, as far as it was seen.
    private static func load(_ report: ComparisonReport) -> String {
        let others = report.steps.flatMap { $0.procedural + $0.declarative }.compactMap(\.resources?.backgroundCores)
        guard let most = others.max() else { return "background load was not measured" }
        return "background load: others kept \(NumberText.decimals(Statistics.median(others), 2)) cores busy on the "
            + "median of all runs, and \(NumberText.decimals(most, 2)) at most"
    }

    /// What the transfers spared, and whose servers nobody checked.
    private static func sources(_ report: ComparisonReport) -> [String] {
        let runs = report.steps.flatMap { [$0.procedural.last, $0.declarative.last] }.compactMap { $0 }
        let transfers = runs.flatMap {
            $0.steps.compactMap { step in step.measures.map { (step.step ?? "", $0.transfers) } }
        }
        let spared = transfers.reduce(0) { $0 + $1.1.bytesSaved }
        let unasked = transfers.reduce(0) { $0 + $1.1.filesCached }
        var lines: [String] = []
        if spared > 0 {
            lines.append(
                "Conditional requests, manifests and listings spared \(NumberText.bytes(spared)): "
                    + "\(NumberText.count(unasked)) times a file was found unchanged and did not come again."
            )
        }
        let reasons = transfers.compactMap { step, measures in measures.unverified.map { "\(step): \($0)" } }
        for reason in Set(reasons).sorted() {
            lines.append("**The server's certificate was not checked** for \(reason)")
        }
        return lines
    }

    private static func stepModel(_ step: ComparisonReport.Step) -> [String: String] {
        let procedural = Statistics.median(step.procedural.map(\.seconds))
        let declarative = Statistics.median(step.declarative.map(\.seconds))
        let written = { (measures: StepMeasures) in measures.rowsInserted + measures.rowsDeleted }
        let left = step.procedural.last
        let right = step.declarative.last
        return [
            "name": step.name,
            "procedural": NumberText.seconds(procedural),
            "declarative": NumberText.seconds(declarative),
            "ratio": ratio(step),
            "proceduralRows": NumberText.count(left?.sum(of: .dataset, written) ?? 0),
            "declarativeRows": NumberText.count(right?.sum(of: .dataset, written) ?? 0),
            "proceduralBytes": NumberText.bytes(left?.sum(\.bytesTransferred) ?? 0),
            "declarativeBytes": NumberText.bytes(right?.sum(\.bytesTransferred) ?? 0),
            "equal": step.datasets.isEmpty ? "-" : step.isEqual ? "equal" : "DIFFERENT",
        ]
    }

    private static func ratio(_ step: ComparisonReport.Step) -> String {
        guard let ratio = step.ratio else { return "" }
        guard let interval = ratio.interval, !ratio.isTooNoisy else { return ratio.text }
        return "\(ratio.text) (\(NumberText.significant(interval.lowerBound)) - "
            + "\(NumberText.significant(interval.upperBound)))"
    }

    private static func detailModel(_ step: ComparisonReport.Step) -> [String: Any] {
        let events = step.declarative.last?.steps ?? []
        let comparisons = Dictionary(step.datasets.map { ($0.name.description, $0) }) { $1 }
        let rows = events.filter { $0.stepKind == .dataset }.map { event -> [String: Any] in
            let measures = event.measures ?? StepMeasures()
            let comparison = event.step.flatMap { comparisons[$0] }
            let why = [measures.rule, measures.reason].compactMap { $0 }.joined(separator: "; ")
            return [
                "dataset": event.step ?? "",
                "strategy": measures.strategy?.rawValue ?? "",
                "rows": NumberText.count(comparison?.rows.declarative ?? measures.rowsTotal ?? 0),
                "inserted": NumberText.count(measures.rowsInserted),
                "deleted": NumberText.count(measures.rowsDeleted),
                "milliseconds": NumberText.decimals(measures.seconds * 1000, 1),
                "why": why,
                "equal": comparison.map { $0.isEqual ? ($0.note ?? "equal") : "**different**: \($0.note ?? "")" }
                    ?? "-",
            ]
        }
        return [
            "name": step.name,
            "rows": rows,
            "proceduralGantt": MermaidChart.gantt(step.procedural.last?.steps ?? [], title: "procedural"),
            "declarativeGantt": MermaidChart.gantt(step.declarative.last?.steps ?? [], title: "declarative"),
            "differences": step.datasets.filter { !$0.isEqual }.map {
                ["name": $0.name.description, "rows": $0.samples]
            },
        ]
    }

    private static func expectationRows(_ report: ComparisonReport) -> [[String: String]] {
        guard let first = report.steps.first else { return [] }
        let counts = { (run: RunMeasures?) in
            (run?.steps ?? []).flatMap { event in
                (event.measures?.expectations ?? []).map { (step: event.step ?? "", count: $0) }
            }
        }
        // The procedural activity of a dataset has another name than the dataset; the order is the same.
        return counts(first.declarative.last).sorted { $0.step < $1.step }.map { entry in
            [
                "dataset": entry.step,
                "name": entry.count.name,
                "action": entry.count.action.rawValue,
                "passed": NumberText.count(entry.count.passed),
                "failed": NumberText.count(entry.count.failed),
            ]
        }
    }
}
