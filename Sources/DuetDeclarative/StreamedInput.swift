internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// What a streaming table reads as a stream: a dataset, or a plain view whose rows follow one by one from a dataset's.
struct StreamedInput {
    /// The dataset whose changes are read.
    var base: DatasetName
    /// The views between, the innermost first.
    fileprivate var views: [(dataset: Dataset, query: RowwiseQuery, relation: String)] = []

    /// Whether a view between joins the stream with anything.
    var hasStaticSide: Bool { views.contains { $0.query.hasStaticSide } }

    /// The stream's change since a version as a SELECT, with weights in `__w`.
    func change(since version: Int, _ update: DatasetUpdate, _ measures: inout StepMeasures) throws -> String {
        guard let input = update.session.graph[base]?.dataset else { return "" }
        let source = DatasetStore(dataset: input, connection: update.connection)
        var select = source.changeQuery(
            since: version,
            columns: try source.visibleColumns(of: source.published).map(\.name)
        )
        for view in views {
            let table = "temp.main.\(SQL.identifier(view.relation))"
            let sql = "CREATE OR REPLACE TEMP TABLE \(table) AS \(select)"
            measures.statements.append(sql)
            try update.connection.execute(sql)
            let (prefix, suffix) = ViewInlining.frame(of: view.dataset)
            select = prefix + (try view.query.sql(over: view.relation, carrying: ["__w"], update.connection)) + suffix
        }
        return select
    }
}

extension DatasetUpdate {
    /// Follows a stream through views to the dataset behind them; nil when a view is not row by row.
    func streamed(_ name: DatasetName) throws -> StreamedInput? {
        guard let node = session.graph[name] else { return nil }
        guard node.dataset.kind == .view else { return StreamedInput(base: name) }
        guard var query = node.dataset.flows.first?.query else { return nil }
        if query.streamOffsets.isEmpty {
            // A view without STREAM is followed by the one relation it reads.
            query.streamOffsets = node.shape.references.compactMap(\.offset)
        }
        guard query.streamOffsets.count == 1, let offset = query.streamOffsets.first, let rowwise = try rowwise(query),
            let reference = node.shape.references.first(where: { $0.offset == offset })
        else { return nil }
        let schema = reference.schema.isEmpty ? session.request.pipeline.defaultSchema : reference.schema
        let inner = DatasetName(schema: schema, table: reference.table)
        guard var stream = try streamed(inner) else { return nil }
        stream.views.append((node.dataset, rowwise, "stream:\(inner)"))
        return stream
    }
}
