import DuckKit
import DuetEngine
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Runs that fail in the middle: rows, state and files stay as they were, and the next run goes on.
@Suite struct BadRunTests {
    @Test func `an expectation with FAIL UPDATE stops its dataset and names the rule and a row`() async throws {
        let source = try await BadSource.made()
        let errors = try await source.fail(keepingFrom: "silver") {
            try $0.drop("id,amount\n4,40\n,50\n", "orders-2.csv")
        }
        for (_, error) in errors {
            #expect(error.code == .expectationFailed)
            #expect(error.message.contains("'known'") && error.message.contains("silver.orders"))
            #expect(error.hint?.contains("amount = 50") == true)
            #expect(error.location?.line == 5)
        }
        try source.fixture.drop("id,amount\n4,40\n5,50\n", "orders-2.csv")
        #expect(try await source.recovers())
    }

    @Test func `a value that cannot be cast is told with the query's place`() async throws {
        let source = try await BadSource.made()
        let errors = try await source.fail(keepingFrom: "silver") { try $0.drop("id,amount\n4,many\n", "orders-2.csv") }
        for (style, error) in errors {
            #expect([.sqlExecution, .badFormat].contains(error.code), "\(style): \(error)")
            #expect(error.description.contains("many"), "\(style): \(error)")
            #expect(error.location?.file.hasSuffix("all.sql") == true)
        }
        try source.fixture.drop("id,amount\n4,40\n5,50\n", "orders-2.csv")
        #expect(try await source.recovers())
    }

    @Test func `a query that fails while it runs is told with the query's place`() async throws {
        let fixture = try PipelineFixture(
            "parameters: {text: '1'}",
            sql: """
                CREATE MATERIALIZED VIEW silver.a AS SELECT 1 AS x;
                CREATE MATERIALIZED VIEW gold.b AS
                SELECT x,
                  CAST('${text}' AS INTEGER) AS y
                FROM silver.a;
                CREATE MATERIALIZED VIEW gold.c AS SELECT sum(y) AS total FROM gold.b;
                """
        )
        for style in Style.allCases { #expect(try await fixture.run(style).isSuccess) }
        let before = try Style.allCases.map { try fixture.rows("SELECT * FROM gold.b, gold.c", $0) }
        for style in Style.allCases {
            let outcome = try await fixture.run(style, parameters: ["text": "one"])
            let error = try #require(outcome.errors.first)
            #expect(outcome.errors.count == 1)
            #expect(error.code == .sqlExecution || error.code == .sqlBinding)
            #expect(error.message.contains("'one'") && error.message.contains("gold.b"))
            #expect(error.location?.file.hasSuffix("all.sql") == true)
        }
        #expect(try Style.allCases.map { try fixture.rows("SELECT * FROM gold.b, gold.c", $0) } == before)
    }

    @Test(arguments: [
        ("({'a': x}::VARIANT).a", "a table here cannot hold VARIANT"),
        ("({'a': 'one'}::VARIANT).a::INT", "TRY_CAST(v AS type)"),
        ("({'a': 1}::VARIANT)::STRUCT(b INT)", "TRY_CAST(v AS type)"),
    ])
    func `what DuckDB refuses of VARIANT comes with what to do`(expression: String, hint: String) async throws {
        let fixture = try PipelineFixture(
            "",
            sql: "CREATE MATERIALIZED VIEW gold.v AS SELECT \(expression) AS v FROM (VALUES (1)) AS t (x);"
        )
        for style in Style.allCases {
            let error = try #require(try await fixture.run(style).errors.first)
            #expect(error.message.contains("VARIANT"))
            #expect(error.hint?.contains(hint) == true, "\(error)")
        }
    }

    @Test func `a wrong definition is refused before anything is touched`() async throws {
        let source = try await BadSource.made()
        let errors = try await source.fail {
            try $0.rewrite(sql: BadSource.sql + "\nCREATE MATERIALIZED VIEW gold.more AS SELECT * FROM silver.ordres;")
        }
        for (_, error) in errors {
            #expect(error.code == .unknownTable)
            #expect(error.hint == "did you mean 'silver.orders'?")
        }
        try source.fixture.rewrite(sql: BadSource.sql)
        #expect(try await source.recovers())
    }

    @Test func `a dataset that fails does not keep others from being refreshed`() async throws {
        let fixture = try PipelineFixture(
            "sources:\n  one: {location: data/one.csv}\n  two: {location: data/two.csv}",
            sql: """
                CREATE MATERIALIZED VIEW bronze.one AS SELECT * FROM read_files('${source.one}');
                CREATE MATERIALIZED VIEW bronze.two AS SELECT * FROM read_files('${source.two}');
                CREATE MATERIALIZED VIEW gold.one AS SELECT count(*) AS n FROM bronze.one;
                CREATE MATERIALIZED VIEW gold.two AS SELECT count(*) AS n FROM bronze.two;
                """
        )
        try fixture.drop("x\n1\n", "one.csv")
        try fixture.drop("x\n1\n", "two.csv")
        for style in Style.allCases { #expect(try await fixture.run(style).isSuccess) }
        try fixture.drop("<html>", "one.csv")
        try fixture.drop("x\n1\n2\n3\n", "two.csv")
        for style in Style.allCases {
            #expect(try await fixture.run(style).errors.count == 1)
            #expect(try fixture.rows("SELECT * FROM gold.one, gold.two", style) == [["1", "3"]])
        }
    }

    // MARK: - The warehouse itself

    @Test func `a warehouse that is not DuckDB's is left alone`() async throws {
        let source = try BadSource()
        for style in Style.allCases {
            try source.fixture.folder.write("this is not a database", to: "home/fixture/\(style.rawValue).duckdb")
            let error = try #require(await #expect(throws: DuetError.self) { try await source.fixture.run(style) })
            #expect(error.code == .warehouse)
            #expect(error.message.contains("\(style.rawValue).duckdb"))
            #expect(try source.fixture.folder.text("home/fixture/\(style.rawValue).duckdb") == "this is not a database")
        }
    }

    @Test func `a warehouse of another version is refused`() async throws {
        let source = try await BadSource.made()
        for style in Style.allCases {
            try await source.fixture.run(style)
            do {
                let connection = try Database(path: source.fixture.home.warehouse(style)).connect()
                try connection.execute("UPDATE duet.meta SET value = '99' WHERE key = 'format'")
            }
            let error = try #require(await #expect(throws: DuetError.self) { try await source.fixture.run(style) })
            #expect(error.code == .warehouse)
            #expect(error.message.contains("99"))
        }
    }

    @Test func `a folder in the warehouse's place is an error`() async throws {
        let source = try BadSource()
        try source.fixture.folder.write("x", to: "home/fixture/declarative.duckdb/file")
        let error = await #expect(throws: DuetError.self) { try await source.fixture.run(.declarative) }
        #expect(error?.code == .warehouse)
    }

    @Test func `a file in the home's place is an error`() async throws {
        let source = try BadSource()
        try source.fixture.folder.write("x", to: "home")
        let error = await #expect(throws: DuetError.self) { try await source.fixture.run(.procedural) }
        #expect(error?.code == .warehouse)
    }

    @Test(.enabled(if: getuid() != 0, "root may write everywhere"))
    func `a folder that may not be written is an error`() async throws {
        let source = try BadSource()
        let home = "\(source.fixture.folder.path)/home"
        try FileManager.default.createDirectory(
            atPath: home,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o555]
        )
        let error = await #expect(throws: DuetError.self) { try await source.fixture.run(.declarative) }
        #expect(error?.code == .warehouse)
    }
}
