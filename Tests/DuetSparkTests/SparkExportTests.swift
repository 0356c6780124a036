import DuckKit
import DuetEngine
import DuetPipeline
import DuetSpark
import DuetTestSupport
import Foundation
import Testing

/// `duet export sdp`: what is written, what is told, what is refused; and that duet reads it back as the same datasets.
@Suite struct SparkExportTests {
    private static let sql =
        PipelineFixture.ordersBronze + """
            CREATE TEMPORARY VIEW paying AS SELECT * FROM STREAM(bronze.orders) WHERE amount IS NOT NULL;
            CREATE OR REFRESH STREAMING TABLE silver.orders (
              CONSTRAINT paid EXPECT (amount > 0) ON VIOLATION DROP ROW,
              CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION FAIL UPDATE,
              CONSTRAINT small EXPECT (amount < 9)
            ) COMMENT 'Orders that somebody''s money came for' TBLPROPERTIES ('quality' = 'silver')
            AS SELECT id::INTEGER AS id, person, amount::INTEGER AS amount, [person] AS listed FROM STREAM(paying);
            CREATE PRIVATE MATERIALIZED VIEW silver.halves (amount DECIMAL(9, 2), whole BIGINT, id BIGINT) REFRESH POLICY FULL
            AS SELECT id, amount / 2 AS amount, amount // 2 AS whole FROM (SELECT id, amount FROM silver.orders)
              WHERE id IN (SELECT id FROM silver.orders);
            CREATE OR REFRESH MATERIALIZED VIEW gold.totals
            AS SELECT p.name, sum(o.amount) AS amount, rank() OVER (ORDER BY p.name DESC) AS place
            FROM silver.orders AS o JOIN bronze.people AS p ON p.person = o.person
            GROUP BY p.name QUALIFY place < 3;
            """

    private func fixture(_ sql: String = Self.sql) throws -> PipelineFixture {
        try PipelineFixture.orders(sql: sql)
    }

    private func export(_ pipeline: Pipeline, to folder: String = "/there") throws -> SparkExport {
        let connection = try Warehouse.scratch()
        let graph = try QueryAnalysis.graph(of: pipeline, connection: connection)
        return try SparkExport(of: pipeline, graph: graph, folder: folder) {
            try JSONValue(parsing: try connection.syntaxTree(of: $0))
        }
    }

    private func text(_ export: SparkExport, _ name: String) throws -> String {
        try #require(export.files.first { $0.path.hasSuffix(name) }?.text)
    }

    /// The export of a pipeline as a pipeline of its own.
    private func imported(_ fixture: PipelineFixture) throws -> (PipelineFixture, SparkExport) {
        let export = try export(try fixture.pipeline())
        let other = try PipelineFixture("", sql: "")
        try FileManager.default.removeItem(atPath: "\(other.folder.path)/transformations/all.sql")
        for (path, text) in export.files {
            // The fixture's warehouses go by its name, which the export keeps.
            try other.folder.write(text, to: path)
        }
        return (other, export)
    }

    private func rows(_ fixture: PipelineFixture, _ queries: [String]) async throws -> [[String]] {
        try await fixture.run(.declarative)
        let path = fixture.home.warehouse(.declarative)
        return try await offPool {
            let connection = try Warehouse(path: path, isReadOnly: true).connect()
            return try queries.map { query in
                try connection.rows(query).map { $0.map(\.description).joined(separator: "|") }
            }
        }
    }

    @Test func `an export read back gives the same datasets with the same rows`() async throws {
        let fixture = try fixture()
        let (other, _) = try imported(fixture)
        let queries = [
            "FROM bronze.orders ORDER BY id", "FROM bronze.people ORDER BY person", "FROM silver.orders ORDER BY id",
            "FROM silver.halves ORDER BY id", "FROM gold.totals ORDER BY name",
        ]
        let first = try await rows(fixture, queries)
        let second = try await rows(other, queries)
        #expect(first == second)
        #expect(first[2] == ["1|a|10|[a]", "4|b|7|[b]"])
        #expect(first[4] == ["Ann|10|2", "Bob|7|1"])
        let published = { (fixture: PipelineFixture) in
            Set(
                try fixture.pipeline().datasets.filter { $0.visibility != .temporary }.map {
                    "\($0.name) \($0.kind.rawValue)"
                }
            )
        }
        #expect(try published(fixture) == published(other))
    }

    @Test func `each statement has Spark's words, and files are read in Python`() throws {
        let export = try export(try fixture().pipeline())
        let sql = try text(export, "spark/all.sql")
        for piece in [
            "CREATE STREAMING TABLE silver.orders\nCOMMENT 'Orders that somebody''s money came for'\n"
                + "TBLPROPERTIES ('quality' = 'silver')",
            "CREATE TEMPORARY VIEW main_paying", "FROM STREAM(main_paying)", "FROM STREAM(files_orders)",
            "FROM files_people",
            "array(person) AS listed", "(amount div 2)", "coalesce((amount > 0), false)", "WHERE __qualified",
            "raise_error('silver.orders: rows that violate known')", "CAST(amount AS DECIMAL(9, 2)) AS amount",
        ] {
            #expect(sql.contains(piece), "\(piece) in \(sql)")
        }
        for word in ["OR REFRESH", "CONSTRAINT", "PRIVATE", "QUALIFY", "POLICY", "::", "//"] {
            #expect(!sql.contains(word))
        }
        let python = try text(export, "spark/files.py")
        #expect(python.contains(#"@dp.temporary_view(name="files_orders")"#))
        #expect(python.contains(#"spark.readStream.format("csv")"#))
        #expect(python.contains(#".option("nullValue", "NA")"#))
        let specification = try text(export, "spark-pipeline.yml")
        #expect(specification.contains("storage: file:///there/storage"))
        #expect(specification.contains("/data/orders/*.csv"))
        #expect(try text(export, "schemas.sql").contains("CREATE SCHEMA IF NOT EXISTS silver;"))
    }

    @Test func `what Spark has not is told for each dataset, with its place and what to do`() throws {
        let export = try export(try fixture().pipeline())
        let told = export.remarks.map { "\($0.subject): \($0.left)" }
        for (subject, piece) in [
            ("silver.orders", "paid (amount > 0) is a WHERE"),
            ("silver.orders", "known (id IS NOT NULL) is a WHERE with"),
            ("silver.orders", "small (amount < 9) is left out"), ("silver.halves", "PRIVATE is left out"),
            ("silver.halves", "REFRESH POLICY FULL"), ("orders", "manifest"), ("orders", "changes after it was read"),
        ] {
            #expect(
                told.contains { $0.hasPrefix("\(subject): ") && $0.contains(piece) },
                "\(subject) \(piece) in \(told)"
            )
        }
        let paid = try #require(export.remarks.first { $0.left.contains("paid") })
        #expect(paid.location.line == 7)
        #expect(!paid.advice.isEmpty)
        #expect(try text(export, "EXPORT.md").contains("paid (amount > 0)"))
        #expect(export.json["left_out"]?.array?.count == export.remarks.count)
    }

    @Test(arguments: [
        ("SELECT strftime(d, '%Y') AS y FROM t", "the function 'strftime'", 8),
        ("SELECT * FROM range(3)", "the table function 'range'", 15),
        ("SELECT a, hash(b) AS h FROM t", "the function 'hash'", 11),
        ("SELECT a FROM t WHERE a = 'x\\y'", "a text with a backslash", 27),
        ("SELECT DISTINCT ON (a) a FROM t", "DISTINCT ON", 21),
        ("SELECT * REPLACE (1 AS a) FROM t", "* REPLACE", 8),
        ("SELECT a::MAP(VARCHAR, INTEGER) AS a FROM t", "the type MAP", 9),
        ("SELECT a FROM t ASOF JOIN t AS u ON t.a >= u.a", "an asof join", 17),
        ("SELECT a FROM t UNION ALL BY NAME SELECT a FROM t", "UNION BY NAME", 8),
        ("SELECT ai_classify(a, ['x', 'y']) AS c FROM t", "the function 'ai_classify'", 8),
    ])
    func `what has no rule is refused by name, with its place and what to do`(
        query: String,
        what: String,
        column: Int
    ) throws {
        let fixture = try PipelineFixture(
            "",
            sql: "CREATE MATERIALIZED VIEW t AS SELECT 1 AS a, 2 AS b, DATE '2026-01-01' AS d;\n"
                + "CREATE MATERIALIZED VIEW v AS\n\(query);"
        )
        let pipeline = try fixture.pipeline()
        let errors = #expect(throws: DuetErrors.self) { try export(pipeline) }
        let error = try #require(errors?.errors.first)
        #expect(error.code == .unsupported)
        #expect(error.message.contains(what), "\(error)")
        #expect(error.location?.line == 3)
        #expect(error.location?.column == column, "\(error)")
    }

    @Test func `all that is refused is told at once`() throws {
        let fixture = try PipelineFixture(
            "",
            sql: "CREATE MATERIALIZED VIEW t AS SELECT hash(1) AS a, random() AS b;\n"
                + "CREATE MATERIALIZED VIEW v AS SELECT strftime(current_date, '%d') AS c FROM t;"
        )
        let pipeline = try fixture.pipeline()
        let errors = #expect(throws: DuetErrors.self) { try export(pipeline) }
        #expect(errors?.errors.count == 3)
    }

    @Test func `change events and flows are written, and what they need is told`() throws {
        let export = try export(
            try fixture(
                """
                CREATE STREAMING TABLE bronze.orders
                AS SELECT * FROM STREAM read_files('${source.orders}', inferColumnTypes => false);
                CREATE STREAMING TABLE silver.people (person STRING, amount STRING);
                CREATE FLOW a AS AUTO CDC INTO silver.people
                FROM STREAM(bronze.orders) KEYS (person) APPLY AS DELETE WHEN amount = 'NA' SEQUENCE BY id::INTEGER
                COLUMNS * EXCEPT (id) STORED AS SCD TYPE 2;
                CREATE STREAMING TABLE silver.merged;
                CREATE FLOW x AS INSERT INTO silver.merged BY NAME SELECT id FROM STREAM(bronze.orders);
                CREATE FLOW y AS INSERT INTO silver.merged BY NAME SELECT id, person FROM STREAM(bronze.orders);
                """
            ).pipeline()
        )
        let sql = try text(export, "spark/all.sql")
        for piece in [
            "AS AUTO CDC INTO silver.people\nFROM STREAM(bronze.orders)\nKEYS (person)",
            "APPLY AS DELETE WHEN (amount = 'NA')\nSEQUENCE BY CAST(id AS INT)\nCOLUMNS * EXCEPT (id)\nSTORED AS SCD TYPE 2;",
            "CREATE FLOW x AS INSERT INTO silver.merged BY NAME\nSELECT\n  id\nFROM STREAM(bronze.orders);",
        ] {
            #expect(sql.contains(piece), "\(piece) in \(sql)")
        }
        #expect(export.remarks.contains { $0.subject == "silver.people" && $0.left.contains("MERGE") })
        #expect(export.remarks.contains { $0.subject == "silver.merged" && $0.left.contains("several flows") })
    }

    @Test func `change events that Spark has no words for are refused`() throws {
        let pipeline = try fixture(
            """
            CREATE STREAMING TABLE bronze.orders
            AS SELECT * FROM STREAM read_files('${source.orders}', inferColumnTypes => false);
            CREATE STREAMING TABLE silver.people;
            AUTO CDC INTO silver.people FROM STREAM(bronze.orders) KEYS (person) IGNORE NULL UPDATES SEQUENCE BY id;
            """
        ).pipeline()
        let errors = #expect(throws: DuetErrors.self) { try export(pipeline) }
        #expect(errors?.errors.first?.message.contains("IGNORE NULL UPDATES") == true)
    }
}
