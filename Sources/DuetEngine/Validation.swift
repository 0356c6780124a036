public import DuckKit
internal import DuetFetch
internal import DuetInference
public import DuetPipeline
internal import Foundation

/// Checks a pipeline without running it: names, columns and types, as far as the sources are at hand.
public enum Validation {
    /// What a check found besides errors.
    public struct Findings: Sendable {
        /// The columns of each dataset that could be bound.
        public var columns: [DatasetName: [ColumnDescription]]
        /// Why some datasets could not be bound, and clauses without effect.
        public var notes: [String]
        /// The datasets in order.
        public var graph: DatasetGraph
    }

    /// Checks a pipeline.
    ///
    /// Queries are bound against empty tables, so no data are read but the first lines of local source files.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - files: Files of sources that are known already, such as those an earlier run has fetched.
    /// - Returns: What was found.
    /// - Throws: ``DuetErrors`` with every error.
    public static func check(_ pipeline: Pipeline, files: [LandedFile] = []) throws -> Findings {
        let (checker, graph) = try examine(pipeline, files)
        guard checker.errors.isEmpty else { throw DuetErrors(checker.errors) }
        return Findings(
            columns: checker.columns,
            notes: pipeline.warnings.map(\.note) + checker.notes,
            graph: graph
        )
    }

    /// A database in memory that has an empty table for each dataset whose columns can be known.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - files: Files of sources that are known already.
    /// - Returns: A connection to it, and the datasets it has.
    /// - Throws: ``DuckDBError`` when it cannot be made.
    package static func scratch(
        of pipeline: Pipeline,
        files: [LandedFile]
    ) throws -> (connection: Connection, known: Set<DatasetName>) {
        let (checker, _) = try examine(pipeline, files)
        return (checker.connection, Set(checker.columns.keys))
    }

    private static func examine(_ pipeline: Pipeline, _ files: [LandedFile]) throws -> (Checker, DatasetGraph) {
        // Nothing is asked while queries are bound, but calls with nothing but constants would be: those are only counted.
        var options = InferenceOptions(store: nil) { Fetcher() }
        options.mode = .count
        let inference = InferenceService(models: pipeline.models, folder: pipeline.folder, options: options)
        let connection = try Warehouse.scratch(functions: inference.functions, schema: pipeline.defaultSchema)
        let graph = try QueryAnalysis.graph(of: pipeline, connection: connection)
        var checker = Checker(pipeline: pipeline, connection: connection, files: files)
        for schema in Set(pipeline.datasets.map(\.name.schema)).sorted() where schema.lowercased() != "main" {
            try connection.execute("CREATE SCHEMA IF NOT EXISTS \(SQL.identifier(schema))")
        }
        for node in graph.nodes { try checker.check(node) }
        return (checker, graph)
    }
}

private struct Checker {
    let pipeline: Pipeline
    let connection: Connection
    let files: [LandedFile]
    var columns: [DatasetName: [ColumnDescription]] = [:]
    var notes: [String] = []
    var errors: [DuetError] = []

    init(pipeline: Pipeline, connection: Connection, files: [LandedFile]) {
        self.pipeline = pipeline
        self.connection = connection
        self.files = files
    }

    mutating func check(_ node: DatasetGraph.Node) throws {
        let dataset = node.dataset
        if let unbound = node.inputs.first(where: { columns[$0] == nil }) {
            // Its own error or note has been told; what follows from it has not to be.
            notes.append("\(dataset.name): columns not checked, since those of \(unbound) are not known")
            return
        }
        let derived: Query?
        do {
            derived = try DerivedQuery.query(of: dataset, connection)
        } catch let error as DuetError {
            errors.append(error)
            return
        }
        guard let query = derived else { return }
        for read in query.fileReads {
            guard try makeFileRelation(read) else {
                notes.append(
                    "\(dataset.name): columns not checked, since source '\(read.source)' has not been fetched yet"
                )
                return
            }
        }
        let name = SQL.qualified(dataset.name.schema, dataset.name.table)
        do {
            try ColumnCheck(dataset, connection).check(query, tries: true)
        } catch let error as DuetError {
            errors.append(error)
            return
        }
        do {
            try connection.execute("CREATE TABLE \(name) AS SELECT * FROM (\(query.text.text)\n) LIMIT 0")
        } catch {
            errors.append(
                ErrorTranslation.error(
                    error,
                    dataset: dataset.name,
                    text: query.text,
                    names: pipeline.datasets.map(\.name.description)
                )
            )
            return
        }
        columns[dataset.name] = try connection.describe("SELECT * FROM \(name)")
        do {
            try ExpectationCheck(dataset).bind(connection, relation: name)
            // Nothing is violated by no rows but a rule on their number, which is not meant for an empty table.
            var checked = dataset
            for index in checked.tableChecks.indices { checked.tableChecks[index].action = .warn }
            _ = try TableCheckCount(checked, connection, relation: name).counts(rows: 0)
        } catch let error as DuetError {
            errors.append(error)
        }
    }

    private mutating func makeFileRelation(_ read: FileRead) throws -> Bool {
        guard let source = pipeline.source(named: read.source) else { return false }
        let paths = try knownPaths(of: source)
        guard let first = paths.first else { return false }
        let file = LandedFile(source: source.name, origin: first, path: first, content: "", size: 0)
        let select = try FileSelect(source: source, read: read, files: [file], connection)
        do {
            let sql = try select.select(kept: nil, numbering: .none).sql
            try connection.execute("CREATE OR REPLACE TEMP VIEW \(SQL.identifier(read.relation)) AS \(sql)")
        } catch let error as DuckDBError {
            errors.append(FileViews.formatError(error, read: read, source: source))
            return false
        }
        return true
    }

    /// Files of a source that are on this machine; none when that cannot be said without a transfer.
    private func knownPaths(of source: Source) throws -> [String] {
        let landed = files.filter { $0.source == source.name }.map(\.path)
            .filter { FileManager.default.fileExists(atPath: $0) }
        if source.isRemote || !landed.isEmpty { return landed }
        do {
            return try SourceReader.localPaths(of: source, folder: pipeline.folder)
                .filter { FileManager.default.fileExists(atPath: $0) }
        } catch let error as DuetError where error.code == .missingFile {
            return []
        }
    }
}
