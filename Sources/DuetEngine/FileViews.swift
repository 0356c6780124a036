package import DuckKit
package import DuetEvents
package import DuetPipeline

/// The relations by which queries read files: temporary views, so that each connection has its own.
package struct FileViews {
    private let connection: Connection
    private let pipeline: Pipeline

    /// Over a connection.
    package init(_ connection: Connection, pipeline: Pipeline) {
        self.connection = connection
        self.pipeline = pipeline
    }

    /// The column that says which file a row is of, where it was asked for.
    package static let fileColumn = "__file"

    /// The column that says which row of its file a row is, from 1, where it was asked for and the format tells it.
    package static let rowColumn = "__file_row"

    /// What rows are told of where they stand.
    package enum Numbering {
        /// Nothing.
        case none
        /// The number of their file, as ``fileColumn``.
        case files
        /// That, and their own number in it, as ``rowColumn``, where ``tellsRowNumbers(_:_:)``.
        case rows
    }

    /// Whether a call's files tell the numbers of their rows without being read whole, as Parquet does.
    package static func tellsRowNumbers(_ source: Source, _ read: FileRead) -> Bool {
        do {
            return try ReadOptions(source: source, read: read).format == .parquet && !read.usesRowNumber
        } catch {
            // Wrong options are told where the files are read.
            return false
        }
    }

    /// Creates the relation of each `read_files` call of a dataset, over the given files.
    ///
    /// The columns found at the first read are kept, and later reads go by them; the caller has a transaction open.
    ///
    /// - Parameters:
    ///   - dataset: The dataset.
    ///   - files: The files of each source.
    ///   - numbering: What rows are told of where they stand.
    ///   - forgetting: Whether the columns are to be found out anew, as at a full refresh.
    ///   - measures: Gets the statements.
    /// - Returns: Whether the files have brought new columns.
    /// - Throws: ``DuetError`` when a file is not what its source says.
    @discardableResult
    package func create(
        for dataset: Dataset,
        files: [String: [LandedFile]],
        numbering: Numbering = .none,
        forgetting: Bool = false,
        measures: inout StepMeasures
    ) throws -> Bool {
        var hasGrown = false
        for read in dataset.flows.flatMap(\.query.fileReads) {
            guard let source = pipeline.source(named: read.source) else { continue }
            let current = try matching(files[read.source] ?? [], read)
            guard !current.isEmpty else {
                let isFiltered = files[read.source]?.isEmpty == false
                throw DuetError(
                    .missingFile,
                    "source '\(read.source)' has no files" + (isFiltered ? " that the call's options let through" : ""),
                    hint: isFiltered
                        ? "a streaming table needs one to know its columns; look at pathGlobFilter, modifiedAfter and modifiedBefore"
                        : "its manifest is empty; a streaming table needs at least one file to know its columns",
                    at: isFiltered ? read.location : source.location
                )
            }
            let key = "\(dataset.name) reads \(read.relation)"
            let options = (source.options + read.options).map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            let kept = forgetting ? nil : try FileSchema.kept(connection, key: key, options: options)
            let select = try FileSelect(source: source, read: read, files: current, connection)
            do {
                let result = try select.select(kept: kept, numbering: numbering)
                if result.schema != kept { try result.schema.keep(connection, key: key, options: options) }
                if let kept, kept != result.schema { hasGrown = true }
                let sql = "CREATE OR REPLACE TEMP VIEW \(SQL.identifier(read.relation)) AS \(result.sql)"
                measures.statements.append(sql)
                try connection.execute(sql)
            } catch let error as DuckDBError {
                throw Self.formatError(error, read: read, source: source)
            }
        }
        return hasGrown
    }

    /// Whether a call takes new columns as they come.
    package func addsColumns(_ read: FileRead) throws -> Bool {
        guard let source = pipeline.source(named: read.source) else { return false }
        return try ReadOptions(source: source, read: read).evolution == .addNewColumns
    }

    /// The files that a call reads: all, or those that its `pathGlobFilter`, `modifiedAfter` and `modifiedBefore` allow.
    package func matching(_ files: [LandedFile], _ read: FileRead) throws -> [LandedFile] {
        guard let source = pipeline.source(named: read.source), !files.isEmpty else { return files }
        let options = try ReadOptions(source: source, read: read)
        let files = try inTime(files, options, read)
        guard let glob = options.glob, !files.isEmpty else { return files }
        let names = files.map { $0.origin.split(separator: "/").last.map(String.init) ?? $0.origin }
        let flags = try connection.rows(
            "SELECT n GLOB \(SQL.literal(glob)) FROM (SELECT unnest([\(names.map(SQL.literal).joined(separator: ", "))]) "
                + "AS n, generate_subscripts([\(names.map(SQL.literal).joined(separator: ", "))], 1) AS i) ORDER BY i"
        )
        return zip(files, flags).filter { $1.first?.bool == true }.map(\.0)
    }

    private func inTime(_ files: [LandedFile], _ options: ReadOptions, _ read: FileRead) throws -> [LandedFile] {
        var files = files
        let limits = [
            (options.changedBetween.after, ">", "modifiedAfter"),
            (options.changedBetween.before, "<", "modifiedBefore"),
        ]
        for (limit, sign, name) in limits {
            guard let limit else { continue }
            let time = "TRY_CAST(\(SQL.literal(limit)) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
            guard try connection.scalar("SELECT \(time) IS NOT NULL").bool == true else {
                throw DuetError(
                    .wrongValue,
                    "the option '\(name)' must be a time; found '\(limit)'",
                    hint: "write for example \(name) => '2026-01-31 00:00:00+00'",
                    at: read.location
                )
            }
            let flags = try connection.rows(
                "SELECT unnest([\(files.map { "coalesce(\(FileSelect.time(of: $0)) \(sign) \(time), true)" }.joined(separator: ", "))])"
            )
            files = zip(files, flags).filter { $1.first?.bool == true }.map(\.0)
        }
        return files
    }

    /// A file that DuckDB cannot read as what its source says.
    package static func formatError(_ error: DuckDBError, read: FileRead, source: Source) -> DuetError {
        if error.kind == .interrupt { return ErrorTranslation.cancelled }
        let fault = FileFault(error)
        return DuetError(
            .badFormat,
            "source '\(source.name)' cannot be read as \(source.format.rawValue): "
                + (fault?.description ?? ErrorTranslation.firstLine(error.message)),
            hint: fault?.hint ?? "look at the file that is named, and at the options of read_files",
            at: read.location,
            // What names no file is told whole.
            cause: fault?.path == nil ? error.message : fault?.original.map { "the line is: \($0)" }
        )
    }
}
