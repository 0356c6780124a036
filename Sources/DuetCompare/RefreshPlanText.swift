internal import DuetPipeline
internal import DuetReport

/// Plans of the declarative style for people and machines.
enum RefreshPlanText {
    // MARK: - For people

    static func text(_ plan: RefreshPlan) -> String {
        let busy = plan.steps.filter { $0.decision != .nothing }
        let sure = busy.filter { $0.decision != .ifInputsChange }.count
        var lines = [
            "\(plan.name), declarative: \(plan.steps.count) datasets, \(sure) to be refreshed"
                + (busy.count > sure ? ", \(busy.count - sure) more if what they read changes" : "") + "."
        ]
        for step in busy { lines += [""] + paragraph(step) }
        let idle = plan.steps.filter { $0.decision == .nothing }
        if !idle.isEmpty {
            let shown = idle.prefix(20).map(\.dataset.description).joined(separator: ", ")
            let rest = idle.count > 20 ? " and \(idle.count - 20) more" : ""
            lines += ["", "Nothing to do, since nothing they read has changed: \(shown)\(rest)."]
        }
        let used = Set(busy.compactMap(\.forecast?.strategy))
        if !used.isEmpty { lines += [""] + glossary.filter { used.contains($0.0) }.map(\.1) }
        return lines.joined(separator: "\n")
    }

    private static let glossary: [(RefreshForecast.Strategy, String)] = [
        (.append, "append: new rows are added to those there are; nothing else is read or touched."),
        (
            .incremental,
            "incremental: only the changed rows of what it reads are looked at, and turned into changes of its own rows."
        ),
        (
            .full,
            "full: the query runs over everything; those that read the dataset still get only the difference. 'later' says "
                + "how changes can be taken over once there are rows."
        ),
    ]

    private static func paragraph(_ step: RefreshPlan.Step) -> [String] {
        let what = step.forecast.map { $0.strategy == .nothing ? words(step.decision) : $0.strategy.rawValue }
        var lines = ["\(step.dataset) (\(step.kind.rawValue)): \(what ?? words(step.decision))"]
        func add(_ label: String, _ text: String) {
            lines.append("  \(label.padded(to: 10))\(text)")
        }
        add("why", step.decision == .ifInputsChange ? "it \(step.reason), which may change" : step.reason)
        guard let forecast = step.forecast else { return lines }
        if forecast.strategy == .nothing, forecast.why != step.reason { add("what", forecast.why) }
        if !forecast.changes.isEmpty {
            let changes = forecast.changes.sorted { $0.key < $1.key }.map { "\(rows($0.value)) of \($0.key)" }
            add("changed", changes.joined(separator: ", "))
        }
        if let count = forecast.rowsToRead { add("reads", rows(count)) }
        let isLater = forecast.strategy == .full
        for (index, block) in forecast.blocks.enumerated() {
            let place = block.name == step.dataset.description ? "" : " (kept beside it as \(block.name))"
            let label = index == 0 ? (isLater ? "later" : "how") : ""
            add(label, "\(block.rule)\(place): \(block.reason)")
        }
        if let reason = forecast.whyNotCheaper { add("not less", reason) }
        for issue in forecast.issues where issue != forecast.whyNotCheaper { add("note", issue) }
        if let flip = forecast.flipsAt {
            add(
                "flips",
                flip > 0
                    ? "from \(rows(flip, "changed row")) on, computing everything is cheaper"
                    : "computing everything is cheaper whatever the number of changed rows"
            )
        }
        if let bytes = forecast.keptBytes, bytes > 0 {
            add("keeps", "\(NumberText.bytes(bytes)) beside its rows, so that changes can be taken over")
        }
        for statement in forecast.statements {
            lines.append("")
            let isRemark = statement.split(separator: "\n").allSatisfy { $0.hasPrefix("--") }
            // Behind a remark of the query's own the end would be part of it.
            let end = statement.split(separator: "\n").last?.contains("--") == true ? "\n;" : ";"
            lines += (statement + (isRemark ? "" : end)).split(separator: "\n").map { "    \($0)" }
        }
        return lines
    }

    private static func rows(_ count: Int, _ noun: String = "row") -> String {
        "\(NumberText.count(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    // MARK: - For machines

    static func json(_ plan: RefreshPlan) -> JSONValue {
        [
            "pipeline": .string(plan.name), "style": "declarative",
            "steps": .array(
                plan.steps.map { step in
                    var object: JSONObject = [
                        "dataset": .string(step.dataset.description), "kind": .string(step.kind.rawValue),
                        "decision": .string(words(step.decision)), "reason": .string(step.reason),
                        "inputs": .array(step.inputs.map { .string($0.description) }),
                    ]
                    object["forecast"] = step.forecast.map { .object($0.json) }
                    return .object(object)
                }
            ),
        ]
    }

    private static func words(_ decision: RefreshPlan.Decision) -> String {
        switch decision {
        case .nothing: "nothing"
        case .create: "create"
        case .rebuild: "make anew"
        case .takeChanges: "take changes"
        case .ifInputsChange: "if inputs change"
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count + 1)) }
}
