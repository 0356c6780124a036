import DuckKit
import DuetEngine
import DuetFactory
import DuetFetch
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

@Suite struct FactoryExportTests {
    private static let sql =
        PipelineFixture.ordersBronze + """
            CREATE OR REFRESH STREAMING TABLE silver.orders (
              CONSTRAINT paid EXPECT (amount > 0) ON VIOLATION DROP ROW,
              CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION FAIL UPDATE
            )
            AS SELECT id::INTEGER AS id, person, amount::INTEGER AS amount, [person] AS listed, '@{x}' AS at
            FROM STREAM(bronze.orders);
            CREATE OR REFRESH MATERIALIZED VIEW gold.totals
            AS SELECT p.name, sum(o.amount) AS amount FROM silver.orders AS o JOIN bronze.people AS p ON p.person = o.person
            GROUP BY p.name;
            """

    private func fixture() throws -> PipelineFixture { try PipelineFixture.orders(sql: Self.sql) }

    private func export(_ fixture: PipelineFixture) throws -> (folder: TemporaryFolder, standIns: String) {
        let pipeline = try fixture.pipeline()
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        let export = try FactoryExport.files(of: pipeline, graph: graph)
        let folder = try TemporaryFolder()
        for (path, value) in export.files { try folder.write(value.text(pretty: true), to: path) }
        return (folder, try folder.write(export.standIns, to: "stand-ins.yml"))
    }

    @Test func `what is exported is read back without findings and runs to the tables of the definition`() async throws
    {
        let fixture = try fixture()
        let (folder, standIns) = try export(fixture)
        let factory = try Factory.load(folder.path)
        #expect(factory.findings.isEmpty)
        let path = "\(folder.path)/home/w.duckdb"
        let run = try await offPool {
            let environment = FactoryEnvironment(
                warehouse: try Warehouse(path: path),
                standIns: try StandIns.load(standIns),
                fetcher: Fetcher(),
                workFolder: "\(folder.path)/work"
            )
            return try FactoryRunner(factory, handlers: environment.handlers).run(PipelineRequest("fixture"))
        }
        #expect(run.failure == nil)
        let rows = try await offPool {
            let connection = try Warehouse(path: path, isReadOnly: true).connect()
            return try [
                "FROM bronze.orders ORDER BY id", "FROM silver.orders ORDER BY id", "FROM gold.totals ORDER BY name",
            ]
            .map { try connection.rows($0).map { $0.map(\.description).joined(separator: "|") } }
        }
        #expect(rows[0] == ["1|a|10", "2|b|NULL", "3|a|-5", "4|b|7"])
        #expect(rows[1] == ["1|a|10|[a]|@{x}", "4|b|7|[b]|@{x}"])
        #expect(rows[2] == ["Ann|10", "Bob|7"])
    }

    @Test func `text whose types are found out cannot be exported, and the error says what to write`() throws {
        let fixture = try PipelineFixture(
            "sources:\n  people:\n    location: data/people.csv\n",
            sql: "CREATE MATERIALIZED VIEW bronze.people AS SELECT * FROM read_files('${source.people}');"
        )
        let pipeline = try fixture.pipeline()
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        let error = #expect(throws: DuetError.self) { try FactoryExport.files(of: pipeline, graph: graph) }
        #expect(error?.hint?.contains("write inferColumnTypes => false and cast in the query") == true)
    }

    @Test(.enabled(if: ResourceSchema.isThere)) func `what is exported fits the service's own schema`() throws {
        let schema = try ResourceSchema()
        // A fault must be found, or the check would prove nothing.
        #expect(!schema.faults(in: ["activities": [["name": "x", "type": "Wait"]]], definition: "Pipeline").isEmpty)
        let pipeline = try fixture().pipeline()
        let graph = try QueryAnalysis.graph(of: pipeline, connection: try Warehouse.scratch())
        let kinds = ["pipeline": "Pipeline", "dataset": "Dataset", "linkedService": "LinkedService"]
        for (path, value) in try FactoryExport.files(of: pipeline, graph: graph).files {
            let kind = try #require(path.split(separator: "/").first.map(String.init))
            let faults = schema.faults(in: value["properties"] ?? .null, definition: try #require(kinds[kind]))
            #expect(faults.isEmpty, "\(path): \(faults)")
        }
    }

    @Test(.enabled(if: PythonClient.isThere))
    func `what is exported loads in Microsoft's Python client, every activity as its own type`() async throws {
        let (folder, _) = try export(try fixture())
        #expect(try await offPool { try PythonClient.faults(in: folder.path) } == "")
        // A fault must be found, or the check would prove nothing.
        try folder.write(
            #"{"name": "X", "properties": {"activities": [{"name": "a", "type": "Wayt"}, {"name": "b", "type": "Copy", "typeProperties": {"source": {"type": "ParquetSource"}}}]}}"#,
            to: "pipeline/X.json"
        )
        let faults = try await offPool { try PythonClient.faults(in: folder.path) }
        #expect(faults.contains("X.json: 'a' is no known activity"))
        #expect(faults.contains("sink"))
    }

    @Test func `the hand-written flights factory has no findings`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let factory = try Factory.load("\(root)/pipelines/flights/activities")
        #expect(factory.findings.map(\.description) == [])
        #expect(factory.pipelines.map(\.name) == ["flights", "load changed months"])
    }
}

/// The part of JSON Schema that the service's published schema uses.
private struct ResourceSchema {
    // Microsoft's schema is not ours to hand on: it is looked for in a folder shared/ beside the package, or above it.
    private static let path: String? = {
        var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        while folder.pathComponents.count > 1 {
            folder.deleteLastPathComponent()
            let file = folder.appendingPathComponent("shared/schemas/Microsoft.DataFactory.2018-06-01.json").path
            if FileManager.default.fileExists(atPath: file) { return file }
        }
        return nil
    }()
    static var isThere: Bool { path != nil }
    private let definitions: JSONValue

    init() throws {
        let root = try JSONValue(parsing: try String(contentsOfFile: try #require(Self.path), encoding: .utf8))
        definitions = root["definitions"] ?? .null
    }

    func faults(in value: JSONValue, definition: String) -> [String] {
        faults(value, definitions[definition] ?? .null, "$")
    }

    private func faults(_ value: JSONValue, _ schema: JSONValue, _ path: String) -> [String] {
        if let reference = schema["$ref"]?.string {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            if reference.hasPrefix("#") { return faults(value, definitions[name] ?? .null, path) }
            // The one definition from elsewhere: a template expression.
            return value.string?.hasPrefix("[") == true ? [] : ["\(path): no template expression"]
        }
        var found: [String] = []
        if let type = schema["type"]?.string, !fits(value, type) { found.append("\(path): not \(type)") }
        if let values = schema["enum"]?.array, !values.contains(value) {
            found.append("\(path): none of \(values.count) values")
        }
        if let least = schema["minimum"]?.integer, let number = value.integer, number < least {
            found.append("\(path): < \(least)")
        }
        if let most = schema["maximum"]?.integer, let number = value.integer, number > most {
            found.append("\(path): > \(most)")
        }
        for name in schema["required"]?.array?.compactMap(\.string) ?? [] where value[name] == nil {
            found.append("\(path): lacks \(name)")
        }
        for member in schema["properties"]?.object?.members ?? [] {
            if let inner = value[member.key] { found += faults(inner, member.value, "\(path).\(member.key)") }
        }
        if let items = schema["items"] {
            for (number, element) in (value.array ?? []).enumerated() {
                found += faults(element, items, "\(path)[\(number)]")
            }
        }
        if let choices = schema["oneOf"]?.array {
            let each = choices.map { faults(value, $0, path) }
            if !each.contains(where: \.isEmpty) { found += each.min { $0.count < $1.count } ?? [] }
        }
        return found
    }

    private func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch type {
        case "object": value.object != nil
        case "array": value.array != nil
        case "string": value.string != nil
        case "boolean": value.bool != nil
        case "integer": value.integer != nil
        default: true
        }
    }
}
