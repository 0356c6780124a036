import DuetPipeline
import DuetStudio
import DuetTestSupport
import Foundation
import Testing

/// Whether everybody can use the page, and whether it keeps up; in a real browser.
@Suite struct PageQualityTests {
    private func page(
        width: Int = 1400,
        isDark: Bool = false
    ) async throws -> (fixture: StudioFixture, browser: Browser) {
        let fixture = try await StudioFixture()
        let browser = try await Browser(width: width, isDark: isDark)
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        return (fixture, browser)
    }

    private static let axe = Repository.path(".deps/axe/axe.min.js")

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: axe), "scripts/setup browser brings axe-core"),
        arguments: [false, true]
    )
    func `axe finds nothing serious, on the page and in its windows`(isDark: Bool) async throws {
        let (fixture, browser) = try await page(isDark: isDark)
        _ = try await fixture.tell("/api/apply", ["step": 0])
        _ = try await fixture.tell("/api/run", ["styles": ["procedural", "declarative"]])
        try await browser.wait(until: "document.getElementById('verdict').classList.contains('yes')")
        // The driver puts it into the page, which itself may load nothing from elsewhere.
        _ = try await browser.run(try String(contentsOfFile: Self.axe, encoding: .utf8) + "\nwindow.axe = axe;")
        _ = try await browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
        try await check(browser, "the page")
        try await browser.click("#graph-declarative .node.gold")
        try await browser.wait(until: "document.querySelectorAll('#inspector .deed').length === 3")
        for tab in ["Rows", "Columns", "History", "Last run"] {
            try await browser.tab(tab)
            try await browser.wait(until: "!document.querySelector('#inspector').textContent.includes('one moment')")
            try await check(browser, tab)
        }
        try await browser.click("#inspector .close")
        try await browser.click("#tour-open")
        try await browser.wait(until: "!document.getElementById('tour').hidden")
        try await check(browser, "the tour")
        try await browser.close()
        await fixture.studio.stop()
    }

    /// Lets axe look, and records what it calls serious or critical.
    private func check(_ browser: Browser, _ what: String) async throws {
        _ = try await browser.run(
            "window.found = null; axe.run().then((one) => { window.found = one; }, (one) => { window.found = { violations: [{ id: String(one), impact: 'critical', nodes: [] }] }; });"
        )
        try await browser.wait(until: "window.found !== null")
        let list = try await browser.run(
            """
            return window.found.violations.filter((one) => ['serious', 'critical'].includes(one.impact))
              .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | ')}`)
            """
        )
        #expect(list.array?.compactMap(\.string) == [], "\(what)")
    }

    @Test func `on a phone of 400 pixels nothing stands out, and the tour and a dataset fit`() async throws {
        let fixture = try await StudioFixture()
        let browser = try await Browser()
        try await browser.emulate(width: 400, height: 800)
        try await browser.open(fixture.address)
        try await browser.wait(until: "document.body.dataset.ready === 'yes'")
        #expect(try await browser.run("return innerWidth").integer == 400)
        _ = try await fixture.tell("/api/apply", ["step": 0])
        _ = try await fixture.tell("/api/run", ["styles": ["procedural", "declarative"]])
        try await browser.wait(until: "document.getElementById('verdict').classList.contains('yes')")
        _ = try await browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
        let isInside = "return document.documentElement.scrollWidth <= 400"
        #expect(try await browser.run(isInside) == true)
        try await browser.click("#graph-declarative .node.gold")
        try await browser.wait(until: "document.querySelectorAll('#inspector .deed').length === 3")
        let width = try await browser.run("return document.getElementById('inspector').getBoundingClientRect().right")
        #expect((width.integer ?? 0) <= 400)
        #expect(try await browser.run(isInside) == true)
        try await browser.close()
        await fixture.studio.stop()
    }

    /// The figures are printed; what is asserted leaves room for a loaded machine.
    @Test func `the first paint, a thousand nodes and many events are quick`() async throws {
        let (fixture, browser) = try await page()
        let paint = try await browser.run(
            "return Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1)"
        )
        let script = """
            const { GraphView } = await import('/graph.js');
            const nodes = [], edges = [];
            // Three layers: a table of silver reads two of bronze, one of gold two of silver.
            for (let i = 0; i < 1000; i += 1) {
              const group = ['bronze', 'silver', 'gold'][i % 3];
              nodes.push({ id: `n${i}`, label: `table_${i}`, group, kind: 'materialized view', dataset: `${group}.table_${i}` });
              if (i % 3 > 0) edges.push({ from: `n${i - 1}`, to: `n${i}` });
              if (i % 3 > 0 && i > 9) edges.push({ from: `n${i - 7}`, to: `n${i}` });
            }
            const place = document.getElementById('graph-declarative');
            const view = new GraphView(place, 'Large', () => {});
            const start = performance.now();
            view.show({ nodes, edges });
            place.getBoundingClientRect();
            const drawn = performance.now() - start;
            const first = performance.now();
            for (let i = 0; i < 2000; i += 1) {
              view.take({ event_type: i % 2 ? 'step_completed' : 'step_started', step: `n${Math.floor(i / 2)}`, step_kind: 'dataset',
                message: 'x', details: { strategy: 'full', rows_inserted: i, seconds: 0.01 } });
            }
            place.getBoundingClientRect();
            const taken = performance.now() - first;
            place.querySelector('select').value = '*';
            place.querySelector('select').dispatchEvent(new Event('change'));
            const layers = place.querySelectorAll('.node').length;
            place.querySelector('.node.gold').dispatchEvent(new MouseEvent('click', { bubbles: true }));
            const gold = place.querySelectorAll('.node').length;
            window.figures = [Math.round(drawn), Math.round(taken), layers, gold];
            """
        _ = try await browser.run(
            "(async () => { \(script) })().catch((error) => { window.figures = [String(error)]; })"
        )
        try await browser.wait(until: "window.figures !== undefined")
        let figures = try await browser.run("return window.figures").array ?? []
        print(
            "studio: first paint \(paint.integer ?? -1) ms; 1,000 nodes drawn in \(figures.first?.text() ?? "") ms; "
                + "2,000 events in \(figures.dropFirst().first?.text() ?? "") ms"
        )
        #expect(figures.count == 4, "\(figures)")
        #expect((0..<30_000).contains(paint.integer ?? -1))
        #expect((figures.first?.integer ?? .max) < 60_000)
        // 200 events a second leave 10 seconds for 2,000.
        #expect((figures.dropFirst().first?.integer ?? .max) < 10_000)
        // Three layers; then gold's own tables and the two other layers.
        #expect(figures.dropFirst(2).map(\.integer) == [3, 335])
        try await browser.close()
        await fixture.studio.stop()
    }
}
