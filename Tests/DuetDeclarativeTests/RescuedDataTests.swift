import DuetEngine
import DuetEvents
import DuetPipeline
import DuetTestSupport
import Testing

/// What does not fit its column, however the user asks for it, and the options of `read_files` that people bring along.
@Suite struct RescuedDataTests {
    private func fixture(
        _ options: String,
        format: String = "json",
        select: String = "*",
        columns: String = ""
    ) throws -> PipelineFixture {
        try PipelineFixture(
            "sources: {s: {location: data/*.\(format)}}",
            sql: "CREATE STREAMING TABLE bronze.t \(columns) AS SELECT \(select) "
                + "FROM STREAM read_files('${source.s}'\(options));"
        )
    }

    private func expectSame(_ fixture: PipelineFixture) async throws {
        let outcome = try await fixture.run(.procedural)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        let differences = try fixture.differences()
        #expect(differences.isEmpty, "\(differences)")
    }

    private let json =
        "{\"id\": 1, \"s\": \"a\", \"n\": 1.5}\n{\"id\": 2, \"s\": \"null\", \"n\": \"z\", \"more\": 5}\n"

    @Test func `texts of JSON files come without their quotes when what does not fit is rescued`() async throws {
        let fixture = try fixture(", schemaHints => 'n DOUBLE', schemaEvolutionMode => 'rescue'")
        try fixture.drop(json, "a.json")
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows("SELECT id, s, n, _rescued_data FROM bronze.t ORDER BY id")
                == [["1", "a", "1.5", "NULL"], ["2", "null", "NULL", #"{"n":"z"}"#]]
        )
        try await expectSame(fixture)
    }

    @Test func `a text that says null is a value, and is rescued like any other`() async throws {
        let fixture = try fixture(", schemaHints => 'n INT', schemaEvolutionMode => 'rescue'", format: "csv")
        try fixture.drop("id,n\n1,null\n2,\n", "a.csv")
        try await fixture.run(.declarative)
        #expect(
            try fixture.rows("SELECT id, n, _rescued_data FROM bronze.t ORDER BY id")
                == [["1", "NULL", #"{"n":"null"}"#], ["2", "NULL", "NULL"]]
        )
    }

    @Test func `rescuedDataColumn names the column, whatever is done about new ones`() async throws {
        let fixture = try fixture(
            ", schemaHints => 'n DOUBLE', schemaEvolutionMode => 'addNewColumns', rescuedDataColumn => 'other'"
        )
        try fixture.drop(json, "a.json")
        try await fixture.run(.declarative)
        try await fixture.run(.procedural)
        try fixture.drop("{\"id\": \"x\", \"new\": 3}", "b.json")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        #expect(
            try fixture.rows("SELECT id, more, new, other FROM bronze.t ORDER BY id NULLS LAST")
                == [
                    ["1", "NULL", "NULL", "NULL"], ["2", "5", "NULL", #"{"n":"z"}"#],
                    ["NULL", "NULL", "3", #"{"id":"x"}"#],
                ]
        )
        try await expectSame(fixture)
        let declared = try self.fixture(", schema => 'id BIGINT, n DOUBLE', rescuedDataColumn => '_r'")
        try declared.drop(json, "a.json")
        try await declared.run(.declarative)
        #expect(
            try declared.rows("SELECT id, n, _r FROM bronze.t ORDER BY id")
                == [["1", "1.5", #"{"s":"a"}"#], ["2", "NULL", #"{"n":"z","s":"null","more":5}"#]]
        )
    }

    @Test(arguments: [
        ("* EXCEPT (_rescued_data)", "", [["1", "5"], ["2", "NULL"]]),
        ("*", "(CONSTRAINT ok EXPECT (_rescued_data IS NULL) ON VIOLATION DROP ROW)", [["1", "5"]]),
        ("*", "(id INT, n INT, _rescued_data STRING)", [["1", "5"], ["2", "NULL"]]),
    ])
    func `a statement that names _rescued_data has it`(
        select: String,
        columns: String,
        rows: [[String]]
    ) async throws {
        let fixture = try fixture(", schemaHints => 'n INT'", format: "csv", select: select, columns: columns)
        try fixture.drop("id,n\n1,5\n2,x\n", "a.csv")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.isSuccess, "\(outcome.errors)")
        #expect(try fixture.rows("SELECT id, n FROM bronze.t ORDER BY id") == rows)
        try await expectSame(fixture)
    }

    @Test(arguments: [("inferColumnTypes => false", "VARCHAR"), ("primitivesAsString => true", "STRUCT(x BIGINT)")])
    func `columns of JSON files can be texts, all or those that are not nested`(
        option: String,
        nested: String
    ) async throws {
        let fixture = try fixture(", \(option)")
        try fixture.drop("{\"id\": 1, \"b\": true, \"st\": {\"x\": 1}}", "a.json")
        try await fixture.run(.declarative)
        try fixture.drop("{\"id\": \"two\", \"b\": \"yes\", \"st\": {\"x\": 2}}", "b.json")
        let outcome = try await fixture.run(.declarative)
        #expect(outcome.measures(of: "bronze.t")?.strategy == .append)
        #expect(
            try fixture.rows("SELECT DISTINCT typeof(id), typeof(b), typeof(st) FROM bronze.t")
                == [["VARCHAR", "VARCHAR", nested]]
        )
        #expect(try fixture.rows("SELECT id, b FROM bronze.t ORDER BY id") == [["1", "true"], ["two", "yes"]])
        try await expectSame(fixture)
    }

    @Test(arguments: [
        ("modifiedAfter => '2020-01-01', modifiedBefore => '2100-01-01T00:00:00Z'", nil),
        ("modifiedAfter => '2100-01-01'", "no files that the call's options let through"),
        ("modifiedAfter => 'soon'", "must be a time"), ("includeExistingFiles => true", nil),
        ("includeExistingFiles => false", "can only be 'true'"), ("fileNamePattern => 'a*'", nil),
        ("mode => 'PERMISSIVE'", "must be FAILFAST"), ("mergeSchema => false", "can only be 'true'"),
    ])
    func `options that change which rows there are do what they say, or are refused`(
        option: String,
        message: String?
    ) async throws {
        let fixture = try fixture(", \(option)", format: "csv")
        try fixture.drop("id\n1\n", "a.csv")
        let outcome = try await fixture.run(.declarative)
        guard let message else {
            #expect(outcome.isSuccess, "\(outcome.errors)")
            return
        }
        #expect(outcome.errors.first?.message.contains(message) == true, "\(outcome.errors)")
        #expect(outcome.errors.first?.hint != nil && outcome.errors.first?.location != nil)
    }
}
