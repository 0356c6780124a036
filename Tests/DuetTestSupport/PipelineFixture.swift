internal import DuckKit
internal import DuetCompare
public import DuetEngine
public import DuetEvents
public import DuetFetch
public import DuetPipeline
public import DuetReport

/// A pipeline in a temporary folder, run for real.
public struct PipelineFixture: Sendable {
    /// The folder: pipeline.yml, transformations/, data/ and home/.
    public let folder: TemporaryFolder
    /// Makes transfers; waits between tries take no time.
    public let fetcher = Fetcher(configuration: FetchConfiguration(sleep: { _ in }))

    /// Writes a pipeline.
    ///
    /// - Parameters:
    ///   - definition: pipeline.yml without its name.
    ///   - sql: The statements.
    /// - Throws: An error when the folder cannot be written.
    public init(_ definition: String, sql: String) throws {
        folder = try TemporaryFolder()
        try folder.write("name: fixture\n\(definition)", to: "pipeline.yml")
        try folder.write(sql, to: "transformations/all.sql")
    }

    /// Reads the pipeline.
    public func pipeline(_ overrides: [String: String] = [:]) throws -> Pipeline {
        try Pipeline.load(folder: folder.path, overrides: overrides)
    }

    /// Where its warehouses are.
    public var home: PipelineHome { PipelineHome(pipeline: "fixture", root: "\(folder.path)/home") }

    /// Replaces the statements.
    public func rewrite(sql: String) throws { try folder.write(sql, to: "transformations/all.sql") }

    /// Drops a source file into data/.
    public func drop(_ text: String, _ name: String) throws { try folder.write(text, to: "data/\(name)") }

    /// Runs the pipeline once.
    @discardableResult
    public func run(
        _ style: Style,
        parameters: [String: String] = [:],
        settings: EngineSettings = EngineSettings(),
        selection: [String]? = nil,
        rebuild: [String] = [],
        retries: Int = 0,
        workers: Int = 2,
        update: UpdateOptions = UpdateOptions(),
        control: RunControl = RunControl(),
        sinks: [any EventSink] = []
    ) async throws -> RunOutcome {
        let pipeline = try pipeline(parameters)
        let names = { (texts: [String]) in
            Set(pipeline.datasets.map(\.name).filter { texts.contains($0.description) })
        }
        let request = RunRequest(
            pipeline: pipeline,
            home: home,
            settings: settings,
            workers: workers,
            selection: selection.map(names),
            rebuild: names(rebuild),
            update: update,
            copyPolicy: ProceduralPlan.Policy(retry: retries, retryIntervalInSeconds: 0),
            fetcher: fetcher,
            control: control,
            sinks: sinks
        )
        return try await offPool { try Styles.executor(style).run(request) }
    }

    /// Runs a statement in a style's warehouse.
    public func execute(_ sql: String, _ style: Style = .declarative) async throws {
        let path = home.warehouse(style)
        try await offPool { _ = try Warehouse(path: path).connect().execute(sql) }
    }

    /// Rows of a query over a style's warehouse, as text.
    public func rows(_ sql: String, _ style: Style = .declarative) throws -> [[String]] {
        let connection = try Warehouse(path: home.warehouse(style), isReadOnly: true).connect()
        return try connection.rows(sql).map { $0.map(\.description) }
    }

    /// The datasets whose kept changes some reader has still to take, with the number of these.
    public func waitingChanges() throws -> [String: Int] {
        let connection = try Warehouse(path: home.warehouse(.declarative), isReadOnly: true).connect()
        let logs = try connection.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'duet_changes'")
        var waiting: [String: Int] = [:]
        for name in logs.compactMap(\.first?.string) {
            let rows = try connection.scalar("SELECT count(*) FROM duet_changes.\(SQL.identifier(name))").int ?? 0
            if rows > 0 { waiting[name] = rows }
        }
        return waiting
    }

    /// The datasets in which the two warehouses differ.
    public func differences() throws -> [DatasetComparison] {
        try EqualityProof.compare(try pipeline(), home: home).filter { !$0.isEqual }
    }
}

extension RunOutcome {
    /// The last event of a step.
    public func end(of step: String) -> RunEvent? {
        events.last { $0.step == step && [.stepCompleted, .stepFailed, .stepSkipped].contains($0.kind) }
    }

    /// A step's measures.
    public func measures(of step: String) -> StepMeasures? { end(of: step)?.measures }
}
