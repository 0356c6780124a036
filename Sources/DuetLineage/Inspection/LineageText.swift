public import DuetPipeline
import DuetReport

/// Lineage of tables and columns for people, for machines and as a chart.
public struct LineageText: Sendable {
    private let lineage: PipelineLineage

    /// Over a pipeline's lineage.
    public init(_ lineage: PipelineLineage) { self.lineage = lineage }

    /// What each dataset reads, and how many of its columns are resolved.
    public var text: String {
        TextTable.text(
            header: ["dataset", "columns", "reads"],
            rows: lineage.nodes.map { node in
                [
                    node.name.description,
                    node.unknown.map { "not resolved, because \($0)" }
                        ?? String(node.lineage?.outputs.count ?? 0),
                    node.inputs.joined(separator: ", "),
                ]
            }
        )
    }

    /// One column: the step to what its dataset reads, and the way down to the sources.
    ///
    /// - Parameters:
    ///   - column: The column.
    ///   - dataset: Its dataset.
    /// - Returns: A table.
    /// - Throws: ``DuetError`` when there is no such column, or it is not resolved.
    public func text(column: String, of dataset: DatasetName) throws -> String {
        let (output, sources) = try find(column, dataset)
        var rows = self.rows(output.origins, "\(dataset)")
        rows += self.rows(lineage[dataset]?.lineage?.rows ?? ColumnOrigins(), "rows of \(dataset)")
        rows += self.rows(sources, "source")
        return TextTable.text(header: ["step", "input column", "kind"], rows: rows)
    }

    private func find(
        _ column: String,
        _ dataset: DatasetName
    ) throws -> (output: QueryLineage.Output, sources: ColumnOrigins) {
        if let output = lineage.output(column, of: dataset) {
            return (output, lineage.sourceOrigins(of: column, in: dataset) ?? ColumnOrigins())
        }
        if let reason = lineage[dataset]?.unknown {
            throw DuetError(.unsupported, "the columns of '\(dataset)' are not resolved, because \(reason)")
        }
        let known = lineage[dataset]?.lineage?.outputs.map(\.name) ?? []
        throw DuetError(
            .unknownColumn,
            "'\(dataset)' has no column '\(column)'",
            hint: Suggestion.hint(for: column, among: known, noun: "columns")
        )
    }

    private func rows(_ origins: ColumnOrigins, _ step: String) -> [[String]] {
        origins.columns().map { input in
            let kinds = (origins.influences[input] ?? []).sorted().map(\.rawValue)
            return [step, input.description, kinds.joined(separator: ", ")]
        }
    }

    // MARK: - JSON

    /// All datasets with their columns.
    public var json: JSONValue {
        .array(
            lineage.nodes.map { node in
                var object: JSONObject = [
                    "dataset": .string(node.name.description),
                    "inputs": .array(node.inputs.map { .string($0) }),
                ]
                if let reason = node.unknown { object["unknown"] = .string(reason) }
                if let own = node.lineage {
                    object["columns"] = .array(
                        own.outputs.map { ["name": .string($0.name), "origins": Self.json($0.origins)] }
                    )
                    object["rows"] = Self.json(own.rows)
                }
                return .object(object)
            }
        )
    }

    /// One column as JSON.
    ///
    /// - Parameters:
    ///   - column: The column.
    ///   - dataset: Its dataset.
    /// - Returns: An object with `origins`, `rows` and `source_origins`.
    /// - Throws: As ``text(column:of:)``.
    public func json(column: String, of dataset: DatasetName) throws -> JSONValue {
        let (output, sources) = try find(column, dataset)
        return [
            "dataset": .string(dataset.description), "column": .string(output.name),
            "origins": Self.json(output.origins),
            "rows": Self.json(lineage[dataset]?.lineage?.rows ?? ColumnOrigins()),
            "source_origins": Self.json(sources),
        ]
    }

    private static func json(_ origins: ColumnOrigins) -> JSONValue {
        .array(
            origins.columns().map { input in
                [
                    "relation": .string(input.relation), "column": .string(input.column),
                    "kinds": .array((origins.influences[input] ?? []).sorted().map { .string($0.rawValue) }),
                ]
            }
        )
    }

    // MARK: - Mermaid

    /// The datasets and what they read, as a Mermaid flowchart.
    public var mermaid: String {
        var lines = ["flowchart LR"]
        let names = lineage.nodes.flatMap { $0.inputs + [$0.name.description] }
        var seen: Set<String> = []
        for name in names where seen.insert(name).inserted { lines.append("  \(Self.identifier(name))[\"\(name)\"]") }
        for node in lineage.nodes {
            for input in node.inputs {
                lines.append("  \(Self.identifier(input)) --> \(Self.identifier(node.name.description))")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// One column's way from the sources, as a Mermaid flowchart: values by full lines, influences by dotted ones.
    ///
    /// - Parameters:
    ///   - column: The column.
    ///   - dataset: Its dataset.
    /// - Returns: The chart.
    /// - Throws: As ``text(column:of:)``.
    public func mermaid(column: String, of dataset: DatasetName) throws -> String {
        _ = try find(column, dataset)
        var lines = ["flowchart LR"]
        var seen: Set<InputColumn> = []
        var waiting = [InputColumn(relation: dataset.description, column: column)]
        while let next = waiting.popLast() {
            guard seen.insert(next).inserted else { continue }
            lines.append("  \(Self.identifier(next.description))[\"\(next)\"]")
            guard let name = lineage.nodes.first(where: { $0.name.description == next.relation })?.name,
                let output = lineage.output(next.column, of: name)
            else { continue }
            for input in output.origins.columns() {
                let kinds = (output.origins.influences[input] ?? []).sorted()
                let arrow = kinds.contains(where: \.isDirect) ? "-->" : "-.->"
                let label = kinds.map(\.rawValue).joined(separator: ", ")
                lines.append(
                    "  \(Self.identifier(input.description)) \(arrow)|\(label)| \(Self.identifier(next.description))"
                )
                waiting.append(input)
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func identifier(_ name: String) -> String {
        "n" + String(name.map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }
}
