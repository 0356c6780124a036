internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetLineage
internal import DuetPipeline
internal import DuetReport

/// Makes the report's table of columns and their origins from what a data factory's run has moved.
enum FactoryColumnTable {
    /// The table of the published datasets, in the order of the pipeline; one that says why where there is none.
    static func report(_ pipeline: Pipeline, _ events: [RunEvent]) -> LineageReport {
        do {
            let lineage = try MovementLineage(events, connection: try Warehouse.scratch())
            return report(pipeline, lineage.nodes(events))
        } catch {
            return LineageReport(datasets: [], problem: "\(error)")
        }
    }

    private static func report(_ pipeline: Pipeline, _ nodes: [MovementLineage.Node]) -> LineageReport {
        let read = Set(
            nodes.flatMap { $0.lineage.outputs.flatMap { $0.origins.columns().map { $0.relation.lowercased() } } }
        )
        let places = Dictionary(nodes.enumerated().map { ($1.name.lowercased(), $0) }) { first, _ in first }
        return LineageReport(
            datasets: pipeline.publishedDatasets.map { dataset in
                let name = dataset.name.description
                let node = nodes.first { $0.name.lowercased() == name.lowercased() }
                let missing = node == nil ? "no activity was seen to write it" : nil
                return LineageReport.DatasetColumns(
                    name: dataset.name,
                    isLast: !read.contains(name.lowercased()),
                    unknown: missing ?? node?.unknown,
                    rows: origins(node?.lineage.rows ?? ColumnOrigins()),
                    columns: (node?.lineage.outputs ?? []).map { output in
                        let found = MovementLineage.origins(of: output.name, in: name, nodes)
                        return LineageReport.Column(
                            name: output.name,
                            inputs: origins(output.origins),
                            sources: origins(found?.origins ?? ColumnOrigins()),
                            through: (found?.through ?? []).sorted {
                                (places[$0.lowercased()] ?? 0, $0) < (places[$1.lowercased()] ?? 0, $1)
                            }
                        )
                    }
                )
            }
        )
    }

    private static func origins(_ origins: ColumnOrigins) -> [LineageReport.Origin] {
        origins.columns().map { input in
            LineageReport.Origin(
                relation: input.relation,
                column: input.column,
                kinds: (origins.influences[input] ?? []).sorted().map(\.rawValue)
            )
        }
    }
}
