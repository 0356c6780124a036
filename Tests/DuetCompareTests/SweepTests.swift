import DuetCompare
import DuetEngine
import DuetPipeline
import DuetReport
import DuetTestSupport
import Foundation
import Testing

@Suite struct SweepTests {
    private func comparison(_ fixture: ComparisonFixture, _ control: RunControl = RunControl()) -> Comparison {
        Comparison(folder: fixture.path, workFolder: "\(fixture.folder.path)/work", control: control)
    }

    @Test func `every point begins from the same state, and both kinds of change are measured`() async throws {
        let fixture = try ComparisonFixture()
        let sweep = Sweep(comparison(fixture), repetitions: 2, percentages: [0, 50], sizes: [1, 2])
        let report = try await offPool { try sweep.run() }
        #expect(report.isEqual && report.source == "orders")
        #expect(report.leftOut.isEmpty && !report.isInterrupted)
        #expect(report.stop == "each point was measured 2 times, of 2 asked for")
        // The zero counts for both kinds, and every point has both repetitions.
        #expect(report.points.count == 4 + 4)
        #expect(report.points.allSatisfy { $0.procedural.count == 2 && $0.declarative.count == 2 })
        let changed = report.points.filter { $0.series == .change && $0.x == 50 }
        #expect(changed.map(\.note).contains { $0.hasPrefix("200 rows of 'orders' have another ") })
        #expect(changed.map(\.note).contains { $0.hasPrefix("200 rows arrive in 'orders'") })
        #expect(changed.allSatisfy { $0.rowsBefore == 400 }, "what was added before was put back")
        let doubled = report.points.filter { $0.series == .size && $0.x == 2 }
        #expect(doubled.allSatisfy { $0.rowsBefore == 800 })
        #expect(Set(report.datasets).isSuperset(of: ["silver.orders", "gold.named", "gold.total"]))
        #expect(report.breakEven(.append) != nil && report.growth(.append)?.size == 2)
    }

    @Test func `sizes can be named alone, and each grows out of what was there at first`() async throws {
        let fixture = try ComparisonFixture()
        let sweep = Sweep(comparison(fixture), repetitions: 1, percentages: [], sizes: [2, 6])
        let report = try await offPool { try sweep.run() }
        #expect(report.isEqual && report.leftOut.isEmpty)
        #expect(report.points.map(\.x) == [2, 2, 6, 6] && report.points.allSatisfy { $0.series == .size })
        #expect(report.points.map(\.rowsBefore) == [800, 800, 2_400, 2_400])
        #expect(report.breakEven(.append) == nil && report.growth(.append)?.size == 3)
        var whole = try await fixture.compare(repetitions: .exactly(1))
        whole.sweep = report
        let text = MarkdownReport.summary(whole)
        #expect(!text.contains("break-even") && text.contains("size × 6.00, rows added: procedural"), "\(text)")
    }

    @Test func `the limit of time leaves points out and names them`() async throws {
        let fixture = try ComparisonFixture()
        let sweep = Sweep(comparison(fixture), limit: 0, percentages: [0, 10], sizes: [1])
        let report = try await offPool { try sweep.run() }
        #expect(report.points.isEmpty)
        #expect(
            report.leftOut == [
                "nothing changed", "10 % of the rows corrected", "10 % of the rows added", "size × 1, rows corrected",
                "size × 1, rows added",
            ]
        )
        #expect(report.stop.hasPrefix("the limit of 0 minutes was reached"), "\(report.stop)")
    }

    @Test func `stopped from outside, it gives the points that were measured`() async throws {
        let fixture = try ComparisonFixture()
        let control = RunControl()
        let sweep = Sweep(comparison(fixture, control), percentages: [0, 10, 100], sizes: [1]) { text in
            // Told after the point.
            if text.hasPrefix("sweep, 10 %") { control.cancel() }
        }
        let report = try await offPool { try sweep.run() }
        #expect(report.isInterrupted && report.points.map(\.x) == [0, 0, 10], "\(report.points.map(\.x))")
        #expect(report.isEqual)
        #expect(report.stop == "stopped from outside; each point below was measured once")
        #expect(report.leftOut.contains("100 % of the rows added"))
    }

    @Test func `a comparison that is stopped reports the steps that both styles have done`() async throws {
        let fixture = try ComparisonFixture(
            steps: "  - {step: more, append: {source: orders, percent: 10}}\n  - step: nothing"
        )
        let control = RunControl()
        var comparison = comparison(fixture, control)
        comparison.progress = { if $0.hasPrefix("nothing: ") { control.cancel() } }
        let ready = comparison
        let report = try await offPool { try ready.run() }
        #expect(report.isInterrupted && report.isEqual)
        #expect(report.steps.map(\.name) == ["initial load", "more"])
        #expect(report.datasets.count == 5)
        #expect(report.method.stop == "stopped from outside in repetition 1; not played: 'nothing'")
        control.cancel()
        let error = await #expect(throws: DuetError.self) { try await offPool { try ready.run() } }
        #expect(error?.code == .cancelled)
    }
}
