import DuetCompare
import DuetEngine
import DuetEvents
import DuetFetch
import DuetLineage
import DuetPipeline
import DuetTestSupport
import Foundation
import Testing

/// Runs of hand-written data factories as OpenLineage: what Copy, data flows, Script and procedures read and wrote.
@Suite struct FactoryOpenLineageTests {
    private static let schemas = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Resources/openlineage").path

    /// A factory that copies a file with a mapping, sums it in a data flow, and puts both together in a Script.
    private func fixture() throws -> PipelineFixture {
        let fixture = try PipelineFixture(
            "",
            sql: "CREATE MATERIALIZED VIEW gold.known AS SELECT 1 AS id, 2 AS total, 3 AS n;"
        )
        let folder = fixture.folder
        try folder.write("id,amount\n1,10\n1,5\n2,7\n", to: "data/orders.csv")
        try folder.write("linkedServices: {Files: {at: data}, Warehouse: {schema: etl}}\n", to: "stand-ins.yml")
        func write(_ kind: String, _ name: String, _ properties: String) throws {
            try folder.write(
                #"{"name": "\#(name)", "properties": \#(properties)}"#,
                to: "activities/\(kind)/\(name).json"
            )
        }
        let service = { (name: String) in
            #""linkedServiceName": {"referenceName": "\#(name)", "type": "LinkedServiceReference"}"#
        }
        let table = { (name: String) in
            #"{"type": "AzureSqlTable", \#(service("Warehouse")), "typeProperties": {"schema": "dbo", "table": "\#(name)"}}"#
        }
        let use = { (name: String) in #"{"referenceName": "\#(name)", "type": "DatasetReference"}"# }
        try write("linkedService", "Files", #"{"type": "AzureBlobStorage", "typeProperties": {}}"#)
        try write("linkedService", "Warehouse", #"{"type": "AzureSqlDatabase", "typeProperties": {}}"#)
        try write(
            "dataset",
            "Orders",
            #"{"type": "DelimitedText", \#(service("Files")), "typeProperties": {"location": {"type": "AzureBlobStorageLocation", "fileName": "orders.csv"}, "columnDelimiter": ",", "firstRowAsHeader": true}}"#
        )
        try write("dataset", "Landed", table("landed"))
        try write("dataset", "Sums", table("sums"))
        let script =
            "source(output(no as string, amount as string), allowSchemaDrift: true, validateSchema: false) ~> In\\n"
            + "In aggregate(groupBy(no), total = sum(toInteger(amount))) ~> Sum\\n"
            + "Sum sink(allowSchemaDrift: true, recreate: true, format: 'table') ~> Out"
        try write(
            "dataflow",
            "Flow",
            #"{"type": "MappingDataFlow", "typeProperties": {"sources": [{"name": "In", "dataset": \#(use("Landed"))}], "sinks": [{"name": "Out", "dataset": \#(use("Sums"))}], "transformations": [{"name": "Sum"}], "script": "\#(script)"}}"#
        )
        let mapping =
            #"{"type": "TabularTranslator", "mappings": [{"source": {"name": "id"}, "sink": {"name": "no"}}, {"source": {"name": "amount"}, "sink": {"name": "amount"}}]}"#
        let statement =
            "CREATE SCHEMA IF NOT EXISTS gold; CREATE OR REPLACE TABLE gold.known AS SELECT CAST(s.no AS INTEGER) AS id, "
            + "s.total AS total, count(*) AS n FROM dbo.sums AS s JOIN dbo.landed AS l ON l.no = s.no GROUP BY s.no, s.total"
        let after = { (name: String) in
            #""dependsOn": [{"activity": "\#(name)", "dependencyConditions": ["Succeeded"]}]"#
        }
        try write(
            "pipeline",
            "fixture",
            """
            {"activities": [
              {"name": "Land", "type": "Copy", "inputs": [\(use("Orders"))], "outputs": [\(use("Landed"))],
               "typeProperties": {"source": {"type": "DelimitedTextSource"},
                 "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate", "preCopyScript": "DROP TABLE IF EXISTS dbo.landed"},
                 "translator": \(mapping)}},
              {"name": "Sum", "type": "ExecuteDataFlow", \(after("Land")),
               "typeProperties": {"dataFlow": {"referenceName": "Flow", "type": "DataFlowReference"}}},
              {"name": "Put together", "type": "Script", \(after("Sum")), \(service("Warehouse")),
               "typeProperties": {"scripts": [{"type": "NonQuery", "text": "\(statement)"}]}}
            ]}
            """
        )
        return fixture
    }

    private func run(_ fixture: PipelineFixture, to places: [String] = []) async throws -> RunOutcome {
        let pipeline = try fixture.pipeline()
        var request = RunRequest(pipeline: pipeline, home: fixture.home, fetcher: fixture.fetcher)
        let stream = OpenLineageStream.attached(to: &request, beside: places)
        let ready = request
        return try await offPool {
            defer { withExtendedLifetime(stream) {} }
            return try Styles.executor(.procedural, .activities).run(ready)
        }
    }

    /// The origins of an output's column as `dataset.field kind`.
    private func origins(_ event: JSONValue, _ column: String) -> Set<String> {
        let facet = event["outputs"]?.array?.first?["facets"]?["columnLineage"]
        let fields = facet?["fields"]?[column]?["inputFields"]?.array ?? []
        return Set(
            fields.flatMap { field in
                (field["transformations"]?.array ?? []).map { way in
                    let name = field["name"]?.string?.split(separator: "/").last ?? ""
                    return "\(name).\(field["field"]?.string ?? "") \(way["subtype"]?.string ?? "")"
                }
            }
        )
    }

    @Test func `each activity tells what it read and wrote, with columns, by the published schemas`() async throws {
        let fixture = try fixture()
        let file = "\(fixture.folder.path)/told.jsonl"
        let outcome = try await run(fixture, to: [file])
        #expect(outcome.isSuccess, "\(outcome.errors)")
        let live = try fixture.folder.text("told.jsonl").split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
        let look = LineageInspection(try fixture.pipeline(), home: fixture.home, style: .procedural)
        let later = try look.openLineage(run: nil)
        let check = try SchemaCheck(folder: Self.schemas)
        for events in [live, later] {
            for event in events {
                let faults = check.faults(in: event, against: event["schemaURL"]?.string ?? "")
                #expect(faults.isEmpty, "\(faults)")
                for end in (event["inputs"]?.array ?? []) + (event["outputs"]?.array ?? []) {
                    for holder in ["facets", "outputFacets"] {
                        for (name, facet) in end[holder]?.object?.members ?? [] {
                            let faults = check.faults(in: facet, against: facet["_schemaURL"]?.string ?? "")
                            #expect(faults.isEmpty, "\(name): \(faults)")
                        }
                    }
                }
            }
            let ended = { (name: String) throws -> JSONValue in
                try #require(
                    events.first {
                        $0["eventType"]?.string == "COMPLETE"
                            && $0["job"]?["name"]?.string?.hasSuffix("/\(name)") == true
                    }
                )
            }
            let land = try ended("Land")
            #expect(land["inputs"]?.array?.first?["namespace"]?.string == "file")
            #expect(land["inputs"]?.array?.first?["name"]?.string?.hasSuffix("/data/orders.csv") == true)
            #expect(land["outputs"]?.array?.first?["name"]?.string == "etl.landed")
            #expect(origins(land, "no") == ["orders.csv.id IDENTITY"])
            #expect(land["outputs"]?.array?.first?["outputFacets"]?["outputStatistics"]?["rowCount"]?.integer == 3)
            let sum = try ended("Sum")
            #expect(sum["inputs"]?.array?.compactMap { $0["name"]?.string } == ["etl.landed"])
            #expect(origins(sum, "total").contains("etl.landed.amount AGGREGATION"), "\(origins(sum, "total"))")
            let together = try ended("Put together")
            #expect(
                Set(together["inputs"]?.array?.compactMap { $0["name"]?.string } ?? []) == ["etl.sums", "etl.landed"]
            )
            #expect(together["outputs"]?.array?.first?["name"]?.string == "gold.known")
            #expect(origins(together, "total").contains("etl.sums.total IDENTITY"), "\(origins(together, "total"))")
            #expect(together["job"]?["facets"]?["jobType"]?["jobType"]?.string == "ACTIVITY")
        }
        #expect(live == later)
    }

    @Test func `an activity with secret input tells neither its statements nor its tables`() async throws {
        let fixture = try fixture()
        let path = "activities/pipeline/fixture.json"
        let text = try fixture.folder.text(path)
        try fixture.folder.write(
            text.replacing(#""type": "Script","#, with: #""type": "Script", "policy": {"secureInput": true},"#),
            to: path
        )
        let outcome = try await run(fixture)
        #expect(outcome.isSuccess)
        let moved = outcome.events.filter { $0.measures?.movement?.hidden == nil && $0.measures?.movement != nil }
            .compactMap(\.step)
        #expect(moved == ["fixture/Land", "fixture/Sum"])
    }
}
