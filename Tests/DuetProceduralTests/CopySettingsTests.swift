import DuckKit
import DuetEngine
import DuetExpression
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// Settings of Copy's files, in the order of how often public factories have them.
@Suite struct CopySettingsTests {
    /// Copies a table of five rows into a folder of files with settings of the sink, and gives the files with their text.
    private func written(
        _ settings: String,
        dataset: String = #""columnDelimiter": ",", "quoteChar": "\"", "firstRowAsHeader": true"#,
        type: String = "DelimitedText",
        more: String = ""
    ) async throws -> (files: [String: Data], fixture: FactoryFixture) {
        let (fixture, warehouse) = try FactoryFixture.working()
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA IF NOT EXISTS sales; CREATE TABLE sales.T AS SELECT i AS id, 'n' || i AS name FROM range(1, 6) t(i)"
            )
        }
        try fixture.dataset("Out", type, #""location": {"container": "out"}, \#(dataset)"#)
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "AzureSqlSource", "sqlReaderQuery": "SELECT * FROM T ORDER BY id"}, "sink": {"type": "\#(type)Sink", "formatSettings": {"type": "X", \#(settings)}}\#(more)"#,
                    from: reference("Table", #"{"name": "T"}"#),
                    to: reference("Out")
                )
            ]
        )
        let run = try await fixture.run()
        if let failure = run.failure { throw failure }
        let folder = "\(fixture.folder.path)/files/out"
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        return (files, fixture)
    }

    @Test func `quoteAllText and fileExtension`() async throws {
        let (files, _) = try await written(#""quoteAllText": true, "fileExtension": ".csv""#)
        #expect(files.keys.allSatisfy { $0.hasSuffix(".csv") } && files.count == 1)
        let text = String(decoding: try #require(files.values.first), as: UTF8.self)
        #expect(text.hasPrefix("\"id\",\"name\"\n\"1\",\"n1\"\n"), "\(text)")
    }

    @Test func `maxRowsPerFile cuts into files with the prefix and a number, and none of the rows is lost`()
        async throws
    {
        let (files, fixture) = try await written(
            #""maxRowsPerFile": 2, "fileNamePrefix": "part", "fileExtension": ".txt""#,
            more: #", "validateDataConsistency": true"#
        )
        #expect(files.keys.sorted() == ["part_00000.txt", "part_00001.txt", "part_00002.txt"])
        let texts = files.sorted { $0.key < $1.key }.map { String(decoding: $0.value, as: UTF8.self) }
        #expect(texts == ["id,name\n1,n1\n2,n2\n", "id,name\n3,n3\n4,n4\n", "id,name\n5,n5\n"])
        let output = fixture.seen.run("C")?.output
        #expect(output?["filesWritten"] == 3 && output?["rowsCopied"] == 5)
    }

    @Test(arguments: ["DelimitedText", "Json"])
    func `text is written and read with gzip`(type: String) async throws {
        let layout = #""columnDelimiter": ",", "quoteChar": "\"", "firstRowAsHeader": true, "compressionCodec": "Gzip""#
        let (files, fixture) = try await written(#""fileExtension": ".data""#, dataset: layout, type: type)
        let data = try #require(files.values.first)
        #expect(data.prefix(2) == Data([0x1F, 0x8B]))
        try fixture.pipeline(
            "Q",
            [
                activity(
                    "Lookup",
                    "L",
                    #""source": {"type": "\#(type)Source"}, "dataset": \#(reference("Out")), "firstRowOnly": false"#
                )
            ]
        )
        let run = try await fixture.run("Q")
        #expect(run.failure == nil)
        #expect(fixture.seen.run("L")?.output["count"] == 5)
    }

    @Test func `another compression of text is refused, and Parquet keeps its own`() async throws {
        let failure = await #expect(throws: ActivityFailure.self) {
            try await written(#""x": 1"#, dataset: #""columnDelimiter": ",", "compressionCodec": "ZipDeflate""#)
        }
        #expect(failure?.code == "UnsupportedCompression")
        let (files, _) = try await written(#""x": 1"#, dataset: #""compressionCodec": "snappy""#, type: "Parquet")
        #expect(files.count == 1)
    }

    @Test func `skipLineCount of the source's settings, and fileFilter for its files`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write("# made by hand\n# twice\nid,name\n1,a\n", to: "files/in/a.csv")
        try fixture.folder.write("nothing of this", to: "files/in/b.txt")
        try fixture.dataset(
            "In",
            "DelimitedText",
            #""location": {"container": "in"}, "columnDelimiter": ",", "firstRowAsHeader": true"#
        )
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    #""source": {"type": "DelimitedTextSource", "storeSettings": {"recursive": false, "fileFilter": "*.csv"}, "formatSettings": {"type": "DelimitedTextReadSettings", "skipLineCount": 2}}, "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#,
                    from: reference("In"),
                    to: reference("Table", #"{"name": "T"}"#)
                )
            ]
        )
        let run = try await fixture.run()
        if let failure = run.failure { throw failure }
        let rows = try await offPool { try warehouse.connect().rows("SELECT id, name FROM sales.T") }
        #expect(rows.map { $0.map(\.description) } == [["1", "a"]])
    }

    @Test func `a table may be called an entity, as Dynamics calls it`() async throws {
        let (fixture, warehouse) = try FactoryFixture.working()
        _ = try await offPool {
            try warehouse.connect().execute(
                "CREATE SCHEMA IF NOT EXISTS sales; CREATE TABLE sales.contact AS SELECT 7 AS id"
            )
        }
        try fixture.dataset("Entity", "DynamicsEntity", #""entityName": "contact""#, service: "Sql")
        try fixture.pipeline(
            "P",
            [
                activity(
                    "Lookup",
                    "L",
                    #""source": {"type": "DynamicsSource"}, "dataset": \#(reference("Entity")), "firstRowOnly": true"#
                )
            ]
        )
        let run = try await fixture.run()
        #expect(run.failure == nil)
        #expect(fixture.seen.run("L")?.output["firstRow"]?["id"] == 7)
    }
}
