internal import DuckKit
internal import DuetEngine
internal import DuetEvents
internal import DuetPipeline

extension DatasetUpdate {
    /// Feeds a streaming table with what is new in its stream; nil when the query does not allow it.
    func takeStream(
        _ query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result? {
        guard let rowwise = try rowwise(query) else { return nil }
        if let read = query.fileReads.first(where: \.isStream) {
            return try takeFiles(read, rowwise, query: query, version: version, state: state, measures: &measures)
        }
        return try takeRows(rowwise, query: query, version: version, state: state, measures: &measures)
    }

    // MARK: - From files

    private func takeFiles(
        _ read: FileRead,
        _ rowwise: RowwiseQuery,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result? {
        guard let source = session.request.pipeline.source(named: read.source) else { return nil }
        let delivery = try Delivery(
            files: try FileViews(connection, pipeline: session.request.pipeline)
                .matching(memory.files(of: read.source), read),
            seen: state.datasets[dataset.name]?.files ?? [],
            origins: seenOrigins(),
            source: source
        )
        let columns = try store.visibleColumns(of: store.rows)
        let gone = "temp.main.\(SQL.identifier("gone:\(dataset.name)"))"
        let new = "temp.main.\(SQL.identifier("new:\(dataset.name)"))"
        measures.rule = "new files are read, rows of replaced files are taken back"
        guard let added = try readNew(delivery.new, read, rowwise, query, into: new, &measures) else {
            return try rebuild(for: read, source: source, query: query, measures: &measures)
        }
        measures.rowsInserted = added
        measures.rowsRead = measures.rowsInserted
        let list = DatasetStore.list(columns)
        if !delivery.withdrawn.isEmpty {
            let files = delivery.withdrawn.sorted().map(String.init).joined(separator: ", ")
            let condition = "\(SQL.identifier(FileViews.fileColumn)) IN (\(files))"
            try run(
                "CREATE OR REPLACE TEMP TABLE \(gone) AS SELECT * FROM \(store.rows) WHERE \(condition)",
                query.text,
                &measures
            )
            try run("DELETE FROM \(store.rows) WHERE \(condition)", query.text, &measures)
            measures.rowsDeleted = try connection.scalar("SELECT count(*) FROM \(gone)").int ?? 0
        }
        if !delivery.new.isEmpty {
            try run("INSERT INTO \(store.rows) BY NAME SELECT * FROM \(new)", query.text, &measures)
        }
        var change = delivery.new.isEmpty ? nil : "SELECT \(list), 1 AS __w FROM \(new)"
        if !delivery.withdrawn.isEmpty {
            // What the replaced file and its successor have in common cancels out: only the difference is a change.
            let both = [change, "SELECT \(list), -1 AS __w FROM \(gone)"].compactMap { $0 }
            change =
                "SELECT \(list), sum(__w)::BIGINT AS __w FROM (\(both.joined(separator: " UNION ALL "))) "
                + "GROUP BY \(list) HAVING sum(__w) <> 0"
        }
        var result = try finishStream(change, version: version, columns: columns, query, &measures)
        var parts: [String] = []
        if !delivery.new.isEmpty { parts.append("SELECT \(list), 1 AS __w FROM \(new)") }
        if !delivery.withdrawn.isEmpty { parts.append("SELECT \(list), -1 AS __w FROM \(gone)") }
        if !parts.isEmpty { result.checked = .change("(\(parts.joined(separator: " UNION ALL ")))") }
        return result
    }

    /// Reads new files; nil when they bring columns that the table has to get first.
    private func readNew(
        _ files: [LandedFile],
        _ read: FileRead,
        _ rowwise: RowwiseQuery,
        _ query: Query,
        into new: String,
        _ measures: inout StepMeasures
    ) throws -> Int? {
        guard !files.isEmpty else { return 0 }
        let views = FileViews(connection, pipeline: session.request.pipeline)
        let hasGrown = try views.create(
            for: dataset,
            files: [read.source: files],
            numbering: .files,
            measures: &measures
        )
        if hasGrown { return nil }
        let select = try rowwise.sql(over: read.relation, carrying: [FileViews.fileColumn], connection)
        try run("CREATE OR REPLACE TEMP TABLE \(new) AS \(select)", query.text, &measures)
        try checkColumns(of: new, read: read, files: files)
        return try connection.scalar("SELECT count(*) FROM \(new)").int ?? 0
    }

    /// New files must bring the columns the table has.
    private func checkColumns(of new: String, read: FileRead, files: [LandedFile]) throws {
        let had = try store.visibleColumns(of: store.rows).map(\.name)
        let have = try store.visibleColumns(of: new).map(\.name)
        guard Set(had) != Set(have) else { return }
        let missing = had.filter { !have.contains($0) }.map { "'\($0)'" }
        let added = have.filter { !had.contains($0) }.map { "'\($0)'" }
        var parts: [String] = []
        if !missing.isEmpty { parts.append("lack \(missing.joined(separator: ", "))") }
        if !added.isEmpty { parts.append("have \(added.joined(separator: ", ")) besides") }
        throw DuetError(
            .badFormat,
            "new files of '\(read.source)' \(parts.joined(separator: " and ")), unlike those that '\(dataset.name)' "
                + "was made from; the first is '\(files.first?.origin ?? "")'",
            hint: "correct the file, or refresh the table in full: duet run --full-refresh \(dataset.name)",
            at: read.location
        )
    }

    /// Makes the table anew when new files bring columns, or values that its columns' types cannot hold.
    ///
    /// A table that keeps what its files no longer say cannot be made from them.
    private func rebuild(
        for read: FileRead,
        source: Source,
        query: Query,
        measures: inout StepMeasures
    ) throws -> Result {
        guard source.changedFiles == .replace else {
            throw DuetError(
                .badFormat,
                "new files of '\(read.source)' have columns or types that '\(dataset.name)' does not have, and it keeps "
                    + "rows that its files no longer have",
                hint: "declare the columns with schema or schemaHints; or refresh the table in full",
                at: read.location
            )
        }
        let result = try build(
            query,
            // New columns that were asked for have been added to those that are kept.
            findsTypes: try !FileViews(connection, pipeline: session.request.pipeline).addsColumns(read),
            measures: &measures
        )
        measures.rule = "new files bring other columns or types, so the table is made anew with them"
        return result
    }

    private func seenOrigins() throws -> [Int: String] {
        let rows = try connection.rows(
            "SELECT file, origin FROM duet.seen_files WHERE reader = ?",
            [.varchar(dataset.name.description)]
        )
        return Dictionary(rows.compactMap { row in row[0].int.map { ($0, row[1].string ?? "") } }) { $1 }
    }

    // MARK: - From another dataset

    private func takeRows(
        _ rowwise: RowwiseQuery,
        query: Query,
        version: Int,
        state: RefreshState,
        measures: inout StepMeasures
    ) throws -> Result? {
        guard let name = node.streamedInputs.first, let stream = try streamed(name) else { return nil }
        let seen = state.datasets[dataset.name]?.seen[stream.base] ?? 0
        let columns = try store.visibleColumns(of: store.rows)
        let changed = (state.datasets[stream.base]?.version ?? 0) > seen
        // A static side that changed alone changes nothing: the rows of a stream are joined when they pass.
        guard changed else {
            measures.strategy = .nothing
            measures.rule = "only its static inputs have changed, and they meet new rows alone"
            return Result(rows: memory.rows(of: dataset.name) ?? 0, hasChanged: false)
        }
        let relation = "stream:\(name)"
        let table = "temp.main.\(SQL.identifier(relation))"
        let select = try stream.change(since: seen, self, &measures)
        try run("CREATE OR REPLACE TEMP TABLE \(table) AS \(select)", query.text, &measures)
        measures.rowsRead = try connection.scalar("SELECT count(*) FROM \(table)").int ?? 0
        let takesBack = try connection.scalar("SELECT count(*) FROM \(table) WHERE __w < 0").int ?? 0 > 0
        if takesBack, rowwise.hasStaticSide || stream.hasStaticSide {
            measures.rule = "a row it had read was taken back, and what it was joined with may be other now"
            return nil
        }
        let mapped = try rowwise.sql(over: relation, carrying: ["__w"], connection)
        let change = "temp.main.\(SQL.identifier("change:\(dataset.name)"))"
        let entries = try count(
            ChangeRows(table: change).definition(mapped, columns: columns),
            query.text,
            &measures
        )
        measures.rule = takesBack ? "the query over the changed rows, with their signs" : "the query over the new rows"
        (measures.rowsInserted, measures.rowsDeleted) = try apply(
            ChangeRows(table: change),
            entries: entries,
            columns: columns.map(\.name),
            query.text,
            &measures
        )
        var result = try finishStream(
            "SELECT * FROM \(change)",
            version: version,
            columns: columns,
            query,
            &measures
        )
        result.checked = .change(change)
        return result
    }

    private func finishStream(
        _ change: String?,
        version: Int,
        columns: [ColumnDescription],
        _ query: Query,
        _ measures: inout StepMeasures
    ) throws -> Result {
        measures.strategy = measures.rowsDeleted > 0 ? .incremental : .append
        if let change, hasReaders {
            try log("(\(change))", version: version, columns: columns.map(\.name))
            // Rows taken back may be in the log beside equal ones that came.
            if measures.rowsDeleted == 0 { noteChange(measures, memory.state) }
        }
        let all = try connection.scalar("SELECT count(*) FROM \(store.rows)").int ?? 0
        let hasChanged = measures.rowsInserted + measures.rowsDeleted > 0
        return Result(rows: try publishedRows(all), hasChanged: hasChanged)
    }
}

/// Which files of a source a streaming table has to read, and whose rows it has to take back.
struct Delivery {
    var new: [LandedFile] = []
    var withdrawn: Set<Int> = []

    /// Goes by the source's policy for changed files.
    ///
    /// - Parameters:
    ///   - files: The files there are now.
    ///   - seen: The numbers of files that were read.
    ///   - origins: Where each file that was read came from, by number.
    ///   - source: The source.
    /// - Throws: ``DuetError`` when a file has changed and the policy is to fail.
    init(files: [LandedFile], seen: Set<Int>, origins: [Int: String], source: Source) throws {
        let readBefore = Set(origins.values)
        for file in files where !seen.contains(file.id) {
            let isChanged = readBefore.contains(file.origin)
            switch source.changedFiles {
            case _ where !isChanged: new.append(file)
            case .replace, .append: new.append(file)
            case .ignore: break
            case .fail:
                throw DuetError(
                    .badFormat,
                    "'\(file.origin)' has changed since it was read, and source '\(source.name)' does not allow that",
                    hint: "changed_files: replace, append or ignore says what to do with it",
                    at: source.location
                )
            }
        }
        guard source.changedFiles == .replace else { return }
        withdrawn = seen.subtracting(files.map(\.id))
    }
}
