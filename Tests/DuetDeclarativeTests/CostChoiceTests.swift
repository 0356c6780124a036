import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Which way views take when costs are what they are said to be here, and not what this machine's load makes of them.
@Suite struct CostChoiceTests {
    private let view = DatasetName(schema: "main", table: "n")

    private func fixture() throws -> PipelineFixture {
        try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE t AS SELECT id, v FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW n AS SELECT v, count(*) AS n FROM t GROUP BY v;
                """
        )
    }

    /// A fixture whose view has taken changes in once, with the recorded times set.
    private func timed(full: Double, incremental: Double) async throws -> PipelineFixture {
        let fixture = try fixture()
        try fixture.drop("id,v\n1,1\n", "1.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id,v\n2,1\n", "2.csv")
        try await fixture.run(.declarative)
        try await set(fixture, full: full, incremental: incremental)
        return fixture
    }

    private func set(_ fixture: PipelineFixture, full: Double, incremental: Double) async throws {
        try await fixture.execute("UPDATE duet.costs SET seconds = \(full) WHERE kind = 'full'")
        try await fixture.execute("UPDATE duet.costs SET seconds = \(incremental) WHERE kind <> 'full'")
    }

    @Test func `a small view takes its changes in, whatever chance made of its times`() async throws {
        let fixture = try await timed(full: 0.002, incremental: 0.4)
        try fixture.drop("id,v\n3,1\n", "3.csv")
        let measures = try await fixture.run(.declarative).measures(of: "main.n")
        #expect(measures?.strategy == .incremental, "\(measures?.reason ?? "")")
        #expect(measures?.reason?.contains("so small") == true, "\(measures?.reason ?? "")")
    }

    @Test func `a way that was slow once is tried again, after updates that say how many are left`() async throws {
        let fixture = try await timed(full: 1, incremental: 30)
        try fixture.drop("id,v\n3,1\n", "3.csv")
        let slow = try await fixture.run(.declarative).measures(of: "main.n")
        #expect(slow?.strategy == .full)
        #expect(slow?.whyNotCheaper?.contains("tried again after") == true, "\(slow?.whyNotCheaper ?? "")")
        let counted = try fixture.rows("SELECT changes FROM duet.costs WHERE kind = 'full'").first?.first
        #expect(counted == "{\"changes of main.t\":1}")

        // As if it had been computed in full very often since.
        try await set(fixture, full: 1, incremental: 30)
        try await fixture.execute(
            "UPDATE duet.costs SET changes = '{\"changes of main.t\": 5000}' WHERE kind = 'full'"
        )
        try fixture.drop("id,v\n4,2\n", "4.csv")
        let request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
        let plan = try await offPool { try DeclarativeExecutor().plan(request) }
        let forecast = plan.steps.first { $0.dataset == view }?.forecast
        #expect(forecast?.strategy == .incremental)
        #expect(forecast?.whyNotCheaper?.contains("tried again now") == true, "\(forecast?.whyNotCheaper ?? "")")
        let again = try await fixture.run(.declarative).measures(of: "main.n")
        #expect(again?.strategy == .incremental)
        #expect(again?.reason?.contains("tried again now") == true, "\(again?.reason ?? "")")
        #expect(try fixture.rows("SELECT changes FROM duet.costs WHERE kind = 'full'") == [["{}"]])
        #expect(try fixture.rows("FROM n ORDER BY v") == [["1", "3"], ["2", "1"]])
    }
}
