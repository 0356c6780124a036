import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetFetch
import DuetPipeline
import DuetProcedural
import DuetServe
import DuetTestSupport
import Foundation
import Testing

@Suite struct FactoryActivityTests {
    private static let csv = "id,name,amount\n1,a,10\n2,b,x\n3,,30\n"
    private let toTable =
        #""source": {"type": "DelimitedTextSource"}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#

    private func rows(_ warehouse: Warehouse, _ sql: String) async throws -> [[String]] {
        try await offPool { try warehouse.connect().rows(sql).map { $0.map(\.description) } }
    }

    @Test func `Copy brings a file into a table it makes, with the service's output`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write(Self.csv, to: "files/in/a.csv")
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    toTable,
                    from: reference("Csv", #"{"file": "a.csv"}"#),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(
            try await rows(warehouse, "FROM sales.T ORDER BY id") == [
                ["1", "a", "10"], ["2", "b", "x"], ["3", "NULL", "30"],
            ]
        )
        let output = try #require(fixture.seen.run("C")?.output)
        #expect(output["rowsRead"] == 3)
        #expect(output["rowsCopied"] == 3)
        #expect(output["filesRead"] == 1)
        #expect(output["dataRead"] == .integer(Int64(Self.csv.utf8.count)))
    }

    @Test func `Copy maps columns, adds some, and runs the script before it`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write(Self.csv, to: "files/in/a.csv")
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA sales; CREATE TABLE sales.T (key INTEGER, label VARCHAR, file VARCHAR); INSERT INTO sales.T VALUES (9, 'old', '')"
            )
        }
        let properties =
            #""source": {"type": "DelimitedTextSource", "additionalColumns": [{"name": "file", "value": "$$FILEPATH"}]}, "sink": {"type": "AzureSqlSink", "preCopyScript": "DELETE FROM [dbo].[T]"}, "#
            + #""translator": {"type": "TabularTranslator", "mappings": [{"source": {"name": "id"}, "sink": {"name": "key"}}, {"source": {"ordinal": 2}, "sink": {"name": "label"}}]}"#
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    properties,
                    from: reference("Csv", #"{"file": "a.csv"}"#),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        #expect(try await fixture.run().status == .succeeded)
        #expect(
            try await rows(warehouse, "FROM sales.T ORDER BY 1") == [
                ["1", "a", "a.csv"], ["2", "b", "a.csv"], ["3", "NULL", "a.csv"],
            ]
        )
    }

    @Test func `Copy fails on a row that does not fit and leaves the table as it was, or skips it into a log`()
        async throws
    {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write(Self.csv, to: "files/in/a.csv")
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA sales; CREATE TABLE sales.T (id INTEGER, name VARCHAR, amount INTEGER)"
            )
        }
        let from = reference("Csv", #"{"file": "a.csv"}"#)
        let to = reference("Table", #"{"name": "T"}"#)
        try fixture.pipeline("P", [copy("C", toTable, from: from, to: to)])
        try fixture.pipeline(
            "Q",
            [
                copy(
                    "C",
                    toTable + #", "enableSkipIncompatibleRow": true, "validateDataConsistency": true"#,
                    from: from,
                    to: to
                )
            ]
        )
        #expect(try await fixture.run().failure?.code == "SqlOperationFailed")
        #expect(try await rows(warehouse, "SELECT count(*) FROM sales.T") == [["0"]])
        #expect(try await fixture.run("Q").status == .succeeded)
        #expect(try await rows(warehouse, "SELECT sum(amount) FROM sales.T") == [["40"]])
        let output = try #require(fixture.seen.run("C")?.output)
        #expect(output["rowsSkipped"] == 1)
        #expect(output["rowsCopied"] == 2)
        #expect(output["dataConsistencyVerification"]?["VerificationResult"] == "Verified")
        let log = try String(contentsOfFile: try #require(output["logFilePath"]?.stringValue), encoding: .utf8)
        #expect(log.hasPrefix("Timestamp,Level,OperationName,OperationItem,Message"))
        #expect(log.contains("TabularRowSkip"))
    }

    @Test func `Copy takes rows of a query to a Parquet file, and upserts them back`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.dataset(
            "Parquet",
            "Parquet",
            #""location": {"container": "out", "folderPath": "x/y", "fileName": "t.parquet"}"#
        )
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA sales; CREATE TABLE sales.T AS SELECT range AS id, 'n' || range AS name FROM range(5)"
            )
        }
        let out =
            #""source": {"type": "AzureSqlSource", "sqlReaderQuery": "SELECT [id], 'new' AS name FROM dbo.T WHERE id >= 3"}, "sink": {"type": "ParquetSink"}"#
        let back =
            #""source": {"type": "ParquetSource"}, "sink": {"type": "AzureSqlSink", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}"#
        let table = reference("Table", #"{"name": "T"}"#)
        try fixture.pipeline(
            "P",
            [
                copy("Out", out, from: table, to: reference("Parquet")),
                copy("Back", back, from: reference("Parquet"), to: table, after("Out")),
            ]
        )
        #expect(try await fixture.run().status == .succeeded)
        #expect(
            try await rows(warehouse, "SELECT name FROM sales.T ORDER BY id") == [
                ["n0"], ["n1"], ["n2"], ["new"], ["new"],
            ]
        )
        #expect(FileManager.default.fileExists(atPath: "\(fixture.folder.path)/files/out/x/y/t.parquet"))
    }

    @Test(arguments: [
        ("PreserveHierarchy", ["a.bin", "sub/b.bin"]), ("FlattenHierarchy", ["1_a.bin", "2_b.bin"]),
        ("MergeFiles", ["whole"]),
    ])
    func `Copy keeps, flattens or merges the folders of binary files`(
        _ behavior: String,
        _ expected: [String]
    ) async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write("A", to: "files/in/a.bin")
        try fixture.folder.write("B", to: "files/in/sub/b.bin")
        try fixture.folder.write("C", to: "files/in/c.txt")
        try fixture.dataset("In", "Binary", #""location": {"container": "in"}"#)
        let name = behavior == "MergeFiles" ? #", "fileName": "whole""# : ""
        try fixture.dataset("Out", "Binary", #""location": {"container": "out"\#(name)}"#)
        let properties =
            #""source": {"type": "BinarySource", "storeSettings": {"recursive": true, "wildcardFileName": "*.bin"}}, "sink": {"type": "BinarySink", "storeSettings": {"copyBehavior": "\#(behavior)"}}"#
        try fixture.pipeline("P", [copy("C", properties, from: reference("In"), to: reference("Out"))])
        #expect(try await fixture.run().status == .succeeded)
        for path in expected {
            #expect(FileManager.default.fileExists(atPath: "\(fixture.folder.path)/files/out/\(path)"))
        }
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.folder.path)/files/out/c.txt"))
    }

    @Test func `a file name that leads out of the stand-in is refused, SQL in a parameter stays a value`() async throws
    {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write("secret", to: "outside.csv")
        try fixture.folder.write("CREATE OR REPLACE TABLE T AS SELECT @name AS name;", to: "procedures/keep.sql")
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    toTable,
                    from: reference("Csv", #"{"file": "../../outside.csv"}"#),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        let hostile = "x'; DROP TABLE T; --"
        try fixture.pipeline(
            "Q",
            [
                activity(
                    "SqlServerStoredProcedure",
                    "S",
                    #""storedProcedureName": "[dbo].[keep]", "storedProcedureParameters": {"name": {"value": "\#(hostile)", "type": "String"}}"#,
                    more: onSql
                )
            ]
        )
        #expect(try await fixture.run().failure?.code == "PathOutsideStandIn")
        #expect(try await fixture.run("Q").status == .succeeded)
        #expect(try await rows(warehouse, "SELECT name FROM sales.T") == [[hostile]])
    }

    @Test func `Lookup gives the first row, or all with their count, and only 5000`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA sales; CREATE TABLE sales.T AS SELECT range AS id, 1.5 AS x, DATE '2026-01-02' AS d FROM range(6000)"
            )
        }
        let source =
            #""source": {"type": "AzureSqlSource", "sqlReaderQuery": "SELECT * FROM dbo.T ORDER BY id;"}, "dataset": \#(reference("Table", #"{"name": ""}"#))"#
        try fixture.pipeline(
            "P",
            [
                activity("Lookup", "One", source), activity("Lookup", "All", source + #", "firstRowOnly": false"#),
                activity("Lookup", "None", source.replacingOccurrences(of: "ORDER BY id;", with: "WHERE id < 0")),
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.run("One")?.output == ["firstRow": ["id": 0, "x": 1.5, "d": "2026-01-02T00:00:00Z"]])
        #expect(fixture.seen.run("All")?.output["count"] == 5_000)
        #expect(fixture.seen.run("All")?.output["value"]?.arrayValue?.count == 5_000)
        #expect(fixture.seen.run("None")?.output == .object(ExpressionObject()))
    }

    @Test func `Lookup of more than four megabytes fails`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        let source =
            #""source": {"type": "AzureSqlSource", "sqlReaderQuery": "SELECT repeat('x', 5000000) AS t"}, "dataset": \#(reference("Table", #"{"name": ""}"#))"#
        try fixture.pipeline("P", [activity("Lookup", "L", source)])
        #expect(try await fixture.run().failure?.code == "LookupOutputTooLarge")
    }

    @Test func `Lookup reads a stored procedure's last statement, and files`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write(
            "CREATE TEMP TABLE t AS SELECT @n AS n; SELECT n + 1 AS next FROM t",
            to: "procedures/next.sql"
        )
        try fixture.folder.write(Self.csv, to: "files/in/a.csv")
        let procedure =
            #""source": {"type": "AzureSqlSource", "sqlReaderStoredProcedureName": "next", "storedProcedureParameters": {"n": {"value": "41", "type": "Int32"}}}, "dataset": \#(reference("Table", #"{"name": ""}"#))"#
        let file = #""source": {"type": "DelimitedTextSource"}, "dataset": \#(reference("Csv", #"{"file": "a.csv"}"#))"#
        try fixture.pipeline("P", [activity("Lookup", "L", procedure), activity("Lookup", "F", file)])
        _ = try await fixture.run()
        #expect(fixture.seen.run("L")?.output == ["firstRow": ["next": 42]])
        #expect(fixture.seen.run("F")?.output == ["firstRow": ["id": "1", "name": "a", "amount": "10"]])
    }

    @Test func `Script gives result sets and counts what it changed`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        let scripts =
            #"[{"type": "NonQuery", "text": "CREATE TABLE T (a INTEGER); INSERT INTO dbo.T VALUES (1), (2)"}, {"type": "Query", "text": "SELECT a FROM [T] WHERE a > @least", "parameters": [{"name": "least", "value": 1, "type": "Int32"}]}]"#
        try fixture.pipeline("P", [activity("Script", "S", #""scripts": \#(scripts)"#, more: onSql)])
        let run = try await fixture.run()
        #expect(run.failure == nil)
        let output = try #require(fixture.seen.run("S")?.output)
        #expect(output["recordsAffected"] == 2)
        #expect(output["resultSets"] == [["rowCount": 1, "rows": [["a": 2]]]])
    }

    @Test func `sp_executesql runs the statement it is handed, its parameters as values`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA sales; CREATE TABLE sales.T AS SELECT range AS id FROM range(5)"
            )
        }
        func run(_ name: String, _ statement: String) -> String {
            activity(
                "SqlServerStoredProcedure",
                name,
                #""storedProcedureName": "[sys].[sp_executesql]", "storedProcedureParameters": {"stmt": {"value": "\#(statement)", "type": "String"}, "least": {"value": "3", "type": "Int32"}}"#,
                more: onSql
            )
        }
        try fixture.pipeline("P", [run("D", "DELETE FROM [dbo].[T] WHERE id >= @least")])
        try fixture.pipeline("Q", [run("D", "TRUNCATE TABLE [dbo].[T]")])
        #expect(try await fixture.run().status == .succeeded)
        #expect(try await rows(warehouse, "SELECT count(*) FROM sales.T") == [["3"]])
        #expect(try await fixture.run("Q").status == .succeeded)
        #expect(try await rows(warehouse, "SELECT count(*) FROM sales.T") == [["0"]])
    }

    @Test func `GetMetadata, Delete and Validation look at files`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write(Self.csv, to: "files/in/a.csv")
        try fixture.folder.write("x", to: "files/in/sub/b.csv")
        try fixture.dataset("Folder", "Binary", #""location": {"container": "in"}"#)
        let file = reference("Csv", #"{"file": "a.csv"}"#)
        try fixture.pipeline(
            "P",
            [
                activity(
                    "GetMetadata",
                    "Folder",
                    #""dataset": \#(reference("Folder")), "fieldList": ["childItems", "exists", "itemType"]"#
                ),
                activity(
                    "GetMetadata",
                    "File",
                    #""dataset": \#(file), "fieldList": ["size", "columnCount", "itemName"]"#
                ),
                activity(
                    "GetMetadata",
                    "None",
                    #""dataset": \#(reference("Csv", #"{"file": "z.csv"}"#)), "fieldList": ["exists"]"#
                ),
                activity("Validation", "There", #""dataset": \#(file), "minimumSize": 5"#),
                activity(
                    "Delete",
                    "Gone",
                    #""dataset": \#(reference("Folder")), "storeSettings": {"recursive": true, "wildcardFileName": "b*"}"#,
                    after("Folder")
                ),
                activity(
                    "Validation",
                    "Never",
                    #""dataset": \#(reference("Csv", #"{"file": "z.csv"}"#)), "timeout": "0.00:01:00", "sleep": 20"#
                ),
            ]
        )
        let run = try await fixture.run()
        #expect(
            fixture.seen.run("Folder")?.output["childItems"] == [
                ["name": "a.csv", "type": "File"], ["name": "sub", "type": "Folder"],
            ]
        )
        #expect(
            fixture.seen.run("File")?.output == [
                "size": .integer(Int64(Self.csv.utf8.count)), "columnCount": 3, "itemName": "a.csv",
            ]
        )
        #expect(fixture.seen.run("None")?.output == ["exists": false])
        #expect(fixture.seen.status("There") == .succeeded)
        #expect(fixture.seen.run("Gone")?.output["filesDeleted"] == 1)
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.folder.path)/files/in/sub/b.csv"))
        #expect(run.failure?.code == "ValidationTimeout")
        #expect(run.end.timeIntervalSince(run.start) == 60)
    }

    @Test func `a notebook is a program with parameters in and its last line out`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write(
            "#!/bin/sh\necho working\necho \"{\\\"rows\\\": $DUET_PARAMETER_n}\"\n",
            to: "commands/load/flights"
        )
        try fixture.folder.write("#!/bin/sh\necho broken >&2\nexit 3\n", to: "commands/bad")
        for name in ["load/flights", "bad"] {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755],
                ofItemAtPath: "\(fixture.folder.path)/commands/\(name)"
            )
        }
        let bricks = #", "linkedServiceName": {"referenceName": "Bricks", "type": "LinkedServiceReference"}"#
        try fixture.pipeline(
            "P",
            [
                activity(
                    "DatabricksNotebook",
                    "N",
                    #""notebookPath": "/load/flights", "baseParameters": {"n": "@string(add(40, 2))"}"#,
                    more: bricks
                ),
                activity("DatabricksNotebook", "Bad", #""notebookPath": "/bad""#, more: bricks),
            ]
        )
        let run = try await fixture.run()
        #expect(fixture.seen.run("N")?.output["runOutput"] == ["rows": 42])
        #expect(run.failure?.message == "the program ended with 3: broken\n")
    }

    @Test func `WebActivity and functions ask a local server, and nothing leaves the machine unasked`() async throws {
        let root = try TemporaryFolder()
        try root.write(#"{"value": [{"a": 1}], "n": 7}"#, to: "api/answer.json")
        try root.write("[1, 2]", to: "api/list")
        let server = FileServer(root: root.path)
        let base = "http://127.0.0.1:\(try await server.start())"
        let (fixture, _) = try FactoryFixture.working(http: base)
        let api = #", "linkedServiceName": {"referenceName": "Api", "type": "LinkedServiceReference"}"#
        try fixture.pipeline(
            "P",
            [
                activity("WebActivity", "W", #""method": "GET", "url": "\#(base)/api/answer.json""#),
                activity("AzureFunctionActivity", "F", #""functionName": "list", "method": "GET""#, more: api),
                activity("WebActivity", "Missing", #""method": "GET", "url": "\#(base)/nothing""#),
                activity(
                    "WebActivity",
                    "Out",
                    #""method": "POST", "url": "https://example.com/hook", "body": "x""#,
                    after("Missing", "Completed")
                ),
            ]
        )
        _ = try await fixture.run()
        #expect(fixture.seen.run("W")?.output["n"] == 7)
        #expect(fixture.seen.run("F")?.output["Response"] == [1, 2])
        #expect(fixture.seen.run("Missing")?.error?["errorCode"] == "404")
        #expect(fixture.seen.run("Out")?.error?["errorCode"] == "MissingStandIn")
        await server.stop()
    }

    @Test func `connection strings never appear in what is told`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Script",
                    "S",
                    #""scripts": [{"type": "Query", "text": "SELEKT 'Server=x;Password=never-shown'"}]"#,
                    more: onSql
                )
            ]
        )
        _ = try await fixture.run()
        let told = fixture.seen.activities.map(\.json.json) + fixture.seen.pipelines.map(\.json.json)
        #expect(told.count == 2)
        #expect(!told.contains { $0.contains("never-shown") })
    }
}
