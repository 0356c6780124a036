import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Changes of an input that make no difference to a view.
@Suite struct PassedOverTests {
    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {people: {location: data/p*.csv, changed_files: replace}, orders: {location: data/o*.csv}}",
            sql: """
                CREATE STREAMING TABLE s.people AS SELECT id, city, mail FROM STREAM read_files('${source.people}');
                CREATE STREAMING TABLE s.orders AS SELECT person, amount FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW g.cities (CONSTRAINT much EXPECT (amount > 6)) REFRESH POLICY INCREMENTAL AS
                  SELECT city, sum(amount) AS amount FROM s.orders JOIN s.people ON person = id GROUP BY city;
                CREATE MATERIALIZED VIEW g.ulm REFRESH POLICY INCREMENTAL AS
                  SELECT mail, amount FROM s.orders JOIN s.people ON person = id WHERE city = 'Ulm';
                CREATE MATERIALIZED VIEW g.full REFRESH POLICY FULL AS
                  SELECT city, sum(amount) AS amount FROM s.orders JOIN s.people ON person = id GROUP BY city;
                CREATE MATERIALIZED VIEW g.top REFRESH POLICY INCREMENTAL AS SELECT max(amount) AS most FROM g.cities;
                """
        )
        try fixture.drop("id,city,mail\n1,Bern,a@x\n2,Ulm,b@x\n3,Bern,c@x\n", "p.csv")
        try fixture.drop("person,amount\n1,5\n2,7\n3,1\n", "o.csv")
        return fixture
    }

    @Test func `only columns and rows that are read make a difference, and the event log says so`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id,city,mail\n1,Bern,new@x\n2,Ulm,b@x\n3,Bern,c@x\n", "p.csv")
        let outcome = try await fixture.run(.declarative)
        for name in ["g.cities", "g.ulm"] {
            let measures = try #require(outcome.measures(of: name))
            #expect(measures.strategy == .nothing)
            #expect(measures.reason?.contains("what has changed in s.people makes no difference here") == true)
            #expect(!measures.statements.contains { $0.contains("orders") }, "nothing is looked up")
            #expect(measures.rowsInserted + measures.rowsDeleted == 0)
            #expect(measures.rowsRead == 2)
        }
        #expect(outcome.measures(of: "g.cities")?.rowsTotal == 2)
        #expect(outcome.measures(of: "g.full")?.strategy == .full, "its policy asks for it")
        #expect(outcome.measures(of: "g.top")?.strategy == .nothing, "its input has not changed")
        #expect(try await fixture.run(.declarative).measures(of: "g.cities")?.reason == "nothing it reads has changed")

        // What makes a difference is followed, and other inputs' changes are.
        try fixture.drop("id,city,mail\n1,Ulm,new@x\n2,Ulm,new@x\n3,Bern,c@x\n", "p.csv")
        try fixture.drop("person,amount\n3,2\n", "o2.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("FROM g.cities ORDER BY ALL") == [["Bern", "3"], ["Ulm", "12"]])
        #expect(try fixture.rows("FROM g.ulm ORDER BY ALL") == [["new@x", "5"], ["new@x", "7"]])
    }

    @Test func `a view takes over what another has found in the same change, and in no other`() async throws {
        let join = "sum(amount) AS amount FROM s.orders JOIN s.people ON person = id"
        let fixture = try PipelineFixture(
            "sources: {people: {location: data/p*.csv, changed_files: replace}, orders: {location: data/o*.csv}}",
            sql: """
                CREATE STREAMING TABLE s.people AS SELECT id, city, mail FROM STREAM read_files('${source.people}');
                CREATE STREAMING TABLE s.orders AS SELECT person, amount FROM STREAM read_files('${source.orders}');
                CREATE MATERIALIZED VIEW g.first REFRESH POLICY INCREMENTAL AS SELECT city, \(join) GROUP BY city;
                CREATE MATERIALIZED VIEW g.second REFRESH POLICY INCREMENTAL AS
                  SELECT city, \(join) WHERE id NOT IN (SELECT 99 FROM g.first) GROUP BY city;
                """
        )
        func looks(_ outcome: RunOutcome) -> [Int] {
            ["g.first", "g.second"].map { name in
                outcome.measures(of: name)?.statements.filter { $0.hasPrefix("SELECT count(*), min(__w)") }.count ?? -1
            }
        }
        try fixture.drop("id,city,mail\n1,Bern,a@x\n2,Ulm,b@x\n", "p.csv")
        try fixture.drop("person,amount\n1,5\n2,7\n", "o.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id,city,mail\n1,Bern,new@x\n2,Ulm,b@x\n", "p.csv")
        #expect(looks(try await fixture.run(.declarative)) == [1, 0])

        // The second has not seen the next change when the one after it comes, so that what it looks at is another.
        try fixture.drop("id,city,mail\n1,Bern,new@x\n2,Bern,b@x\n", "p.csv")
        try await fixture.run(
            .declarative,
            selection: ["s.people", "g.first"],
            update: UpdateOptions(includesDownstream: false)
        )
        try fixture.drop("id,city,mail\n1,Bern,new@x\n2,Bern,newer@x\n", "p.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("FROM g.first") == [["Bern", "12"]])
        #expect(try fixture.rows("FROM g.second") == [["Bern", "12"]])
    }

    @Test func `a plan looks at changes that wait`() async throws {
        let fixture = try fixture()
        try await fixture.run(.declarative)
        try fixture.drop("id,city,mail\n1,Bern,new@x\n2,Ulm,b@x\n3,Bern,c@x\n", "p.csv")
        try await fixture.run(
            .declarative,
            selection: ["s.people"],
            update: UpdateOptions(includesDownstream: false)
        )
        let pipeline = try fixture.pipeline()
        let request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        let names = Set(pipeline.datasets.map(\.name).filter { ["g.cities", "g.full"].contains($0.description) })
        let plan = try await offPool { try DeclarativeExecutor().plan(request, of: names, tellsSQL: true) }
        let forecasts = Dictionary(
            uniqueKeysWithValues: plan.steps.compactMap { step in step.forecast.map { (step.dataset.description, $0) } }
        )
        #expect(forecasts["g.full"]?.strategy == .full)
        #expect(forecasts["g.full"]?.why.contains("difference") == false, "its policy asks for it all the same")
        #expect(forecasts["g.cities"]?.strategy == .nothing)
        #expect(forecasts["g.cities"]?.why.contains("what has changed in s.people makes no difference here") == true)
    }
}
