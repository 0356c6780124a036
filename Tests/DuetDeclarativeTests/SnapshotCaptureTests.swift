import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// Tables that follow from whole snapshots, and from several flows of change events.
@Suite struct SnapshotCaptureTests {
    private let sql = """
        CREATE STREAMING TABLE silver.now;
        CREATE FLOW n AS AUTO CDC INTO silver.now
          FROM SNAPSHOT (SELECT *, _metadata.file_name AS day FROM read_files('${source.s}'))
          KEYS (id) SEQUENCE BY day;
        CREATE STREAMING TABLE silver.past;
        AUTO CDC FROM SNAPSHOT INTO silver.past
          FROM (SELECT *, _metadata.file_name AS day FROM read_files('${source.s}'))
          KEYS (id) SEQUENCE BY day STORED AS SCD TYPE 2;
        """

    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture("sources: {s: {location: data/*.csv}}", sql: sql)
        try fixture.drop("id,city\n1,Rom\n2,Bern\n", "01.csv")
        return fixture
    }

    private func past(_ fixture: PipelineFixture, _ style: Style = .declarative) throws -> [[String]] {
        try fixture.rows("SELECT id, city, __START_AT, __END_AT FROM silver.past ORDER BY ALL", style)
    }

    @Test func `a row that the next snapshot lacks is deleted with it, and may come back`() async throws {
        let fixture = try fixture()
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        try fixture.drop("id,city\n1,Oslo\n3,Kiel\n", "02.csv")
        let second = try await fixture.run(.declarative)
        #expect(second.errors.isEmpty)
        #expect(second.measures(of: "silver.past")?.strategy == .incremental)
        #expect(try fixture.rows("SELECT * FROM silver.now ORDER BY id") == [["1", "Oslo"], ["3", "Kiel"]])
        try fixture.drop("id,city\n1,Oslo\n2,Bern\n", "03.csv")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(
            try past(fixture) == [
                ["1", "Oslo", "02.csv", "NULL"], ["1", "Rom", "01.csv", "02.csv"], ["2", "Bern", "01.csv", "02.csv"],
                ["2", "Bern", "03.csv", "NULL"], ["3", "Kiel", "02.csv", "03.csv"],
            ]
        )
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `a snapshot that comes late, or is corrected or withdrawn, takes its place`() async throws {
        let fixture = try fixture()
        try fixture.drop("id,city\n1,Oslo\n2,Bern\n", "03.csv")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        for (name, text) in [
            ("02.csv", "id,city\n2,Basel\n"), ("02.csv", "id,city\n1,Ulm\n"), ("01.csv", "id,city\n7,Linz\n"),
        ] {
            try fixture.drop(text, name)
            #expect(try await fixture.run(.declarative).errors.isEmpty)
            #expect(try await fixture.run(.procedural).errors.isEmpty)
            #expect(try fixture.differences().isEmpty, "\(name) \(text)")
        }
        try fixture.folder.remove("data/02.csv")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
        #expect(try past(fixture).count == 3)
    }

    @Test func `events of several flows make one table`() async throws {
        let fixture = try PipelineFixture(
            "sources: {a: {location: data/a*.csv}, b: {location: data/b*.csv}}",
            sql: """
                CREATE STREAMING TABLE bronze.a AS SELECT * FROM STREAM read_files('${source.a}');
                CREATE STREAMING TABLE silver.t;
                CREATE FLOW web AS AUTO CDC INTO silver.t FROM STREAM(bronze.a) KEYS (id) SEQUENCE BY seq;
                CREATE FLOW shop AS AUTO CDC INTO silver.t FROM STREAM read_files('${source.b}') KEYS (id) SEQUENCE BY seq;
                """
        )
        try fixture.drop("id,seq,v\n1,1,a\n2,5,a\n", "a1.csv")
        try fixture.drop("id,seq,v\n1,2,b\n2,4,b\n", "b1.csv")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        #expect(try fixture.rows("SELECT id, v FROM silver.t ORDER BY id") == [["1", "b"], ["2", "a"]])
        try fixture.drop("id,seq,v\n1,3,c\n", "a2.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "silver.t")?.rowsRead == 1)
        #expect(try fixture.rows("SELECT id, v FROM silver.t ORDER BY id") == [["1", "c"], ["2", "a"]])
        #expect(try await fixture.run(.procedural).errors.isEmpty)
        #expect(try fixture.differences().isEmpty)
    }
}
