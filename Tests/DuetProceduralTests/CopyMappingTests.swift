import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// Copy between nested JSON and tables, from workbooks, and with a staging area.
@Suite struct CopyMappingTests {
    private static let orders = """
        [{"number": "01", "date": "2026-01-02", "who": {"name": "Ann", "tags": ["x", "y"]}, "lines": [{"prod": "p1", "price": 2.5}, {"prod": "p2", "price": 3}]},
         {"number": "02", "date": "2026-01-03", "who": {"name": "Bob", "tags": []}, "lines": [{"prod": "p3", "price": 1}]},
         {"number": "03", "date": "2026-01-04", "who": {"name": "Cid"}, "lines": []}]
        """
    private static let toTable =
        #""source": {"type": "JsonSource"}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#

    private func copied(_ json: String, _ translator: String, table: String = "") async throws -> [String] {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write(json, to: "files/in/a.json")
        try fixture.dataset("Json", "Json", #""location": {"container": "in", "fileName": "a.json"}"#)
        if !table.isEmpty {
            _ = try await offPool {
                try warehouse.connect().execute("CREATE SCHEMA sales; CREATE TABLE sales.T (\(table))")
            }
        }
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    Self.toTable + #", "translator": {"type": "TabularTranslator", \#(translator)}"#,
                    from: reference("Json"),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        let run = try await fixture.run()
        if let failure = run.failure { throw failure }
        let rows = try await offPool { try warehouse.connect().rows("FROM sales.T ORDER BY ALL") }
        return rows.map { $0.map(\.description).joined(separator: "|") }
    }

    @Test func `paths into JSON become columns, and what is not there null`() async throws {
        let rows = try await copied(
            Self.orders,
            #"""
            "mappings": [
              {"source": {"path": "$['number']"}, "sink": {"name": "id"}},
              {"source": {"path": "$.who.name"}, "sink": {"name": "who"}},
              {"source": {"path": "$['who']['tags'][1]"}, "sink": {"name": "tag"}},
              {"source": {"path": "$['who']['age']"}, "sink": {"name": "age"}}]
            """#
        )
        #expect(rows == ["01|Ann|y|NULL", "02|Bob|NULL|NULL", "03|Cid|NULL|NULL"])
    }

    @Test func `a collection gives a row for each of its elements, with values of the document around it`() async throws
    {
        let rows = try await copied(
            Self.orders,
            #"""
            "mappings": [
              {"source": {"path": "$['number']"}, "sink": {"name": "id"}},
              {"source": {"path": "['prod']"}, "sink": {"name": "prod"}},
              {"source": {"path": "['price']"}, "sink": {"name": "price"}}],
            "collectionReference": "$['lines']"
            """#,
            table: "id VARCHAR, prod VARCHAR, price DECIMAL(9, 2)"
        )
        #expect(rows == ["01|p1|2.50", "01|p2|3.00", "02|p3|1.00"])
    }

    @Test func `structures are written as JSON text where that is asked for`() async throws {
        let rows = try await copied(
            Self.orders,
            #"""
            "mappings": [
              {"source": {"path": "$['number']"}, "sink": {"name": "id"}},
              {"source": {"path": "$['lines']"}, "sink": {"name": "lines"}}],
            "mapComplexValuesToString": true
            """#,
            table: "id VARCHAR, lines VARCHAR"
        )
        #expect(rows[1] == #"02|[{"prod":"p3","price":1.0}]"#)
        #expect(rows[2] == "03|[]")
    }

    @Test func `the older forms of a mapping are read`() async throws {
        let rows = try await copied(Self.orders, #""schemaMapping": {"$.number": "id", "$.who.name": "who"}"#)
        #expect(rows == ["01|Ann", "02|Bob", "03|Cid"])
        let text = try await copied(#"{"a": 1, "b": 2}"#, #""columnMappings": "a: x, b: y""#)
        #expect(text == ["1|2"])
    }

    @Test(arguments: [
        (#""mappings": [{"source": {"path": "$['nope']"}, "sink": {"name": "x"}}]"#, "ColumnNotFound"),
        (#""mappings": [{"source": {"path": "$['a"}, "sink": {"name": "x"}}]"#, "InvalidMapping"),
        (
            #""mappings": [{"source": {"path": "$.number"}, "sink": {"name": "x"}}], "collectionReference": "$.who""#,
            "InvalidMapping"
        ),
        (
            #""mappings": [{"source": {"path": "$.number"}, "sink": {"name": "x"}}], "collectionReference": "$.no""#,
            "ColumnNotFound"
        ),
    ])
    func `a mapping that does not fit is told by name`(_ translator: String, _ code: String) async throws {
        let failure = await #expect(throws: ActivityFailure.self) { try await copied(Self.orders, translator) }
        #expect(failure?.code == code)
    }

    @Test func `columns become members of JSON where the sink has paths`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write("id,name,town\n1,Ann,Bern\n2,Bob,\n", to: "files/in/a.csv")
        try fixture.dataset("Json", "Json", #""location": {"container": "out", "fileName": "o.json"}"#)
        let translator =
            #""translator": {"type": "TabularTranslator", "mappings": [{"source": {"name": "id"}, "sink": {"path": "$['id']"}}, {"source": {"name": "name"}, "sink": {"path": "$['who']['name']"}}, {"source": {"name": "town"}, "sink": {"path": "$.who.lives.town"}}]}"#
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "DelimitedTextSource"}, "sink": {"type": "JsonSink", "formatSettings": {"type": "JsonWriteSettings", "filePattern": "setOfObjects"}}, \#(translator)"#,
                    from: reference("Csv", #"{"file": "a.csv"}"#),
                    to: reference("Json")
                )
            ]
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded, "\(run.failure?.message ?? "")")
        let text = try String(contentsOfFile: "\(fixture.folder.path)/files/out/o.json", encoding: .utf8)
        #expect(
            text.split(separator: "\n") == [
                #"{"id":"1","who":{"name":"Ann","lives":{"town":"Bern"}}}"#,
                #"{"id":"2","who":{"name":"Bob","lives":{"town":null}}}"#,
            ]
        )
    }

    // MARK: - Workbooks

    private func workbook(
        _ properties: String,
        name: String = "book.xlsx"
    ) async throws -> (fixture: FactoryFixture, rows: [String], columns: [String])? {
        // Fetched by scripts/setup excel, which `make test` does.
        guard
            FileManager.default.fileExists(atPath: ".deps/duckdb/extensions/v1.5.5/linux_amd64/excel.duckdb_extension")
        else { return nil }
        let (fixture, warehouse) = try FactoryFixture.working()
        let folder = "\(fixture.folder.path)/files/in"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let library = URL(fileURLWithPath: ".deps/duckdb/extensions").path
        _ = try await offPool {
            let connection = try warehouse.connect()
            try connection.execute("SET extension_directory = '\(library)'; LOAD excel")
            for (number, file) in ["book.xlsx", "more.xlsx"].enumerated() {
                try connection.execute(
                    "COPY (SELECT id + \(number * 2) AS id, name, CAST('2026-01-02' AS DATE) AS day FROM (VALUES (1, 'a,b'), (2, NULL)) AS t (id, name)) "
                        + "TO '\(folder)/\(file)' (FORMAT xlsx, HEADER true, SHEET 'Orders')"
                )
            }
        }
        try fixture.dataset(
            "Book",
            "Excel",
            #""location": {"container": "in", "fileName": "\#(name)"}, \#(properties)"#
        )
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "ExcelSource", "storeSettings": {"recursive": false\#(name.contains("*") ? #", "wildcardFileName": "\#(name)""# : "")}}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#,
                    from: reference("Book"),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        let run = try await fixture.run()
        if let failure = run.failure { throw failure }
        let rows = try await offPool { try warehouse.connect().rows("FROM sales.T ORDER BY ALL") }
        let columns = try await offPool { try warehouse.connect().describe("FROM sales.T").map(\.name) }
        return (fixture, rows.map { $0.map(\.description).joined(separator: "|") }, columns)
    }

    @Test func `a workbook's sheet is copied into a table`() async throws {
        guard let (fixture, rows, _) = try await workbook(#""sheetName": "Orders", "firstRowAsHeader": true"#) else {
            return
        }
        #expect(rows.map { $0.split(separator: "|").prefix(2).joined(separator: "|") } == ["1|a,b", "2|NULL"])
        #expect(fixture.seen.run("C")?.output["rowsCopied"] == 2)
    }

    @Test func `a range of a sheet without a header has the service's names`() async throws {
        guard
            let (_, rows, columns) = try await workbook(
                #""sheetName": "Orders", "range": "A2:B3", "firstRowAsHeader": false"#
            )
        else { return }
        #expect(rows == ["1|a,b", "2|NULL"])
        #expect(columns == ["Prop_0", "Prop_1"])
    }

    @Test(arguments: [("A2", ["1|a,b", "2|NULL"], 3), ("B3", ["NULL|2026-01-02"], 2), ("A2:A2", ["1"], 1)])
    func `a range that only begins goes as far as the sheet does`(
        _ range: String,
        _ rows: [String],
        _ columns: Int
    )
        async throws
    {
        guard
            let found = try await workbook(
                #""sheetName": "Orders", "range": "\#(range)", "firstRowAsHeader": false"#
            )
        else { return }
        #expect(found.columns.count == columns)
        // A date may be the number of its day: what is looked at is what comes before it.
        let width = range == "A2" ? 2 : 1
        #expect(
            found.rows.map { $0.split(separator: "|").prefix(width).joined(separator: "|") }
                == rows.map { $0.split(separator: "|").prefix(width).joined(separator: "|") }
        )
    }

    @Test(arguments: [(1, ["second"]), (2, ["third & last"])])
    func `a sheet is read by its number, from 0`(_ index: Int, _ expected: [String]) async throws {
        guard
            FileManager.default.fileExists(atPath: ".deps/duckdb/extensions/v1.5.5/linux_amd64/excel.duckdb_extension")
        else { return }
        let (fixture, warehouse) = try FactoryFixture.working()
        try ThreeSheets.write(to: "\(fixture.folder.path)/files/in/book.xlsx")
        try fixture.dataset(
            "Book",
            "Excel",
            #""location": {"container": "in", "fileName": "book.xlsx"}, "sheetIndex": \#(index), "firstRowAsHeader": true"#
        )
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "ExcelSource"}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#,
                    from: reference("Book"),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        let run = try await fixture.run()
        if let failure = run.failure { throw failure }
        let rows = try await offPool { try warehouse.connect().rows("FROM sales.T").map { $0[0].description } }
        #expect(rows == expected)
    }

    @Test func `workbooks by a wildcard are read one after the other`() async throws {
        guard
            let (fixture, rows, _) = try await workbook(
                #""sheetName": "Orders", "firstRowAsHeader": true"#,
                name: "*.xlsx"
            )
        else { return }
        #expect(rows.count == 4)
        #expect(fixture.seen.run("C")?.output["filesRead"] == 2)
    }

    @Test(arguments: [
        (#""sheetName": "Nothing""#, "Nothing"), (#""sheetIndex": 2"#, "has 1 sheets, so none has the index 2"),
        (#""range": "C""#, "no range of cells"), (#""sheetName": "Nothing", "range": "B2""#, "no sheet 'Nothing'"),
    ])
    func `what cannot be read of a workbook is told`(_ properties: String, _ told: String) async throws {
        do {
            _ = try await workbook(properties + #", "firstRowAsHeader": true"#)
        } catch let failure as ActivityFailure {
            #expect("\(failure)".contains(told), "\(failure)")
        }
    }

    // MARK: - Staging

    @Test func `a staged copy needs no stand-in for its staging area and gives the same rows`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.resource("linkedService", "Stage", #"{"type": "AzureBlobStorage"}"#)
        try fixture.folder.write("id,name\n1,a\n2,b\n", to: "files/in/a.csv")
        let staging =
            #""enableStaging": true, "stagingSettings": {"linkedServiceName": {"referenceName": "Stage", "type": "LinkedServiceReference"}, "path": "stage", "enableCompression": true}, "parallelCopies": 8, "dataIntegrationUnits": 32, "preserve": ["Attributes"]"#
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "DelimitedTextSource"}, "sink": {"type": "SqlDWSink", "allowPolyBase": true, "tableOption": "autoCreate"}, \#(staging)"#,
                    from: reference("Csv", #"{"file": "a.csv"}"#),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        #expect(
            StandInCheck.missing(
                for: "P",
                in: try fixture.factory(),
                StandIns(places: ["Files": .folder("x"), "Sql": .schema("s", procedures: nil)])
            ).isEmpty
        )
        #expect(try await fixture.run().status == .succeeded)
        let rows = try await offPool { try warehouse.connect().rows("FROM sales.T ORDER BY ALL") }
        #expect(rows.count == 2)
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.folder.path)/files/stage"))
    }
}
