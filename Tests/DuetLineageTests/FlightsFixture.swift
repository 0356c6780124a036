import DuckKit
import DuetCompare
import DuetEngine
import DuetFetch
import DuetPipeline
import DuetTestSupport
import Foundation

/// The flights pipeline after its scenario's last step, in both styles; made once for all tests.
struct FlightsFixture: Sendable {
    let folder: TemporaryFolder
    let pipeline: Pipeline
    let home: PipelineHome

    private static let shared = Task { try await FlightsFixture(steps: 4) }

    /// The fixture.
    static func made() async throws -> FlightsFixture { try await shared.value }

    private init(steps: Int) async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        folder = try TemporaryFolder()
        let data = "\(folder.path)/data"
        pipeline = try Pipeline.load(
            folder: root.appendingPathComponent("pipelines/flights").path,
            overrides: ["base": data]
        )
        home = PipelineHome(pipeline: "flights", root: "\(folder.path)/home")
        let scenario = try ScenarioLibrary.scenario(of: pipeline)
        let (pipeline, home) = (pipeline, home)
        try await offPool {
            for (index, step) in scenario.steps.prefix(steps).enumerated() {
                try ScenarioPlayer(pipeline, folder: data).play(step)
                // The declarative style takes every step as it comes, so that its rows are made by change rules.
                try Self.run(.declarative, pipeline, home)
                if index == steps - 1 { try Self.run(.procedural, pipeline, home) }
            }
        }
    }

    private static func run(_ style: Style, _ pipeline: Pipeline, _ home: PipelineHome) throws {
        let outcome = try Styles.executor(style).run(
            RunRequest(pipeline: pipeline, home: home, fetcher: Fetcher())
        )
        if let error = outcome.errors.first { throw error }
    }

    /// A look into a style's warehouse.
    func look(_ style: Style) throws -> (connection: Connection, graph: DatasetGraph) {
        let connection = try Warehouse(path: home.warehouse(style), isReadOnly: true).connect()
        return (connection, try QueryAnalysis.graph(of: pipeline, connection: connection))
    }
}
