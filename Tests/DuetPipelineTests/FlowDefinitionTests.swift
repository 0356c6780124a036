import DuetPipeline
import DuetTestSupport
import Testing

/// Flows and change capture as statements: what is read, and what is refused at which place.
@Suite struct FlowDefinitionTests {
    private func errors(_ sql: String) throws -> [DuetError] {
        do {
            _ = try PipelineFixture("sources: {s: {location: data/s.csv}}", sql: sql).pipeline()
            return []
        } catch let errors as DuetErrors {
            return errors.errors
        }
    }

    private func expect(
        _ sql: String,
        _ code: DuetError.Code,
        _ message: String,
        line: Int,
        column: Int,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        let error = try #require(try errors(sql).first, sourceLocation: sourceLocation)
        #expect(error.code == code, sourceLocation: sourceLocation)
        #expect(error.message.contains(message), "\(error.message)", sourceLocation: sourceLocation)
        #expect(error.location?.line == line, sourceLocation: sourceLocation)
        #expect(error.location?.column == column, sourceLocation: sourceLocation)
    }

    @Test func `a single flow is its table's query`() throws {
        let sql = """
            CREATE STREAMING TABLE t;
            CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM STREAM read_files('${source.s}');
            """
        let pipeline = try PipelineFixture("sources: {s: {location: data/s.csv}}", sql: sql).pipeline()
        #expect(pipeline.datasets.map(\.name.description) == ["main.t"])
        #expect(pipeline.datasets[0].flows.map(\.name) == ["f"])
    }

    @Test func `several flows are datasets of their own before their table`() throws {
        let sql = """
            CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('${source.s}');
            CREATE FLOW f AS INSERT INTO ONCE t BY NAME SELECT 1 AS a;
            """
        let pipeline = try PipelineFixture("sources: {s: {location: data/s.csv}}", sql: sql).pipeline()
        #expect(pipeline.datasets.map(\.name.description) == ["main.t@t", "main.t@f", "main.t"])
        #expect(pipeline.datasets.map(\.isOnce) == [false, true, false])
        #expect(pipeline.withFlows([pipeline.datasets[2].name]).count == 3)
        #expect(pipeline.publishedDatasets.count == 1)
    }

    @Test func `a table that nothing feeds is refused`() throws {
        try expect("CREATE STREAMING TABLE t;", .sqlSyntax, "neither a query nor a flow", line: 1, column: 1)
    }

    @Test func `a flow into an unknown table is refused at the table's name`() throws {
        try expect(
            "CREATE STREAMING TABLE orders AS SELECT 1;\nCREATE FLOW f AS INSERT INTO order BY NAME SELECT 1;",
            .unknownTable,
            "'main.order'",
            line: 2,
            column: 30
        )
    }

    @Test func `two flows of one name are refused`() throws {
        try expect(
            """
            CREATE STREAMING TABLE t;
            CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM STREAM(x);
            CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM STREAM(y);
            """,
            .duplicateName,
            "two flows named 'f'",
            line: 3,
            column: 30
        )
    }

    @Test func `a flow without BY NAME is refused`() throws {
        try expect(
            "CREATE STREAMING TABLE t;\nCREATE FLOW f AS INSERT INTO t SELECT 1;",
            .sqlSyntax,
            "BY NAME",
            line: 2,
            column: 32
        )
    }

    @Test(arguments: [
        ("SEQUENCE BY s", "no KEYS", 1), ("KEYS (a)", "no SEQUENCE BY", 1),
        ("KEYS (a) SEQUENCE BY s STORED AS SCD TYPE 3", "1 or 2", 79),
        ("KEYS (a) SEQUENCE BY s TRACK HISTORY ON *", "SCD TYPE 2 only", 60),
        ("KEYS (a) SEQUENCE BY s APPLY AS TRUNCATE WHEN x STORED AS SCD TYPE 2", "SCD TYPE 1 only", 83),
        ("KEYS (a) NONSENSE SEQUENCE BY s", "TRACK HISTORY ON", 46),
    ])
    func `a wrong clause is refused at its place`(_ clauses: String, _ message: String, _ column: Int) throws {
        let sql = "AUTO CDC INTO target FROM STREAM(a) \(clauses);\nCREATE STREAMING TABLE target;"
        let error = try #require(try errors(sql).first)
        #expect(error.message.contains(message), "\(error.message)")
        #expect(error.location?.line == 1)
        #expect(error.location?.column == column)
    }

    @Test func `SEQUENCE BY runs to the next clause, and a STRUCT becomes DuckDB's`() throws {
        let sql = """
            CREATE STREAMING TABLE t;
            AUTO CDC INTO t FROM STREAM(x) KEYS (a, `b c`) SEQUENCE BY STRUCT(day, n) APPLY AS DELETE WHEN op IN ('D', 'X')
              COLUMNS * EXCEPT (op) STORED AS SCD TYPE 2 TRACK HISTORY ON (name);
            """
        let capture = try #require(try PipelineFixture("", sql: sql).pipeline().datasets[0].capture)
        #expect(capture.keys.map(\.name) == ["a", "b c"])
        #expect(capture.sequence.text == "{'day': day, 'n': n}")
        #expect(capture.deleteCondition?.text == "op IN ('D', 'X')")
        #expect(capture.history == .versions)
    }

    @Test func `a comment may stand in double quotes, as in Spark`() throws {
        let sql = "CREATE LIVE TABLE t COMMENT \"it's \"\"so\"\"\" AS SELECT 1 AS a"
        let pipeline = try PipelineFixture("", sql: sql).pipeline()
        #expect(pipeline.datasets[0].comment == "it's \"so\"")
    }
}
