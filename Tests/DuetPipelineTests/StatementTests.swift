import DuetPipeline
import DuetTestSupport
import Testing

/// What is read from statements that are right.
@Suite struct StatementTests {
    private static let definition = """
        name: a
        schema: silver
        parameters: {least: "3", word: it}
        sources:
          orders: {location: data/orders.csv}
        """

    private func load(_ sql: String, _ overrides: [String: String] = [:]) throws -> Pipeline {
        let folder = try TemporaryFolder()
        try folder.write(Self.definition, to: "pipeline.yml")
        try folder.write(sql, to: "transformations/all.sql")
        return try Pipeline.load(folder: folder.path, overrides: overrides)
    }

    private func query(_ sql: String) throws -> Query {
        try #require(try load("CREATE STREAMING TABLE t AS \(sql);").datasets.first?.flows.first?.query)
    }

    static let kinds: [(String, Dataset.Kind, Dataset.Visibility, String)] = [
        ("CREATE STREAMING TABLE gold.a AS SELECT 1", .streamingTable, .published, "gold.a"),
        ("CREATE OR REFRESH STREAMING TABLE gold.a AS SELECT 1", .streamingTable, .published, "gold.a"),
        ("create or refresh streaming live table gold.a as select 1", .streamingTable, .published, "gold.a"),
        ("CREATE MATERIALIZED VIEW a AS SELECT 1", .materializedView, .published, "silver.a"),
        (
            "CREATE OR REPLACE MATERIALIZED VIEW IF NOT EXISTS cat.gold.a AS SELECT 1", .materializedView, .published,
            "gold.a"
        ),
        ("CREATE OR REFRESH LIVE TABLE LIVE.a AS SELECT 1", .materializedView, .published, "silver.a"),
        ("CREATE PRIVATE MATERIALIZED VIEW gold.a AS SELECT 1", .materializedView, .private, "gold.a"),
        ("CREATE OR REFRESH PRIVATE STREAMING TABLE gold.a AS SELECT 1", .streamingTable, .private, "gold.a"),
        ("CREATE TEMPORARY VIEW gold.a AS SELECT 1", .view, .temporary, "gold.a"),
        ("CREATE TEMP VIEW gold.a AS SELECT 1", .view, .temporary, "gold.a"),
        ("CREATE VIEW gold.a AS SELECT 1", .view, .temporary, "gold.a"),
        ("CREATE LIVE VIEW a AS SELECT 1", .view, .temporary, "silver.a"),
        ("CREATE VIEW `my schema`.\"odd \"\"name\" AS SELECT 1", .view, .temporary, "my schema.odd \"name"),
    ]

    @Test(arguments: kinds)
    func `every form of statement is read`(
        _ sql: String,
        _ kind: Dataset.Kind,
        _ visibility: Dataset.Visibility,
        _ name: String
    ) throws {
        let dataset = try #require(try load(sql + ";").datasets.first)
        #expect(dataset.kind == kind && dataset.visibility == visibility && dataset.name.description == name)
        #expect(dataset.flows.first?.query.text.text.lowercased() == "select 1")
        #expect(dataset.location.line == 1 && dataset.location.column == 1)
    }

    @Test func `every clause is read, in any order`() throws {
        let pipeline = try load(
            """
            CREATE MATERIALIZED VIEW gold.a (
              id INT NOT NULL COMMENT 'the key', amount DECIMAL(9, 2), name,
              CONSTRAINT one EXPECT (id > ${least}), CONSTRAINT two EXPECT (f(id, (1)) = ')') ON VIOLATION DROP ROW,
              CONSTRAINT three EXPECT (true) ON VIOLATION FAIL UPDATE, CONSTRAINT k PRIMARY KEY (id)
            )
            CLUSTER BY (id) REFRESH POLICY INCREMENTAL STRICT USING delta
            TBLPROPERTIES ('a.b' = 'c', quality = gold, n = 3) PARTITIONED BY (name) COMMENT 'it''s all'
            AS SELECT 1 AS id;
            """
        )
        let dataset = try #require(pipeline.datasets.first)
        #expect(dataset.columns.map(\.name) == ["id", "amount", "name"])
        #expect(dataset.columns.map(\.isRequired) == [true, false, false])
        #expect(dataset.columns.first?.comment == "the key")
        #expect(dataset.columns[2].type == nil)
        #expect(dataset.expectations.map(\.name) == ["id is not null", "one", "two", "three"])
        #expect(dataset.expectations.map(\.action) == [.fail, .warn, .drop, .fail])
        #expect(
            dataset.expectations.map(\.condition.text) == ["\"id\" IS NOT NULL", "id > 3", "f(id, (1)) = ')'", "true"]
        )
        #expect(dataset.expectations.map(\.location.line) == [2, 3, 3, 4])
        #expect(dataset.refreshPolicy == .incrementalStrict && dataset.comment == "it's all")
        #expect(dataset.properties.map(\.key) == ["a.b", "quality", "n"])
        #expect(dataset.properties.map(\.value) == ["c", "gold", "3"])
        // Layout has no meaning here, and that is said.
        #expect(dataset.layout == ["CLUSTER BY (id)", "PARTITIONED BY (name)"])
        #expect(pipeline.warnings.count == 3)
    }

    static let streams: [(String, String)] = [
        ("SELECT * FROM STREAM(gold.b)", "SELECT * FROM gold.b"),
        ("SELECT * FROM STREAM gold.b AS x", "SELECT * FROM gold.b AS x"),
        ("SELECT * FROM stream(LIVE.b) x", "SELECT * FROM b  x"),
        ("SELECT * FROM c JOIN STREAM(`b`) ON 1 = 1", "SELECT * FROM c JOIN \"b\"  ON 1 = 1"),
        ("SELECT * FROM c, STREAM b", "SELECT * FROM c, b"),
        ("SELECT * FROM (SELECT * FROM STREAM(b))", "SELECT * FROM (SELECT * FROM b )"),
    ]

    @Test(arguments: streams)
    func `a stream is taken out and its place is kept`(_ sql: String, _ text: String) throws {
        let query = try query(sql)
        #expect(query.text.text.split(separator: " ") == text.split(separator: " "))
        #expect(query.original == sql)
        let offset = try #require(query.streamOffsets.first)
        #expect(query.streamOffsets.count == 1)
        let rest = query.text.text.utf8.dropFirst(offset)
        #expect(String(rest)?.hasPrefix("gold.b") == true || String(rest)?.contains("b") == true)
        #expect(query.text.location(at: offset).column > 1)
    }

    @Test func `a column may be called stream, live or read_files`() throws {
        let query = try query("SELECT stream, stream + 1, live, read_files FROM t WHERE stream = 1")
        #expect(query.streamOffsets.isEmpty && query.fileReads.isEmpty)
        #expect(query.text.text == query.original)
    }

    @Test func `read_files becomes a relation, with its options`() throws {
        let query = try query(
            """
            SELECT * FROM STREAM read_files('${source.orders}', header => false, sep => ';', SkipRows => 2)
            JOIN read_files('${source.orders}', nullValue => '${least}') USING (id)
            """
        )
        #expect(
            query.text.text.split(separator: "\n")[0].split(separator: " ") == [
                "SELECT", "*", "FROM", "\"files:orders\"",
            ]
        )
        #expect(query.text.text.contains("JOIN \"files:orders:2\" USING (id)"))
        #expect(query.fileReads.map(\.isStream) == [true, false])
        #expect(query.fileReads[0].options.map(\.name) == ["header", "sep", "skiprows"])
        #expect(query.fileReads[0].options.map(\.value) == ["false", ";", "2"])
        #expect(query.fileReads[1].options.map(\.value) == ["3"])
        #expect(query.fileReads[1].location.line == 2)
    }

    @Test func `parameters are filled in words and strings, and not in comments`() throws {
        let query = try query("SELECT ${least} AS n, 'x ${word} y' AS t, $$${word}$$ AS d -- ${nothing}\nFROM t")
        #expect(query.text.text == "SELECT 3 AS n, 'x it y' AS t, $$it$$ AS d -- ${nothing}\nFROM t")
        #expect(
            try load("CREATE VIEW a AS SELECT ${least};", ["least": "44"]).datasets[0].flows[0].query.text.text
                == "SELECT 44"
        )
    }

    @Test func `a notebook saved as SQL is read cell by cell`() throws {
        let pipeline = try load(
            """
            -- Databricks notebook source
            CREATE VIEW gold.a AS SELECT 1 AS x

            -- COMMAND ----------

            -- MAGIC %md some text; with a semicolon

            -- COMMAND ----------
            CREATE VIEW gold.b AS SELECT 2 AS x;
            -- COMMAND ----------
            """
        )
        #expect(pipeline.datasets.map(\.name.description) == ["gold.a", "gold.b"])
        #expect(pipeline.datasets.map(\.location.line) == [2, 9])
    }

    @Test func `names are equal in any case`() {
        #expect(DatasetName(schema: "Gold", table: "A") == DatasetName(schema: "gold", table: "a"))
        #expect(Set([DatasetName(schema: "G", table: "A"), DatasetName(schema: "g", table: "a")]).count == 1)
        #expect(DatasetName(schema: "a", table: "Z") < DatasetName(schema: "B", table: "a"))
    }
}
