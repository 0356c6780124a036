internal import DuckKit
internal import DuetEngine
internal import DuetInference
internal import DuetPipeline

/// Finds out what an update would do without doing it.
struct UpdatePlanner {
    let request: RunRequest
    /// Whether the statements are told.
    var tellsSQL = false
    /// The datasets that are told of; nil for all.
    var datasets: Set<DatasetName>?

    func plan() throws -> RefreshPlan {
        let inference = request.inferenceService(.declarative)
        let warehouse = try Warehouse.unchanged(
            path: request.home.warehouse(.declarative),
            settings: request.settings,
            functions: inference.functions,
            schema: request.pipeline.defaultSchema
        )
        let connection = try warehouse.connect()
        let graph = try QueryAnalysis.graph(
            of: request.pipeline,
            connection: connection,
            isWarehouse: true,
            mayWrite: false,
            inference: inference
        )
        var state = try WarehouseState.refreshState(connection)
        let recorded = try WarehouseState.files(connection)
        // Local sources are looked at, since that costs next to nothing; remote ones are judged by what is recorded.
        let reader = SourceReader(
            fetcher: request.fetcher,
            landing: request.home.landing(.declarative),
            folder: request.pipeline.folder
        )
        for source in request.pipeline.sources where !source.isRemote {
            let known = recorded.files.filter { $0.source == source.name }
            let found: SourceSync
            do {
                found = try Blocking.wait(control: request.control) {
                    try await reader.read(source, known: known, mode: .conditional)
                }
            } catch let error as DuetError where error.code == .missingFile && known.isEmpty {
                // Before there are any files a plan still shows what will be made, and how; a run says what is missing.
                state.files[source.name] = []
                continue
            }
            // A file without a number is new; each gets one of its own below zero, which nothing has seen.
            let numbers = found.files.enumerated().map { $1.id > 0 ? $1.id : -1 - $0 }
            state.files[source.name] = Set(numbers)
        }
        let scope = try UpdateScope(request, graph: graph, run: nil)
        var plan = RefreshPlan(
            request.pipeline,
            graph: graph,
            state: state,
            selection: scope.selection,
            rebuild: scope.rebuild
        )
        var forecaster = UpdateForecaster(
            request,
            graph: graph,
            state: state,
            rows: try WarehouseState.rowCounts(connection),
            connection: connection
        )
        forecaster.wanted = datasets
        forecaster.tellsSQL = tellsSQL
        forecaster.changing = Set(
            plan.steps.filter { $0.decision != .nothing && $0.kind != .view }.map(\.dataset)
        )
        if let datasets { plan.steps = plan.steps.filter { datasets.contains($0.dataset) } }
        let busy = plan.steps.filter { $0.decision != .nothing || datasets != nil }.map(\.dataset)
        let kept = busy.isEmpty ? [:] : try KeptState.measure(connection, of: Set(busy))
        for index in plan.steps.indices { plan.steps[index].forecast = try forecaster.forecast(plan.steps[index]) }
        for index in plan.steps.indices {
            let name = plan.steps[index].dataset.description
            plan.steps[index].forecast?.keptBytes = kept[name]?.bytes
        }
        return plan
    }
}
