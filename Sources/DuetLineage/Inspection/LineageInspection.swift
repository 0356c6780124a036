package import DuckKit
public import DuetEngine
public import DuetPipeline

/// Looks into what runs have left: events, lineage, rows and their ways.
///
/// Warehouses are opened for reading only, and what is worked out on the way lies in temporary tables.
public struct LineageInspection: Sendable {
    /// The pipeline.
    public let pipeline: Pipeline
    /// Where its warehouses are.
    public let home: PipelineHome
    /// Which warehouse is looked at.
    public let style: Style

    /// Looks into a pipeline.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - home: Where its warehouses are.
    ///   - style: Which of them.
    public init(_ pipeline: Pipeline, home: PipelineHome, style: Style) {
        self.pipeline = pipeline
        self.home = home
        self.style = style
    }

    /// A connection that reads the warehouse.
    package func open() throws -> Connection {
        try Warehouse(path: home.warehouse(style), isReadOnly: true, schema: pipeline.defaultSchema).connect()
    }

    /// The datasets in order.
    func graph(_ connection: Connection) throws -> DatasetGraph {
        try QueryAnalysis.graph(of: pipeline, connection: connection)
    }

    /// The dataset that a text names, with or without its schema.
    ///
    /// - Throws: ``DuetError`` when there is none.
    public func dataset(_ text: String) throws -> Dataset {
        let known = pipeline.datasets
        if let found = known.first(where: { $0.name.key == text.lowercased() }) { return found }
        if let found = known.first(where: { $0.name.table.lowercased() == text.lowercased() }) { return found }
        throw DuetError(
            .unknownTable,
            "the pipeline has no dataset '\(text)'",
            hint: Suggestion.hint(for: text, among: known.map(\.name.description), noun: "datasets")
        )
    }

    // MARK: - Rows

    /// Traces rows back.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - condition: Which of its rows; SQL.
    ///   - limit: The most rows to trace.
    /// - Returns: The trace.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition.
    public func trace(_ name: String, where condition: String?, limit: Int?) throws -> RowTrace {
        let target = try dataset(name).name
        let connection = try open()
        return try RowTrace(
            target,
            where: condition,
            limit: limit,
            pipeline: pipeline,
            graph: try graph(connection),
            style: style,
            connection: connection
        )
    }

    /// Follows rows forward.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - condition: Which of its rows; SQL.
    ///   - limit: The most rows to follow.
    /// - Returns: What they have become.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition.
    public func fate(_ name: String, where condition: String?, limit: Int?) throws -> RowFate {
        let origin = try dataset(name).name
        let connection = try open()
        return try RowFate(
            origin,
            where: condition,
            limit: limit,
            pipeline: pipeline,
            graph: try graph(connection),
            style: style,
            connection: connection
        )
    }

    /// Why a dataset lacks rows.
    ///
    /// - Parameters:
    ///   - name: The dataset.
    ///   - condition: What the rows would meet; SQL over its columns.
    /// - Returns: What lost them.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition.
    public func whyNot(_ name: String, where condition: String) throws -> WhyNot {
        let target = try dataset(name).name
        let connection = try open()
        let work = try RowWorkspace(pipeline, graph: try graph(connection), style: style, connection: connection)
        return try WhyNotSearch(work).answer(target, condition: condition)
    }

    /// The lineage of all columns.
    ///
    /// - Throws: ``DuetError`` when there is no warehouse yet.
    public func lineage() throws -> PipelineLineage {
        let connection = try open()
        return try PipelineLineage(pipeline, graph: try graph(connection), connection: connection)
    }
}
