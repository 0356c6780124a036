internal import DuckKit
internal import DuetEngine
internal import DuetInference
internal import DuetPipeline

/// Finds out what an update would do without doing it.
struct UpdatePlanner {
    let request: RunRequest

    func plan() throws -> RefreshPlan {
        let inference = request.inferenceService(.declarative)
        let warehouse = try Warehouse(
            path: request.home.warehouse(.declarative),
            settings: request.settings,
            functions: inference.functions
        )
        let connection = try warehouse.connect()
        let graph = try QueryAnalysis.graph(
            of: request.pipeline,
            connection: connection,
            isWarehouse: true,
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
            let found = try Blocking.wait(control: request.control) {
                try await reader.read(source, known: known, mode: .conditional)
            }
            // A file without a number is new; each gets one of its own below zero, which nothing has seen.
            let numbers = found.files.enumerated().map { $1.id > 0 ? $1.id : -1 - $0 }
            state.files[source.name] = Set(numbers)
        }
        let scope = try UpdateScope(request, graph: graph, run: nil)
        return RefreshPlan(
            request.pipeline,
            graph: graph,
            state: state,
            selection: scope.selection,
            rebuild: scope.rebuild
        )
    }
}
