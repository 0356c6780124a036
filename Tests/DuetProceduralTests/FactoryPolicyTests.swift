import DuetEngine
import DuetExpression
import DuetFactory
import DuetProcedural
import Foundation
import Testing

@Suite struct FactoryPolicyTests {
    private static let web = #""method": "GET", "url": "http://x""#

    private func fixture(_ handler: some ActivityHandler, policy: String) throws -> FactoryFixture {
        var fixture = try FactoryFixture()
        fixture.handlers[.webActivity] = handler
        try fixture.pipeline("P", [activity("WebActivity", "W", Self.web, more: #", "policy": {\#(policy)}"#)])
        return fixture
    }

    @Test func `a failed try is repeated after the interval, and each is told`() async throws {
        let handler = ScriptedHandler(.failed(.once), .failed(.once), .succeeded(["ok": true]))
        let fixture = try fixture(handler, policy: #""retry": 2, "retryIntervalInSeconds": 40"#)
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(run.end.timeIntervalSince(run.start) == 80)
        #expect(fixture.seen.activities.map(\.attempt) == [1, 2, 3])
        #expect(fixture.seen.activities.map(\.isRetried) == [true, true, false])
        #expect(fixture.seen.activities.map(\.status) == [.failed, .failed, .succeeded])
    }

    @Test func `without retry one failure is the end`() async throws {
        let fixture = try fixture(ScriptedHandler(.failed(.once)), policy: "")
        let run = try await fixture.run()
        #expect(run.status == .failed)
        #expect(run.failure?.code == "500")
        #expect(fixture.seen.activities.count == 1)
    }

    @Test func `the interval is thirty seconds unless given`() async throws {
        let fixture = try fixture(ScriptedHandler(.failed(.once), .succeeded(.null)), policy: #""retry": 1"#)
        let run = try await fixture.run()
        #expect(run.end.timeIntervalSince(run.start) == 30)
    }

    @Test func `a failure that another try cannot mend is not tried again`() async throws {
        let final = ActivityFailure("404", "not there", isFinal: true)
        let fixture = try fixture(ScriptedHandler(.failed(final)), policy: #""retry": 3"#)
        _ = try await fixture.run()
        #expect(fixture.seen.activities.count == 1)
    }

    @Test func `an activity beyond its time is given up, and a retry has the whole time again`() async throws {
        let slow = ActivityAnswer.later(seconds: 100) { .succeeded(.null) }
        let fixture = try fixture(
            ScriptedHandler(slow, .later(seconds: 50) { .succeeded("done") }),
            policy: #""timeout": "0.00:01:00", "retry": 1"#
        )
        let run = try await fixture.run()
        #expect(run.status == .succeeded)
        #expect(fixture.seen.activities.first?.error?["errorCode"] == "ActivityTimeout")
        #expect(run.end.timeIntervalSince(run.start) == 60 + 30 + 50)
    }

    @Test func `the time limit is twelve hours unless given`() async throws {
        let fixture = try fixture(ScriptedHandler(.later(seconds: 100_000) { .succeeded(.null) }), policy: "")
        let run = try await fixture.run()
        #expect(run.end.timeIntervalSince(run.start) == 43_200)
        #expect(run.failure?.message == "'W' was given up after 43200 s")
    }

    @Test func `secure input and output appear nowhere, not even where they are passed on`() async throws {
        var fixture = try FactoryFixture()
        fixture.handlers[.webActivity] = ScriptedHandler(.succeeded(["token": "s3cr3t-value", "n": 987654]))
        fixture.handlers[.script] = ScriptedHandler(
            .failed(ActivityFailure("1", "bad header top-hidden in s3cr3t-value"))
        )
        try fixture.pipeline(
            "P",
            [
                activity(
                    "WebActivity",
                    "W",
                    Self.web + #", "headers": {"X-Custom": "top-hidden"}"#,
                    more: #", "policy": {"secureInput": true, "secureOutput": true}"#
                ),
                set("S", "v", "@activity('W').output.token", after("W")),
                activity(
                    "Script",
                    "F",
                    #""x": "top-hidden""#,
                    after("S"),
                    more: #", "policy": {"secureInput": true}"#
                ),
                fail("M", "token @{variables('v')} n @{activity('W').output.n}", after("F", "Failed")),
            ],
            strings
        )
        _ = try await fixture.run()
        let told = fixture.seen.activities.map(\.json.json) + fixture.seen.pipelines.map(\.json.json)
        #expect(told.count == 5)
        #expect(!told.contains { $0.contains("s3cr3t") || $0.contains("top-hidden") || $0.contains("987654") })
        #expect(fixture.seen.run("W")?.input == .null)
        #expect(fixture.seen.run("M")?.error?["message"] == "token *** n ***")
    }

    @Test(arguments: [
        ("Server=x;Password=hunter22;Database=d", "hunter22"),
        ("DefaultEndpointsProtocol=https;AccountKey=abc/def+1==;EndpointSuffix=core", "abc/def"),
        ("https://a.blob.core.windows.net/c?sv=1&sig=Zm9v%3D&se=2", "Zm9v"),
        ("Authorization: Bearer eyJhbGciOi", "eyJhbGciOi"),
        ("https://f.net/api/x?code=Fk3y9==&x=1", "Fk3y9"),
    ])
    func `text that looks like a secret is masked wherever it turns up`(_ text: String, _ secret: String) async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline("P", [set("S", "v", text), fail("F", text)], strings)
        let run = try await fixture.run()
        let told = fixture.seen.activities.map(\.json.json) + fixture.seen.pipelines.map(\.json.json)
        #expect(!told.contains { $0.contains(secret) })
        #expect(run.failure?.message.contains(secret) == false)
    }

    @Test func `a SecureString parameter is usable and never shown`() async throws {
        let fixture = try FactoryFixture()
        try fixture.pipeline(
            "Child",
            [set("S", "v", "x@{pipeline().parameters.key}x")],
            strings,
            #""parameters": {"key": {"type": "SecureString"}}"#
        )
        try fixture.pipeline(
            "P",
            [call("C", "Child", #"{"key": "@pipeline().parameters.key"}"#)],
            #""parameters": {"key": {"type": "SecureString"}}"#
        )
        let run = try await fixture.run("P", ["key": "open-sesame"])
        #expect(run.status == .succeeded)
        let told = fixture.seen.activities.map(\.json.json) + fixture.seen.pipelines.map(\.json.json)
        #expect(!told.contains { $0.contains("open-sesame") })
        #expect(fixture.seen.run("S")?.output["value"] == "x***x")
    }

    @Test func `user properties are evaluated and told`() async throws {
        let fixture = try FactoryFixture()
        let more = #", "userProperties": [{"name": "Source", "value": "@concat('a', 'b')"}]"#
        try fixture.pipeline("P", [activity("Wait", "W", #""waitTimeInSeconds": 1"#, more: more)])
        _ = try await fixture.run()
        #expect(fixture.seen.run("W")?.userProperties == ["Source": "ab"])
    }
}

extension ExpressionValue {
    subscript(name: String) -> ExpressionValue? { objectValue?.value(ignoringCase: name) }
}
