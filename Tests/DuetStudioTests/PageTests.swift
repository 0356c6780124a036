import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation
import Testing

/// The page in a real browser.
@Suite struct PageTests {
    @Test func `a visitor changes the sources, runs both styles, looks inside and asks`() async throws {
        let fixture = try await StudioFixture()
        let browser = try await Browser()
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        #expect(try await browser.run("return location.search") == "")
        #expect(try await browser.run("return document.querySelectorAll('#graph-declarative .node').length") == 6)
        try await click("#steps button", browser)
        try await browser.wait(until: "document.querySelector('#steps button').classList.contains('applied')")
        try await click("#run-both", browser)
        try await browser.wait(until: "document.getElementById('verdict').classList.contains('yes')")
        let state = try await fixture.ask("/api/state").json
        let rows = try #require(state["rounds"]?.array?.first?["declarative"]?["rows_written"]?.integer)
        let shown = try await browser.run("return document.getElementById('totals-declarative').textContent").string
        #expect(shown?.contains("rows written\(rows)") == true, "\(shown ?? "")")
        let done = "document.querySelectorAll('#graph-declarative .node[data-state=full]').length === 6"
        #expect(try await browser.run("return \(done)") == true)

        try await click("#graph-declarative .node.gold", browser)
        try await browser.wait(until: "document.querySelectorAll('#inspector tbody tr').length === 3")
        try await click("#inspector [role=tab]:nth-child(2)", browser)
        try await browser.wait(until: "document.querySelector('#inspector pre')?.textContent.includes('sum(amount)')")
        try await click("#inspector .close", browser)

        try await click("#sql-open", browser)
        _ = try await browser.run("document.querySelector('#sql textarea').value = 'SELECT 6 * 7 AS answer'")
        try await click("#sql-ask", browser)
        try await browser.wait(until: "document.querySelector('#sql td')?.textContent === '42'")
        #expect(try await browser.messages() == [])
        try await browser.close()
        await fixture.studio.stop()
    }

    @Test func `the page is used with the keyboard alone`() async throws {
        let fixture = try await StudioFixture()
        let browser = try await Browser()
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        _ = try await browser.run("document.querySelector('#graph-procedural .node').focus()")
        try await browser.press("\u{E007}")
        try await browser.wait(until: "document.getElementById('inspector').open")
        try await browser.press("\u{E00C}")
        try await browser.wait(until: "!document.getElementById('inspector').open")
        let unnamed = try await browser.run(
            """
            return [...document.querySelectorAll('button, input, select, textarea, [role=button], [role=region], img')]
              .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.getAttribute('alt') !== null)).length
            """
        )
        #expect(unnamed == 0)
        try await browser.close()
        await fixture.studio.stop()
    }

    @Test(arguments: [(400, 800, false), (900, 700, true), (1600, 1000, false)])
    func `nothing stands out of the window at any size`(width: Int, height: Int, isDark: Bool) async throws {
        let fixture = try await StudioFixture()
        let browser = try await Browser(width: width, height: height, isDark: isDark)
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        let isInside = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        #expect(try await browser.run(isInside) == true)
        let dark = try await browser.run("return matchMedia('(prefers-color-scheme: dark)').matches")
        #expect(dark == .bool(isDark))
        try await browser.close()
        await fixture.studio.stop()
    }

    private func click(_ selector: String, _ browser: Browser) async throws {
        // A node of a drawing has no click() of its own.
        _ = try await browser.run(
            "document.querySelector('\(selector)').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )
    }
}
