internal import DuckKit
internal import DuetEngine
internal import DuetLineage
internal import DuetPipeline
internal import DuetReport

/// Makes the report's table of columns and their origins from a warehouse in which the pipeline has run.
struct ColumnTable {
    private let lineage: PipelineLineage
    private let pipeline: Pipeline
    /// Names of datasets by where they stand in the graph.
    private let places: [String: Int]

    /// The table of a pipeline; one that says why where the warehouse does not give it.
    static func report(_ pipeline: Pipeline, home: PipelineHome) -> LineageReport {
        do {
            let lineage = try LineageInspection(pipeline, home: home, style: .declarative).lineage()
            return ColumnTable(pipeline, lineage).report
        } catch let error as DuckDBError {
            return LineageReport(datasets: [], problem: error.message)
        } catch {
            return LineageReport(datasets: [], problem: "\(error)")
        }
    }

    private init(_ pipeline: Pipeline, _ lineage: PipelineLineage) {
        self.pipeline = pipeline
        self.lineage = lineage
        places = Dictionary(lineage.nodes.enumerated().map { ($1.name.description, $0) }) { first, _ in first }
    }

    private var report: LineageReport {
        let read = Set(lineage.nodes.flatMap(\.inputs))
        let published = Set(pipeline.publishedDatasets.map(\.name))
        return LineageReport(
            datasets: lineage.nodes.filter { published.contains($0.name) }.map { node in
                LineageReport.DatasetColumns(
                    name: node.name,
                    isLast: !read.contains(node.name.description),
                    unknown: node.unknown,
                    rows: origins(node.lineage?.rows ?? ColumnOrigins()),
                    columns: (node.lineage?.outputs ?? []).map { output in
                        LineageReport.Column(
                            name: output.name,
                            inputs: origins(output.origins),
                            sources: origins(lineage.sourceOrigins(of: output.name, in: node.name) ?? ColumnOrigins()),
                            through: through(output.origins)
                        )
                    }
                )
            }
        )
    }

    private func origins(_ origins: ColumnOrigins) -> [LineageReport.Origin] {
        origins.columns().map { input in
            LineageReport.Origin(
                relation: input.relation,
                column: input.column,
                kinds: (origins.influences[input] ?? []).sorted().map(\.rawValue)
            )
        }
    }

    /// The datasets on the way to the sources.
    private func through(_ origins: ColumnOrigins) -> [String] {
        var seen: Set<InputColumn> = []
        var open = origins.columns()
        while let next = open.popLast() {
            guard places[next.relation] != nil, seen.insert(next).inserted,
                let node = lineage.nodes.first(where: { $0.name.description == next.relation })
            else { continue }
            open += lineage.output(next.column, of: node.name)?.origins.columns() ?? []
        }
        return Set(seen.map(\.relation)).sorted { places[$0] ?? 0 < places[$1] ?? 0 }
    }
}
