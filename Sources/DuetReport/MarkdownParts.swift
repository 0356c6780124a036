/// The parts of the Markdown report that are there only when they were asked for.
enum MarkdownParts {
    static func models(_ report: ComparisonReport) -> [String: Any] {
        var models: [String: Any] = [:]
        let faults = report.steps.flatMap { step in step.faults.map { row(step, $0) } }
        if !faults.isEmpty { models["hasFaults"] = ["faults": faults] }
        if let sweep = report.sweep { models["hasSweep"] = SweepText.model(sweep) }
        if let lineage = report.lineage { models["hasLineage"] = lineage.model }
        if let lineage = report.proceduralLineage { models["hasProceduralLineage"] = lineage.model }
        if let effort = report.effort { models["hasEffort"] = model(effort) }
        if let cost = report.cost { models["hasCost"] = model(cost, report) }
        return models
    }

    private static func row(_ step: ComparisonReport.Step, _ fault: FaultOutcome) -> [String: String] {
        [
            "fault": step.name, "style": fault.style, "ending": fault.ending.rawValue,
            "state": "\(fault.datasetsChanged) / \(fault.datasetsKept) / \(fault.datasetsLost)",
            "recovery": NumberText.seconds(fault.recoverySeconds), "steps": "\(fault.stepsRepeated)",
            "rows": NumberText.count(fault.rowsRewritten), "lost": NumberText.count(fault.rowsLost),
            "doubled": NumberText.count(fault.rowsDoubled),
        ]
    }

    private static func model(_ effort: EffortReport) -> [String: Any] {
        [
            "effortSizes": effort.sizes.map {
                [
                    "definition": $0.definition, "files": "\($0.files)", "statements": NumberText.count($0.statements),
                    "lines": NumberText.count($0.lines), "tokens": NumberText.count($0.tokens),
                ]
            },
            "definitions": effort.sizes.map(\.definition).joined(separator: " | "),
            "rules": effort.sizes.map { _ in "---:" }.joined(separator: "|"),
            "effortChanges": effort.changes.map { change in
                [
                    "change": change.change,
                    "places": change.places.map { $0.map(NumberText.significant) ?? "-" }.joined(separator: " | "),
                ]
            },
        ]
    }

    private static func model(_ cost: CostReport, _ report: ComparisonReport) -> [String: Any] {
        let amount = { (step: String, style: String) in
            cost.bills.first { $0.step == step && $0.style == style }.map { NumberText.decimals($0.amount, 6) } ?? "-"
        }
        return [
            "costFile": cost.file, "costDate": cost.date, "currency": cost.currency,
            "bills": report.steps.map {
                [
                    "step": $0.name, "procedural": amount($0.name, "procedural"),
                    "declarative": amount($0.name, "declarative"),
                ]
            },
            "assumptions": cost.assumptions,
        ]
    }
}
