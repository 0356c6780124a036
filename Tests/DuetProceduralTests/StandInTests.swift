import DuetFactory
import DuetPipeline
import DuetProcedural
import DuetTestSupport
import Foundation
import Testing

/// The lines that duet tells people to add to stand-ins.yml.
@Suite struct StandInTests {
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
