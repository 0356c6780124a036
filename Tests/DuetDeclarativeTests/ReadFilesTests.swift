import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// `read_files`: types that stay, files that change their columns, and what is known of a file.
@Suite struct ReadFilesTests {
    private func fixture(_ options: String, format: String = "csv", select: String = "*") throws -> PipelineFixture {
        try PipelineFixture(
            "sources: {s: {location: data/*.\(format)}}",
            sql: "CREATE STREAMING TABLE bronze.t AS SELECT \(select) FROM STREAM read_files('${source.s}'\(options))"
                + ";\nCREATE MATERIALIZED VIEW gold.n AS SELECT count(*) AS n FROM bronze.t;"
        )
    }

    private func expectSame(_ fixture: PipelineFixture) async throws {
        let outcome = try await fixture.run(.procedural)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        let differences = try fixture.differences()
        #expect(differences.isEmpty, "\(differences)")
    }

    private let types = "SELECT column_name, column_type FROM (DESCRIBE bronze.t)"

    @Test func `the types of the first read stay, in both styles`() async throws {
        let fixture = try fixture("")
        try fixture.drop("id,code\n1,x\n2,y\n", "a.csv")
        try await fixture.run(.declarative)
        try await fixture.run(.procedural)
        // Alone, this file's code would be read as a truth value.
        try fixture.drop("id,code\n3,T\n", "b.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        #expect(try fixture.rows("SELECT code FROM bronze.t WHERE id = 3") == [["T"]])
        try await expectSame(fixture)
    }

    @Test(arguments: ["x", "4.5"])
    func `a value that the kept type cannot hold makes the table anew, with a type that can`(
        value: String
    ) async throws {
        let fixture = try fixture("")
        try fixture.drop("id,b\n1,1\n", "a.csv")
        try await fixture.run(.declarative)
        try await fixture.run(.procedural)
        try fixture.drop("id,b\n2,\n", "b.csv")
        #expect(try await fixture.run(.declarative).measures(of: "bronze.t")?.strategy == .append)
        try fixture.drop("id,b\n3,\(value)\n", "c.csv")
        #expect(try await fixture.run(.declarative).measures(of: "bronze.t")?.strategy == .full)
        #expect(try fixture.rows("SELECT b FROM bronze.t WHERE id = 3") == [[value]])
        try await expectSame(fixture)
    }

    @Test func `with a mode that says how to evolve, no type changes by itself`() async throws {
        let fixture = try fixture(", schemaEvolutionMode => 'addNewColumns'")
        try fixture.drop("id\n1\n", "a.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id\n4.5\n", "b.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.first?.message.contains("'id' as DOUBLE") == true)
        #expect(try fixture.rows("SELECT id FROM bronze.t") == [["1"]])
    }

    @Test func `schemaHints give some columns their types`() async throws {
        let fixture = try fixture(", schemaHints => 'id STRING, price DECIMAL(10, 2), extra DATE'")
        try fixture.drop("id,price\n1,2.5\n", "a.csv")
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows(types) == [["id", "VARCHAR"], ["price", "DECIMAL(10,2)"], ["extra", "DATE"]]
        )
        try await expectSame(fixture)
    }

    @Test func `a schema gives all columns, by name or by place`() async throws {
        let named = try fixture(", schema => 'b STRING, a BIGINT, c INT'")
        try named.drop("a,b,d\n1,2,3\n", "a.csv")
        try await named.run(.declarative)
        #expect(try named.rows("SELECT * FROM bronze.t") == [["2", "1", "NULL"]])
        try await expectSame(named)
        let placed = try fixture(", header => false, schema => 'a BIGINT, b STRING'")
        try placed.drop("1,2\n", "a.csv")
        try await placed.run(.declarative)
        #expect(try placed.rows("SELECT b, a FROM bronze.t") == [["2", "1"]])
        try await expectSame(placed)
    }

    @Test(arguments: ["csv", "json"])
    func `addNewColumns adds them, with NULL in rows without them`(format: String) async throws {
        let fixture = try fixture(", schemaEvolutionMode => 'addNewColumns'", format: format)
        let isCSV = format == "csv"
        try fixture.drop(isCSV ? "id,a\n1,x\n" : "{\"id\": 1, \"a\": \"x\"}", "a.\(format)")
        try await fixture.run(.declarative)
        try fixture.drop(isCSV ? "id,b\n2,5\n" : "{\"id\": 2, \"b\": 5}", "b.\(format)")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        #expect(
            try fixture.rows("SELECT id, a, b FROM bronze.t ORDER BY id") == [["1", "x", "NULL"], ["2", "NULL", "5"]]
        )
        #expect(try fixture.rows("SELECT n FROM gold.n") == [["2"]])
        try await expectSame(fixture)
    }

    @Test(arguments: ["csv", "json"])
    func `rescue keeps what does not fit as JSON beside the row`(format: String) async throws {
        let fixture = try fixture(", schemaEvolutionMode => 'rescue'", format: format)
        let isCSV = format == "csv"
        try fixture.drop(isCSV ? "id,n\n1,10\n" : "{\"id\": 1, \"n\": 10}", "a.\(format)")
        try await fixture.run(.declarative)
        try await fixture.run(.procedural)
        try fixture.drop(
            isCSV ? "id,n,new\n2,ten,y\n" : "{\"id\": 2, \"n\": \"ten\", \"new\": \"y\"}",
            "b.\(format)"
        )
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "bronze.t")?.strategy == .append)
        let rows = try fixture.rows(
            "SELECT id, n, _rescued_data->>'n', _rescued_data->>'new' FROM bronze.t ORDER BY id"
        )
        #expect(rows[0] == ["1", "10", "NULL", "NULL"])
        #expect(rows[1].prefix(2) == ["2", "NULL"])
        #expect(rows[1][2].contains("ten") && rows[1][3].contains("y"))
        try await expectSame(fixture)
    }

    @Test func `none leaves new columns out, failOnNewColumns does not have them`() async throws {
        for (mode, isSuccess) in [("none", true), ("failOnNewColumns", false)] {
            let fixture = try fixture(", schemaEvolutionMode => '\(mode)'")
            try fixture.drop("id\n1\n", "a.csv")
            try await fixture.run(.declarative)
            try fixture.drop("id,b\n2,5\n", "b.csv")
            let outcome = try await fixture.run(.declarative)
            #expect(outcome.isSuccess == isSuccess)
            #expect(try fixture.rows("SELECT * FROM bronze.t ORDER BY id") == (isSuccess ? [["1"], ["2"]] : [["1"]]))
            if !isSuccess { #expect(outcome.errors.first?.message.contains("'b'") == true) }
        }
    }

    @Test func `a file's metadata can be asked for, and a star leaves it out`() async throws {
        let fixture = try fixture("", select: "*, _metadata.file_name AS file, _metadata.file_size AS size")
        try fixture.drop("id\n1\n", "a.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id\n22\n", "b.csv")
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows("SELECT * FROM bronze.t ORDER BY id") == [["1", "a.csv", "5"], ["22", "b.csv", "6"]]
        )
        try await expectSame(fixture)
        try fixture.rewrite(
            sql: "CREATE STREAMING TABLE bronze.t AS SELECT * EXCEPT (id), _metadata.file_path AS path, "
                + "_metadata.file_modification_time AS changed FROM STREAM read_files('${source.s}')"
        )
        try await fixture.run(.declarative)
        let rows = try fixture.rows("SELECT path LIKE '%/data/a.csv', year(changed) > 2000 FROM bronze.t ORDER BY path")
        #expect(rows.first == ["true", "true"])
        try await expectSame(fixture)
    }

    @Test func `pathGlobFilter chooses among the files`() async throws {
        let fixture = try fixture(", pathGlobFilter => 'a*'")
        try fixture.drop("id\n1\n", "a.csv")
        try fixture.drop("other\nx\n", "b.csv")
        try await fixture.run(.declarative)
        try fixture.drop("id\n2\n", "a2.csv")
        try await fixture.run(.declarative)
        #expect(try fixture.rows("SELECT * FROM bronze.t ORDER BY id") == [["1"], ["2"]])
        try await expectSame(fixture)
    }

    @Test func `a wrong schema is refused at its option`() async throws {
        let fixture = try fixture(", schema => 'id'")
        try fixture.drop("id\n1\n", "a.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.errors.first?.code == .wrongValue)
        #expect(outcome.errors.first?.location?.column == 83)
    }
}
