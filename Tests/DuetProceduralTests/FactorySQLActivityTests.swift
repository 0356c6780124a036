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

/// Lookup, Script and stored procedures.
@Suite struct FactorySQLActivityTests {
    private static let csv = "id,name,amount\n1,a,10\n2,b,x\n3,,30\n"

    private func rows(_ warehouse: Warehouse, _ sql: String) async throws -> [[String]] {
        try await offPool { try warehouse.connect().rows(sql).map { $0.map(\.description) } }
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

    @Test(arguments: [
        // What may pass, or what another activity may mend in between, as `retry` means it in Data Factory.
        ("SELECT * FROM dbo.missing", 3), ("SELECT error('not yet')", 3),
        ("CREATE TABLE twice (a INTEGER PRIMARY KEY); INSERT INTO twice VALUES (1), (1); DROP TABLE twice", 3),
        // No SQL at any time.
        ("SELEC 1", 1), ("INSERT INTO", 1),
    ])
    func `SQL is tried again unless it is no SQL`(sql: String, tries: Int) async throws {
        let (fixture, _) = try FactoryFixture.working()
        let scripts = #""scripts": [{"type": "NonQuery", "text": "\#(sql)"}]"#
        let policy = #", "policy": {"retry": 2}"#
        try fixture.pipeline("P", [activity("Script", "S", scripts, more: onSql + policy)])
        let run = try await fixture.run()
        #expect(run.failure?.code == "SqlOperationFailed")
        #expect(fixture.seen.activities.map(\.attempt) == Array(1...tries))
        #expect(fixture.seen.activities.map(\.isRetried) == (1...tries).map { $0 < tries })
    }

    @Test func `a Script whose table another activity makes in between succeeds at its second try`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        func script(_ name: String, _ sql: String, _ more: String) -> String {
            activity("Script", name, #""scripts": [{"type": "Query", "text": "\#(sql)"}]"#, more: onSql + more)
        }
        try fixture.pipeline(
            "P",
            [
                script("S", "SELECT * FROM dbo.late", #", "policy": {"retry": 1, "retryIntervalInSeconds": 40}"#),
                activity("Wait", "W", #""waitTimeInSeconds": 10"#),
                activity(
                    "Script",
                    "M",
                    #""scripts": [{"type": "NonQuery", "text": "CREATE TABLE dbo.late AS SELECT 1 AS a"}]"#,
                    after("W"),
                    more: onSql
                ),
            ]
        )
        #expect(try await fixture.run().status == .succeeded)
        #expect(fixture.seen.activities.filter { $0.name == "S" }.map(\.status) == [.failed, .succeeded])
    }
}
