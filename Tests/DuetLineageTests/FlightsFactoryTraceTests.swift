import DuetCompare
import DuetEngine
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Testing

/// The flights pipeline's own factory: rows go back through its procedures and staging tables to the files.
@Suite struct FlightsFactoryTraceTests {
    @Test func `a gold row goes back to the same rows of files as by the pipeline's queries`() async throws {
        let flights = try await FlightsFixture.made()
        let home = PipelineHome(pipeline: "flights", root: "\(flights.folder.path)/factory-home")
        let request = RunRequest(pipeline: flights.pipeline, home: home, fetcher: Fetcher())
        let outcome = try await offPool { try Styles.executor(.procedural, .activities).run(request) }
        #expect(outcome.isSuccess, "\(outcome.errors)")
        let look = LineageInspection(flights.pipeline, home: home, style: .procedural)
        let condition = "carrier = 'HA' AND month = 2"
        let trace = try look.factoryTrace("gold.carrier_month", where: condition, limit: nil)
        let byQueries = try LineageInspection(flights.pipeline, home: flights.home, style: .procedural)
            .trace("gold.carrier_month", where: condition, limit: nil)
        for name in ["silver.departures", "silver.flights", "bronze.flights", "silver.planes"] {
            let step = trace.steps.first { $0.name == name }
            let other = byQueries.steps.first { $0.dataset.description == name }
            #expect(step?.rows == other?.rows && step?.lost == 0, "\(name): \(step?.rows ?? -1), \(other?.rows ?? -1)")
        }
        #expect(trace.steps.filter(\.isFile).map(\.rows).max() == 28)
        #expect(trace.gaps.isEmpty, "\(trace.gaps)")
    }
}
