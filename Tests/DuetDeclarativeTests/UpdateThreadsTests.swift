import DuetDeclarative
import DuetEngine
import DuetEvents
import DuetTestSupport
import Testing

/// How many threads small and large updates are computed with.
@Suite struct UpdateThreadsTests {
    @Test func `what is known to be small takes one thread, until a large file comes`() async throws {
        let fixture = try PipelineFixture(
            "sources: {s: {location: data/*.csv}}",
            sql: """
                CREATE STREAMING TABLE t AS SELECT id, text FROM STREAM read_files('${source.s}');
                CREATE MATERIALIZED VIEW n REFRESH POLICY FULL AS
                  SELECT count(*) AS n, any_value(current_setting('threads')::INTEGER) AS threads FROM t;
                """
        )
        let settings = EngineSettings(threads: 2)
        try fixture.drop("id,text\n1,a\n", "1.csv")
        try await fixture.run(.declarative, settings: settings)
        #expect(try fixture.rows("SELECT threads FROM n") == [["2"]], "nothing is known before the first update")
        // How long the view took depends on the machine; what is recorded of it does not matter here.
        try await fixture.execute("UPDATE duet.costs SET seconds = 0.001")
        try fixture.drop("id,text\n2,b\n", "2.csv")
        try await fixture.run(.declarative, settings: settings)
        #expect(try fixture.rows("FROM n") == [["2", "1"]])
        try await fixture.execute("UPDATE duet.costs SET seconds = 0.001")
        let line = String(repeating: "x", count: 1 << 20)
        try fixture.drop("id,text\n" + (3...8).map { "\($0),\(line)\n" }.joined(), "3.csv")
        try await fixture.run(.declarative, settings: settings)
        #expect(try fixture.rows("FROM n") == [["8", "2"]])
        try await fixture.execute("UPDATE duet.costs SET seconds = 1")
        try fixture.drop("id,text\n9,c\n", "4.csv")
        try await fixture.run(.declarative, settings: settings)
        #expect(try fixture.rows("FROM n") == [["9", "2"]], "it took long before")
    }
}
