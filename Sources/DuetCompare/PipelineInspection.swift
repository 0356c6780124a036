internal import DuckKit
internal import DuetDeclarative
public import DuetEngine
internal import DuetFetch
public import DuetPipeline
internal import DuetReport
internal import Foundation

/// Looks into a pipeline and what its runs have left, without running it.
public struct PipelineInspection: Sendable {
    private let pipeline: Pipeline
    private let home: PipelineHome

    /// Looks into a pipeline.
    ///
    /// - Parameters:
    ///   - pipeline: The pipeline.
    ///   - root: The folder for all pipelines' warehouses.
    public init(_ pipeline: Pipeline, root: String) {
        self.pipeline = pipeline
        home = PipelineHome(pipeline: pipeline.name, root: root)
    }

    /// Checks the definition, with the files of earlier runs where sources are remote.
    ///
    /// - Returns: What was found.
    /// - Throws: ``DuetErrors`` with every error.
    public func validate() throws -> Validation.Findings {
        var files: [LandedFile] = []
        for style in Style.allCases where FileManager.default.fileExists(atPath: home.warehouse(style)) {
            let warehouse = try Warehouse(path: home.warehouse(style), isReadOnly: true)
            files += try WarehouseState.files(try warehouse.connect()).files
        }
        return try Validation.check(pipeline, files: files)
    }

    /// What a run would do, as text or JSON.
    ///
    /// - Parameters:
    ///   - style: The style.
    ///   - datasets: The datasets to tell of, for the declarative style; nil for all.
    ///   - tellsSQL: Whether to tell the statements, for the declarative style.
    ///   - asJSON: Whether for machines.
    /// - Returns: The plan.
    /// - Throws: ``DuetErrors`` when the definition is wrong.
    public func plan(
        _ style: Style,
        of datasets: Set<DatasetName>? = nil,
        tellsSQL: Bool = false,
        asJSON: Bool
    ) throws -> String {
        switch style {
        case .procedural:
            let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
            let plan = ProceduralPlan(pipeline, graph: graph)
            let request = RunRequest(pipeline: pipeline, home: home, fetcher: Fetcher())
            let estimate = try InferenceEstimate.of(request, .procedural)
            return asJSON
                ? joined(PlanText.json(plan), estimate).text(pretty: true) : joined(PlanText.text(plan), estimate)
        case .declarative:
            let request = RunRequest(pipeline: pipeline, home: home, fetcher: Fetcher())
            let plan = try DeclarativeExecutor().plan(request, of: datasets, tellsSQL: tellsSQL)
            let estimate = try InferenceEstimate.of(request, .declarative)
            return asJSON
                ? joined(RefreshPlanText.json(plan), estimate).text(pretty: true)
                : joined(RefreshPlanText.text(plan), estimate)
        }
    }

    private func joined(_ text: String, _ estimate: InferenceEstimate?) -> String {
        estimate.map { "\(text)\n\n\($0.text)" } ?? text
    }

    private func joined(_ value: JSONValue, _ estimate: InferenceEstimate?) -> JSONValue {
        guard let estimate, var object = value.object else { return value }
        object["inference"] = estimate.json
        return .object(object)
    }

    /// The datasets with their rows.
    ///
    /// - Parameters:
    ///   - style: Which warehouse.
    ///   - asJSON: Whether for machines.
    /// - Returns: A table, or JSON.
    /// - Throws: ``DuetError`` when there is no warehouse yet.
    public func list(_ style: Style, asJSON: Bool) throws -> String {
        let connection = try Warehouse(path: home.warehouse(style), isReadOnly: true, schema: pipeline.defaultSchema)
            .connect()
        var rows: [(dataset: Dataset, count: Int?)] = []
        let known = Set(
            try connection.rows(
                "SELECT lower(schema_name || '.' || table_name) FROM duckdb_tables() UNION ALL "
                    + "SELECT lower(schema_name || '.' || view_name) FROM duckdb_views()"
            ).compactMap { $0.first?.string }
        )
        for dataset in pipeline.datasets {
            let name = SQL.qualified(dataset.name.schema, dataset.name.table)
            let count =
                known.contains(dataset.name.key) ? try connection.scalar("SELECT count(*) FROM \(name)").int : nil
            rows.append((dataset, count))
        }
        let kept = try KeptState.measure(connection)
        let bytes = { (dataset: Dataset) in kept[dataset.name.description]?.bytes ?? 0 }
        if asJSON {
            return JSONValue.array(
                rows.map {
                    [
                        "dataset": .string($0.dataset.name.description), "kind": .string($0.dataset.kind.rawValue),
                        "rows": $0.count.map { .integer(Int64($0)) } ?? .null,
                        "kept_bytes": .integer(Int64(bytes($0.dataset))),
                        "comment": $0.dataset.comment.map { .string($0) } ?? .null,
                        "properties": .object(
                            JSONObject($0.dataset.properties.map { ($0.key, .string($0.value)) })
                        ),
                        "layout": .array($0.dataset.layout.map { .string($0) }),
                    ]
                }
            ).text(pretty: true)
        }
        let properties = { (dataset: Dataset) in
            (dataset.layout + dataset.properties.map { "\($0.key) = \($0.value)" }).joined(separator: ", ")
        }
        let hasProperties = rows.contains { !properties($0.dataset).isEmpty }
        return TextTable.text(
            header: ["dataset", "kind", "rows", "kept beside", "comment"] + (hasProperties ? ["properties"] : []),
            rows: rows.map {
                [
                    $0.dataset.name.description, $0.dataset.kind.rawValue,
                    $0.count.map(NumberText.count) ?? "not made yet",
                    bytes($0.dataset) > 0 ? NumberText.bytes(bytes($0.dataset)) : "", $0.dataset.comment ?? "",
                ] + (hasProperties ? [properties($0.dataset)] : [])
            },
            rightAligned: [2, 3]
        )
    }

    /// Rows of a dataset.
    ///
    /// - Parameters:
    ///   - name: The dataset, with or without its schema.
    ///   - style: Which warehouse.
    ///   - condition: A condition in SQL; nil for all rows.
    ///   - limit: The most rows.
    ///   - asJSON: Whether as JSON objects, one a line.
    /// - Returns: A table, or lines of JSON.
    /// - Throws: ``DuetError`` for an unknown dataset or a wrong condition.
    public func show(_ name: String, _ style: Style, condition: String?, limit: Int, asJSON: Bool) throws -> String {
        let (connection, dataset) = try open(name, style)
        let filter = condition.map { " WHERE \($0)" } ?? ""
        let select = "SELECT * FROM \(SQL.qualified(dataset.schema, dataset.table))\(filter) LIMIT \(limit)"
        do {
            if asJSON {
                return try connection.rows("SELECT to_json(r) FROM (\(select)) AS r")
                    .compactMap { $0.first?.string }.joined(separator: "\n")
            }
            let result = try connection.query(select)
            let rows = try result.allRows()
            return TextTable.text(
                header: result.columns.map(\.name),
                rows: rows.map { $0.map { $0.isNull ? "" : $0.description } }
            )
        } catch {
            throw failure(error, dataset, style)
        }
    }

    /// A connection to a style's warehouse, and the dataset that is meant.
    func open(_ name: String, _ style: Style) throws -> (Connection, DatasetName) {
        let known = pipeline.datasets.map(\.name)
        guard
            let dataset = known.first(where: {
                $0.key == name.lowercased() || $0.table.lowercased() == name.lowercased()
            })
        else {
            throw DuetError(
                .unknownTable,
                "the pipeline has no dataset '\(name)'",
                hint: Suggestion.hint(for: name, among: known.map(\.description), noun: "datasets")
            )
        }
        return (
            try Warehouse(path: home.warehouse(style), isReadOnly: true, schema: pipeline.defaultSchema).connect(),
            dataset
        )
    }

    /// What a failed look at a dataset means.
    func failure(_ error: DuckDBError, _ dataset: DatasetName, _ style: Style) -> DuetError {
        let isMissing = error.kind == .catalog
        if !isMissing, error.kind == .io {
            return DuetError(
                .unreadableFile,
                error.message,
                hint: "check that you may write there and that the disk has room"
            )
        }
        return DuetError(
            isMissing ? .unknownTable : .sqlBinding,
            isMissing ? "'\(dataset)' has not been made in the \(style.rawValue) style" : error.message,
            hint: isMissing ? "run the pipeline first: duet run" : "check the condition of --where"
        )
    }

    /// Makes a scenario's files in the pipeline's own data folder.
    ///
    /// - Parameters:
    ///   - first: The first step to apply, from 1.
    ///   - last: The last.
    /// - Returns: The names of the steps applied.
    /// - Throws: ``DuetError`` when there is no scenario, no such step, or `base` is no folder.
    public func applyScenario(from first: Int, through last: Int) throws -> [String] {
        let scenario = try ScenarioLibrary.scenario(of: pipeline)
        guard last <= scenario.steps.count else {
            throw DuetError(.wrongValue, "the scenario has \(scenario.steps.count) steps; \(last) were asked for")
        }
        guard let base = pipeline.parameters["base"], !base.contains("://") else {
            throw DuetError(
                .wrongValue,
                "the parameter 'base' is no folder",
                hint: "name a folder: --parameter base=data"
            )
        }
        let folder = base.hasPrefix("/") ? base : "\(pipeline.folder)/\(base)"
        let player = ScenarioPlayer(pipeline, folder: folder, seed: scenario.seed)
        for number in first...last {
            let step = scenario.steps[number - 1]
            guard !step.actions.contains(where: { $0.kind.changesDefinition }) else {
                throw DuetError(
                    .unsupported,
                    "the step '\(step.name)' changes the definition, which is yours: only 'duet compare' plays it, on a copy",
                    at: step.location
                )
            }
            try player.play(step, number: number)
        }
        return scenario.steps[(first - 1)..<last].map(\.name)
    }
}
