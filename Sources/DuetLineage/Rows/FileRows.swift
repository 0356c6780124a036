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
        let keys = ids.map(String.init).joined(separator: ", ")
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
        for file in try holding(all, among: candidates, of: files) {
            for (id, number) in try matches(all, files: [file], identifier: "row_number() OVER ()") {
                found.append(try row(id, number, file))
            }
        }
        return found
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
            .create(for: dataset, files: bySource, numbering: true, measures: &ignored)
        var selects: [String] = []
        try BackwardTrace(
            work,
            dataset: dataset,
            leaf: { [work, dataset] schema, table, name, restriction in
                guard schema.isEmpty, work.catalogue.read(table, of: dataset) != nil else { return nil }
                // Rows are numbered before any is left out.
                return "SELECT * FROM (SELECT * EXCLUDE (\(FileViews.fileColumn)), "
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

    private func row(_ id: Int, _ number: Int, _ file: LandedFile) throws -> FileRow {
        let landed = try work.connection.scalar("SELECT landed::VARCHAR FROM duet.files WHERE id = ?", [Value(file.id)])
        return FileRow(
            id: id,
            source: file.source,
            origin: file.origin,
            path: file.path,
            number: number,
            content: file.content,
            landed: landed.string ?? ""
        )
    }
}
