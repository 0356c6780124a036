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

/// Looks at files, notebooks, web calls, and what is told of them.
@Suite struct FactoryActivityTests {
    private static let csv = "id,name,amount\n1,a,10\n2,b,x\n3,,30\n"

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
