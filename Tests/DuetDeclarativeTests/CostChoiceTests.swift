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

    @Test func `what is computed in full in a moment, time and again, is not looked at first`() async throws {
        let fixture = try PipelineFixture(
            "sources: {people: {location: data/p*.csv, changed_files: replace}, orders: {location: data/o*.csv}}",
            sql: """
                CREATE STREAMING TABLE people AS SELECT id, city, mail FROM STREAM read_files('${source.people}');
                CREATE STREAMING TABLE orders AS SELECT person, amount FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW n AS
                  SELECT city, sum(amount) AS amount FROM orders JOIN people ON person = id GROUP BY city;
                """
        )
        /// The view's measures after a person has a new city and mail address, and whether it looked at that first.
        func update(
            city: String,
            mail: String,
            full: Double
        ) async throws -> (measures: StepMeasures, looked: Bool, planned: RefreshForecast.Strategy?) {
            try await set(fixture, full: full, incremental: 30)
            try fixture.drop("id,city,mail\n1,\(city),\(mail)\n2,Ulm,b@x\n", "p.csv")
            try await fixture.run(
                .declarative,
                selection: ["main.people"],
                update: UpdateOptions(includesDownstream: false)
            )
            let request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
            let plan = try await offPool { try DeclarativeExecutor().plan(request, of: [view]) }
            let measures = try #require(try await fixture.run(.declarative).measures(of: "main.n"))
            let looked = measures.statements.contains { $0.hasPrefix("SELECT count(*), min(__w), max(__w), count(*)") }
            return (measures, looked, plan.steps.first { $0.dataset == view }?.forecast?.strategy)
        }
        try fixture.drop("id,city,mail\n1,Bern,a@x\n2,Ulm,b@x\n", "p.csv")
        try fixture.drop("person,amount\n1,5\n2,7\n", "o.csv")
        try await fixture.run(.declarative)
        // Taken in once, so that there is a time to be set.
        let first = try await update(city: "Bern", mail: "b@x", full: 100)
        #expect(first.looked)
        #expect(first.measures.strategy == .nothing, "nothing has mattered so far")
        let taken = try await update(city: "Rom", mail: "b@x", full: 100)
        #expect(taken.looked, "\(taken.measures.statements)")
        #expect(taken.measures.strategy == .incremental)

        let second = try await update(city: "Bern", mail: "c@x", full: 0.03)
        #expect(second.measures.strategy == .full)
        #expect(second.planned == .full, "a plan says what the update will do")
        #expect(!second.looked)
        #expect(second.measures.rowsInserted + second.measures.rowsDeleted == 2, "Rom goes, Bern is back")
        let third = try await update(city: "Bern", mail: "d@x", full: 0.03)
        #expect(!third.looked)
        #expect(third.measures.rowsInserted + third.measures.rowsDeleted == 0, "\(third.measures)")

        // Where a full computation is long, a look is nothing beside it.
        let long = try await update(city: "Bern", mail: "e@x", full: 1)
        #expect(long.looked)
        #expect(long.measures.strategy == .nothing)
        #expect(long.planned == .nothing)
        #expect(try fixture.rows("FROM n ORDER BY ALL") == [["Bern", "5"], ["Ulm", "7"]])
    }
}
