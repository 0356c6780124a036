import DuckKit
import DuetEngine
import DuetExpression
import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// What Copy does with rows that do not fit, and how it makes sure of the others.
@Suite struct FactoryCopyTests {
    private let tolerant =
        #""source": {"type": "DelimitedTextSource"}, "sink": {"type": "AzureSqlSink"}, "enableSkipIncompatibleRow": true, "validateDataConsistency": true, "#
        + #""logSettings": {"enableCopyActivityLog": true, "logLocationSettings": {"linkedServiceName": {"referenceName": "Files", "type": "LinkedServiceReference"}, "path": "logs"}}"#

    private func run(
        _ csv: String,
        table: String,
        _ properties: String
    ) async throws -> (fixture: FactoryFixture, rows: [String]) {
        let (fixture, warehouse) = try FactoryFixture.working()
        try fixture.folder.write(csv, to: "files/in/a.csv")
        _ = try await offPool { try warehouse.connect().execute("CREATE SCHEMA sales; \(table)") }
        let from = reference("Csv", #"{"file": "a.csv"}"#)
        try fixture.pipeline("P", [copy("C", properties, from: from, to: reference("Table", #"{"name": "T"}"#))])
        let run = try await fixture.run()
        if let failure = run.failure { throw failure }
        let rows = try await offPool { try warehouse.connect().rows("FROM sales.T ORDER BY ALL") }
        return (fixture, rows.map { $0.map(\.description).joined(separator: "|") })
    }

    private func log(_ fixture: FactoryFixture) throws -> String {
        let path = try #require(fixture.seen.run("C")?.output["logFilePath"]?.stringValue)
        #expect(path.contains("/files/logs/copyactivity-logs/C/"))
        return String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    @Test func `a value of the wrong type is skipped and logged where the activity says`() async throws {
        let (fixture, rows) = try await run(
            "id,name\n1,a\nx,b\n3,c\n",
            table: "CREATE TABLE sales.T (id INTEGER, name VARCHAR)",
            tolerant
        )
        #expect(rows == ["1|a", "3|c"])
        let output = try #require(fixture.seen.run("C")?.output)
        #expect(output["rowsRead"] == 3)
        #expect(output["rowsCopied"] == 2)
        #expect(output["rowsSkipped"] == 1)
        #expect(output["dataConsistencyVerification"]?["VerificationResult"] == "Verified")
        let log = try log(fixture)
        #expect(log.hasPrefix("Timestamp,Level,OperationName,OperationItem,Message\n"))
        #expect(log.contains("TabularRowSkip"))
    }

    @Test func `a line with another number of columns is skipped`() async throws {
        let lines = (1...50).map { "\($0),n\($0)" }
        let (fixture, rows) = try await run(
            "id,name\n\(lines.joined(separator: "\n"))\n51\n52,b,c,d\n53,e\n",
            table: "CREATE TABLE sales.T (id INTEGER, name VARCHAR)",
            tolerant
        )
        #expect(rows.count == 51)
        #expect(fixture.seen.run("C")?.output["rowsSkipped"] == 2)
        #expect(fixture.seen.run("C")?.output["rowsRead"] == 53)
        #expect(try log(fixture).contains("52,b,c,d"))
    }

    @Test func `a row whose key is there already is skipped`() async throws {
        let (fixture, rows) = try await run(
            "id,name\n1,new\n2,b\n2,twin\n",
            table: "CREATE TABLE sales.T (id INTEGER PRIMARY KEY, name VARCHAR); INSERT INTO sales.T VALUES (1, 'old')",
            tolerant
        )
        #expect(rows == ["1|old", "2|b"])
        #expect(fixture.seen.run("C")?.output["rowsSkipped"] == 2)
    }

    @Test func `copied files are compared with what they were copied from`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write("one", to: "files/in/a/1.bin")
        try fixture.folder.write("two", to: "files/in/a/2.bin")
        try fixture.dataset("From", "Binary", #""location": {"container": "in", "folderPath": "a"}"#)
        try fixture.dataset("To", "Binary", #""location": {"container": "out"}"#)
        let properties =
            #""source": {"type": "BinarySource", "storeSettings": {"recursive": true}}, "sink": {"type": "BinarySink"}, "validateDataConsistency": true"#
        try fixture.pipeline("P", [copy("C", properties, from: reference("From"), to: reference("To"))])
        #expect(try await fixture.run().failure == nil)
        let output = fixture.seen.run("C")?.output
        #expect(output?["dataConsistencyVerification"]?["VerificationResult"] == "Verified")
        #expect(FileManager.default.fileExists(atPath: "\(fixture.folder.path)/files/out/2.bin"))
    }

    // MARK: - Which files

    private func moved(_ settings: String, at dates: [String: String]) async throws -> (FactoryFixture, PipelineRun) {
        let (fixture, _) = try FactoryFixture.working()
        for (name, date) in dates {
            try fixture.folder.write(name, to: "files/in/a/\(name)")
            try FileManager.default.setAttributes(
                [.modificationDate: try #require(TriggerTime.date(date, .gmt))],
                ofItemAtPath: "\(fixture.folder.path)/files/in/a/\(name)"
            )
        }
        try fixture.folder.write("old.bin\n\nnew.bin\n", to: "files/lists/two.txt")
        try fixture.folder.write("../b.bin\n", to: "files/lists/out.txt")
        try fixture.dataset("From", "Binary", #""location": {"container": "in", "folderPath": "a"}"#)
        try fixture.dataset("To", "Binary", #""location": {"container": "out"}"#)
        let properties =
            #""source": {"type": "BinarySource", "storeSettings": {"recursive": true, \#(settings)}}, "sink": {"type": "BinarySink"}"#
        try fixture.pipeline("P", [copy("C", properties, from: reference("From"), to: reference("To"))])
        return (fixture, try await fixture.run())
    }

    private static let dates = ["old.bin": "2026-01-01", "mid.bin": "2026-01-02", "new.bin": "2026-01-03"]

    @Test(arguments: [
        (#""modifiedDatetimeStart": "2026-01-02T00:00:00Z""#, ["mid.bin", "new.bin"]),
        (#""modifiedDatetimeEnd": "@addDays('2026-01-01T00:00:00Z', 1)""#, ["old.bin"]),
        (
            #""modifiedDatetimeStart": "2026-01-01", "modifiedDatetimeEnd": "@{formatDateTime('2026-01-03')}""#,
            ["mid.bin", "old.bin"]
        ),
        (#""modifiedDatetimeStart": "2027-01-01""#, []), (#""fileListPath": "lists/two.txt""#, ["new.bin", "old.bin"]),
    ])
    func `files are chosen by when they were changed, or by a list`(
        _ settings: String,
        _ expected: [String]
    ) async throws {
        let (fixture, run) = try await moved(settings, at: Self.dates)
        #expect(run.status == .succeeded, "\(run.failure?.message ?? "")")
        let found = FileManager.default.enumerator(atPath: "\(fixture.folder.path)/files/out")?.allObjects ?? []
        #expect(found.compactMap { $0 as? String }.sorted() == expected)
        #expect(fixture.seen.run("C")?.output["filesRead"] == .integer(Int64(expected.count)))
    }

    @Test(arguments: [
        (#""modifiedDatetimeStart": "soon""#, "InvalidDate"),
        (#""fileListPath": "lists/out.txt""#, "PathOutsideStandIn"),
        (#""fileListPath": "lists/none.txt""#, "FileNotFound"),
    ])
    func `a choice that cannot be made is told`(_ settings: String, _ code: String) async throws {
        let (_, run) = try await moved(settings, at: Self.dates)
        #expect(run.failure?.code == code)
    }

    @Test func `files are moved where the source is to be emptied`() async throws {
        let (fixture, run) = try await moved(#""deleteFilesAfterCompletion": true"#, at: Self.dates)
        #expect(run.status == .succeeded)
        let path = fixture.folder.path
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/files/in/a").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(path)/files/out").count == 3)
    }

    @Test func `rows of no changed file are no rows, and a name with wildcards lists what fits`() async throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.folder.write("id\n1\n", to: "files/in/a.csv")
        try fixture.folder.write("x", to: "files/in/b.txt")
        let source =
            #""source": {"type": "DelimitedTextSource", "storeSettings": {"modifiedDatetimeStart": "2200-01-01"}}"#
        try fixture.pipeline(
            "P",
            [
                copy(
                    "C",
                    source + #", "sink": {"type": "AzureSqlSink", "tableOption": "autoCreate"}"#,
                    from: reference("Csv", #"{"file": "a.csv"}"#),
                    to: reference("Table", #"{"name": "T"}"#)
                ),
                activity(
                    "GetMetadata",
                    "G",
                    #""dataset": \#(reference("Csv", #"{"file": "*.csv"}"#)), "fieldList": ["childItems"]"#
                ),
            ]
        )
        #expect(try await fixture.run().status == .succeeded)
        #expect(fixture.seen.run("C")?.output["rowsCopied"] == 0)
        #expect(fixture.seen.run("G")?.output["childItems"] == [["name": "a.csv", "type": "File"]])
    }
}
