import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// stand-ins.yml: how it is read, and the lines that duet tells people to add to it.
@Suite struct StandInTests {
    @Test func `what has no stand-in is named before a run, with the line to add`() throws {
        let (fixture, _) = try FactoryFixture.working()
        try fixture.resource("linkedService", "Other", #"{"type": "AzureBlobStorage"}"#)
        try fixture.dataset("D", "Binary", #""location": {}"#, service: "Other")
        try fixture.pipeline("Child", [activity("Delete", "D", #""dataset": \#(reference("D"))"#)])
        try fixture.pipeline("P", [call("C", "Child"), activity("Script", "S", more: onSql)])
        let errors = StandInCheck.missing(
            for: "P",
            in: try fixture.factory(),
            StandIns(places: ["SQL": .schema("s", procedures: nil)])
        )
        #expect(errors.map(\.code) == [.missingStandIn])
        #expect(errors.first?.hint == "add to stand-ins.yml under linkedServices:  Other: { folder: data }")
    }

    @Test func `stand-ins are read with their places`() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "linkedServices:\n  Blob: { folder: data }\n  Db: { schema: s, procedures: p }\n  Api: { http: http://127.0.0.1:1/ }\nweb:\n  https://x.net: http://127.0.0.1:2\n",
            to: "stand-ins.yml"
        )
        let standIns = try StandIns.load("\(folder.path)/stand-ins.yml")
        #expect(standIns["BLOB"] == .folder("\(folder.path)/data"))
        #expect(standIns["db"] == .schema("s", procedures: "\(folder.path)/p"))
        #expect(standIns["Api"] == .http("http://127.0.0.1:1"))
        #expect(standIns.web.first?.to == "http://127.0.0.1:2")
        try folder.write("linkedServices:\n  Blob: { foldr: data }\n", to: "bad.yml")
        #expect(throws: DuetError.self) { try StandIns.load("\(folder.path)/bad.yml") }
    }

    @Test(arguments: [
        ("Plain_1", "AzureBlobStorage"), ("{name}", "AzureSqlDatabase"), ("concat('a', {b})", "AzureSqlDW"),
        ("LS: with #signs & spaces", "HttpServer"), ("it's \"quoted\"", "AzureDatabricks"), ("yes", "RestService"),
        ("2024", "AzureFileStorage"), ("- dash", "Oracle"), ("*star", "AzureFunction"), ("Ünï", "Sftp"),
    ])
    func `the line that is printed maps the linked service when it is pasted`(_ name: String, _ type: String) throws {
        let fixture = try FactoryFixture()
        let quoted = JSONValue.string(name).text()
        func reference(_ kind: String) -> String { #"{"referenceName": \#(quoted), "type": "\#(kind)Reference"}"# }
        try fixture.folder.write(
            #"{"name": \#(quoted), "properties": {"type": "\#(type)"}}"#,
            to: "linkedService/service.json"
        )
        try fixture.pipeline(
            "P",
            [activity("Script", "S", more: #", "linkedServiceName": \#(reference("LinkedService"))"#)]
        )
        let missing = StandInCheck.missing(for: "P", in: try fixture.factory(), StandIns())
        let hint = try #require(missing.first?.hint)
        let line = try #require(hint.components(separatedBy: "linkedServices:  ").last)
        try fixture.folder.write("linkedServices:\n  \(line)\n", to: "stand-ins.yml")
        let standIns = try StandIns.load("\(fixture.folder.path)/stand-ins.yml")
        #expect(standIns[name] != nil, "\(line)")
        #expect(StandInCheck.missing(for: "P", in: try fixture.factory(), standIns).isEmpty)
    }
}
