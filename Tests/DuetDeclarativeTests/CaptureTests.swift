import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// AUTO CDC INTO on small cases with known answers.
@Suite struct CaptureTests {
    private let definition = "sources: {events: {location: data/e-*.csv, options: {nullValue: ''}}}"
    private let events = "CREATE STREAMING TABLE bronze.e AS SELECT * FROM STREAM read_files('${source.events}');"

    private func fixture(_ clauses: String, _ files: String...) throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            definition,
            sql: """
                \(events)
                CREATE STREAMING TABLE silver.t;
                CREATE FLOW f AS AUTO CDC INTO silver.t FROM STREAM(bronze.e) KEYS (id) \(clauses);
                """
        )
        for (index, file) in files.enumerated() { try drop(fixture, index, file) }
        return fixture
    }

    private func drop(_ fixture: PipelineFixture, _ index: Int, _ rows: String) throws {
        try fixture.drop("id,seq,op,name,city\n\(rows)\n", "e-\(index).csv")
    }

    private let drops = "APPLY AS DELETE WHEN op = 'D' SEQUENCE BY seq COLUMNS * EXCEPT (op, seq)"

    @Test func `type 1 keeps the last state of each key, and a late event changes nothing`() async throws {
        let fixture = try fixture(drops, "1,1,I,ann,Bern\n2,1,I,bob,Ulm\n1,3,U,anna,Bonn\n2,5,D,,")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT * FROM silver.t") == [["1", "anna", "Bonn"]])
        try drop(fixture, 1, "1,2,U,late,Late\n2,4,U,late,Late\n3,1,I,cyd,Kiel")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "silver.t")?.strategy == .incremental)
        #expect(outcome.measures(of: "silver.t")?.rowsInserted == 1)
        #expect(outcome.measures(of: "silver.t")?.rowsDeleted == 0)
        let rows = try fixture.rows("SELECT * FROM silver.t ORDER BY id")
        #expect(rows == [["1", "anna", "Bonn"], ["3", "cyd", "Kiel"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `type 2 keeps versions with their start and end, also of late events`() async throws {
        let fixture = try fixture("\(drops) STORED AS SCD TYPE 2", "1,1,I,ann,Bern\n1,5,U,anna,Bonn\n1,9,D,,")
        try await fixture.run(.declarative)
        let all = "SELECT name, __START_AT, __END_AT FROM silver.t ORDER BY __START_AT"
        #expect(try fixture.rows(all) == [["ann", "1", "5"], ["anna", "5", "9"]])
        try drop(fixture, 1, "1,3,U,an,Basel\n1,11,I,back,Bern")
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows(all)
                == [["ann", "1", "3"], ["an", "3", "5"], ["anna", "5", "9"], ["back", "11", "NULL"]]
        )
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `only tracked columns make a version; the others are brought up to date in it`() async throws {
        let fixture = try fixture(
            "\(drops) STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (id, city)",
            "1,1,I,ann,Bern\n1,2,U,ann,Bonn\n1,3,U,anna,Bonn\n1,4,U,anna,Kiel"
        )
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows("SELECT name, city, __START_AT, __END_AT FROM silver.t ORDER BY 3")
                == [["ann", "Bonn", "1", "3"], ["anna", "Kiel", "3", "NULL"]]
        )
    }

    @Test func `NULLs leave values as they were, but not beyond a delete`() async throws {
        let fixture = try fixture(
            "IGNORE NULL UPDATES \(drops)",
            "1,1,I,ann,Bern\n1,2,U,,Bonn\n2,1,I,bob,Ulm\n2,2,D,,\n2,3,I,,Kiel"
        )
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows("SELECT id, name, city FROM silver.t ORDER BY id")
                == [["1", "ann", "Bonn"], ["2", "NULL", "Kiel"]]
        )
    }

    @Test func `a truncation empties what came before it, whenever it is seen`() async throws {
        let fixture = try fixture("APPLY AS TRUNCATE WHEN op = 'T' \(drops)", "1,1,I,ann,Bern\n2,7,I,bob,Ulm")
        try await fixture.run(.declarative)
        try drop(fixture, 1, "0,5,T,,\n8,1,I,x,y")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT id FROM silver.t") == [["2"]])
        try drop(fixture, 2, "3,4,I,late,Kiel")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT id FROM silver.t") == [["2"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `events are read from files, ordered by a STRUCT, and streamed on`() async throws {
        let fixture = try PipelineFixture(
            definition,
            sql: """
                CREATE OR REFRESH STREAMING TABLE silver.t;
                APPLY CHANGES INTO LIVE.silver.t FROM STREAM(read_files('${source.events}')) KEYS (id)
                  SEQUENCE BY STRUCT(seq, name) COLUMNS (id, name) STORED AS SCD TYPE 1;
                CREATE MATERIALIZED VIEW gold.names AS SELECT name, count(*) AS n FROM silver.t GROUP BY name;
                """
        )
        try drop(fixture, 0, "1,1,I,a,X\n1,1,U,b,X\n2,1,I,a,X")
        #expect(try await fixture.run(.declarative).errors.isEmpty)
        try drop(fixture, 1, "2,1,I,b,X")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "silver.t")?.rowsInserted == 1)
        #expect(try fixture.rows("SELECT * FROM gold.names") == [["b", "2"]])
        try await fixture.run(.procedural)
        #expect(try fixture.differences().isEmpty)
    }

    @Test func `an event without a sequence fails the table and says where`() async throws {
        let fixture = try fixture(drops, "1,1,I,ann,Bern\n1,,U,x,y")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.first?.code == .expectationFailed)
        #expect(outcome.errors.first?.location?.line == 3)
        #expect(outcome.errors.first?.location?.column ?? 0 > 60)
    }
}
