import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation
import Testing

@Suite struct PlaygroundTests {
    private let both: JSONValue = ["styles": ["procedural", "declarative"]]

    @Test func `sources are changed, both styles run, and their tables are compared`() async throws {
        let fixture = try await StudioFixture()
        #expect(try await fixture.tell("/api/apply", ["step": 0]).status == 200)
        let state = try await fixture.tell("/api/run", both).json
        let round = try #require(state["rounds"]?.array?.first)
        #expect(round["name"]?.string == "first")
        #expect(round["equal"]?.bool == true)
        #expect(round["procedural"]?["success"]?.bool == true)
        let again = try await fixture.tell("/api/apply", ["step": 1])
        #expect(again.status == 200)
        let second = try #require(try await fixture.tell("/api/run", both).json["rounds"]?.array?.last)
        #expect(second["declarative"]?["rows_written"]?.integer == 0)
        #expect((second["procedural"]?["rows_written"]?.integer ?? 0) > 0)
        await fixture.studio.stop()
    }

    @Test func `the page's figures are those of the report`() async throws {
        let fixture = try await StudioFixture()
        _ = try await fixture.tell("/api/apply", ["step": 0])
        let state = try await fixture.tell("/api/run", both).json
        let report = try await fixture.ask("/api/report.json").json
        let shown = try #require(state["rounds"]?.array?.first?["declarative"])
        let reported = try #require(report["steps"]?.array?.first?["declarative"])
        for name in ["rows_written", "bytes_transferred", "requests"] {
            #expect(shown[name] == reported[name], "\(name)")
        }
        #expect(shown["seconds"] == reported["median_seconds"])
        #expect(try await fixture.ask("/api/report.md").body.contains("shop"))
        await fixture.studio.stop()
    }

    @Test func `a run's events arrive in order, also for a page that comes back`() async throws {
        let fixture = try await StudioFixture()
        _ = try await fixture.tell("/api/apply", ["step": 0])
        _ = try await fixture.tell("/api/run", ["styles": ["declarative"]])
        let last = try #require(try await fixture.ask("/api/state").json["last_event"]?.integer)
        #expect(last > 8)
        #expect(try await fixture.ask("/api/events").headers["content-type"] == "text/event-stream")
        await fixture.studio.stop()
    }

    @Test func `rows, columns, rules and refused rows of a dataset can be looked at in both styles`() async throws {
        let fixture = try await StudioFixture()
        _ = try await fixture.tell("/api/apply", ["step": 0])
        _ = try await fixture.tell("/api/run", both)
        for style in ["procedural", "declarative"] {
            let rows = try await fixture.ask("/api/dataset?style=\(style)&name=silver.orders&limit=5&offset=20").json
            #expect(rows["total"]?.integer == 25)
            #expect(rows["rows"]?.array?.count == 5)
            let some = try await fixture.ask("/api/dataset?style=\(style)&name=silver.orders&where=id%3D7").json
            #expect(some["rows"]?.array?.count == 1)
            let profile = try await fixture.ask("/api/profile?style=\(style)&name=silver.orders").json
            #expect(profile["rows"]?.array?.count == 3)
        }
        let kept = try await fixture.ask("/api/quarantine?style=declarative&name=silver.orders").json
        #expect(kept["rows"]?.array?.count == 5)
        let rule = try await fixture.ask("/api/definition?name=silver.orders").json["expectations"]?.array?.first
        #expect(rule?["name"]?.string == "enough")
        await fixture.studio.stop()
    }

    @Test(
        arguments: [
            "DELETE FROM gold.totals", "DROP TABLE gold.totals", "SET memory_limit = '1GB'", "ATTACH ':memory:' AS x",
            "COPY gold.totals TO 'x.csv'", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
            "SELECT 1; DROP TABLE gold.totals", "PRAGMA database_list", "not SQL at all",
        ]
    )
    func `questions cannot change anything nor read other files`(sql: String) async throws {
        let fixture = try await StudioFixture()
        _ = try await fixture.tell("/api/apply", ["step": 0])
        _ = try await fixture.tell("/api/run", ["styles": ["procedural"]])
        let answer = try await fixture.tell("/api/sql", ["style": "procedural", "sql": .string(sql)])
        #expect(answer.status == 422, "\(answer.body)")
        #expect(!answer.body.contains("root:"))
        let rows = try await fixture.tell(
            "/api/sql",
            ["style": "procedural", "sql": "SELECT count(*) AS n FROM gold.totals"]
        )
        #expect(try rows.json["rows"]?.array?.first?.array?.first?.integer == 3)
        await fixture.studio.stop()
    }

    @Test func `an edit changes the copy alone, and a wrong one is refused with its place`() async throws {
        let fixture = try await StudioFixture()
        let file = "transformations/all.sql"
        let path = "\(fixture.folder.path)/shop/\(file)"
        let before = try String(contentsOfFile: path, encoding: .utf8)
        let wrong = try await fixture.tell(
            "/api/edit",
            [
                "file": .string(file),
                "text": .string(before.replacingOccurrences(of: "silver.orders JOIN", with: "x JOIN")),
            ]
        )
        #expect(wrong.status == 422)
        #expect(wrong.body.contains("all.sql:"))
        #expect(wrong.body.contains("UNKNOWN_TABLE"))
        _ = try await fixture.tell("/api/apply", ["step": 0])
        _ = try await fixture.tell("/api/run", both)
        let changed = before.replacingOccurrences(of: "sum(amount)", with: "max(amount)")
        #expect(try await fixture.tell("/api/edit", ["file": .string(file), "text": .string(changed)]).status == 200)
        let round = try await fixture.tell("/api/run", both).json["rounds"]?.array?.last
        #expect(round?["declarative"]?["refreshed"]?.integer == 1)
        #expect(round?["equal"]?.bool == true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == before)
        #expect(try await fixture.tell("/api/edit", ["file": "../pipeline.yml", "text": ""]).status == 422)
        await fixture.studio.stop()
    }

    @Test func `what cannot be done now is said in words`() async throws {
        let fixture = try await StudioFixture()
        let early = try await fixture.ask("/api/dataset?style=declarative&name=gold.totals")
        #expect(early.status == 422)
        #expect(early.body.contains("run"))
        _ = try await fixture.tell("/api/apply", ["step": 1])
        #expect(try await fixture.tell("/api/apply", ["step": 0]).body.contains("cannot be applied now"))
        #expect(try await fixture.tell("/api/run", ["styles": ["sideways"]]).body.contains("procedural or declarative"))
        #expect(try await fixture.ask("/api/definition?name=gold.total").body.contains("gold.totals"))
        #expect(try await fixture.tell("/api/reset").json["rounds"]?.array?.isEmpty == true)
        await fixture.studio.stop()
    }

    @Test func `a port that is taken is told`() async throws {
        let first = try await StudioFixture()
        let port = try #require(first.address.port)
        await #expect(throws: DuetError.self) { _ = try await StudioFixture(port: UInt16(port)) }
        await first.studio.stop()
    }
}
