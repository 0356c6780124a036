import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Data factories from the command line.
@Suite struct FactoryCommandTests {
    private let factory: FactoryFolder

    init() throws { factory = try FactoryFolder() }

    private var folder: TemporaryFolder { factory.folder }

    private func resource(_ kind: String, _ name: String, _ properties: String) throws {
        try factory.resource(kind, name, properties)
    }

    private func script(_ name: String, _ sql: String, after: String = "") -> String {
        factory.script(name, sql, after: after)
    }

    private func set(_ name: String, _ value: String, after: String) -> String {
        #"{"name": "\#(name)", "type": "SetVariable", "typeProperties": {"variableName": "v", "value": "\#(value)"}, "dependsOn": [{"activity": "\#(after)", "dependencyConditions": ["Succeeded"]}]}"#
    }

    private func duet(
        _ arguments: String...,
        under wrapper: [String] = [],
        onErrors: @escaping @Sendable (String, Int32) -> Void = { _, _ in }
    ) async throws -> BuiltCommand.Result {
        try await factory.command.run(arguments, in: folder, under: wrapper, onErrors: onErrors)
    }

    private func rows(_ sql: String) async throws -> [String] {
        let path = "\(folder.path)/.duet/factory/procedural.duckdb"
        return try await offPool {
            try Warehouse(path: path, settings: EngineSettings(threads: 1)).connect().rows(sql)
                .map { $0.map(\.description).joined(separator: "|") }
        }
    }

    @Test func `a backfill that is killed goes on where it was, and runs no finished window again`() async throws {
        try resource(
            "pipeline",
            "P",
            #"{"parameters": {"from": {"type": "String"}}, "activities": [\#(script("Make", "CREATE TABLE IF NOT EXISTS sales.windows (start VARCHAR)")), \#(script("Note", "INSERT INTO sales.windows VALUES ('@{pipeline().parameters.from}')", after: "Make"))]}"#
        )
        try resource(
            "trigger",
            "Hourly",
            #"{"type": "TumblingWindowTrigger", "runtimeState": "Started", "typeProperties": {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", "maxConcurrency": 1}, "pipeline": {"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}, "parameters": {"from": "@trigger().outputs.windowStartTime"}}}"#
        )
        let span = ["--from", "2026-01-01", "--to", "2026-01-03"]
        let listed = try await duet("trigger", "factory", span[0], span[1], span[2], span[3])
        #expect(listed.output.split(separator: "\n").count == 48)
        let killed = try await duet(
            "trigger",
            "factory",
            "--run",
            span[0],
            span[1],
            span[2],
            span[3],
            onErrors: { text, process in
                if text.components(separatedBy: "done ").count > 3 { kill(process, SIGKILL) }
            }
        )
        #expect(killed.status == 128 + SIGKILL)
        let again = try await duet("trigger", "factory", "--run", span[0], span[1], span[2], span[3])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try await rows("SELECT count(DISTINCT start) FROM sales.windows") == ["48"])
        // The one that was under way may have come to its end before the kill, and was run again.
        let twice = try await rows(
            "SELECT count(*) FROM (SELECT start FROM sales.windows GROUP BY 1 HAVING count(*) > 1)"
        )
        #expect(["0", "1"].contains(twice.first ?? ""))
        let third = try await duet("trigger", "factory", "--run", span[0], span[1], span[2], span[3])
        #expect(third.output.contains("0 succeeded, 0 failed, 0 wait"))
        let rerun = try await duet("trigger", "factory", "--rerun", "Hourly@2026-01-01T05:00:00Z")
        #expect(rerun.output.contains("will be run again"))
        let fourth = try await duet("trigger", "factory", "--run", span[0], span[1], span[2], span[3])
        #expect(fourth.output.contains("1 succeeded"))
    }

    @Test func `a watch runs what is due and files that come, and after a kill only what is new`() async throws {
        try folder.write("linkedServices:\n  Sql: { schema: sales }\nstorage: storage\n", to: "factory/stand-ins.yml")
        try folder.write("old", to: "factory/storage/in/old.csv")
        try resource(
            "pipeline",
            "P",
            #"{"parameters": {"what": {"type": "String"}}, "activities": [\#(script("Make", "CREATE TABLE IF NOT EXISTS sales.seen (what VARCHAR)")), \#(script("Note", "INSERT INTO sales.seen VALUES ('@{pipeline().parameters.what}')", after: "Make"))]}"#
        )
        let target = #"{"pipelineReference": {"referenceName": "P", "type": "PipelineReference"}, "parameters": "#
        try resource(
            "trigger",
            "Hourly",
            #"{"type": "TumblingWindowTrigger", "runtimeState": "Started", "typeProperties": {"frequency": "Hour", "interval": 1, "startTime": "2020-01-01T00:00:00Z", "endTime": "2020-01-01T03:00:00Z", "maxConcurrency": 1}, "pipeline": \#(target){"what": "@trigger().outputs.windowStartTime"}}}"#
        )
        try resource(
            "trigger",
            "OnFile",
            #"{"type": "BlobEventsTrigger", "runtimeState": "Started", "typeProperties": {"blobPathBeginsWith": "/in/blobs/", "blobPathEndsWith": ".csv", "events": ["Microsoft.Storage.BlobCreated"]}, "pipelines": [\#(target){"what": "@triggerBody().fileName"}}]}"#
        )
        let path = folder.path
        @Sendable func ends(_ text: String, _ trigger: String) -> Int {
            text.split(separator: "\n").filter { $0.contains("done ") && $0.contains("  \(trigger)  ") }.count
        }
        // The first look is over when the windows have been run; what comes then is an event.
        let drop: @Sendable (String) -> Void = { name in
            _ = FileManager.default.createFile(atPath: "\(path)/factory/storage/in/\(name)", contents: Data("x".utf8))
        }
        let killed = try await duet(
            "trigger",
            "factory",
            "--watch",
            "--poll",
            "0.05",
            onErrors: { text, process in
                if ends(text, "Hourly") == 3, ends(text, "OnFile") == 0 { drop("a.csv") }
                if ends(text, "OnFile") == 1 { drop("b.csv") }
                // By then what became of the first file has been kept.
                if ends(text, "OnFile") >= 2 { kill(process, SIGKILL) }
            }
        )
        #expect(killed.status == 128 + SIGKILL, "\(killed.errors)")
        drop("c.csv")
        let again = try await duet(
            "trigger",
            "factory",
            "--watch",
            "--poll",
            "0.05",
            onErrors: { text, process in
                if text.contains("c.csv") { kill(process, SIGINT) }
            }
        )
        #expect(ends(again.errors, "Hourly") == 0, "\(again.errors)")
        let seen = try await rows("SELECT what, count(*) FROM sales.seen GROUP BY 1 ORDER BY 1")
        // The file whose run had just ended at the kill may have been told twice; nothing is lost, nothing else repeated.
        #expect(
            seen.filter { !$0.hasPrefix("b.csv") } == [
                "2020-01-01T00:00:00Z|1", "2020-01-01T01:00:00Z|1", "2020-01-01T02:00:00Z|1", "a.csv|1", "c.csv|1",
            ]
        )
        #expect(seen.contains("b.csv|1") || seen.contains("b.csv|2"))
    }

    @Test func `a run fails, is looked into, and is run again from what failed`() async throws {
        try resource(
            "pipeline",
            "P",
            #"{"variables": {"v": {"type": "String"}}, "activities": [\#(script("A", "CREATE TABLE sales.a AS SELECT 1 AS x")), \#(script("B", "INSERT INTO sales.b SELECT * FROM sales.a", after: "A")), \#(set("C", "@string(activity('B').output.recordsAffected)", after: "B"))]}"#
        )
        let dry = try await duet("run", "factory", "--dry-run")
        #expect(dry.status == 0, "\(dry.errors)")
        #expect(dry.output.contains("succeeded  P/C (SetVariable)"))
        let until = try await duet("run", "factory", "--until", "A")
        #expect(until.status == 0, "\(until.errors)")
        #expect(try await rows("SELECT count(*) FROM sales.a") == ["1"])
        let failed = try await duet("rerun", "factory", "--from", "B")
        #expect(failed.status == 1)
        #expect(failed.errors.contains("sales.b") || failed.errors.contains("b does not exist"))
        _ = try await rows("CREATE TABLE sales.b (x INTEGER)")
        let again = try await duet("rerun", "factory", "--from-failed")
        #expect(again.status == 0, "\(again.errors)")
        #expect(try await rows("FROM sales.b") == ["1"])
        // A was not run again: its table would have been in the way.
        #expect(!again.errors.contains("P/A"))
    }

    @Test func `no file that a run leaves, and nothing it prints, holds a secret`() async throws {
        let secrets = ["pw-hunter22", "AcKey7788==", "c2lnbmF0dXJl", "open-sesame", "hdr-token-99"]
        try resource(
            "linkedService",
            "Sql",
            #"{"type": "AzureSqlDatabase", "typeProperties": {"connectionString": "Server=x;Database=d;Password=pw-hunter22", "accountKey": {"type": "SecureString", "value": "AcKey7788=="}}}"#
        )
        let more =
            #", "policy": {"secureInput": true, "secureOutput": true}, "dependsOn": [{"activity": "A", "dependencyConditions": ["Failed"]}]"#
        let said = "'Password=pw-hunter22;AccountKey=AcKey7788==' || 'https://a.blob/c?sv=1&sig=c2lnbmF0dXJl'"
        try resource(
            "pipeline",
            "P",
            #"{"parameters": {"key": {"type": "SecureString"}}, "variables": {"v": {"type": "String"}}, "activities": [\#(script("A", "SELEKT \(said) || '@{pipeline().parameters.key}'")), {"name": "W", "type": "WebActivity", "typeProperties": {"method": "GET", "url": "http://127.0.0.1:1/", "headers": {"X-Key": "hdr-token-99"}}\#(more)}, {"name": "Say", "type": "Fail", "typeProperties": {"message": "@concat('key ', pipeline().parameters.key, ' ', activity('A').error.message)", "errorCode": "1"}, "dependsOn": [{"activity": "A", "dependencyConditions": ["Failed"]}]}]}"#
        )
        let run = try await duet("run", "factory", "--only", "P", "-p", "key=open-sesame")
        #expect(run.status == 1)
        let dry = try await duet("run", "factory", "--only", "P", "-p", "key=open-sesame", "--dry-run")
        var texts = [run.output + run.errors, dry.output + dry.errors]
        let home = "\(folder.path)/.duet"
        for case let name as String in FileManager.default.enumerator(atPath: home) ?? .init() {
            if let data = FileManager.default.contents(atPath: "\(home)/\(name)") {
                texts.append(String(decoding: data, as: UTF8.self))
            }
        }
        #expect(texts.count > 3)
        for secret in secrets {
            #expect(!texts.contains { $0.contains(secret) }, "\(secret)")
        }
    }

    @Test func `a breakpoint takes its commands from a script`() async throws {
        try resource(
            "pipeline",
            "P",
            #"{"variables": {"v": {"type": "String"}, "w": {"type": "String", "defaultValue": "here"}}, "activities": [\#(script("A", "CREATE TABLE sales.a AS SELECT 1 AS x")), \#(set("C", "@variables('w')", after: "A"))]}"#
        )
        let result = try await duet(
            "run",
            "factory",
            "--break",
            "C",
            under: ["bash", "-c", #"printf 'e @concat(variables('"'w'"'), 1)\no A\nc\n' | "$0" "$@""#]
        )
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("stopped before P/C (SetVariable)"))
        #expect(result.output.contains("\"here1\""))
        #expect(result.output.contains("recordsAffected"))
    }

    @Test func `a resource that the factory lacks comes from the folder of stand-ins`() async throws {
        let pipeline =
            #"{"activities": [{"name": "E", "type": "ExecutePipeline", "typeProperties": {"pipeline": {"referenceName": "Other", "type": "PipelineReference"}, "waitOnCompletion": true}}]}"#
        try resource("pipeline", "P", pipeline)
        let missing = try await duet("run", "factory", "--only", "P")
        #expect(missing.status == 1)
        #expect(missing.errors.contains("UNKNOWN_PIPELINE"))
        try folder.write("resources: given\n", to: "factory/stand-ins.yml")
        try folder.write(
            #"{"name": "Other", "properties": {"activities": [{"name": "W", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}}]}}"#,
            to: "factory/given/pipeline/Other.json"
        )
        let run = try await duet("run", "factory", "--only", "P")
        #expect(run.status == 0, "\(run.errors)")
    }
}
