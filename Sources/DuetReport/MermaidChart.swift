internal import DuetEvents
internal import DuetPipeline

/// Charts in Mermaid's text form, which code hosts draw.
enum MermaidChart {
    /// The datasets by layer, with what each reads.
    static func graph(_ datasets: [DatasetOutline]) -> String {
        var lines = ["flowchart LR"]
        for source in unique(datasets.flatMap(\.sources)) { lines.append("    source_\(source)[(\(source))]") }
        for layer in unique(datasets.map { $0.layer ?? $0.name.schema }) {
            lines.append("    subgraph \(layer)")
            for dataset in datasets where (dataset.layer ?? dataset.name.schema) == layer {
                let label = dataset.name.table
                let shape =
                    switch dataset.kind {
                    case .streamingTable: "[[\"\(label)\"]]"
                    case .materializedView: "[\"\(label)\"]"
                    case .view: "([\"\(label)\"])"
                    }
                lines.append("        \(identifier(dataset.name))\(shape)")
            }
            lines.append("    end")
        }
        for dataset in datasets {
            for source in dataset.sources { lines.append("    source_\(source) --> \(identifier(dataset.name))") }
            for input in dataset.inputs { lines.append("    \(identifier(input)) --> \(identifier(dataset.name))") }
        }
        return lines.joined(separator: "\n")
    }

    /// When each step ran, in milliseconds from the run's start.
    static func gantt(_ steps: [RunEvent], title: String) -> String {
        var lines = ["gantt", "    title \(title)", "    dateFormat x", "    axisFormat %S.%L"]
        for (kind, name) in [(RunEvent.StepKind.transfer, "transfer"), (.dataset, "datasets")] {
            let bars = steps.filter { $0.stepKind == kind }.compactMap { event -> String? in
                guard let step = event.step, let measures = event.measures else { return nil }
                let start = Int(measures.startedAt * 1000)
                let end = max(start + 1, Int((measures.startedAt + measures.seconds) * 1000))
                // Colons and commas part a bar's fields in Mermaid.
                let label = step.filter { !":,;#".contains($0) }
                let tag = event.kind == .stepFailed ? "crit, " : event.kind == .stepSkipped ? "done, " : ""
                return "    \(label) :\(tag)\(start), \(end)"
            }
            if !bars.isEmpty { lines += ["    section \(name)"] + bars }
        }
        return lines.joined(separator: "\n")
    }

    private static func identifier(_ name: DatasetName) -> String {
        String(name.key.map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }

    private static func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
