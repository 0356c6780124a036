import DuetEngine
import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation
import Testing

/// What the page shows behind rows and columns, and what it can change, in a real browser.
@Suite struct LookInsideTests {
    /// A page whose sources are laid down and whose styles have both run.
    private func page() async throws -> (fixture: StudioFixture, browser: Browser) {
        let fixture = try await StudioFixture()
        let browser = try await Browser()
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        try await browser.click("#steps button")
        try await browser.wait(until: "document.querySelector('#steps button').classList.contains('applied')")
        try await browser.click("#run-both")
        try await browser.wait(until: "document.getElementById('verdict').classList.contains('yes')")
        return (fixture, browser)
    }

    private func end(_ fixture: StudioFixture, _ browser: Browser) async throws {
        #expect(try await browser.messages() == [])
        try await browser.close()
        await fixture.studio.stop()
    }

    @Test(arguments: ["procedural", "declarative"])
    func `a column's way lights up, a row leads back to its files, and updates are told`(style: String) async throws {
        let (fixture, browser) = try await page()
        try await browser.click("#graph-\(style) .node.gold")
        try await browser.wait(until: "document.getElementById('inspector').open")
        try await browser.tab("Columns")
        try await browser.wait(until: "document.querySelectorAll('#inspector .buttons button').length === 2")
        _ = try await browser.run(
            "document.querySelectorAll('#inspector .buttons button')[1].dispatchEvent(new MouseEvent('mouseenter'))"
        )
        let lit = try await browser.run(
            "return [...document.querySelectorAll('#inspector .node.hit .label')].map((one) => one.textContent).sort()"
        )
        // The amount comes through the orders, bronze and silver, and from their file.
        let names = Set((lit.array ?? []).compactMap(\.string))
        #expect(names.isSuperset(of: ["orders", "totals"]) && !names.contains("people"), "\(names)")
        #expect(
            try await browser.run("return document.getElementById('way').textContent").string?.contains("source orders")
                == true
        )

        try await browser.tab("Rows")
        try await browser.wait(until: "document.querySelectorAll('#inspector .deed').length === 3")
        _ = try await browser.run("document.querySelector('#inspector form input').value = \"name = 'p1'\"")
        try await browser.click("#inspector form button")
        try await browser.wait(until: "document.querySelectorAll('#inspector .deed').length === 1")
        try await browser.click("#inspector .deed")
        try await browser.wait(until: "document.querySelector('#trace') !== null")
        let trace = try await browser.run("return document.querySelector('#trace').textContent").string ?? ""
        #expect(trace.contains("from silver.orders") && trace.contains("orders.csv:"), "\(trace)")

        try await browser.tab("History")
        try await browser.wait(until: "document.querySelectorAll('#inspector tbody tr').length === 1")
        #expect(
            try await browser.run("return document.querySelector('#inspector tbody').textContent").string?.contains(
                "full"
            ) == true
        )
        if style == "procedural" {
            try await browser.tab("Input and output")
            try await browser.wait(until: "document.querySelectorAll('#inspector pre').length === 2")
            let text =
                try await browser.run("return document.querySelector('#inspector [role=tabpanel]').textContent").string
                ?? ""
            #expect(text.contains("\"type\": \"Script\"") && text.contains("\"status\": \"Succeeded\""), "\(text)")
        }
        try await end(fixture, browser)
    }

    @Test func `everything that may change has a button with a sentence, and both styles still agree`() async throws {
        let (fixture, browser) = try await page()
        let kinds = ScenarioActionKind.allCases
        let shown = try await browser.run(
            """
            return [...document.querySelectorAll('#changes .change')].every((one) =>
              one.querySelector('span').textContent.length > 15) && document.querySelectorAll('#changes button').length
            """
        )
        #expect(shown.integer == kinds.count)
        var rounds = 1
        for kind in ["append", "correct", "delete", "late", "new_column", "bad_rows", "outage", "change_query"] {
            _ = try await browser.run("document.getElementById('more').open = true")
            try await browser.click("#changes [data-kind=\(kind)]")
            try await browser.wait(
                until: "/run both styles|no |cannot/.test(document.getElementById('status').textContent) && "
                    + "!document.getElementById('run-both').disabled"
            )
            let words = try await browser.run("return document.getElementById('status').textContent").string ?? ""
            guard words.contains("run both styles") else {
                Issue.record("\(kind): \(words)")
                continue
            }
            try await browser.click("#run-both")
            rounds += 1
            try await browser.wait(
                until: "document.querySelectorAll('#rounds tbody tr').length === \(rounds) && "
                    + "!document.getElementById('run-both').disabled"
            )
        }
        let state = try await fixture.ask("/api/state").json
        for round in state["rounds"]?.array ?? [] {
            let both = ["procedural", "declarative"].allSatisfy { round[$0]?["success"]?.bool == true }
            if both { #expect(round["equal"]?.bool == true, "\(round["name"]?.string ?? "")") }
        }
        #expect(try await browser.run("return document.querySelector('#break-even .line.p') !== null") == true)
        #expect(try await browser.run("return document.querySelectorAll('#part-proof tbody tr').length").integer == 4)
        let steps = try await browser.run("return document.querySelectorAll('#part-steps tbody tr').length").integer
        #expect((steps ?? 0) >= 12)
        let own = try String(contentsOfFile: "\(fixture.folder.path)/shop/transformations/all.sql", encoding: .utf8)
        #expect(!own.contains("scenario_change"))
        try await end(fixture, browser)
    }

    @Test func `a killed run is told, and the next one brings both styles to the same tables`() async throws {
        let fixture = try await StudioFixture(command: try BuiltCommand().path)
        _ = try await fixture.tell("/api/apply", ["step": 0])
        let refused = try await fixture.tell("/api/change", ["kind": "kil"])
        #expect(refused.status == 422 && refused.body.contains("kill"))
        let changed = try await fixture.tell("/api/change", ["kind": "kill", "options": ["after": "2"]])
        #expect(changed.status == 200, "\(changed.body)")
        let both: JSONValue = ["styles": ["procedural", "declarative"]]
        let killed = try await fixture.tell("/api/run", both).json["rounds"]?.array?.last
        for style in ["procedural", "declarative"] {
            let errors = killed?[style]?["errors"]?.array?.compactMap(\.string) ?? []
            #expect(errors.first?.contains("killed after 2 steps") == true || errors.isEmpty, "\(errors)")
        }
        let after = try await fixture.tell("/api/run", both).json["rounds"]?.array?.last
        #expect(after?["equal"]?.bool == true)
        await fixture.studio.stop()
    }

    @Test func `a pipeline without a scenario has its queries and prompts changed, in the copy alone`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            name: plain
            sources: {orders: {location: data/orders.csv}}
            models:
              writer:
                backend: endpoint
                url: http://127.0.0.1:9
                model: small
                functions: [ai_summarize]
                prompts: {ai_summarize: texts/summary.txt}
            """,
            to: "plain/pipeline.yml"
        )
        try folder.write("id,amount\n1,2\n", to: "plain/data/orders.csv")
        try folder.write("Say it shortly: {{content}}\n", to: "plain/texts/summary.txt")
        try folder.write(
            "CREATE MATERIALIZED VIEW gold.orders AS SELECT * FROM read_files('${source.orders}');",
            to: "plain/transformations/all.sql"
        )
        var options = Studio.Options(folder: "\(folder.path)/plain", workFolder: "\(folder.path)/work")
        options.libraryFolder = Repository.path(".deps/studio")
        let studio = try Studio(options)
        _ = try await studio.start()
        try await offPool {
            try studio.playground.change(.changePrompt)
            try studio.playground.change(.changeQuery)
            #expect(throws: DuetError.self) { try studio.playground.change(.append) }
            try studio.playground.run([.procedural, .declarative])
        }
        #expect(studio.playground.rounds.last?.runs.values.allSatisfy(\.isSuccess) == true)
        #expect(try folder.text("plain/texts/summary.txt") == "Say it shortly: {{content}}\n")
        #expect(try folder.text("work/pipeline/texts/summary.txt").contains("Think of"))
        #expect(try folder.text("plain/transformations/all.sql").contains("scenario_change") == false)
        await studio.stop()
    }

    @Test func `the page's numbers are those of duet compare`() async throws {
        let fixture = try await StudioFixture()
        let browser = try await Browser()
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        let arguments = ["compare", "shop", "--json"]
        let compared = try await BuiltCommand().run(arguments, in: fixture.folder)
        let report = try JSONValue(parsing: compared.output)
        let steps = report["steps"]?.array ?? []
        #expect(steps.count == 3, "\(compared.errors)")
        for index in steps.indices {
            try await browser.click("#steps button:nth-child(\(index + 1))")
            try await browser.wait(
                until: "document.querySelectorAll('#steps .applied').length === \(index + 1) && "
                    + "!document.getElementById('run-both').disabled"
            )
            try await browser.click("#run-both")
            try await browser.wait(
                until: "document.querySelectorAll('#rounds tbody tr').length === \(index + 1) && "
                    + "!document.getElementById('run-both').disabled"
            )
        }
        let state = try await fixture.ask("/api/state").json
        for (index, step) in steps.enumerated() {
            let round = try #require(state["rounds"]?.array?[index])
            #expect(round["name"] == step["step"])
            for style in ["procedural", "declarative"] {
                for name in ["rows_written", "bytes_transferred", "requests"] {
                    #expect(round[style]?[name] == step[style]?[name], "\(index) \(style) \(name)")
                }
            }
            let cells = try await browser.run(
                "return document.querySelectorAll('#rounds tbody tr')[\(index)].querySelectorAll('td')[4].textContent"
            )
            let rows = ["procedural", "declarative"].map { "\(step[$0]?["rows_written"]?.integer ?? -1)" }
            #expect(cells.string == rows.joined(separator: " / "))
        }
        try await end(fixture, browser)
    }
}

extension Browser {
    /// Clicks the first element that a selector names.
    func click(_ selector: String) async throws {
        // A node of a drawing has no click() of its own.
        _ = try await run(
            "document.querySelector('\(selector)').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )
    }

    /// Opens a tab of the inspector.
    func tab(_ name: String) async throws {
        _ = try await run(
            "[...document.querySelectorAll('#inspector [role=tab]')].find((one) => one.textContent === '\(name)').click()"
        )
    }
}
