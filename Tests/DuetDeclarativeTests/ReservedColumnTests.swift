import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Names of columns that are duet's own: `__` in front.
@Suite struct ReservedColumnTests {
    private func fixture(_ gold: String) throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "sources: {orders: {location: data/o*.csv}}",
            sql: "CREATE STREAMING TABLE s.orders AS SELECT id, amount FROM STREAM read_files('${source.orders}');\n"
                + gold
        )
        try fixture.drop("id,amount\n1,2\n2,3\n", "o1.csv")
        return fixture
    }

    @Test(arguments: ["__w", "__rid", "__h1", "__version", "__file", "__W", "__mine"])
    func `a column with such a name is refused at its place, by a check, a plan and a run in both styles`(
        name: String
    ) async throws {
        let fixture = try fixture(
            "CREATE MATERIALIZED VIEW g.t AS\n  SELECT id, sum(amount) AS \(name)\n  FROM s.orders GROUP BY id;"
        )
        let found = #expect(throws: DuetErrors.self) { try Validation.check(fixture.pipeline()) }?.errors ?? []
        var errors = [found]
        for style in Style.allCases { errors.append(try await fixture.run(style).errors) }
        let request = RunRequest(pipeline: try fixture.pipeline(), home: fixture.home, fetcher: fixture.fetcher)
        let planned = await #expect(throws: DuetError.self) {
            try await offPool { _ = try DeclarativeExecutor().plan(request) }
        }
        errors.append([planned].compactMap { $0 })
        for errors in errors {
            #expect(errors.count == 1)
            let error = try #require(errors.first)
            #expect(error.code == .wrongValue)
            #expect(error.message == "'g.t' has a column '\(name)': names that begin with __ are duet's own")
            #expect(error.hint?.hasPrefix("give it another name, as in AS ") == true)
            #expect(error.location?.line == 3 && error.location?.column == 29)
        }
    }

    @Test func `one that a star brings along is refused at the dataset, with how to rename it`() async throws {
        let fixture = try fixture("CREATE MATERIALIZED VIEW g.t AS SELECT * FROM read_files('data/p.csv');")
        try fixture.drop("id,__w\n1,2\n", "p.csv")
        for style in Style.allCases {
            let error = try #require(try await fixture.run(style).errors.first)
            #expect(error.message == "'g.t' has a column '__w': names that begin with __ are duet's own")
            #expect(error.hint?.contains("SELECT * RENAME (\"__w\" AS \"w\")") == true)
            #expect(error.location?.line == 2)
        }
        try fixture.rewrite(
            sql: "CREATE MATERIALIZED VIEW g.t AS SELECT * RENAME (\"__w\" AS w) FROM read_files('data/p.csv');"
        )
        for style in Style.allCases { #expect(try await fixture.run(style).errors == []) }
        #expect(try fixture.rows("SELECT w FROM g.t") == [["2"]])
    }

    @Test func `a listed name is refused at its place in the list`() async throws {
        let fixture = try fixture("CREATE VIEW g.t (id, __n) AS SELECT id, amount FROM s.orders;")
        let error = try #require(try await fixture.run(.declarative).errors.first)
        #expect(error.message == "'g.t' has a column '__n': names that begin with __ are duet's own")
        #expect(error.location?.line == 2 && error.location?.column == 22)
    }
}
