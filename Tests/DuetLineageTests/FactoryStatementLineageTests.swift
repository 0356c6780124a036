import DuetEngine
import DuetLineage
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// What statements of a factory without a pipeline.yml tell as OpenLineage.
@Suite struct FactoryStatementLineageTests {
    private static let schemas = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Resources/openlineage").path

    /// The COMPLETE event of an activity, after every event of the run has been held against the published schemas.
    private func ended(_ factory: TracedFactory, _ activity: String) async throws -> JSONValue {
        let file = "\(factory.folder.path)/told.jsonl"
        let run = try await factory.run(to: [file])
        #expect(run.status == .succeeded, "\(run.explanation)")
        let live = try factory.folder.text("told.jsonl").split(separator: "\n").map {
            try JSONValue(parsing: String($0))
        }
        #expect(live == (try factory.inspection().openLineage(run: nil)))
        let check = try SchemaCheck(folder: Self.schemas)
        for event in live {
            let faults = check.faults(in: event, against: event["schemaURL"]?.string ?? "")
            #expect(faults.isEmpty, "\(faults)")
            for end in (event["inputs"]?.array ?? []) + (event["outputs"]?.array ?? []) {
                for (name, facet) in end["facets"]?.object?.members ?? [] {
                    let faults = check.faults(in: facet, against: facet["_schemaURL"]?.string ?? "")
                    #expect(faults.isEmpty, "\(name): \(faults)")
                }
            }
        }
        return try #require(
            live.first {
                $0["eventType"]?.string == "COMPLETE" && $0["job"]?["name"]?.string?.hasSuffix("/\(activity)") == true
            }
        )
    }

    /// Each output as `table: column <- origins`; what decides about rows as `rows`.
    private func outputs(_ event: JSONValue) -> [String] {
        func origins(_ fields: JSONValue?) -> String {
            (fields?.array ?? []).map { field in
                let ways = (field["transformations"]?.array ?? []).compactMap { $0["subtype"]?.string?.lowercased() }
                return "\(field["name"]?.string ?? "").\(field["field"]?.string ?? "") \(ways.joined(separator: "+"))"
            }.sorted().joined(separator: ", ")
        }
        return (event["outputs"]?.array ?? []).flatMap { output -> [String] in
            let facet = output["facets"]?["columnLineage"]
            let name = output["name"]?.string ?? ""
            let columns = (facet?["fields"]?.object?.members ?? []).map { member in
                "\(name): \(member.key) <- \(origins(member.value["inputFields"]))"
            }
            return (columns.isEmpty ? ["\(name):"] : columns) + ["\(name): rows <- \(origins(facet?["dataset"]))"]
        }
    }

    private func factory(_ activity: String) throws -> TracedFactory {
        let factory = try TracedFactory()
        let make =
            "CREATE OR REPLACE TABLE dbo.t (id INTEGER, v INTEGER, w VARCHAR); "
            + "CREATE OR REPLACE TABLE dbo.s (id INTEGER, v INTEGER, x VARCHAR)"
        try factory.pipeline([TracedFactory.script("Make", make), activity])
        return factory
    }

    @Test(arguments: [
        (
            "UPDATE dbo.t AS a SET v = a.v + s.v, w = s.x FROM dbo.s AS s WHERE s.id = a.id",
            [
                "etl.t: v <- etl.s.v transformation, etl.t.v transformation", "etl.t: w <- etl.s.x identity",
                "etl.t: rows <- etl.s.id filter, etl.t.id filter",
            ]
        ),
        (
            "DELETE FROM dbo.t WHERE id IN (SELECT id FROM dbo.s)",
            ["etl.t:", "etl.t: rows <- etl.s.id conditional, etl.t.id filter"]
        ),
        ("DELETE FROM dbo.t", ["etl.t:", "etl.t: rows <- "]),
        ("TRUNCATE TABLE dbo.t", ["etl.t:", "etl.t: rows <- "]),
        (
            "MERGE INTO dbo.t USING dbo.s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v "
                + "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v + 1)",
            [
                "etl.t: v <- etl.s.v identity+transformation", "etl.t: id <- etl.s.id identity",
                "etl.t: rows <- etl.s.id filter, etl.t.id filter",
            ]
        ),
        (
            "INSERT INTO dbo.t SELECT id, v * 2, 'new' FROM dbo.s",
            ["etl.t: id <- etl.s.id identity", "etl.t: v <- etl.s.v transformation", "etl.t: w <- ", "etl.t: rows <- "]
        ),
        ("DROP TABLE dbo.t", []),
    ])
    func `a Script tells what its statements change`(sql: String, expected: [String]) async throws {
        let event = try await ended(try factory(TracedFactory.script("Do", sql)), "Do")
        #expect(outputs(event) == expected)
    }

    @Test
    func `several statements on one table are one output`()
        async throws
    {
        let sql = "DELETE FROM dbo.t WHERE v = 1; INSERT INTO dbo.t (id, v) SELECT id, v FROM dbo.s"
        let event = try await ended(try factory(TracedFactory.script("Do", sql)), "Do")
        #expect(
            outputs(event) == [
                "etl.t: id <- etl.s.id identity", "etl.t: v <- etl.s.v identity", "etl.t: rows <- etl.t.v filter",
            ]
        )
        #expect(event["inputs"]?.array?.compactMap { $0["name"]?.string } == ["etl.s"])
    }

    @Test func `a stored procedure that a Lookup calls tells what it changes`() async throws {
        let lookup =
            #"{"name": "Do", "type": "Lookup", "typeProperties": {"source": {"type": "AzureSqlSource", "sqlReaderStoredProcedureName": "dbo.mark"}, "dataset": \#(TracedFactory.use("Table", "t")), "firstRowOnly": true}}"#
        let factory = try factory(lookup)
        try factory.folder.write(
            "UPDATE dbo.t SET v = 0 WHERE id = 1; SELECT count(*) AS n FROM dbo.t;",
            to: "procedures/mark.sql"
        )
        let event = try await ended(factory, "Do")
        #expect(outputs(event) == ["etl.t: v <- ", "etl.t: rows <- etl.t.id filter"])
    }

    @Test func `a Copy from a query tells the columns that the query gives`() async throws {
        let copy = TracedFactory.copy(
            "Do",
            from: ("Table", "t"),
            to: ("Table", "copied"),
            source:
                #", "sqlReaderQuery": "SELECT t.id, sum(s.v) AS total FROM dbo.t JOIN dbo.s USING (id) GROUP BY t.id""#
        )
        let event = try await ended(try factory(copy), "Do")
        let lines = outputs(event)
        #expect(lines.contains("etl.copied: total <- etl.s.v aggregation"), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("etl.copied: id <- ") && $0.contains("etl.t.id") }, "\(lines)")
        #expect(Set(event["inputs"]?.array?.compactMap { $0["name"]?.string } ?? []) == ["etl.s", "etl.t"])
    }
}
