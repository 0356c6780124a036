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

/// Copy between files and tables.
@Suite struct FactoryCopyActivityTests {
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
}
