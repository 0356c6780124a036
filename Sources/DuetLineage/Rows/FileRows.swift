import DuckKit
import DuetEngine
import DuetEvents
import DuetPipeline

/// A row of a source's file.
public struct FileRow: Sendable, Hashable {
    /// The identifier of the dataset's row that it became.
    public var id: Int
    /// The source.
    public var source: String
    /// The file's URL or path.
    public var origin: String
    /// Where it lies on this machine.
    public var path: String
    /// The number of the row within the file, from 1, headers not counted.
    public var number: Int
    /// What tells the file's content: a SHA-256 for what was fetched, size and time for local files.
    public var content: String
    /// When the transfer that brought it was recorded, in UTC.
    public var landed: String
    /// The id of the run that brought the file; nil where the event log does not tell.
    public var transfer: String?
    /// The id of the run that took the row into the dataset; nil where the event log does not tell.
    public var update: String?
}

extension RowTrace {
    /// The rows of files that rows of a step were read from, found by reading those files again.
    ///
    /// Where equal rows stand in several places, all places are given: nothing tells which it was.
    ///
    /// - Parameters:
    ///   - step: A step whose dataset reads files.
    ///   - ids: Identifiers of its rows.
    /// - Returns: The rows, by identifier, file and number; none for files that have changed or gone since.
    /// - Throws: ``DuckDBError`` or ``DuetError`` when a file cannot be read.
    public func fileRows(of step: Step, ids: [Int]) throws -> [FileRow] {
        guard let dataset = work.pipeline.dataset(named: step.dataset), let store = work.store(step.dataset),
            let reads = dataset.flows.first?.query.fileReads, !reads.isEmpty, !ids.isEmpty
        else { return [] }
        let finder = FileRowFinder(work: work, dataset: dataset, store: store)
        return try finder.rows(ids: ids).sorted { ($0.id, $0.origin, $0.number) < ($1.id, $1.origin, $1.number) }
    }
}

/// Finds rows of files again: first in which file, then which row of it.
struct FileRowFinder {
    let work: RowWorkspace
    let dataset: Dataset
    let store: RowStore

    func rows(ids: [Int]) throws -> [FileRow] {
        let files = try WarehouseState.files(work.connection).files
        let list = store.columns.enumerated()
            .map { ", s.\(SQL.identifier($0.element.name)) AS c\($0.offset)" }.joined()
        // As a query and not as a list of constants: by it DuckDB skips whole groups of rows.
        let keys = "SELECT unnest([\(ids.map(String.init).joined(separator: ", "))]::BIGINT[])"
        let wanted = try work.table(
            "wanted",
            "SELECT s.rowid AS row, false AS context\(list) FROM \(store.table) AS s WHERE s.rowid IN (\(keys))"
        )
        let types = store.columns.map(\.type)
        // Rows of streams know their file; those of others are looked for in all files of the source.
        var candidates = files
        if try hasFileColumn() {
            let known = try work.connection.rows(
                "SELECT DISTINCT \(FileViews.fileColumn) FROM \(store.table) WHERE rowid IN (\(keys))"
            ).compactMap { $0.first?.int }
            candidates = files.filter { known.contains($0.id) }
        }
        let all = WantedRows(name: wanted.name, types: types, count: wanted.rows)
        var found: [FileRow] = []
        var known: [Int: FileRow] = [:]
        func add(_ id: Int, _ number: Int, _ file: LandedFile) throws {
            var row = try known[file.id] ?? row(of: file)
            known[file.id] = row
            row.id = id
            row.number = number
            found.append(row)
        }
        if isNumberedByFormat {
            let byID = Dictionary(candidates.map { ($0.id, $0) }) { first, _ in first }
            let numbers = "\(FileViews.fileColumn) * \(Self.mostRows) + \(FileViews.rowColumn)"
            for (id, number) in try matches(all, files: candidates, identifier: numbers) {
                guard let file = byID[number / Self.mostRows] else { continue }
                try add(id, number % Self.mostRows, file)
            }
            return found
        }
        for file in try holding(all, among: candidates, of: files) {
            for (id, number) in try matches(all, files: [file], identifier: "row_number() OVER ()") {
                try add(id, number, file)
            }
        }
        return found
    }

    /// More rows than any file has, to make one number of a file's and a row's.
    private static let mostRows = 1 << 40

    /// Whether all files tell their rows' numbers themselves, as Parquet does, so that not all need be read to count them.
    private var isNumberedByFormat: Bool {
        dataset.flows.flatMap(\.query.fileReads).allSatisfy { read in
            work.pipeline.source(named: read.source).map { FileViews.tellsRowNumbers($0, read) } ?? false
        }
    }

    private func hasFileColumn() throws -> Bool {
        try work.connection.describe("SELECT * FROM \(store.table)").contains { $0.name == FileViews.fileColumn }
    }

    /// Those files that have any of the rows, so that only they are read row by row.
    private func holding(_ wanted: WantedRows, among files: [LandedFile], of all: [LandedFile]) throws -> [LandedFile] {
        guard files.count > 1 else { return files }
        let numbers = Set(try matches(wanted, files: files, identifier: FileViews.fileColumn).map(\.number))
        return files.filter { numbers.contains($0.id) }
    }

    /// The wanted rows with an identifier of the file's row each.
    private func matches(
        _ wanted: WantedRows,
        files: [LandedFile],
        identifier: String
    ) throws -> [(id: Int, number: Int)] {
        let sources = Set(dataset.flows.flatMap(\.query.fileReads).map(\.source))
        let read = files.filter { sources.contains($0.source) }
        guard !read.isEmpty, let query = try work.query(of: dataset) else { return [] }
        var ignored = StepMeasures()
        // A source none of whose files is looked at keeps all of them: it may be joined.
        let recorded = try WarehouseState.files(work.connection).files
        var bySource = Dictionary(grouping: recorded, by: \.source)
        for source in Set(read.map(\.source)) { bySource[source] = read.filter { $0.source == source } }
        try FileViews(work.connection, pipeline: work.pipeline)
            .create(for: dataset, files: bySource, numbering: .rows, measures: &ignored)
        var selects: [String] = []
        try BackwardTrace(
            work,
            work.relations(of: dataset),
            leaf: { [work, dataset] schema, table, name, restriction in
                guard schema.isEmpty, work.catalogue.read(table, of: dataset) != nil else { return nil }
                // Where rows are counted, they are before any is left out.
                let isNumbered = identifier.contains(FileViews.rowColumn)
                let own = FileViews.fileColumn + (isNumbered ? ", \(FileViews.rowColumn)" : "")
                return "SELECT * FROM (SELECT * EXCLUDE (\(own)), "
                    + "\(identifier) AS \(SQL.identifier(name)) "
                    + "FROM temp.main.\(SQL.identifier(table))) AS s\(restriction)"
            },
            found: { [work, dataset] schema, table, select in
                if schema.isEmpty, work.catalogue.read(table, of: dataset) != nil { selects.append(select) }
            },
            whole: { _, _, _ in }
        ).trace(query, RowScope(), wanted)
        guard !selects.isEmpty else { return [] }
        return try work.connection.rows(
            "SELECT DISTINCT row, id FROM (\(selects.joined(separator: " UNION ALL "))) ORDER BY ALL"
        ).map { ($0[0].int ?? 0, $0[1].int ?? 0) }
    }

    /// What all rows of a file have in common.
    private func row(of file: LandedFile) throws -> FileRow {
        let landed = try work.connection.scalar("SELECT landed::VARCHAR FROM duet.files WHERE id = ?", [Value(file.id)])
        let runs = try runs(since: landed.string ?? "")
        return FileRow(
            id: 0,
            source: file.source,
            origin: file.origin,
            path: file.path,
            number: 0,
            content: file.content,
            landed: landed.string ?? "",
            transfer: runs.transfer,
            update: runs.update
        )
    }

    /// The run in whose time a file was recorded, and the first run from then on that updated the dataset.
    private func runs(since landed: String) throws -> (transfer: String?, update: String?) {
        let isThere = try work.connection.scalar(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'duet' AND table_name = 'events'"
        )
        guard isThere.int ?? 0 > 0, !landed.isEmpty else { return (nil, nil) }
        let transfer = try work.connection.rows(
            "SELECT origin.run_id, min(timestamp)::VARCHAR FROM duet.events GROUP BY 1 "
                + "HAVING min(timestamp) <= ?::TIMESTAMP AND max(timestamp) >= ?::TIMESTAMP ORDER BY 2 LIMIT 1",
            [.varchar(landed), .varchar(landed)]
        ).first
        let step = StepName.dataset(dataset.name, style: work.style.rawValue)
        // The last one that made all rows anew, or else the first that could take the file.
        let full = "(coalesce(details->>'strategy', 'full') = 'full')"
        let update = try work.connection.rows(
            "SELECT origin.run_id FROM duet.events WHERE event_type = 'step_completed' AND origin.step = ? "
                + "AND timestamp >= ?::TIMESTAMP ORDER BY \(full) DESC, "
                + "CASE WHEN \(full) THEN -epoch_us(timestamp) ELSE epoch_us(timestamp) END LIMIT 1",
            [.varchar(step), .varchar(transfer?.last?.string ?? landed)]
        ).first
        return (transfer?.first?.string, update?.first?.string)
    }
}
