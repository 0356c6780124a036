internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

/// Making rows from the whole of the inputs.
extension DatasetUpdate {
    /// Makes the rows from the whole of the inputs.
    ///
    /// - Parameters:
    ///   - query: The query.
    ///   - findsTypes: Whether files' columns are to be found out anew.
    ///   - measures: Filled with what it took.
    /// - Returns: What it came to.
    /// - Throws: ``DuetError`` when the query fails.
    func build(
        _ query: Query,
        findsTypes: Bool = false,
        measures: inout StepMeasures
    ) throws -> Result {
        measures.strategy = .full
        measures.rule = "the query over everything"
        let select = try fullQuery(query, findsTypes: findsTypes, measures: &measures)
        try run("CREATE OR REPLACE TABLE \(store.rows) AS \(select)", query.text, &measures)
        try forgetChanges()
        let rows = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        measures.rowsInserted = rows
        try publishing(query)
        return Result(rows: try publishedRows(rows), isRebuilt: true, checked: .all(store.rows))
    }

    /// The query over all of its inputs; over files it notes which row is of which file, where that is possible.
    func fullQuery(
        _ query: Query,
        findsTypes: Bool = false,
        measures: inout StepMeasures
    ) throws -> String {
        let files = Dictionary(uniqueKeysWithValues: node.sources.map { ($0, memory.files(of: $0)) })
        try FileViews(connection, pipeline: session.request.pipeline)
            .create(
                for: dataset,
                files: files,
                numbering: isFileStream ? .files : .none,
                forgetting: findsTypes || isFullRefresh,
                measures: &measures
            )
        try ColumnCheck(dataset, connection).check(query)
        guard isFileStream, let read = query.fileReads.first, let rowwise = try rowwise(query) else {
            return query.text.text
        }
        return try rowwise.sql(over: read.relation, carrying: [FileViews.fileColumn], connection)
    }

    /// Makes the rows anew and takes the difference, so that readers get only what has really changed.
    func recompute(_ query: Query, version: Int, measures: inout StepMeasures) throws -> Result {
        measures.strategy = .full
        measures.rule = measures.rule ?? "the query over everything, then the difference"
        let select = try fullQuery(query, measures: &measures)
        let new = "temp.main.\(SQL.identifier("new:\(dataset.name)"))"
        let change = "temp.main.\(SQL.identifier("change:\(dataset.name)"))"
        try run("CREATE OR REPLACE TEMP TABLE \(new) AS \(select)", query.text, &measures)
        let columns = try store.visibleColumns(of: store.rows)
        try makeDifference(
            change,
            new: try shown(new),
            old: isRedefined ? store.published : store.rows,
            columns: columns,
            query: query,
            measures: &measures
        )
        let hasChanged = measures.rowsInserted + measures.rowsDeleted > 0
        // Hidden columns may differ where the visible ones do not (a file delivered again), so the rows are replaced.
        try run("CREATE OR REPLACE TABLE \(store.rows) AS SELECT * FROM \(new)", query.text, &measures)
        if hasChanged, hasReaders {
            try log(change, version: version, columns: columns.map(\.name), isFiltered: isRedefined)
        }
        try publishing(query)
        let rows = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        return Result(rows: try publishedRows(rows), hasChanged: hasChanged, checked: .all(store.rows))
    }

    /// Whether the dataset was made from another definition.
    ///
    /// Which rows are kept out may be another matter then, so the difference is that of the rows that readers saw and see.
    var isRedefined: Bool { memory.state.datasets[dataset.name].map { $0.definition != dataset.definition } ?? false }

    /// A relation of new rows, without those that readers will not see where that may have changed; as SQL after FROM.
    ///
    /// - Throws: ``DuetError`` at the rule that does not fit the relation's columns.
    func shown(_ relation: String) throws -> String {
        guard isRedefined, let keep = ExpectationCheck(dataset).keepCondition else { return relation }
        try ExpectationCheck(dataset).bind(connection, relation: relation)
        return "(SELECT * FROM \(relation) WHERE \(keep))"
    }

    /// Makes a temporary table of what one relation has and another lacks, and counts it.
    func makeDifference(
        _ change: String,
        new: String,
        old: String,
        columns: [ColumnDescription],
        query: Query,
        measures: inout StepMeasures
    ) throws {
        let list = DatasetStore.list(columns)
        try run(
            """
            CREATE OR REPLACE TEMP TABLE \(change) AS SELECT \(list), sum(__w)::BIGINT AS __w FROM (
                SELECT \(list), 1 AS __w FROM \(new) UNION ALL SELECT \(list), -1 FROM \(old)
            ) GROUP BY \(list) HAVING sum(__w) <> 0
            """,
            query.text,
            &measures
        )
        try countRows(of: change, measures: &measures)
    }

    /// Notes how many rows a change adds and takes away.
    func countRows(of change: String, measures: inout StepMeasures) throws {
        let row = try connection.rows(
            "SELECT coalesce(sum(__w) FILTER (WHERE __w > 0), 0)::BIGINT, "
                + "coalesce(-sum(__w) FILTER (WHERE __w < 0), 0)::BIGINT FROM \(change)"
        ).first
        measures.rowsInserted = row?[0].int ?? 0
        measures.rowsDeleted = row?[1].int ?? 0
    }

    /// Whether this is a streaming table fed by files, whose rows remember their file.
    var isFileStream: Bool {
        dataset.kind == .streamingTable && dataset.flows.first?.query.fileReads.first?.isStream == true
    }

    /// The query if it treats its stream row by row.
    func rowwise(_ query: Query) throws -> RowwiseQuery? {
        let aggregates = try memory.aggregates {
            let names = try connection.rows(
                "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
            )
            return Set(names.compactMap { $0.first?.string })
        }
        switch try RowwiseQuery.analyse(query, aggregates: aggregates, connection) {
        case .success(let rowwise): return rowwise
        case .failure: return nil
        }
    }
}
